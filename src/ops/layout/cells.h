#ifndef CAIRN_OPS_CELLS_H
#define CAIRN_OPS_CELLS_H
/* Dispatches that reduce over the channels of each cell: the host side of shaders/include/team.glsl. */
#include "graph/lower.h"

/* Sets constant 0 (log2 of the lanes of a team), push 0 and 1 (cells, groups) and the threads, and appends the call. */
cairn_status cairn_cells_call(cairn_lowering *l, cairn_kernel_call *call, int64_t cells, int groups);
static inline int64_t cairn_cells_of(cairn_shape s) { return (int64_t)s.n * s.h * s.w; }
#endif
