#ifndef CAIRN_REFERENCE_QUANTISE_H
#define CAIRN_REFERENCE_QUANTISE_H
/* References of src/ops/quantise; the signature is cairn_op.reference. */
#include "graph/graph.h"

typedef struct cairn_quantise_attributes {
    float low, high; /* of the integers */
    float share;     /* observe_range */
} cairn_quantise_attributes;

/* Updates input 1. */
void cairn_reference_observe_range(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                   double *const *outputs);
void cairn_reference_quantisation(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                  double *const *outputs);
void cairn_reference_fake_quantise(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                   double *const *outputs);
/* inputs: x, parameters, dy */
void cairn_reference_fake_quantise_grad(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                        double *const *outputs);
#endif
