#include "support/device/product_case.h"

#include "ops/product/matrix.h"

void conv_case_build(op_case *c, cairn_graph *g)
{
    const conv_case *d = op_case_data(c);
    cairn_tid x = op_case_input(c, d->x, -1, 1);
    cairn_tid weight = op_case_input(c, cairn_conv2d_weight_shape(d->options.kernel, d->x.c, d->co), -1, 1);
    cairn_tid bias = d->bias ? op_case_input(c, (cairn_shape){1, 1, 1, d->co}, -1, 1) : CAIRN_NONE;
    op_case_output(c, cairn_op_conv2d(g, x, weight, bias, &d->options));
}

cairn_tid matmul_case_product(op_case *c, cairn_graph *g)
{
    const matmul_case *s = op_case_data(c);
    cairn_shape a = s->transpose_a ? (cairn_shape){s->n, 1, s->k, s->m} : (cairn_shape){s->n, 1, s->m, s->k};
    cairn_shape b = s->transpose_b ? (cairn_shape){s->n, 1, s->p, s->k} : (cairn_shape){s->n, 1, s->k, s->p};
    cairn_tid ta = op_case_input(c, a, -1, 1), tb = op_case_input(c, b, -1, 1);
    return cairn_op_matmul(g, ta, tb, s->transpose_a, s->transpose_b);
}

void matmul_case_build(op_case *c, cairn_graph *g)
{
    op_case_output(c, matmul_case_product(c, g));
}
