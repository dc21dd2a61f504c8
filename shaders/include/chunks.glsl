// Reductions over the rows of [planes][rows][columns] of vec4. A workgroup takes block_rows consecutive rows; lane row
// s of it takes every ROWS_PER_STEP-th of them from the s-th on, and leaves one partial row. Host:
// src/ops/reduce/chunks.h. A kernel declares its push block with uint rows, columns, block_rows, chunks first.
//   for (uint r = chunk_begin(); r < block_end; r += CHUNK_ROUND) [[unroll]] over STEPS rows, ROWS_PER_STEP apart
#include "rows.glsl"
const uint CHUNK_ROUND = ROWS_PER_STEP * STEPS;

#define CHUNK_BEGIN (gl_WorkGroupID.y * block_rows + lane_row())
#define CHUNK_END min(gl_WorkGroupID.y * block_rows + block_rows, rows)
#define CHUNK_OUTPUT(column) \
    ((gl_WorkGroupID.z * chunks + gl_WorkGroupID.y * ROWS_PER_STEP + lane_row()) * columns + column)
