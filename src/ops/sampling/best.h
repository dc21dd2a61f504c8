#ifndef CAIRN_OPS_BEST_H
#define CAIRN_OPS_BEST_H
/* The largest and the second largest of a matrix's rows and columns, and where they are: nearest neighbours, when the
 * matrix holds products of descriptors. Order and ties are fixed (the lowest index), so that the same numbers give the
 * same bits. No gradients. Shaders in shaders/best. */
#include "graph/graph.h"

#define CAIRN_BEST_NONE (-3e38f) /* in place of a value that is not there; the index is then -1 */

/* x [B,1,R,C] -> [B,1,R,3]: of each row the largest channel, the second largest, and the number of the largest.
 * count [B,1,1,1], integers as floats: only channels below it. C at most 2^18. */
cairn_tid cairn_op_best_channels(cairn_graph *g, cairn_tid x, cairn_tid count);
/* x [B,1,R,C] -> [B,1,C,3]: the same of each channel over the rows. The rows have the numbers offset, offset + 1, ...;
 * only those below the count take part. before [B,1,C,3] or CAIRN_NONE: the result over rows of lower numbers, which is
 * taken in, so that a matrix can be made and searched a block of rows at a time. R at most 2^18. */
cairn_tid cairn_op_best_rows(cairn_graph *g, cairn_tid x, cairn_tid count, int offset, cairn_tid before);
#endif
