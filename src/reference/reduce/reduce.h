#ifndef CAIRN_REFERENCE_REDUCE_H
#define CAIRN_REFERENCE_REDUCE_H
#include "graph/graph.h"

typedef struct cairn_reduce_attributes {
    float scale; /* of the sum */
} cairn_reduce_attributes;

void cairn_ref_reduce(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
#endif
