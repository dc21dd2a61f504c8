#ifndef CAIRN_OPS_POOL_H
#define CAIRN_OPS_POOL_H
/* Pooling. Shaders in shaders/pool. */
#include "graph/graph.h"

/* [N,H,W,C] to [N,H/2,W/2,C]: maximum over 2x2 windows with stride 2. A last odd row or column is left out (its
 * gradient is zero); of equal values the first in scan order receives the gradient.
 * error  CAIRN_E_SHAPE if H or W is 1 */
cairn_tid cairn_op_max_pool2(cairn_graph *g, cairn_tid x);

/* For fusion: whether the node is one, or the gradient of one (inputs: x and the gradient of the result). */
bool cairn_pool_is_max2(const cairn_node *node);
bool cairn_pool_is_max2_grad(const cairn_node *node);
#endif
