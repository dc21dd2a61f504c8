#ifndef CAIRN_TESTS_SUPPORT_PRODUCT_CASE_H
#define CAIRN_TESTS_SUPPORT_PRODUCT_CASE_H
/* Convolutions and matrix products as cases of op_case.h: what their tables have in common. */
#include "ops/conv/conv.h"
#include "support/device/op_case.h"

typedef struct conv_case {
    cairn_shape x;
    int co;
    cairn_conv_options options;
    bool bias;
} conv_case;
void conv_case_build(op_case *c, cairn_graph *g); /* of a case whose data is a conv_case */

typedef struct matmul_case {
    int n, m, k, p;
    bool transpose_a, transpose_b;
} matmul_case;
cairn_tid matmul_case_product(op_case *c, cairn_graph *g); /* its inputs and the product, which is no output yet */
void matmul_case_build(op_case *c, cairn_graph *g);

/* batch, size, channels in and out, kernel, stride, padding, bias */
#define CONV_CASE(label, n, h, w, ci, co, k, s, p, b)                                                                  \
    {                                                                                                                  \
        label, conv_case_build, &(const conv_case) { {n, h, w, ci}, co, {k, s, p, 0}, b }, false, 0, 0                 \
    }
/* kernel k at stride 2 with TensorFlow's padding of even sizes, no bias */
#define CONV_CASE_BEHIND(label, n, h, w, ci, co, k)                                                                    \
    {                                                                                                                  \
        label, conv_case_build,                                                                                        \
            &(const conv_case) { {n, h, w, ci}, co, {k, 2, k == 5 ? 1 : CAIRN_PAD_NONE, 1}, false }, false, 0, 0       \
    }
/* n products of [m,k] and [k,p], each stored as it is or transposed */
#define MATMUL_CASE(label, n, m, k, p, ta, tb)                                                                         \
    {                                                                                                                  \
        label, matmul_case_build, &(const matmul_case) { n, m, k, p, ta, tb }, false, 0, 0                             \
    }
#endif
