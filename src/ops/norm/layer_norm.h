#ifndef CAIRN_OPS_LAYER_NORM_H
#define CAIRN_OPS_LAYER_NORM_H
#include "graph/graph.h"

/* Normalises each cell of x [N,H,W,C] over its channels: (x - mean) / sqrt(variance + eps) * gamma + beta, the variance
 * divided by C. gamma, beta [1,1,1,C] or CAIRN_NONE; eps > 0, usually 1e-5. Gradients to all three.
 * source  Ba, Kiros, Hinton 2016; PyTorch's LayerNorm over the last dimension. Shaders: shaders/layer_norm */
cairn_tid cairn_op_layer_norm(cairn_graph *g, cairn_tid x, cairn_tid gamma, cairn_tid beta, float eps);
#endif
