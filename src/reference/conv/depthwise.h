#ifndef CAIRN_REFERENCE_DEPTHWISE_H
#define CAIRN_REFERENCE_DEPTHWISE_H
/* Depthwise convolution in plain loops and double precision (see cairn_op.reference). */
#include "graph/graph.h"

void cairn_ref_depthwise2d(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                           double *const *outputs);
void cairn_ref_depthwise2d_grad_input(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                      double *const *outputs);
void cairn_ref_depthwise2d_grad_weight(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                       double *const *outputs);
#endif
