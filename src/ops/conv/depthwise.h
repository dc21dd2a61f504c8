#ifndef CAIRN_OPS_DEPTHWISE_H
#define CAIRN_OPS_DEPTHWISE_H
/* 2D depthwise convolution: each channel with its own kernel. Options and padding as in ops/conv.h (kernels 3 and 5). A
 * weight of C channels is {n = k*k, h = 1, w = 1, c = C}. */
#include "ops/conv/conv.h"

static inline cairn_shape cairn_depthwise2d_weight_shape(int kernel, int channels)
{
    return (cairn_shape){kernel * kernel, 1, 1, channels};
}

/* x [N,H,W,C], weight, bias {1,1,1,C} or CAIRN_NONE -> y [N,OH,OW,C] */
cairn_tid cairn_op_depthwise2d(cairn_graph *g, cairn_tid x, cairn_tid weight, cairn_tid bias,
                               const cairn_conv_options *options);

/* ---- the gradients, as ops of their own (without gradients themselves) ---- */
cairn_tid cairn_op_depthwise2d_grad_input(cairn_graph *g, cairn_tid dy, cairn_tid weight, cairn_shape x_shape,
                                          const cairn_conv_options *options);
cairn_tid cairn_op_depthwise2d_grad_weight(cairn_graph *g, cairn_tid x, cairn_tid dy,
                                           const cairn_conv_options *options);
#endif
