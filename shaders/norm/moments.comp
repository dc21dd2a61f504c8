#version 450
// moments.comp: first pass of mean and variance over rows.
// computes  of each chunk: its mean, and the sum of squared differences from it. Sums are taken relative to the lane's
//           first row, so that a mean far larger than the deviation costs no digits.
// bindings  0 x [planes][rows][columns] read | 1 mean [planes][chunks][columns] write | 2 squares, alike, write
// spec      0 COLUMNS_LOG2, 1 STEPS
// push      rows, columns, block_rows, chunks (chunks.glsl)
// dispatch  column blocks, blocks, planes          host: src/ops/norm/norm.c
//           reference: src/reference/norm/norm.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "chunks.glsl"

INPUT(0, x);
OUTPUT(1, mean);
OUTPUT(2, squares);
layout(push_constant) uniform Push { uint rows, columns, block_rows, chunks; };

void main()
{
    uint column = lane_column(), begin = CHUNK_BEGIN, end = CHUNK_END;
    if (column >= columns) return;
    uint base = gl_WorkGroupID.z * rows * columns + column;
    vec4 shift = LOAD(x, base + min(begin, rows - 1u) * columns), sum = vec4(0.0), square = vec4(0.0);
    float count = 0.0;
    for (uint r = begin; r < end; r += CHUNK_ROUND) {
        [[unroll]] for (uint k = 0u; k < STEPS; k++) {
            uint row = r + k * ROWS_PER_STEP;
            if (row < end) {
                vec4 d = LOAD(x, base + row * columns) - shift;
                sum += d;
                square += d * d;
                count += 1.0;
            }
        }
    }
    vec4 average = sum / max(count, 1.0);
    uint i = CHUNK_OUTPUT(column);
    STORE(mean, i, shift + average);
    STORE(squares, i, max(square - sum * average, 0.0));
}
