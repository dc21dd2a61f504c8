#version 450
// normalize_pool2.comp: normalize.comp, and of its result only the maximum over 2x2 windows (pool/max_pool2.comp): what
// is between is neither written nor read.
// bindings  0 x [N,H,W,C] read | 1 mean, 2 variance, 3 gamma, 4 beta [C] read (the latter anything where absent)
//           | 5 y [N,H/2,W/2,C] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 ACTIVATION, 3 HAS_GAMMA, 4 HAS_BETA, 6 COLUMN_STEPS, 7 ODD: H is odd
// push      first, rows = W/2, columns = groups, eps, width = W, height = H/2
// dispatch  rows.glsl; z: N * H/2          host: src/ops/norm/pooled.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"
#include "activation.glsl"
#include "normalize.glsl"

layout(constant_id = 7) const uint ODD = 0u;
INPUT(0, x);
INPUT(1, mean);
INPUT(2, variance);
INPUT(3, gamma);
INPUT(4, beta);
OUTPUT(5, y);
layout(push_constant) uniform Push { uint first, rows, columns; float eps; uint width, height; };

void main()
{
    uint plane = gl_WorkGroupID.z, line = 2u * plane;
    if (channel_column(0u) >= columns) return;
    if (ODD != 0u) line += plane / height; // each earlier sample has one line more
    Channel ch[COLUMN_STEPS];
    [[unroll]] for (uint k = 0u; k < COLUMN_STEPS; k++) {
        uint column = min(channel_column(k), columns - 1u);
        LOAD_CHANNEL(ch[k], column, column, eps);
        ch[k].gamma *= ch[k].inverse;
    }
    uint upper = line * width * columns, below = width * columns;
    FOR_ROWS(r, first, rows) {
        [[unroll]] for (uint k = 0u; k < COLUMN_STEPS; k++) {
            uint column = channel_column(k), i = upper + 2u * r * columns + column;
            if (column < columns) {
                vec4 a = LOAD(x, i), b = LOAD(x, i + columns);
                vec4 c = LOAD(x, i + below), d = LOAD(x, i + below + columns);
                a = activate((a - ch[k].mean) * ch[k].gamma + ch[k].beta, ACTIVATION);
                b = activate((b - ch[k].mean) * ch[k].gamma + ch[k].beta, ACTIVATION);
                c = activate((c - ch[k].mean) * ch[k].gamma + ch[k].beta, ACTIVATION);
                d = activate((d - ch[k].mean) * ch[k].gamma + ch[k].beta, ACTIVATION);
                STORE(y, (plane * rows + r) * columns + column, max(max(a, b), max(c, d)));
            }
        }
    }
}
