#include "reference/norm/layer_norm.h"

#include <math.h>

static int64_t cells_of(cairn_shape s)
{
    return (int64_t)s.n * s.h * s.w;
}

void cairn_ref_layer_norm(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_layer_norm_attributes *at = cairn_node_attributes(node);
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    for (int64_t i = 0; i < cells_of(s); i++) {
        const double *x = in[0] + i * s.c;
        double mean = 0, variance = 0;
        for (int c = 0; c < s.c; c++) mean += x[c] / s.c;
        for (int c = 0; c < s.c; c++) variance += (x[c] - mean) * (x[c] - mean) / s.c;
        double inverse = 1 / sqrt(variance + at->eps);
        for (int c = 0; c < s.c; c++)
            out[0][i * s.c + c] = (x[c] - mean) * inverse * (in[1] ? in[1][c] : 1) + (in[2] ? in[2][c] : 0);
        out[1][2 * i] = mean;
        out[1][2 * i + 1] = inverse;
    }
}

/* in: x, statistics, dy, gamma */
void cairn_ref_layer_norm_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    for (int64_t i = 0; i < cells_of(s); i++) {
        const double *x = in[0] + i * s.c, *dy = in[2] + i * s.c;
        double mean = in[1][2 * i], inverse = in[1][2 * i + 1], sum = 0, along = 0;
        for (int c = 0; c < s.c; c++) {
            double d = dy[c] * (in[3] ? in[3][c] : 1);
            sum += d / s.c;
            along += d * (x[c] - mean) * inverse / s.c;
        }
        for (int c = 0; c < s.c; c++)
            out[0][i * s.c + c] =
                inverse * (dy[c] * (in[3] ? in[3][c] : 1) - sum - (x[c] - mean) * inverse * along);
    }
}

/* in: x, statistics, dy */
void cairn_ref_layer_norm_sums(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    for (int c = 0; c < s.c; c++) out[0][c] = out[1][c] = 0;
    for (int64_t i = 0; i < cells_of(s); i++)
        for (int c = 0; c < s.c; c++) {
            double dy = in[2][i * s.c + c];
            out[0][c] += dy * (in[0][i * s.c + c] - in[1][2 * i]) * in[1][2 * i + 1];
            out[1][c] += dy;
        }
}
