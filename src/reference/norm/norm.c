#include "reference/norm/norm.h"

#include <math.h>

/* x as [planes][rows][channels], a plane for each set of statistics */
typedef struct view {
    int64_t planes, rows, channels;
} view;

static view view_of(cairn_shape x, bool per_sample)
{
    view v = {per_sample ? x.n : 1, (int64_t)x.h * x.w * (per_sample ? 1 : x.n), x.c};
    return v;
}

static double activate(cairn_activation kind, double x)
{
    if (kind == CAIRN_ACTIVATION_RELU) return fmax(x, 0);
    if (kind == CAIRN_ACTIVATION_HSWISH) return x * fmin(fmax(x + 3, 0), 6) / 6;
    return x;
}

static double slope(cairn_activation kind, double x)
{
    if (kind == CAIRN_ACTIVATION_RELU) return x > 0;
    if (kind == CAIRN_ACTIVATION_HSWISH) return x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6;
    return 1;
}

static void moments(view v, const double *x, double *mean, double *variance)
{
    for (int64_t p = 0; p < v.planes; p++)
        for (int64_t c = 0; c < v.channels; c++) {
            const double *column = x + p * v.rows * v.channels + c;
            double sum = 0, squares = 0;
            for (int64_t r = 0; r < v.rows; r++) sum += column[r * v.channels];
            double m = sum / (double)v.rows;
            for (int64_t r = 0; r < v.rows; r++) {
                double d = column[r * v.channels] - m;
                squares += d * d;
            }
            mean[p * v.channels + c] = m;
            variance[p * v.channels + c] = squares / (double)v.rows;
        }
}

static void normalize(view v, const cairn_norm_attributes *at, const double *x, const double *mean,
                      const double *variance, const double *gamma, const double *beta, double *y)
{
    for (int64_t p = 0, i = 0; p < v.planes; p++)
        for (int64_t r = 0; r < v.rows; r++)
            for (int64_t c = 0; c < v.channels; c++, i++) {
                double xhat = (x[i] - mean[p * v.channels + c]) / sqrt(variance[p * v.channels + c] + at->eps);
                y[i] = activate(at->activation, xhat * (gamma ? gamma[c] : 1) + (beta ? beta[c] : 0));
            }
}

void cairn_ref_moments(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_norm_attributes *at = cairn_node_attributes(node);
    moments(view_of(cairn_graph_shape(g, node->inputs[0]), at->per_sample), in[0], out[0], out[1]);
}

void cairn_ref_normalize(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    view v = view_of(cairn_graph_shape(g, node->inputs[0]), cairn_graph_shape(g, node->inputs[1]).n > 1);
    normalize(v, cairn_node_attributes(node), in[0], in[1], in[2], in[3], in[4], out[0]);
}

void cairn_ref_batch_norm(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_norm_attributes *at = cairn_node_attributes(node);
    view v = view_of(cairn_graph_shape(g, node->inputs[0]), at->per_sample);
    moments(v, in[0], out[1], out[2]);
    normalize(v, at, in[0], out[1], out[2], in[1], in[2], out[0]);
}

/* in: x, mean, variance, dy, gamma, beta; out: dx, sum of dy', sum of dy' * xhat */
void cairn_ref_norm_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_norm_attributes *at = cairn_node_attributes(node);
    view v = view_of(cairn_graph_shape(g, node->inputs[0]), cairn_graph_shape(g, node->inputs[1]).n > 1);
    const double *gamma = in[4], *beta = in[5];
    for (int64_t p = 0; p < v.planes; p++)
        for (int64_t c = 0; c < v.channels; c++) {
            int64_t s = p * v.channels + c, base = p * v.rows * v.channels + c;
            double inverse = 1 / sqrt(in[2][s] + at->eps), sum0 = 0, sum1 = 0;
            for (int pass = 0; pass < 2; pass++) {
                for (int64_t r = 0; r < v.rows; r++) {
                    int64_t i = base + r * v.channels;
                    double xhat = (in[0][i] - in[1][s]) * inverse, scale = gamma ? gamma[c] : 1;
                    double d = in[3][i] * slope(at->activation, xhat * scale + (beta ? beta[c] : 0));
                    if (pass == 0) {
                        sum0 += d;
                        sum1 += d * xhat;
                    } else {
                        double rest = at->frozen ? 0 : (sum0 + xhat * sum1) / (double)v.rows;
                        out[0][i] = scale * inverse * (d - rest);
                    }
                }
            }
            out[1][s] = sum0;
            out[2][s] = sum1;
        }
}

void cairn_ref_update_average(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_average_attributes *at = cairn_node_attributes(node);
    int64_t count = cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
    (void)out;
    for (int64_t i = 0; i < count; i++)
        in[0][i] = (1.0 - at->weight) * in[0][i] + (double)at->weight * at->scale * in[1][i];
}
