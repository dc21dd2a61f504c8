#ifndef CAIRN_OPS_POINTWISE_H
#define CAIRN_OPS_POINTWISE_H
/* Functions of single elements, and of pairs of elements with broadcasting. Shaders in shaders/pointwise. */
#include "graph/graph.h"

typedef enum cairn_unary {
    CAIRN_UNARY_RELU,     /* max(x, 0); slope 0 at 0 */
    CAIRN_UNARY_HSWISH,   /* x * hsigmoid(x) */
    CAIRN_UNARY_HSIGMOID, /* min(max(x + 3, 0), 6) / 6 */
    CAIRN_UNARY_SIGMOID,
    CAIRN_UNARY_EXP,
    CAIRN_UNARY_LOG,  /* of max(x, 1e-30); slope 0 below */
    CAIRN_UNARY_SQRT, /* of max(x, 0); slope 0 at and below 0 */
    CAIRN_UNARY_SQUARE,
    CAIRN_UNARY_ABS, /* slope 0 at 0 */
    CAIRN_UNARY_NEG,
    CAIRN_UNARY_AFFINE,     /* a * x + b */
    CAIRN_UNARY_STEP,       /* 1 where x > a, else 0; no gradient */
    CAIRN_UNARY_SOFTPLUS,   /* log(1 + exp(x)) */
    CAIRN_UNARY_RECIPROCAL, /* 1 / x */
    CAIRN_UNARY_GELU,       /* x * Phi(x), Phi the normal distribution (by erf: PyTorch's default) */
    CAIRN_UNARY_GELU_TANH,  /* x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))) */
    CAIRN_UNARY_COUNT
} cairn_unary;

/* out [N,H,W,C] = kind(x), x [N,H,W,C]; a and b: parameters of affine and step. */
cairn_tid cairn_op_unary(cairn_graph *g, cairn_tid x, cairn_unary kind, float a, float b);
cairn_tid cairn_op_relu(cairn_graph *g, cairn_tid x);
cairn_tid cairn_op_hswish(cairn_graph *g, cairn_tid x);
cairn_tid cairn_op_hsigmoid(cairn_graph *g, cairn_tid x);
cairn_tid cairn_op_sigmoid(cairn_graph *g, cairn_tid x);
cairn_tid cairn_op_exp(cairn_graph *g, cairn_tid x);
cairn_tid cairn_op_log(cairn_graph *g, cairn_tid x);
cairn_tid cairn_op_sqrt(cairn_graph *g, cairn_tid x);
cairn_tid cairn_op_square(cairn_graph *g, cairn_tid x);
cairn_tid cairn_op_abs(cairn_graph *g, cairn_tid x);
cairn_tid cairn_op_neg(cairn_graph *g, cairn_tid x);
cairn_tid cairn_op_affine(cairn_graph *g, cairn_tid x, float a, float b);
cairn_tid cairn_op_scale(cairn_graph *g, cairn_tid x, float a); /* a * x */
cairn_tid cairn_op_step(cairn_graph *g, cairn_tid x, float threshold);
cairn_tid cairn_op_softplus(cairn_graph *g, cairn_tid x);
cairn_tid cairn_op_reciprocal(cairn_graph *g, cairn_tid x);
cairn_tid cairn_op_gelu(cairn_graph *g, cairn_tid x);

typedef enum cairn_binary {
    CAIRN_BINARY_ADD,
    CAIRN_BINARY_SUB,
    CAIRN_BINARY_MUL,
    CAIRN_BINARY_DIV,
    CAIRN_BINARY_MAX,   /* gradient of a tie: to a */
    CAIRN_BINARY_MIN,   /* gradient of a tie: to a */
    CAIRN_BINARY_HUBER, /* d = a - b: d*d/2 where |d| <= p0, else p0 * (|d| - p0/2) */
    CAIRN_BINARY_BCE,   /* logit a, target b in [0,1]: softplus(a) - b*a */
    CAIRN_BINARY_FOCAL, /* logit a, target b in [0,1]: at * (1-pt)^p1 * bce(a,b), weight p0 for b = 1, 1-p0 for 0 */
    CAIRN_BINARY_COUNT
} cairn_binary;

/* out = kind(a, b). Each dimension of a and b is that of the result or 1. Huber, bce and focal have a gradient with
 * respect to a only (huber: to both).
 * error  CAIRN_E_SHAPE for sizes that do not broadcast
 * source focal loss: Lin et al., ICCV 2017, alpha 0.25, gamma 2 */
cairn_tid cairn_op_binary(cairn_graph *g, cairn_tid a, cairn_tid b, cairn_binary kind, float p0, float p1);
cairn_tid cairn_op_add(cairn_graph *g, cairn_tid a, cairn_tid b);
cairn_tid cairn_op_sub(cairn_graph *g, cairn_tid a, cairn_tid b);
cairn_tid cairn_op_mul(cairn_graph *g, cairn_tid a, cairn_tid b);
cairn_tid cairn_op_div(cairn_graph *g, cairn_tid a, cairn_tid b);
cairn_tid cairn_op_max(cairn_graph *g, cairn_tid a, cairn_tid b);
cairn_tid cairn_op_min(cairn_graph *g, cairn_tid a, cairn_tid b);
cairn_tid cairn_op_huber(cairn_graph *g, cairn_tid a, cairn_tid b, float delta);
cairn_tid cairn_op_bce_with_logits(cairn_graph *g, cairn_tid logits, cairn_tid targets);
cairn_tid cairn_op_focal_with_logits(cairn_graph *g, cairn_tid logits, cairn_tid targets, float alpha, float gamma);

/* For ops that take what follows them into their kernels (ops/epilogue.h). */
bool cairn_pointwise_is_unary(const cairn_node *node, cairn_unary *kind);
bool cairn_pointwise_is_add(const cairn_node *node);

/* out [shape] = x * scale, x repeated along the dimensions in which its size is 1. */
cairn_tid cairn_op_broadcast_scaled(cairn_graph *g, cairn_tid x, cairn_shape shape, float scale);
cairn_tid cairn_op_broadcast(cairn_graph *g, cairn_tid x, cairn_shape shape);
#endif
