// A tensor as planes of a matrix [rows][columns] of vec4, and a workgroup of 64 lanes as a small matrix on it:
// 2^COLUMNS_LOG2 columns (usually channel groups, so that what belongs to a channel is loaded once for many rows) by
// ROWS_PER_STEP rows.
// Lanes stay one-dimensional because this CPU driver only fills its vectors along x. Host: src/ops/norm/rows.h.
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
// Visits the rows r of this lane, of `count` rows of which the dispatch begins with row `first`: every ROW_STRIDE-th,
// so that lanes that run together touch memory that lies together. The CPU driver runs vectors of eight lanes one after
// the other, each through all of its rows: there a vector takes neighbouring rows, and a loop, because of an unrolled
// body it keeps the loads and stores in flight at once and spills.
#ifdef CAIRN_TEXEL
const uint ROW_STRIDE = COLUMNS_LOG2 < 3u ? 8u >> COLUMNS_LOG2 : 1u;
#else
const uint ROW_STRIDE = ROWS_PER_STEP;
#endif
uint rows_begin(uint first)
{
    uint row = lane_row();
    return first + (gl_WorkGroupID.y * ROWS_PER_STEP + row / ROW_STRIDE * ROW_STRIDE) * STEPS + row % ROW_STRIDE;
}
#ifdef CAIRN_TEXEL
#define FOR_ROWS(r, first, count) \
    uint begin_##r = rows_begin(first), end_##r = min(begin_##r + ROW_STRIDE * STEPS, count); \
    for (uint r = begin_##r; r < end_##r; r += ROW_STRIDE)
#else
#define FOR_ROWS(r, first, count) \
    [[unroll]] for (uint k_ = 0u, r = rows_begin(first); k_ < STEPS; k_++, r += ROW_STRIDE) \
        if (r < count)
#endif
