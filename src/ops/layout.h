#ifndef CAIRN_OPS_LAYOUT_H
#define CAIRN_OPS_LAYOUT_H
/* Ops that move values without computing. All have gradients. */
#include "graph/graph.h"

/* [N,H,W,C] -> [N,H*block,W*block,1]: pixel (dx,dy) of a cell's block is channel dy*block + dx. Channels from block^2
 * on are dropped (the detector's "no point" channel); C >= block^2. */
cairn_tid cairn_op_depth_to_space(cairn_graph *g, cairn_tid x, int block);
/* The inverse: [N,H*block,W*block,1] -> [N,H,W,block^2]. */
cairn_tid cairn_op_space_to_depth(cairn_graph *g, cairn_tid x, int block);
/* The same values under another shape: c must stay, and n*h*w. */
cairn_tid cairn_op_reshape(cairn_graph *g, cairn_tid x, cairn_shape shape);
/* Channels first .. first+count-1. */
cairn_tid cairn_op_slice_channels(cairn_graph *g, cairn_tid x, int first, int count);
/* Batch elements first .. first+count-1. */
cairn_tid cairn_op_slice_batch(cairn_graph *g, cairn_tid x, int first, int count);
/* b behind a along the batch: [A,H,W,C], [B,H,W,C] -> [A+B,H,W,C]. */
cairn_tid cairn_op_concat_batch(cairn_graph *g, cairn_tid a, cairn_tid b);
#endif
