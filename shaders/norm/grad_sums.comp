#version 450
// grad_sums.comp: first pass of the gradient of a normalisation.
// computes  of each chunk: sum of dy' and of dy' * xhat, where xhat = (x - mean) / sqrt(variance + eps) and
//           dy' = dy * activation'(xhat * gamma + beta), recomputed rather than stored
// bindings  0 x, 1 dy [planes][rows][columns] read | 2 mean, 3 variance [planes][columns] read | 4 gamma, 5 beta
//           [columns] read (anything where absent) | 6, 7 sums [planes][chunks][columns] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 ACTIVATION, 3 HAS_GAMMA, 4 HAS_BETA
// push      rows, columns, block_rows, chunks (chunks.glsl), eps
// dispatch  column blocks, blocks, planes          host: src/ops/norm/norm.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "chunks.glsl"
#include "activation.glsl"
#include "normalize.glsl"

INPUT(0, x);
INPUT(1, dy);
INPUT(2, mean);
INPUT(3, variance);
INPUT(4, gamma);
INPUT(5, beta);
OUTPUT(6, sum0);
OUTPUT(7, sum1);
layout(push_constant) uniform Push { uint rows, columns, block_rows, chunks; float eps; };

void main()
{
    uint column = lane_column(), end = CHUNK_END, plane = gl_WorkGroupID.z;
    if (column >= columns) return;
    Channel ch;
    LOAD_CHANNEL(ch, plane * columns + column, column, eps);
    uint base = plane * rows * columns + column;
    vec4 s0 = vec4(0.0), s1 = vec4(0.0);
    for (uint r = CHUNK_BEGIN; r < end; r += CHUNK_ROUND) {
        [[unroll]] for (uint k = 0u; k < STEPS; k++) {
            uint row = r + k * ROWS_PER_STEP;
            if (row < end) {
                uint i = base + row * columns;
                vec4 xhat = (LOAD(x, i) - ch.mean) * ch.inverse;
                vec4 d = activate_backward(xhat * ch.gamma + ch.beta, LOAD(dy, i), ACTIVATION);
                s0 += d;
                s1 += d * xhat;
            }
        }
    }
    uint i = CHUNK_OUTPUT(column);
    STORE(sum0, i, s0);
    STORE(sum1, i, s1);
}
