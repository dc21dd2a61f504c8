#ifndef CAIRN_OPS_LAYOUT_H
#define CAIRN_OPS_LAYOUT_H
/* Ops that move values without computing. All but detach have gradients. */
#include "graph/graph.h"

/* [N,H,W,C] -> [N,H*block,W*block,1]: pixel (dx,dy) of a cell's block is channel dy*block + dx. Channels from block^2
 * on are dropped (the detector's "no point" channel); C >= block^2. */
cairn_tid cairn_op_depth_to_space(cairn_graph *g, cairn_tid x, int block);
/* The inverse: [N,H*block,W*block,1] -> [N,H,W,block^2]. */
cairn_tid cairn_op_space_to_depth(cairn_graph *g, cairn_tid x, int block);
/* The same values under another shape: c must stay, and n*h*w. */
cairn_tid cairn_op_reshape(cairn_graph *g, cairn_tid x, cairn_shape shape);
/* The same values, as a constant for the gradient: what is computed from the result does not train what x came from. */
cairn_tid cairn_op_detach(cairn_graph *g, cairn_tid x);
/* Channels first .. first+count-1. */
cairn_tid cairn_op_slice_channels(cairn_graph *g, cairn_tid x, int first, int count);
/* Batch elements first .. first+count-1. */
cairn_tid cairn_op_slice_batch(cairn_graph *g, cairn_tid x, int first, int count);
/* b behind a along the batch: [A,H,W,C], [B,H,W,C] -> [A+B,H,W,C]. */
cairn_tid cairn_op_concat_batch(cairn_graph *g, cairn_tid a, cairn_tid b);
/* The same along any axis (one bit of ops/reduce.h's CAIRN_AXIS_N .. CAIRN_AXIS_C): elements first .. first+count-1,
 * and b behind a, which agree in the other three sizes. */
cairn_tid cairn_op_slice(cairn_graph *g, cairn_tid x, int axis, int first, int count);
cairn_tid cairn_op_concat(cairn_graph *g, cairn_tid a, cairn_tid b, int axis);
/* Rows and columns of each matrix exchanged: [N,H,R,C] -> [N,H,C,R]. N*H at most 65535. */
cairn_tid cairn_op_transpose(cairn_graph *g, cairn_tid x);
#endif
