#include "reference/image/filter.h"

#include "ops/image/filter.h"

#include <stdlib.h>

/* The pixel that stands at position p of the mirrored line, or -1. */
static int source_of(int p, int length, uint32_t border)
{
    if (border == CAIRN_FILTER_ZERO) return p >= 0 && p < length ? p : -1;
    while (p < 0 || p >= length) p = p < 0 ? -1 - p : 2 * length - 1 - p;
    return p;
}

/* One axis of x [outer][length][inner]. */
static void blur_axis(double *y, const double *x, int64_t outer, int length, int64_t inner, const double *weights,
                      const cairn_blur_attributes *a)
{
    for (int64_t o = 0; o < outer; o++)
        for (int p = 0; p < length; p++)
            for (int64_t i = 0; i < inner; i++) {
                double sum = 0;
                for (int d = -a->radius; d <= a->radius; d++) {
                    int from = source_of(p + d, length, a->border);
                    if (from >= 0) sum += weights[d < 0 ? -d : d] * x[(o * length + from) * inner + i];
                }
                y[(o * length + p) * inner + i] = sum;
            }
}

void cairn_reference_blur(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    const cairn_blur_attributes *a = cairn_node_attributes(node);
    double *half = malloc(sizeof *half * (size_t)cairn_shape_count(s));
    CAIRN_ASSERT(half);
    blur_axis(half, inputs[0], (int64_t)s.n * s.h, s.w, s.c, inputs[1], a);
    blur_axis(outputs[0], half, s.n, s.h, (int64_t)s.w * s.c, inputs[1], a);
    free(half);
}
