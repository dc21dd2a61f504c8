#ifndef CAIRN_REFERENCE_OPTIMISER_H
#define CAIRN_REFERENCE_OPTIMISER_H
/* References of src/ops/optimiser; the signature is cairn_op.reference. */
#include "graph/graph.h"

typedef struct cairn_optimiser_attributes {
    uint32_t flag; /* adam: decoupled decay; sgd: nesterov */
} cairn_optimiser_attributes;
typedef struct cairn_clip_attributes {
    float most_norm;
} cairn_clip_attributes;

/* Adam updates inputs 0, 2 and 3, sgd 0 and 2, the next two input 0. */
void cairn_reference_adam(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs);
void cairn_reference_sgd(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs);
void cairn_reference_accumulate(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                double *const *outputs);
void cairn_reference_average_parameters(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                        double *const *outputs);
void cairn_reference_gradient_statistics(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                         double *const *outputs);
void cairn_reference_clip(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs);
#endif
