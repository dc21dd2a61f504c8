#ifndef CAIRN_REFERENCE_POOL_H
#define CAIRN_REFERENCE_POOL_H
#include "graph/graph.h"

void cairn_ref_max_pool2(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_max_pool2_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
#endif
