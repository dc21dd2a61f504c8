#version 450
// grad_sums_pool2.comp: grad_sums.comp, where dy is the gradient behind the maximum over 2x2 windows of the
// normalisation's result: of each window the first maximum receives it, found again from x as normalize_pool2.comp
// found it.
// computes  sum of dy' and of dy' * xhat: a lane row of a workgroup takes every ROWS_PER_STEP-th window of each of the
//           workgroup's lines
// bindings  0 x [N,H,W,C] read | 1 dy [N,H/2,W/2,C] read | 2 mean, 3 variance, 4 gamma, 5 beta [C] read (the latter
//           anything where absent) | 6, 7 sums [chunks][columns] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 ACTIVATION, 3 HAS_GAMMA, 4 HAS_BETA, 7 ODD: H is odd
// push      rows = lines of windows, columns, block_rows, chunks (chunks.glsl), eps, width = W, height = H/2
// dispatch  column blocks, blocks          host: src/ops/norm/pooled.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "chunks.glsl"
#include "activation.glsl"
#include "normalize.glsl"

layout(constant_id = 7) const uint ODD = 0u;
INPUT(0, x);
INPUT(1, dy);
INPUT(2, mean);
INPUT(3, variance);
INPUT(4, gamma);
INPUT(5, beta);
OUTPUT(6, sum0);
OUTPUT(7, sum1);
layout(push_constant) uniform Push { uint rows, columns, block_rows, chunks; float eps; uint width, height; };

void main()
{
    uint column = lane_column(), half_width = width / 2u;
    uint first = gl_WorkGroupID.y * block_rows, end = min(first + block_rows, rows);
    if (column >= columns) return;
    Channel ch;
    LOAD_CHANNEL(ch, column, column, eps);
    vec4 scale = ch.gamma * ch.inverse, s0 = vec4(0.0), s1 = vec4(0.0);
    for (uint line = first; line < end; line++) {
        uint top = 2u * line, below = width * columns;
        if (ODD != 0u) top += line / height; // each earlier sample has one line more
        for (uint left = lane_row(); left < half_width; left += ROWS_PER_STEP) {
            uint i = (top * width + 2u * left) * columns + column;
            vec4 v[4], received = LOAD(dy, (line * half_width + left) * columns + column);
            v[0] = LOAD(x, i), v[1] = LOAD(x, i + columns);
            v[2] = LOAD(x, i + below), v[3] = LOAD(x, i + below + columns);
            vec4 most, before, best; // the winner: activated, before that, and less the mean
            [[unroll]] for (int e = 0; e < 4; e++) {
                vec4 t = v[e] - ch.mean, value = t * scale + ch.beta, after = activate(value, ACTIVATION);
                bvec4 wins = greaterThan(after, most);
                if (e == 0) wins = bvec4(true);
                most = mix(most, after, wins);
                before = mix(before, value, wins);
                best = mix(best, t, wins);
            }
            vec4 d = activate_backward(before, received, ACTIVATION);
            s0 += d;
            s1 += d * best;
        }
    }
    uint i = CHUNK_OUTPUT(column);
    STORE(sum0, i, s0);
    STORE(sum1, i, s1 * ch.inverse);
}
