#ifndef CAIRN_REFERENCE_LAYOUT_H
#define CAIRN_REFERENCE_LAYOUT_H
/* References of src/ops/layout; the signature is cairn_op.reference. */
#include "graph/graph.h"

typedef struct cairn_layout_attributes {
    int32_t block;  /* depth_to_space, space_to_depth */
    int32_t offset; /* batch_window, channel_window: y[i] = x[i + offset], zero outside x */
} cairn_layout_attributes;

void cairn_reference_depth_to_space(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                    double *const *outputs);
void cairn_reference_space_to_depth(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                    double *const *outputs);
void cairn_reference_reshape(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                             double *const *outputs);
void cairn_reference_batch_window(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                  double *const *outputs);
void cairn_reference_channel_window(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                    double *const *outputs);
void cairn_reference_concat_batch(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                  double *const *outputs);
/* attributes: block = axis 0..3, offset = first */
void cairn_reference_axis_window(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                 double *const *outputs);
void cairn_reference_concat_axis(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                 double *const *outputs);
void cairn_reference_transpose(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                               double *const *outputs);
#endif
