#ifndef CAIRN_REFERENCE_ATTENTION_H
#define CAIRN_REFERENCE_ATTENTION_H
/* References of src/ops/attention; the signature is cairn_op.reference. */
#include "graph/graph.h"

typedef struct cairn_attention_attributes {
    int32_t heads;
    float scale;
    int32_t key_mask; /* gradient: whether the last input is given */
} cairn_attention_attributes;

typedef struct cairn_rotate_attributes {
    int32_t heads, inverse;
} cairn_rotate_attributes;

/* The log of the softmax's sum of a query that attends to nothing. */
#define CAIRN_ATTENTION_NOTHING 3e38f

void cairn_ref_attention(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_attention_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_cos_sin(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_cos_sin_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_rotate(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_rotate_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
#endif
