#ifndef CAIRN_OPS_RESIZE_LOWER_H
#define CAIRN_OPS_RESIZE_LOWER_H
/* For ops that take a resize into their kernels. */
#include "graph/lower.h"

/* By which whole factor the node enlarges both axes of its input 0, by nearest neighbour and without an addend; 0: it
 * is no such resize, or cairn_resize_lower_nearest could not do it. */
int cairn_resize_nearest_factor(const cairn_node *node, const cairn_graph *g);
/* The dispatch of such a resize from shape s to d (d.n * d.h at most 65535). addend: of shape d, or CAIRN_NONE. */
cairn_status cairn_resize_lower_nearest(cairn_lowering *l, cairn_slot x, cairn_slot addend, cairn_slot y,
                                        cairn_shape s, cairn_shape d);
#endif
