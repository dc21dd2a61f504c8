#include "reference/image/pool.h"

/* Index in x of the first maximum of window (n, h, w), channel c. */
static int64_t first_maximum(cairn_shape s, const double *x, int32_t n, int32_t h, int32_t w, int32_t c)
{
    int64_t best = -1;
    for (int32_t k = 0; k < 4; k++) {
        int64_t i = (((int64_t)n * s.h + 2 * h + k / 2) * s.w + 2 * w + k % 2) * s.c + c;
        if (best < 0 || x[i] > x[best]) best = i;
    }
    return best;
}

static void each_window(const cairn_node *node, const cairn_graph *g, double *const *in, double *out, bool gradient)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    int64_t i = 0;
    for (int32_t n = 0; n < s.n; n++)
        for (int32_t h = 0; h < s.h / 2; h++)
            for (int32_t w = 0; w < s.w / 2; w++)
                for (int32_t c = 0; c < s.c; c++, i++) {
                    int64_t best = first_maximum(s, in[0], n, h, w, c);
                    if (gradient)
                        out[best] = in[1][i];
                    else
                        out[i] = in[0][best];
                }
}

void cairn_ref_max_pool2(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    each_window(node, g, in, out[0], false);
}

void cairn_ref_max_pool2_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    int64_t count = cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
    for (int64_t i = 0; i < count; i++) out[0][i] = 0;
    each_window(node, g, in, out[0], true);
}
