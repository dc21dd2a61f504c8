#ifndef CAIRN_REFERENCE_LIKELIHOOD_H
#define CAIRN_REFERENCE_LIKELIHOOD_H
/* References of src/ops/likelihood; the signature is cairn_op.reference. */
#include "graph/graph.h"

typedef struct cairn_lse_attributes {
    int32_t rows;   /* over rows, else over channels */
    int32_t packed; /* the mask of rows is [N,1,1,rows] (its dense order is the same as that of [N,H,W,1]) */
} cairn_lse_attributes;

typedef struct cairn_likelihood_attributes {
    float value; /* smoothing, or 1 / temperature */
} cairn_likelihood_attributes;

void cairn_ref_log_sum_exp(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_log_sum_exp_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_pick(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_pick_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_largest_channel(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_smoothed(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_smoothed_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_kl(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_kl_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_log_assignment(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_log_assignment_grad(const cairn_node *node, const cairn_graph *g, double *const *in,
                                   double *const *out);
#endif
