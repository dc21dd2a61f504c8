#include "reference/optimiser.h"

#include <math.h>

void cairn_reference_adam(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs)
{
    (void)outputs;
    const cairn_adam_attributes *a = cairn_node_attributes(node);
    double *p = inputs[0], *m = inputs[2], *v = inputs[3];
    const double *grad = inputs[1], *s = inputs[4];
    double lr = s[0], share1 = s[1], share2 = s[2], eps = s[3], factor = a->decay ? s[6] : 1;
    int64_t count = cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
    for (int64_t i = 0; i < count; i++) {
        double d = grad[i] * s[7];
        m[i] = (1 - share1) * m[i] + share1 * d;
        v[i] = (1 - share2) * v[i] + share2 * d * d;
        p[i] = p[i] * factor - lr / s[4] * m[i] / (sqrt(v[i] / s[5]) + eps);
    }
}
