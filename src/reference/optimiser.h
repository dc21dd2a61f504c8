#ifndef CAIRN_REFERENCE_OPTIMISER_H
#define CAIRN_REFERENCE_OPTIMISER_H
/* Reference of src/ops/optimiser.c; the signature is cairn_op.reference. Updates inputs 0, 2 and 3. */
#include "graph/graph.h"

typedef struct cairn_adam_attributes {
    uint32_t decay;
} cairn_adam_attributes;

void cairn_reference_adam(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs);
#endif
