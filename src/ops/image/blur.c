#include "ops/image/filter.h"

#include "graph/lower.h"
#include "reference/image/filter.h"

#include <math.h>

enum { MOST_RADIUS = 256 };

static cairn_status pass(cairn_lowering *l, const cairn_node *node, cairn_slot from, cairn_slot to, int size,
                         int64_t inner)
{
    const cairn_blur_attributes *a = cairn_node_attributes(node);
    int64_t vectors = cairn_shape_vectors(cairn_lower_shape(l, node->outputs[0]));
    int64_t threads = vectors / size * ((size + 3) / 4); /* four along the axis each */
    cairn_kernel_call call = {.kernel = "filter/blur",
                              .constants = {a->border == CAIRN_FILTER_ZERO},
                              .constant_count = 1,
                              .slots = {from, node->inputs[1], to},
                              .slot_count = 3,
                              .written = 1u << 2,
                              .push = {(uint32_t)threads, (uint32_t)size, (uint32_t)inner, (uint32_t)a->radius},
                              .push_count = 4};
    cairn_lower_linear(&call, threads);
    return cairn_lower_call(l, &call);
}

static cairn_status blur_lower(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    cairn_shape s = cairn_lower_shape(l, node->inputs[0]);
    cairn_slot half = cairn_lower_scratch(l, cairn_shape_vectors(s));
    int groups = cairn_shape_groups(s);
    CAIRN_TRY(pass(l, node, node->inputs[0], half, s.w, groups));
    CAIRN_TRY(pass(l, node, half, node->outputs[0], s.h, (int64_t)s.w * groups));
done:
    return st;
}

static double blur_operations(const cairn_node *node, const cairn_graph *g)
{
    const cairn_blur_attributes *a = cairn_node_attributes(node);
    return 2.0 * (3 * a->radius + 1) * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

static void blur_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                          cairn_tid *dinputs)
{
    (void)needs;
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    cairn_blur_attributes a = *(const cairn_blur_attributes *)cairn_node_attributes(node);
    dinputs[0] = cairn_graph_append(g, node->op, (const cairn_tid[]){doutputs[0], node->inputs[1]}, 2, 2, &s, 1, NULL,
                                    &a, sizeof a);
}

static const cairn_op blur_op = {.name = "gaussian_blur",
                                 .gradient = blur_gradient,
                                 .lower = blur_lower,
                                 .reference = cairn_reference_blur,
                                 .operations = blur_operations};

cairn_tid cairn_op_gaussian_blur(cairn_graph *g, cairn_tid x, float sigma, int radius, cairn_filter_border border)
{
    float weights[MOST_RADIUS + 1];
    double sum = 0;
    if (radius == 0 && sigma > 0 && sigma < MOST_RADIUS) radius = (int)(4.0 * (double)sigma + 0.5);
    if (!(sigma > 0) || radius < 0 || radius > MOST_RADIUS)
        return cairn_graph_mistake(g, blur_op.name, "sigma %g and radius %d, expected sigma above 0 and a radius up "
                                   "to %d", (double)sigma, radius, MOST_RADIUS);
    for (int d = 0; d <= radius; d++) sum += (d ? 2 : 1) * exp(-0.5 * d * d / ((double)sigma * sigma));
    for (int d = 0; d <= radius; d++) weights[d] = (float)(exp(-0.5 * d * d / ((double)sigma * sigma)) / sum);
    cairn_shape s = cairn_graph_shape(g, x);
    cairn_tid inputs[2] = {x, cairn_graph_constant_data(g, (cairn_shape){1, 1, radius + 1, 1}, weights)};
    cairn_blur_attributes a = {radius, border};
    return cairn_graph_append(g, &blur_op, inputs, 2, 2, &s, 1, NULL, &a, sizeof a);
}
