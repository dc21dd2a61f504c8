#ifndef CAIRN_REFERENCE_NORM_H
#define CAIRN_REFERENCE_NORM_H
#include "graph/graph.h"
#include "ops/norm/norm.h"

typedef struct cairn_norm_attributes {
    float eps;
    cairn_activation activation;
    bool per_sample; /* moments: one mean for each sample */
    bool frozen;     /* gradient: the statistics do not depend on x */
    bool pooled;     /* by fusion: the maximum over 2x2 windows follows, and the gradient comes from behind it */
} cairn_norm_attributes;

typedef struct cairn_average_attributes {
    float weight, scale;
} cairn_average_attributes;

void cairn_ref_moments(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_normalize(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_batch_norm(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_norm_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_update_average(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
#endif
