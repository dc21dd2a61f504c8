#ifndef CAIRN_OPS_RESIZE_TABLE_H
#define CAIRN_OPS_RESIZE_TABLE_H
/* The weights of resampling along one axis, as tables for shaders/resize/weighted.comp; private to resize.c. */
#include "ops/image/resize.h"

/* The table of an axis from length `in` to length `out`, or of its transpose (from `out` to `in`): a constant
 * [1,1,positions,4 + taps rounded up to 4] with, for each position of the result, where its window begins and then the
 * weights of *taps elements. Windows lie inside the axis. CAIRN_NONE after a mistake. */
cairn_tid cairn_resize__table(cairn_graph *g, cairn_resize mode, int in, int out, bool transposed, int32_t *taps);
#endif
