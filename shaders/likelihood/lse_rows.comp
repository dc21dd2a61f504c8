#version 450
// lse_rows.comp: log of the sum of exp over rows, first pass: largest value and sum of each chunk.
// computes  top = largest kept x of the chunk (-3e38 for none), sum = sum of exp(x - top)
// bindings  0 x [planes][rows][columns] read | 1 mask read (anything where absent) | 2 top, 3 sum
//           [planes][chunks][columns] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 MASK: 0 none, 1 a vec4 for each row, 2 four rows in a vec4
// push      rows, columns, block_rows, chunks (chunks.glsl)
// dispatch  column blocks, blocks, planes          host: src/ops/loss/log_sum_exp.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "chunks.glsl"
#include "row_mask.glsl"

INPUT(0, x);
INPUT(1, mask);
OUTPUT(2, top);
OUTPUT(3, sum);
layout(push_constant) uniform Push { uint rows, columns, block_rows, chunks; };

void main()
{
    uint column = lane_column(), end = CHUNK_END, plane = gl_WorkGroupID.z;
    if (column >= columns) return;
    uint base = plane * rows * columns + column;
    vec4 largest = vec4(-3e38), total = vec4(0.0);
    for (uint r = CHUNK_BEGIN; r < end; r += CHUNK_ROUND) {
        vec4 v[STEPS], most = largest;
        [[unroll]] for (uint k = 0u; k < STEPS; k++) {
            uint row = min(r + k * ROWS_PER_STEP, end - 1u);
            v[k] = LOAD(x, base + row * columns);
            float kept = 1.0;
            if (MASK != 0u) kept = ROW_KEPT(mask, plane, row, rows);
            if (r + k * ROWS_PER_STEP >= end || kept < 0.5) v[k] = vec4(-3e38);
        }
        [[unroll]] for (uint k = 0u; k < STEPS; k++) most = max(most, v[k]);
        total *= exp(largest - most);
        largest = most;
        [[unroll]] for (uint k = 0u; k < STEPS; k++)
            total += mix(vec4(0.0), exp(v[k] - most), greaterThan(v[k], vec4(-1e38)));
    }
    uint i = CHUNK_OUTPUT(column);
    STORE(top, i, largest);
    STORE(sum, i, total);
}
