#ifndef CAIRN_OPS_REDUCE_H
#define CAIRN_OPS_REDUCE_H
/* Sums along dimensions, in a fixed order. Shaders in shaders/reduce. */
#include "graph/graph.h"

enum { CAIRN_AXIS_N = 1, CAIRN_AXIS_H = 2, CAIRN_AXIS_W = 4, CAIRN_AXIS_C = 8, CAIRN_AXES_ALL = 15 };

/* The sum (mean) of x [N,H,W,C] along the dimensions of the mask, which become 1. */
cairn_tid cairn_op_reduce_sum(cairn_graph *g, cairn_tid x, int axes);
cairn_tid cairn_op_reduce_mean(cairn_graph *g, cairn_tid x, int axes);
/* The sum down to `shape`, each of whose dimensions is that of x or 1: the transpose of broadcasting. x itself if the
 * shapes are equal. */
cairn_tid cairn_op_reduce_to(cairn_graph *g, cairn_tid x, cairn_shape shape);
#endif
