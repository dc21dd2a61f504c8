#ifndef CAIRN_REFERENCE_STACK_H
#define CAIRN_REFERENCE_STACK_H
#include "graph/graph.h"

void cairn_ref_stack_centred(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
#endif
