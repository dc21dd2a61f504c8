#ifndef CAIRN_REFERENCE_BEST_H
#define CAIRN_REFERENCE_BEST_H
/* References of src/ops/sampling/best.h; the signature is cairn_op.reference. */
#include "graph/graph.h"

typedef struct cairn_best_rows_attributes {
    int32_t offset;
} cairn_best_rows_attributes;

void cairn_reference_best_channels(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                   double *const *outputs);
/* inputs: x, count, before (may be absent) */
void cairn_reference_best_rows(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                               double *const *outputs);
#endif
