#ifndef CAIRN_REFERENCE_LOSS_H
#define CAIRN_REFERENCE_LOSS_H
/* References of src/ops/loss/loss.c; the signature is cairn_op.reference. The attribute is one float: 1 / temperature
 * for the soft cross-entropy, eps for l2_normalize. */
#include "graph/graph.h"

void cairn_reference_softmax(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                             double *const *outputs);
void cairn_reference_softmax_grad(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                  double *const *outputs);
void cairn_reference_softmax_cross_entropy(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                           double *const *outputs);
void cairn_reference_softmax_cross_entropy_grad(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                                double *const *outputs);
void cairn_reference_soft_cross_entropy(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                        double *const *outputs);
void cairn_reference_soft_cross_entropy_grad(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                             double *const *outputs);
void cairn_reference_l2_normalize(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                  double *const *outputs);
void cairn_reference_l2_normalize_grad(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                       double *const *outputs);
#endif
