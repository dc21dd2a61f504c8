#version 450
// grad_input.comp: second pass of the gradient of a normalisation.
// computes  dx = gamma * inverse * (dy' - mean of dy' - xhat * mean of dy' * xhat); the means are left out where the
//           statistics are constants (FROZEN). dy' and xhat: grad_sums.comp.
// bindings  0 x, 1 dy [planes][rows][columns] read | 2 mean, 3 variance [planes][columns] read | 4 gamma, 5 beta
//           [columns] read (anything where absent) | 6, 7 sums [planes][columns] read | 8 dx write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 ACTIVATION, 3 HAS_GAMMA, 4 HAS_BETA, 5 FROZEN, 6 COLUMN_STEPS
// push      first, rows, columns, eps
// dispatch  rows.glsl; z: planes          host: src/ops/norm/norm.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"
#include "activation.glsl"
#include "normalize.glsl"

layout(constant_id = 5) const uint FROZEN = 0u;
INPUT(0, x);
INPUT(1, dy);
INPUT(2, mean);
INPUT(3, variance);
INPUT(4, gamma);
INPUT(5, beta);
INPUT(6, sum0);
INPUT(7, sum1);
OUTPUT(8, dx);
layout(push_constant) uniform Push { uint first, rows, columns; float eps; };

void main()
{
    uint plane = gl_WorkGroupID.z, base = plane * rows * columns;
    if (channel_column(0u) >= columns) return;
    Channel ch[COLUMN_STEPS];
    vec4 mean0[COLUMN_STEPS], mean1[COLUMN_STEPS];
    float share = FROZEN != 0u ? 0.0 : 1.0 / float(rows);
    [[unroll]] for (uint k = 0u; k < COLUMN_STEPS; k++) {
        uint column = min(channel_column(k), columns - 1u), at = plane * columns + column;
        LOAD_CHANNEL(ch[k], at, column, eps);
        mean0[k] = LOAD(sum0, at) * share;
        mean1[k] = LOAD(sum1, at) * share;
    }
    FOR_ROWS(r, first, rows) {
        [[unroll]] for (uint k = 0u; k < COLUMN_STEPS; k++) {
            uint i = base + r * columns + channel_column(k);
            if (channel_column(k) < columns) {
                vec4 a = LOAD(x, i), b = LOAD(dy, i);
                vec4 xhat = (a - ch[k].mean) * ch[k].inverse, scale = ch[k].inverse * ch[k].gamma;
                vec4 d = activate_backward(xhat * ch[k].gamma + ch[k].beta, b, ACTIVATION);
                STORE(dx, i, FROZEN != 0u ? d * scale : (d - mean0[k] - xhat * mean1[k]) * scale);
            }
        }
    }
}
