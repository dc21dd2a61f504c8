#version 450
// grad_sums.comp: gradient of layer_norm to gamma and beta, first pass.
// computes  of each chunk of cells: sum of dy * xhat and sum of dy, xhat = (x - mean) * inverse
// bindings  0 x, 1 dy [rows][columns] read | 2 statistics [rows] read: mean, inverse | 3 dgamma, 4 dbeta
//           [chunks][columns] write
// spec      0 COLUMNS_LOG2, 1 STEPS
// push      rows, columns, block_rows, chunks (chunks.glsl)
// dispatch  column blocks, blocks          host: src/ops/norm/layer_norm.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "chunks.glsl"

INPUT(0, x);
INPUT(1, dy);
INPUT(2, statistics);
OUTPUT(3, dgamma);
OUTPUT(4, dbeta);
layout(push_constant) uniform Push { uint rows, columns, block_rows, chunks; };

void main()
{
    uint column = lane_column(), end = CHUNK_END;
    if (column >= columns) return;
    vec4 s0 = vec4(0.0), s1 = vec4(0.0);
    for (uint r = CHUNK_BEGIN; r < end; r += CHUNK_ROUND) {
        [[unroll]] for (uint k = 0u; k < STEPS; k++) {
            uint row = r + k * ROWS_PER_STEP;
            if (row < end) {
                uint i = row * columns + column;
                vec4 v = LOAD(x, i), d = LOAD(dy, i);
                vec2 s = LOAD(statistics, row).xy;
                s0 += d * ((v - s.x) * s.y);
                s1 += d;
            }
        }
    }
    uint i = CHUNK_OUTPUT(column);
    STORE(dgamma, i, s0);
    STORE(dbeta, i, s1);
}
