#include "reference/product/matrix.h"

void cairn_reference_matmul(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs)
{
    const cairn_matmul_attributes *t = cairn_node_attributes(node);
    cairn_shape a = cairn_graph_shape(g, node->inputs[0]), y = cairn_graph_shape(g, node->outputs[0]);
    const double *bias = inputs[CAIRN_MATMUL_BIAS];
    int64_t m = y.w, p = y.c, k = t->transpose_a ? a.w : a.c;
    for (int64_t n = 0; n < y.n; n++)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < p; j++) {
                const double *an = inputs[0] + n * m * k, *bn = inputs[1] + n * k * p;
                double sum = bias ? bias[j] : 0;
                for (int64_t q = 0; q < k; q++)
                    sum += an[t->transpose_a ? q * m + i : i * k + q] * bn[t->transpose_b ? j * k + q : q * p + j];
                outputs[0][(n * m + i) * p + j] = sum;
            }
    cairn_epilogue_reference(&t->epilogue, outputs[0], inputs[CAIRN_MATMUL_RESIDUAL], cairn_shape_count(y));
}
