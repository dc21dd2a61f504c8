#ifndef CAIRN_REFERENCE_RESIZE_H
#define CAIRN_REFERENCE_RESIZE_H
#include "graph/graph.h"
#include "ops/image/resize.h"

typedef struct cairn_resize_attributes {
    cairn_resize mode;
} cairn_resize_attributes;

void cairn_ref_resize(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_resize_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
#endif
