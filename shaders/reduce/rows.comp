#version 450
// rows.comp: sums over rows.
// computes  y[plane, chunk, column] = scale * sum of the chunk's rows of x[plane, row, column]
// bindings  0 x read | 1 y write
// spec      0 COLUMNS_LOG2, 1 STEPS
// push      rows, columns, block_rows, chunks (chunks.glsl), scale
// dispatch  column blocks, blocks, planes          host: src/ops/reduce/reduce.c
//           reference: src/reference/reduce/reduce.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "chunks.glsl"

INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint rows, columns, block_rows, chunks; float scale; };

void main()
{
    uint column = lane_column(), end = CHUNK_END;
    if (column >= columns) return;
    uint base = gl_WorkGroupID.z * rows * columns + column;
    vec4 sum = vec4(0.0);
    for (uint r = CHUNK_BEGIN; r < end; r += CHUNK_ROUND) {
        [[unroll]] for (uint k = 0u; k < STEPS; k++) {
            uint row = r + k * ROWS_PER_STEP;
            if (row < end) sum += LOAD(x, base + row * columns);
        }
    }
    STORE(y, CHUNK_OUTPUT(column), sum * scale);
}
