#version 450
// assignment_columns.comp: gradient of the log-assignment: sums over columns, first pass.
// computes  of each chunk: sum over its counted rows i < N of dP_ij
// bindings  0 dP [B,1,N+1,M+1] | 1 mask0 (anything where absent) | 2 sums [B][chunks][groups of M] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 4 HAS_MASK_0
// push      rows = N, columns, block_rows, chunks (chunks.glsl), n, m
// dispatch  column blocks, blocks, batch elements          host: src/ops/loss/assignment.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "chunks.glsl"

INPUT(0, dy);
INPUT(1, mask0);
OUTPUT(2, sums);
layout(push_constant) uniform Push { uint rows, columns, block_rows, chunks, n, m; };
#include "assignment.glsl"

void main()
{
    uint column = lane_column(), end = CHUNK_END, batch = gl_WorkGroupID.z;
    if (column >= columns) return;
    vec4 sum = vec4(0.0);
    for (uint r = CHUNK_BEGIN; r < end; r += CHUNK_ROUND) {
        [[unroll]] for (uint k = 0u; k < STEPS; k++) {
            uint row = min(r + k * ROWS_PER_STEP, end - 1u);
            vec4 v = LOAD(dy, (batch * (n + 1u) + row) * Y_GROUPS + column);
            if (r + k * ROWS_PER_STEP < end && ROW_COUNTS(mask0, batch, row)) sum += v;
        }
    }
    STORE(sums, CHUNK_OUTPUT(column), zero_padding(sum, column, m));
}
