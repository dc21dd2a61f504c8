#ifndef CAIRN_REFERENCE_POINTWISE_H
#define CAIRN_REFERENCE_POINTWISE_H
/* Attributes of the pointwise ops and their references in double precision. */
#include "graph/graph.h"
#include "ops/pointwise/pointwise.h"

typedef struct cairn_unary_attributes {
    cairn_unary kind;
    float a, b;
} cairn_unary_attributes;

typedef enum cairn_binary_grad { /* numbers known to shaders/pointwise/binary_grad.comp */
                                 CAIRN_BINARY_GRAD_MAX_A,
                                 CAIRN_BINARY_GRAD_MAX_B,
                                 CAIRN_BINARY_GRAD_MIN_A,
                                 CAIRN_BINARY_GRAD_MIN_B,
                                 CAIRN_BINARY_GRAD_HUBER,
                                 CAIRN_BINARY_GRAD_BCE,
                                 CAIRN_BINARY_GRAD_FOCAL
} cairn_binary_grad;

typedef struct cairn_binary_attributes {
    cairn_binary kind;
    cairn_binary_grad grad; /* of gradient nodes */
    float p0, p1;
} cairn_binary_attributes;

/* Index of element (n,y,x,c) of a result in an operand that may be of size 1 along any dimension. */
static inline int64_t cairn_ref_broadcast_index(cairn_shape s, int32_t n, int32_t y, int32_t x, int32_t c)
{
    return (((int64_t)(s.n == 1 ? 0 : n) * s.h + (s.h == 1 ? 0 : y)) * s.w + (s.w == 1 ? 0 : x)) * s.c +
           (s.c == 1 ? 0 : c);
}

void cairn_ref_unary(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_unary_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_binary(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_binary_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_broadcast(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
#endif
