#include "reference/image/stack.h"

void cairn_ref_stack_centred(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    cairn_shape a = cairn_graph_shape(g, node->inputs[0]), b = cairn_graph_shape(g, node->inputs[2]);
    double *y = out[0];
    for (int n = 0; n < a.n; n++)
        for (int h = 0; h < a.h; h++)
            for (int w = 0; w < a.w; w++) {
                int64_t fine = (((int64_t)n * a.h + h) * a.w + w) * a.c;
                int64_t coarse = (((int64_t)n * b.h + h * b.h / a.h) * b.w + w * b.w / a.w) * b.c;
                for (int c = 0; c < a.c; c++) *y++ = in[0][fine + c] - in[1][c];
                for (int c = 0; c < b.c; c++) *y++ = in[2][coarse + c] - in[3][c];
            }
}
