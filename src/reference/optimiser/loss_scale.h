#ifndef CAIRN_REFERENCE_LOSS_SCALE_H
#define CAIRN_REFERENCE_LOSS_SCALE_H
/* References of src/ops/optimiser/loss_scale.c; the signature is cairn_op.reference. */
#include "graph/graph.h"

typedef struct cairn_loss_scale_attributes {
    int32_t interval;
} cairn_loss_scale_attributes;

void cairn_reference_loss_scale(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                double *const *outputs);
void cairn_reference_loss_scale_control(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                        double *const *outputs);
/* Updates input 0. */
void cairn_reference_loss_scale_update(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                       double *const *outputs);
#endif
