#ifndef CAIRN_OPS_QUANTISE_H
#define CAIRN_OPS_QUANTISE_H
/* Quantisation simulated in floating point, for calibration and for training with it (teacher.md 8.2, 8.4).
 *
 * Per tensor or per channel: the last axis of ranges and parameters is 1, or the C of the tensor that they belong to
 * (for a convolution's weight on the device, [k*k,1,ci,co], the output channels). */
#include "graph/graph.h"

/* Follows the range of x [N,H,W,C] in `range`, a stored [1,1,3,1 or C]: row 0 the smallest value, row 1 the largest,
 * row 2 how many tensors were seen. share 0: of all tensors. share above 0: an exponential moving average of each
 * tensor's smallest and largest value with that weight of the new one, a plain mean until 1/share of them were seen.
 * Non-finite values are not allowed. */
void cairn_op_observe_range(cairn_graph *g, cairn_tid x, cairn_tid range, float share);

/* Scale and zero point [1,1,2,1 or C] (rows 0 and 1) from a range, with `bits` in 2..16:
 *   symmetric   s = largest |value| / (2^(bits-1) - 1), z = 0, integers -(2^(bits-1)-1) .. 2^(bits-1)-1
 *   otherwise   the range is widened to hold 0, s = (max - min) / (2^bits - 1), z = round(-min / s), integers
 *               0 .. 2^bits - 1
 * A range of nothing but zero gives s = 1. No gradient: ranges are observed or frozen. */
cairn_tid cairn_op_quantisation(cairn_graph *g, cairn_tid range, int bits, bool symmetric);

/* s * (clamp(round(x / s) + z) - z), rounding half to even, with the parameters of the op above for the same bits and
 * symmetry. Straight-through gradient: that of the output where nothing was clamped, else 0. */
cairn_tid cairn_op_fake_quantise(cairn_graph *g, cairn_tid x, cairn_tid parameters, int bits, bool symmetric);
#endif
