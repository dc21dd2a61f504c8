#include "reference/loss/loss.h"

#include <math.h>

static int64_t cells_of(const cairn_node *node, const cairn_graph *g, int *channels)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    *channels = s.c;
    return (int64_t)s.n * s.h * s.w;
}

static double attribute(const cairn_node *node)
{
    return *(const float *)cairn_node_attributes(node);
}

/* log of the sum of exp(scale * x). */
static double log_sum(const double *x, int c, double scale)
{
    double largest = -INFINITY, sum = 0;
    for (int k = 0; k < c; k++) largest = fmax(largest, scale * x[k]);
    for (int k = 0; k < c; k++) sum += exp(scale * x[k] - largest);
    return largest + log(sum);
}

void cairn_reference_softmax(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                             double *const *outputs)
{
    int c;
    int64_t cells = cells_of(node, g, &c);
    for (int64_t i = 0; i < cells; i++) {
        const double *x = inputs[0] + i * c;
        double whole = log_sum(x, c, 1);
        for (int k = 0; k < c; k++) outputs[0][i * c + k] = exp(x[k] - whole);
    }
}

void cairn_reference_softmax_grad(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                  double *const *outputs)
{
    int c;
    int64_t cells = cells_of(node, g, &c);
    for (int64_t i = 0; i < cells; i++) {
        const double *y = inputs[0] + i * c, *dy = inputs[1] + i * c;
        double sum = 0;
        for (int k = 0; k < c; k++) sum += y[k] * dy[k];
        for (int k = 0; k < c; k++) outputs[0][i * c + k] = y[k] * (dy[k] - sum);
    }
}

void cairn_reference_softmax_cross_entropy(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                           double *const *outputs)
{
    int c;
    int64_t cells = cells_of(node, g, &c);
    for (int64_t i = 0; i < cells; i++) {
        double label = inputs[1][i];
        const double *x = inputs[0] + i * c;
        outputs[0][i] = label >= 0 && label < c ? log_sum(x, c, 1) - x[(int)label] : 0;
    }
}

void cairn_reference_softmax_cross_entropy_grad(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                                double *const *outputs)
{
    int c;
    int64_t cells = cells_of(node, g, &c);
    for (int64_t i = 0; i < cells; i++) {
        double label = inputs[1][i];
        const double *x = inputs[0] + i * c;
        double whole = log_sum(x, c, 1), weight = label >= 0 && label < c ? inputs[2][i] : 0;
        for (int k = 0; k < c; k++) outputs[0][i * c + k] = (exp(x[k] - whole) - (k == (int)label)) * weight;
    }
}

void cairn_reference_soft_cross_entropy(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                        double *const *outputs)
{
    int c;
    int64_t cells = cells_of(node, g, &c);
    double scale = attribute(node);
    for (int64_t i = 0; i < cells; i++) {
        const double *x = inputs[0] + i * c, *target = inputs[1] + i * c;
        double whole = log_sum(x, c, scale), sum = 0;
        for (int k = 0; k < c; k++) sum += target[k] * (whole - scale * x[k]);
        outputs[0][i] = sum;
    }
}

void cairn_reference_soft_cross_entropy_grad(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                             double *const *outputs)
{
    int c;
    int64_t cells = cells_of(node, g, &c);
    double scale = attribute(node);
    for (int64_t i = 0; i < cells; i++) {
        const double *x = inputs[0] + i * c, *target = inputs[1] + i * c;
        double whole = log_sum(x, c, scale), mass = 0;
        for (int k = 0; k < c; k++) mass += target[k];
        for (int k = 0; k < c; k++)
            outputs[0][i * c + k] = (exp(scale * x[k] - whole) * mass - target[k]) * scale * inputs[2][i];
    }
}

void cairn_reference_l2_normalize(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                  double *const *outputs)
{
    int c;
    int64_t cells = cells_of(node, g, &c);
    for (int64_t i = 0; i < cells; i++) {
        const double *x = inputs[0] + i * c;
        double sum = attribute(node);
        for (int k = 0; k < c; k++) sum += x[k] * x[k];
        for (int k = 0; k < c; k++) outputs[0][i * c + k] = x[k] / sqrt(sum);
    }
}

void cairn_reference_l2_normalize_grad(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                       double *const *outputs)
{
    int c;
    int64_t cells = cells_of(node, g, &c);
    for (int64_t i = 0; i < cells; i++) {
        const double *x = inputs[0] + i * c, *dy = inputs[1] + i * c;
        double sum = attribute(node), along = 0;
        for (int k = 0; k < c; k++) {
            sum += x[k] * x[k];
            along += x[k] * dy[k];
        }
        double r = 1 / sqrt(sum);
        for (int k = 0; k < c; k++) outputs[0][i * c + k] = (dy[k] - x[k] * r * r * along) * r;
    }
}
