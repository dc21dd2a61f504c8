#ifndef CAIRN_OPS_CONV_H
#define CAIRN_OPS_CONV_H
/* 2D convolution (cross-correlation, as in every deep-learning library) and its gradients.
 *
 * A weight of k-by-k taps from CI to CO channels is a tensor of shape {n = k*k, h = 1, w = CI, c = CO}: tap (ky,kx) is
 * row n = ky*k + kx, so that the dense order is HWIO. A bias is {1, 1, 1, CO}. */
#include "graph/graph.h"

enum { CAIRN_PAD_SAME = 0, CAIRN_PAD_NONE = -1 };

typedef struct cairn_conv_options {
    int kernel; /* 1, 3 or 5 */
    int stride; /* 1 or 2; 0 = 1 */
    int pad;    /* rows and columns of zeros on each side, less than kernel; CAIRN_PAD_SAME = (kernel - 1) / 2 */
    int behind; /* as many more behind the last row and column; 0, or at stride 2 also 1: TensorFlow's SAME of an even
                   size is pad (kernel - 3) / 2 (CAIRN_PAD_NONE for kernel 3) and behind 1 */
} cairn_conv_options;

/* Shape of the weight tensor above. */
static inline cairn_shape cairn_conv2d_weight_shape(int kernel, int ci, int co)
{
    return (cairn_shape){kernel * kernel, 1, ci, co};
}

/* x [N,H,W,CI], weight, bias {1,1,1,CO} or CAIRN_NONE -> y [N,OH,OW,CO], OH = (H + 2*pad + behind - kernel) / stride
 * + 1. */
cairn_tid cairn_op_conv2d(cairn_graph *g, cairn_tid x, cairn_tid weight, cairn_tid bias,
                          const cairn_conv_options *options);

/* The convolution (conv2d or depthwise2d) that made y, once more with y * scale + shift for its result, by way of its
 * weight and bias. scale, shift {1,1,1,CO}. CAIRN_NONE, and no mistake, where y is not the result of a convolution. */
cairn_tid cairn_op_conv_affine(cairn_graph *g, cairn_tid y, cairn_tid scale, cairn_tid shift);

/* ---- the gradients, as ops of their own (without gradients themselves) ---- */
/* dy [N,OH,OW,CO], weight -> dx of x_shape */
cairn_tid cairn_op_conv2d_grad_input(cairn_graph *g, cairn_tid dy, cairn_tid weight, cairn_shape x_shape,
                                     const cairn_conv_options *options);
/* x, dy -> dweight */
cairn_tid cairn_op_conv2d_grad_weight(cairn_graph *g, cairn_tid x, cairn_tid dy, const cairn_conv_options *options);
/* dy [N,OH,OW,C] -> {1,1,1,C}: the sum over pixels and images */
cairn_tid cairn_op_conv2d_grad_bias(cairn_graph *g, cairn_tid dy);
#endif
