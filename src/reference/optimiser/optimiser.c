#include "reference/optimiser/optimiser.h"

#include "ops/optimiser/optimiser.h"

#include <math.h>

typedef struct range {
    int64_t begin, end; /* elements of the joins */
    double lr, decay;
} range;

static int table_rows(const cairn_graph *g, const cairn_node *node, int table)
{
    return cairn_graph_shape(g, node->inputs[table]).w;
}

static range range_of(const double *table, int row)
{
    const double *t = table + 4 * row;
    return (range){4 * (int64_t)t[0], 4 * (int64_t)(t[0] + t[1]), t[2], t[3]};
}

static bool left_out(const double *scalars, const double *control)
{
    return control[CAIRN_CONTROL_SKIP] != 0 || scalars[CAIRN_SCALAR_LAST] == 0;
}

static double gradient_scale(const double *scalars, const double *control)
{
    return scalars[CAIRN_SCALAR_SCALE] * control[CAIRN_CONTROL_MULTIPLIER] * control[CAIRN_CONTROL_CLIP];
}

void cairn_reference_adam(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs)
{
    (void)outputs;
    const cairn_optimiser_attributes *a = cairn_node_attributes(node);
    double *p = inputs[0], *m = inputs[2], *v = inputs[3];
    const double *grad = inputs[1], *s = inputs[5], *control = inputs[6];
    double share1 = s[CAIRN_SCALAR_SHARE1], share2 = s[CAIRN_SCALAR_SHARE2], scale = gradient_scale(s, control);
    for (int r = 0; r < table_rows(g, node, 4) && !left_out(s, control); r++) {
        range at = range_of(inputs[4], r);
        double lr = s[CAIRN_SCALAR_LR] * at.lr, decay = s[CAIRN_SCALAR_DECAY] * at.decay;
        for (int64_t i = at.begin; i < at.end; i++) {
            double d = grad[i] * scale + (a->flag ? 0 : decay * p[i]);
            m[i] = (1 - share1) * m[i] + share1 * d;
            v[i] = (1 - share2) * v[i] + share2 * d * d;
            p[i] = p[i] * (a->flag ? 1 - lr * decay : 1) -
                   lr / s[CAIRN_SCALAR_CORRECTION1] * m[i] /
                       (sqrt(v[i] / s[CAIRN_SCALAR_CORRECTION2]) + s[CAIRN_SCALAR_EPS]);
        }
    }
}

void cairn_reference_sgd(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs)
{
    (void)outputs;
    const cairn_optimiser_attributes *a = cairn_node_attributes(node);
    double *p = inputs[0], *buffer = inputs[2];
    const double *grad = inputs[1], *s = inputs[4], *control = inputs[5];
    double momentum = s[CAIRN_SCALAR_SHARE1], scale = gradient_scale(s, control);
    for (int r = 0; r < table_rows(g, node, 3) && !left_out(s, control); r++) {
        range at = range_of(inputs[3], r);
        for (int64_t i = at.begin; i < at.end; i++) {
            double d = grad[i] * scale + s[CAIRN_SCALAR_DECAY] * at.decay * p[i];
            buffer[i] = momentum * buffer[i] + d;
            p[i] -= s[CAIRN_SCALAR_LR] * at.lr * (a->flag ? d + momentum * buffer[i] : buffer[i]);
        }
    }
}

void cairn_reference_accumulate(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                double *const *outputs)
{
    (void)outputs;
    bool first = inputs[3][CAIRN_SCALAR_FIRST] != 0;
    for (int r = 0; r < table_rows(g, node, 2); r++) {
        range at = range_of(inputs[2], r);
        for (int64_t i = at.begin; i < at.end; i++) inputs[0][i] = inputs[1][i] + (first ? 0 : inputs[0][i]);
    }
}

void cairn_reference_average_parameters(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                        double *const *outputs)
{
    (void)outputs;
    double *average = inputs[0], share = inputs[3][CAIRN_SCALAR_SHARE_EMA];
    for (int r = 0; r < table_rows(g, node, 2) && !left_out(inputs[3], inputs[4]); r++) {
        range at = range_of(inputs[2], r);
        for (int64_t i = at.begin; i < at.end; i++) average[i] += share * (inputs[1][i] - average[i]);
    }
}

void cairn_reference_gradient_statistics(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                         double *const *outputs)
{
    double sum = 0;
    for (int r = 0; r < table_rows(g, node, 1); r++) {
        range at = range_of(inputs[1], r);
        for (int64_t i = at.begin; i < at.end; i++) sum += inputs[0][i] * inputs[0][i];
    }
    outputs[0][0] = sum;
    outputs[0][1] = isfinite(sum) ? 0 : 1;
    outputs[0][2] = outputs[0][3] = 0;
}

void cairn_reference_clip(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs)
{
    (void)g;
    const cairn_clip_attributes *a = cairn_node_attributes(node);
    const double *statistics = inputs[0], *control = inputs[2];
    double *y = outputs[0];
    for (int i = 0; i < 4; i++) y[i] = control[i];
    y[CAIRN_CONTROL_NORM] = statistics[0];
    if (statistics[1] != 0) {
        y[CAIRN_CONTROL_SKIP] = 1;
        return;
    }
    double norm = sqrt(statistics[0]) * fabs(inputs[1][CAIRN_SCALAR_SCALE] * control[CAIRN_CONTROL_MULTIPLIER]);
    y[CAIRN_CONTROL_CLIP] = fmin(1, a->most_norm / (norm + 1e-6));
    y[CAIRN_CONTROL_NORM] = norm;
}
