#version 450
// normalize.comp: y = activation((x - mean) / sqrt(variance + eps) * gamma + beta).
// bindings  0 x [planes][rows][columns] read | 1 mean, 2 variance [planes][columns] read | 3 gamma, 4 beta [columns]
//           read (anything where absent) | 5 y write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 ACTIVATION, 3 HAS_GAMMA, 4 HAS_BETA, 6 COLUMN_STEPS
// push      first, rows, columns, eps
// dispatch  rows.glsl; z: planes          host: src/ops/norm/norm.c          reference: src/reference/norm/norm.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"
#include "activation.glsl"
#include "normalize.glsl"

INPUT(0, x);
INPUT(1, mean);
INPUT(2, variance);
INPUT(3, gamma);
INPUT(4, beta);
OUTPUT(5, y);
layout(push_constant) uniform Push { uint first, rows, columns; float eps; };

void main()
{
    uint plane = gl_WorkGroupID.z, base = plane * rows * columns;
    if (channel_column(0u) >= columns) return;
    Channel ch[COLUMN_STEPS];
    [[unroll]] for (uint k = 0u; k < COLUMN_STEPS; k++) {
        uint column = min(channel_column(k), columns - 1u);
        LOAD_CHANNEL(ch[k], plane * columns + column, column, eps);
        ch[k].gamma *= ch[k].inverse;
    }
    FOR_ROWS(r, first, rows) {
        [[unroll]] for (uint k = 0u; k < COLUMN_STEPS; k++) {
            uint i = base + r * columns + channel_column(k);
            if (channel_column(k) < columns)
                STORE(y, i, activate((LOAD(x, i) - ch[k].mean) * ch[k].gamma + ch[k].beta, ACTIVATION));
        }
    }
}
