#ifndef CAIRN_REFERENCE_SAMPLING_H
#define CAIRN_REFERENCE_SAMPLING_H
/* References of src/ops/sampling; the signature is cairn_op.reference. */
#include "graph/graph.h"

typedef struct cairn_sample_attributes {
    float stride;
    uint32_t border; /* cairn_border */
} cairn_sample_attributes;
typedef struct cairn_top_attributes {
    float threshold;
    int32_t border;
} cairn_top_attributes;

void cairn_reference_sample(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                            double *const *outputs);
/* inputs: points, dy; and map, points, dy */
void cairn_reference_sample_grad_map(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                     double *const *outputs);
void cairn_reference_sample_grad_points(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                        double *const *outputs);
void cairn_reference_gather(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                            double *const *outputs);
/* inputs: index, dy */
void cairn_reference_gather_grad(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                 double *const *outputs);
void cairn_reference_top_points(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                double *const *outputs);
#endif
