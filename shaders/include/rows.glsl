// A tensor as planes of a matrix [rows][columns] of vec4, and a workgroup of 64 lanes as a small matrix on it: 2^COLUMNS_LOG2
// columns (usually channel groups, so that what belongs to a channel is loaded once for many rows) by ROWS_PER_STEP rows.
// Lanes stay one-dimensional because this CPU driver only fills its vectors along x. Host: src/ops/rows.h.
layout(local_size_x = 64) in;
layout(constant_id = 0) const uint COLUMNS_LOG2 = 0u;
layout(constant_id = 1) const uint STEPS = 4u; // rows of one lane, ROWS_PER_STEP apart
const uint ROWS_PER_STEP = 64u >> COLUMNS_LOG2;

uint lane_column()
{
    return (gl_WorkGroupID.x << COLUMNS_LOG2) + (gl_LocalInvocationID.x & ((1u << COLUMNS_LOG2) - 1u));
}
uint lane_row() // within the rows of the workgroup's first step
{
    return gl_LocalInvocationID.x >> COLUMNS_LOG2;
}
uint first_row() // of this lane
{
    return gl_WorkGroupID.y * (ROWS_PER_STEP * STEPS) + lane_row();
}
