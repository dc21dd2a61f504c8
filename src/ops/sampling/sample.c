#include "ops/sampling/sampling.h"

#include "graph/lower.h"
#include "reference/sampling/sampling.h"

enum { BLOCK = 4 }; /* channel groups that one lane of a gathering kernel holds */

/* Bindings: inputs, then the output. One thread for each vec4 of y, or for each point. */
static cairn_status lower_points(cairn_lowering *l, const cairn_node *node, const char *kernel, cairn_shape map,
                                 cairn_shape points, int64_t total)
{
    const cairn_sample_attributes *a = cairn_node_attributes(node);
    cairn_kernel_call call = {.kernel = kernel,
                              .constants = {a->border == CAIRN_BORDER_CLAMP},
                              .constant_count = 1,
                              .slot_count = node->input_count + 1,
                              .written = 1u << node->input_count,
                              .push = {(uint32_t)total, (uint32_t)map.h, (uint32_t)map.w,
                                       (uint32_t)cairn_shape_groups(map), (uint32_t)points.w,
                                       cairn_float_bits(1 / a->stride)},
                              .push_count = 6};
    for (int i = 0; i < node->input_count; i++) call.slots[i] = node->inputs[i];
    call.slots[node->input_count] = node->outputs[0];
    cairn_lower_linear(&call, total);
    return cairn_lower_call(l, &call);
}

static cairn_status sample_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_points(l, node, "sampling/sample", cairn_lower_shape(l, node->inputs[0]),
                        cairn_lower_shape(l, node->inputs[1]),
                        cairn_shape_vectors(cairn_lower_shape(l, node->outputs[0])));
}

static cairn_status grad_points_lower(cairn_lowering *l, const cairn_node *node)
{
    cairn_shape points = cairn_lower_shape(l, node->inputs[1]);
    return lower_points(l, node, "sampling/sample_grad_points", cairn_lower_shape(l, node->inputs[0]), points,
                        (int64_t)points.n * points.w);
}

/* First the points of each map row, then each cell looks through those of its row. */
static cairn_status grad_map_lower(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    const cairn_sample_attributes *a = cairn_node_attributes(node);
    cairn_shape points = cairn_lower_shape(l, node->inputs[0]), map = cairn_lower_shape(l, node->outputs[0]);
    uint32_t groups = (uint32_t)cairn_shape_groups(map), block = groups < BLOCK ? groups : BLOCK;
    uint32_t h = (uint32_t)map.h, w = (uint32_t)map.w, count = (uint32_t)points.w, batch = (uint32_t)map.n;
    cairn_slot list = cairn_lower_scratch(l, (int64_t)map.n * map.h * (points.w + 1));
    cairn_kernel_call call = {.kernel = "sampling/sample_rows",
                              .constants = {a->border == CAIRN_BORDER_CLAMP},
                              .constant_count = 1,
                              .slots = {node->inputs[0], list},
                              .slot_count = 2,
                              .written = 1u << 1,
                              .push = {h, w, count, cairn_float_bits(1 / a->stride)},
                              .push_count = 4,
                              .threads = {h, batch}};
    CAIRN_TRY(cairn_lower_call(l, &call));
    call = (cairn_kernel_call){.kernel = "sampling/sample_grad_map",
                               .constants = {0, block},
                               .constant_count = 2,
                               .slots = {list, node->inputs[1], node->outputs[0]},
                               .slot_count = 3,
                               .written = 1u << 2,
                               .push = {h, w, groups, count},
                               .push_count = 4,
                               .threads = {w, h, batch * ((groups + block - 1) / block)}};
    CAIRN_TRY(cairn_lower_call(l, &call));
done:
    return st;
}

static double sample_operations(const cairn_node *node, const cairn_graph *g)
{
    return 9.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->outputs[0]));
}

static double grad_points_operations(const cairn_node *node, const cairn_graph *g)
{
    return 8.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[2]));
}

static double grad_map_operations(const cairn_node *node, const cairn_graph *g)
{
    return 8.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[1]));
}

static const cairn_op grad_map_op = {.name = "sample_grad_map",
                                     .lower = grad_map_lower,
                                     .reference = cairn_reference_sample_grad_map,
                                     .operations = grad_map_operations};
static const cairn_op grad_points_op = {.name = "sample_grad_points",
                                        .lower = grad_points_lower,
                                        .reference = cairn_reference_sample_grad_points,
                                        .operations = grad_points_operations};

static void sample_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                            cairn_tid *dinputs)
{
    const cairn_sample_attributes *a = cairn_node_attributes(node);
    cairn_tid map = node->inputs[0], points = node->inputs[1];
    cairn_shape map_shape = cairn_graph_shape(g, map), points_shape = cairn_graph_shape(g, points);
    if (needs[0])
        dinputs[0] = cairn_graph_append(g, &grad_map_op, (const cairn_tid[]){points, doutputs[0]}, 2, 2, &map_shape, 1,
                                        NULL, a, sizeof *a);
    if (needs[1])
        dinputs[1] = cairn_graph_append(g, &grad_points_op, (const cairn_tid[]){map, points, doutputs[0]}, 3, 3,
                                        &points_shape, 1, NULL, a, sizeof *a);
}

static const cairn_op sample_op = {.name = "sample",
                                   .gradient = sample_gradient,
                                   .lower = sample_lower,
                                   .reference = cairn_reference_sample,
                                   .operations = sample_operations};

cairn_tid cairn_op_sample(cairn_graph *g, cairn_tid map, cairn_tid points, float stride, cairn_border border)
{
    const cairn_tid inputs[] = {map, points};
    cairn_shape s = cairn_graph_shape(g, map), p = cairn_graph_shape(g, points);
    if (map != CAIRN_NONE && points != CAIRN_NONE && (p.n != s.n || p.h != 1 || p.c != 2))
        return cairn_graph_mistake(g, sample_op.name, "points [%d,%d,%d,%d] for a map [%d,%d,%d,%d], expected "
                                   "[%d,1,N,2]", p.n, p.h, p.w, p.c, s.n, s.h, s.w, s.c, s.n);
    if (!(stride > 0)) return cairn_graph_mistake(g, sample_op.name, "a stride of %g", (double)stride);
    cairn_shape y = {s.n, 1, p.w, s.c};
    cairn_sample_attributes a = {stride, border};
    return cairn_graph_append(g, &sample_op, inputs, 2, 2, &y, 1, NULL, &a, sizeof a);
}
