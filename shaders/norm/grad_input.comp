#version 450
// grad_input.comp: second pass of the gradient of a normalisation.
// computes  dx = gamma * inverse * (dy' - mean of dy' - xhat * mean of dy' * xhat); the means are left out where the
//           statistics are constants (FROZEN). dy' and xhat: grad_sums.comp.
// bindings  0 x, 1 dy [planes][rows][columns] read | 2 mean, 3 variance [planes][columns] read | 4 gamma, 5 beta
//           [columns] read (anything where absent) | 6, 7 sums [planes][columns] read | 8 dx write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 ACTIVATION, 3 HAS_GAMMA, 4 HAS_BETA, 5 FROZEN
// push      first, rows, columns, eps
// dispatch  rows.glsl; z: planes          host: src/ops/norm.c
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
    uint column = lane_column(), plane = gl_WorkGroupID.z;
    if (column >= columns) return;
    uint at = plane * columns + column;
    Channel ch;
    LOAD_CHANNEL(ch, at, column, eps);
    float share = FROZEN != 0u ? 0.0 : 1.0 / float(rows);
    vec4 scale = ch.inverse * ch.gamma, mean0 = LOAD(sum0, at) * share, mean1 = LOAD(sum1, at) * share;
    uint base = plane * rows * columns + column;
    FOR_ROWS(r, first, rows) {
        uint i = base + r * columns;
        vec4 xhat = (LOAD(x, i) - ch.mean) * ch.inverse;
        vec4 d = activate_backward(xhat * ch.gamma + ch.beta, LOAD(dy, i), ACTIVATION);
        STORE(dx, i, FROZEN != 0u ? d * scale : (d - mean0 - xhat * mean1) * scale);
    }
}
