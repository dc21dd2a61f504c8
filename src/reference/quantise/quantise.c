#include "reference/quantise/quantise.h"

#include <math.h>

void cairn_reference_observe_range(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                   double *const *outputs)
{
    (void)outputs;
    const cairn_quantise_attributes *a = cairn_node_attributes(node);
    int64_t count = cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
    int c = cairn_graph_shape(g, node->inputs[1]).c;
    double *low = inputs[1], *high = low + c, *seen = high + c;
    for (int k = 0; k < c; k++) {
        double smallest = INFINITY, largest = -INFINITY, share = fmax((double)a->share, 1 / (seen[k] + 1));
        for (int64_t i = k; i < count; i += c) {
            smallest = fmin(smallest, inputs[0][i]);
            largest = fmax(largest, inputs[0][i]);
        }
        if (a->share > 0) {
            low[k] += share * (smallest - low[k]);
            high[k] += share * (largest - high[k]);
        } else {
            low[k] = seen[k] > 0 ? fmin(low[k], smallest) : smallest;
            high[k] = seen[k] > 0 ? fmax(high[k], largest) : largest;
        }
        seen[k]++;
    }
}

void cairn_reference_quantisation(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                  double *const *outputs)
{
    const cairn_quantise_attributes *a = cairn_node_attributes(node);
    int c = cairn_graph_shape(g, node->inputs[0]).c;
    for (int k = 0; k < c; k++) {
        double low = inputs[0][k], high = inputs[0][c + k], scale, zero = 0;
        if (a->low < 0) {
            scale = fmax(fabs(low), fabs(high)) / (double)a->high;
        } else {
            low = fmin(low, 0);
            scale = (fmax(high, 0) - low) / (double)a->high;
        }
        if (scale == 0) scale = 1;
        if (a->low >= 0) zero = nearbyint(-low / scale);
        outputs[0][k] = scale;
        outputs[0][c + k] = zero;
    }
}

/* The integer before clamping, with the zero point added. */
static double integer_of(double x, const double *parameters, int c, int64_t i)
{
    return nearbyint(x / parameters[i % c]) + parameters[c + i % c];
}

void cairn_reference_fake_quantise(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                   double *const *outputs)
{
    const cairn_quantise_attributes *a = cairn_node_attributes(node);
    int64_t count = cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
    int c = cairn_graph_shape(g, node->inputs[1]).c;
    for (int64_t i = 0; i < count; i++) {
        double q = fmin(fmax(integer_of(inputs[0][i], inputs[1], c, i), (double)a->low), (double)a->high);
        outputs[0][i] = inputs[1][i % c] * (q - inputs[1][c + i % c]);
    }
}

void cairn_reference_fake_quantise_grad(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                        double *const *outputs)
{
    const cairn_quantise_attributes *a = cairn_node_attributes(node);
    int64_t count = cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
    int c = cairn_graph_shape(g, node->inputs[1]).c;
    for (int64_t i = 0; i < count; i++) {
        double q = integer_of(inputs[0][i], inputs[1], c, i);
        outputs[0][i] = q >= (double)a->low && q <= (double)a->high ? inputs[2][i] : 0;
    }
}
