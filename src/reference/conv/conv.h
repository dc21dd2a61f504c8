#ifndef CAIRN_REFERENCE_CONV_H
#define CAIRN_REFERENCE_CONV_H
/* The convolution family in plain loops and double precision (see cairn_op.reference). */
#include "graph/graph.h"

void cairn_ref_conv2d(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs);
void cairn_ref_conv2d_grad_input(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                 double *const *outputs);
void cairn_ref_conv2d_grad_weight(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                  double *const *outputs);
void cairn_ref_conv2d_grad_bias(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                double *const *outputs);
#endif
