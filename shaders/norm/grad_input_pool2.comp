#version 450
// grad_input_pool2.comp: grad_input.comp, where dy is the gradient behind the maximum over 2x2 windows
// (grad_sums_pool2.comp). One lane writes a whole window, also the partial windows of an odd last row or column, whose
// dy' is zero.
// bindings  0 x [N,H,W,C] read | 1 dy [N,H/2,W/2,C] read | 2 mean, 3 variance, 4 gamma, 5 beta [C] read (the latter
//           anything where absent) | 6, 7 sums [C] read | 8 dx [N,H,W,C] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 ACTIVATION, 3 HAS_GAMMA, 4 HAS_BETA, 6 COLUMN_STEPS, 7 ODD: H is odd
// push      first, rows = ceil(W/2), columns = groups, eps, width = W, height = H, share = 1 / (N*H*W), or 0 where the
//           statistics are constants
// dispatch  rows.glsl; z: N * ceil(H/2)          host: src/ops/norm/pooled.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"
#include "activation.glsl"
#include "normalize.glsl"

layout(constant_id = 7) const uint ODD = 0u;
INPUT(0, x);
INPUT(1, dy);
INPUT(2, mean);
INPUT(3, variance);
INPUT(4, gamma);
INPUT(5, beta);
INPUT(6, sum0);
INPUT(7, sum1);
OUTPUT(8, dx);
layout(push_constant) uniform Push { uint first, rows, columns; float eps; uint width, height; float share; };

void main()
{
    uint plane = gl_WorkGroupID.z, line = 2u * plane, out_line = plane;
    if (channel_column(0u) >= columns) return;
    bool inside = true;
    if (ODD != 0u) {
        uint lines = height / 2u + 1u, n = plane / lines;
        line -= n;
        out_line -= n;
        inside = plane - n * lines < lines - 1u;
    }
    Channel ch[COLUMN_STEPS];
    vec4 scale[COLUMN_STEPS], part0[COLUMN_STEPS], part1[COLUMN_STEPS]; // dx = dy' * scale - part0 - (x - mean) * part1
    [[unroll]] for (uint k = 0u; k < COLUMN_STEPS; k++) {
        uint column = min(channel_column(k), columns - 1u);
        LOAD_CHANNEL(ch[k], column, column, eps);
        scale[k] = ch[k].gamma * ch[k].inverse;
        part0[k] = LOAD(sum0, column) * share * scale[k];
        part1[k] = LOAD(sum1, column) * share * scale[k] * ch[k].inverse;
    }
    uint upper = line * width * columns, below = inside ? width * columns : 0u, half_width = width / 2u;
    FOR_ROWS(r, first, rows) {
        bool right = 2u * r + 1u < width;
        uint step = right ? columns : 0u;
        [[unroll]] for (uint k = 0u; k < COLUMN_STEPS; k++) {
            uint column = channel_column(k), i = upper + 2u * r * columns + column;
            if (column < columns) {
                vec4 t[4], value[4], after[4], left = vec4(0.0);
                t[0] = LOAD(x, i), t[1] = LOAD(x, i + step);
                t[2] = LOAD(x, i + below), t[3] = LOAD(x, i + below + step);
                if (right && inside) left = LOAD(dy, (out_line * half_width + r) * columns + column);
                [[unroll]] for (int e = 0; e < 4; e++) {
                    t[e] -= ch[k].mean;
                    value[e] = t[e] * scale[k] + ch[k].beta;
                    after[e] = activate(value[e], ACTIVATION);
                }
                vec4 most = max(max(after[0], after[1]), max(after[2], after[3]));
                [[unroll]] for (int e = 0; e < 4; e++) {
                    bvec4 wins = equal(after[e], most);
                    vec4 d = activate_backward(value[e], mix(vec4(0.0), left, wins), ACTIVATION);
                    left = mix(left, vec4(0.0), wins); // what nobody has taken yet
                    t[e] = d * scale[k] - part0[k] - t[e] * part1[k];
                }
                STORE(dx, i, t[0]);
                if (right) STORE(dx, i + step, t[1]);
                if (inside) STORE(dx, i + below, t[2]);
                if (right && inside) STORE(dx, i + below + step, t[3]);
            }
        }
    }
}
