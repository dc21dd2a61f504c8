#ifndef CAIRN_REFERENCE_LAYER_NORM_H
#define CAIRN_REFERENCE_LAYER_NORM_H
/* References of src/ops/norm/layer_norm.c; the signature is cairn_op.reference. */
#include "graph/graph.h"

typedef struct cairn_layer_norm_attributes {
    float eps;
} cairn_layer_norm_attributes;

void cairn_ref_layer_norm(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_layer_norm_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_layer_norm_sums(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
#endif
