#include "ops/layout/layout.h"

#include "graph/lower.h"
#include "reference/layout/layout.h"

static cairn_tid append(cairn_graph *g, const cairn_op *op, cairn_tid x, cairn_shape out, int block, int offset)
{
    cairn_layout_attributes a = {block, offset};
    return cairn_graph_append(g, op, &x, 1, 1, &out, 1, NULL, &a, sizeof a);
}

/* ---- depth_to_space, space_to_depth: each is the other's gradient ---- */
static cairn_tid append_space_to_depth(cairn_graph *g, cairn_tid x, int block, int channels);

static cairn_status depth_to_space_lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    cairn_shape x = cairn_lower_shape(l, node->inputs[0]), y = cairn_lower_shape(l, node->outputs[0]);
    cairn_kernel_call call = {
        .kernel = "layout/depth_to_space",
        .slots = {node->inputs[0], node->outputs[0]},
        .slot_count = 2,
        .written = 1u << 1,
        .push = {(uint32_t)y.h, (uint32_t)y.w, (uint32_t)a->block, (uint32_t)x.w, (uint32_t)cairn_shape_groups(x)},
        .push_count = 5,
        .threads = {(uint32_t)y.w, (uint32_t)y.h, (uint32_t)y.n},
    };
    return cairn_lower_call(l, &call);
}

static void depth_to_space_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs,
                                    const bool *needs, cairn_tid *dinputs)
{
    (void)needs;
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    dinputs[0] = append_space_to_depth(g, doutputs[0], a->block, cairn_graph_shape(g, node->inputs[0]).c);
}

static const cairn_op depth_to_space_op = {.name = "depth_to_space",
                                           .gradient = depth_to_space_gradient,
                                           .lower = depth_to_space_lower,
                                           .reference = cairn_reference_depth_to_space,
                                           .again = cairn_node_again};

cairn_tid cairn_op_depth_to_space(cairn_graph *g, cairn_tid x, int block)
{
    cairn_shape s = cairn_graph_shape(g, x);
    if (x != CAIRN_NONE && (block < 1 || block > 64 || s.c < block * block))
        return cairn_graph_mistake(g, depth_to_space_op.name,
                                   "[%d,%d,%d,%d] has fewer channels than blocks of %dx%d need", s.n, s.h, s.w, s.c,
                                   block, block);
    return append(g, &depth_to_space_op, x, (cairn_shape){s.n, s.h * block, s.w * block, 1}, block, 0);
}

static cairn_status space_to_depth_lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    cairn_shape y = cairn_lower_shape(l, node->outputs[0]);
    uint32_t groups = (uint32_t)cairn_shape_groups(y);
    cairn_kernel_call call = {
        .kernel = "layout/space_to_depth",
        .slots = {node->inputs[0], node->outputs[0]},
        .slot_count = 2,
        .written = 1u << 1,
        .push = {(uint32_t)y.h, (uint32_t)y.w, groups, (uint32_t)a->block},
        .push_count = 4,
        .threads = {(uint32_t)y.w * groups, (uint32_t)y.h, (uint32_t)y.n},
    };
    return cairn_lower_call(l, &call);
}

static void space_to_depth_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs,
                                    const bool *needs, cairn_tid *dinputs)
{
    (void)needs;
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    dinputs[0] = cairn_op_depth_to_space(g, doutputs[0], a->block);
}

static const cairn_op space_to_depth_op = {.name = "space_to_depth",
                                           .gradient = space_to_depth_gradient,
                                           .lower = space_to_depth_lower,
                                           .reference = cairn_reference_space_to_depth,
                                           .again = cairn_node_again};

static cairn_tid append_space_to_depth(cairn_graph *g, cairn_tid x, int block, int channels)
{
    cairn_shape s = cairn_graph_shape(g, x);
    return append(g, &space_to_depth_op, x, (cairn_shape){s.n, s.h / block, s.w / block, channels}, block, 0);
}

cairn_tid cairn_op_space_to_depth(cairn_graph *g, cairn_tid x, int block)
{
    cairn_shape s = cairn_graph_shape(g, x);
    if (x != CAIRN_NONE && (block < 1 || block > 64 || s.c != 1 || s.h % block || s.w % block))
        return cairn_graph_mistake(g, space_to_depth_op.name,
                                   "[%d,%d,%d,%d] is no map of one channel made of whole blocks of %dx%d", s.n, s.h,
                                   s.w, s.c, block, block);
    return append_space_to_depth(g, x, block, block * block);
}

/* ---- windows along the batch; reshape: contiguous ranges of vec4 elements ---- */
static cairn_status lower_window(cairn_lowering *l, const cairn_node *node, int64_t offset)
{
    int64_t vectors = cairn_shape_vectors(cairn_lower_shape(l, node->outputs[0]));
    cairn_kernel_call call = {
        .kernel = "layout/window",
        .slots = {node->inputs[0], node->outputs[0]},
        .slot_count = 2,
        .written = 1u << 1,
        .push = {(uint32_t)vectors, (uint32_t)cairn_shape_vectors(cairn_lower_shape(l, node->inputs[0])),
                 (uint32_t)(int32_t)offset},
        .push_count = 3,
    };
    cairn_lower_linear(&call, vectors);
    return cairn_lower_call(l, &call);
}

static cairn_status reshape_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_window(l, node, 0);
}

static void reshape_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                             cairn_tid *dinputs)
{
    (void)needs;
    dinputs[0] = cairn_op_reshape(g, doutputs[0], cairn_graph_shape(g, node->inputs[0]));
}

static const cairn_op reshape_op = {.name = "reshape",
                                    .gradient = reshape_gradient,
                                    .lower = reshape_lower,
                                    .reference = cairn_reference_reshape,
                                    .again = cairn_node_again};

cairn_tid cairn_op_reshape(cairn_graph *g, cairn_tid x, cairn_shape shape)
{
    cairn_shape s = cairn_graph_shape(g, x);
    if (x != CAIRN_NONE && (s.c != shape.c || cairn_shape_count(s) != cairn_shape_count(shape)))
        return cairn_graph_mistake(g, reshape_op.name,
                                   "[%d,%d,%d,%d] to [%d,%d,%d,%d]: channels and the number of cells must stay", s.n,
                                   s.h, s.w, s.c, shape.n, shape.h, shape.w, shape.c);
    return append(g, &reshape_op, x, shape, 0, 0);
}

static bool detach_expression(const cairn_node *node, cairn_expression *e)
{
    (void)node;
    *e = (cairn_expression){.text = "$0"};
    return true;
}

static const cairn_op detach_op = {.name = "detach",
                                   .lower = reshape_lower,
                                   .reference = cairn_reference_reshape,
                                   .expression = detach_expression,
                                   .again = cairn_node_again};

cairn_tid cairn_op_detach(cairn_graph *g, cairn_tid x)
{
    return append(g, &detach_op, x, cairn_graph_shape(g, x), 0, 0);
}

static cairn_status batch_window_lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    cairn_shape x = cairn_lower_shape(l, node->inputs[0]);
    return lower_window(l, node, a->offset * (cairn_shape_vectors(x) / x.n));
}

static void batch_window_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                                  cairn_tid *dinputs)
{
    (void)needs;
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    dinputs[0] = append(g, node->op, doutputs[0], cairn_graph_shape(g, node->inputs[0]), 0, -a->offset);
}

static const cairn_op batch_window_op = {.name = "batch_window",
                                         .gradient = batch_window_gradient,
                                         .lower = batch_window_lower,
                                         .reference = cairn_reference_batch_window,
                                         .again = cairn_node_again};

cairn_tid cairn_op_slice_batch(cairn_graph *g, cairn_tid x, int first, int count)
{
    cairn_shape s = cairn_graph_shape(g, x);
    if (x != CAIRN_NONE && (first < 0 || count < 1 || count > s.n - first))
        return cairn_graph_mistake(g, "slice_batch", "elements %d to %d of a batch of %d", first, first + count - 1,
                                   s.n);
    return append(g, &batch_window_op, x, (cairn_shape){count, s.h, s.w, s.c}, 0, first);
}

/* ---- windows along the channels ---- */
static cairn_status channel_window_lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    cairn_shape x = cairn_lower_shape(l, node->inputs[0]), y = cairn_lower_shape(l, node->outputs[0]);
    cairn_kernel_call call = {
        .kernel = "layout/channel_window",
        .slots = {node->inputs[0], node->outputs[0]},
        .slot_count = 2,
        .written = 1u << 1,
        .push = {(uint32_t)cairn_shape_vectors(y), (uint32_t)cairn_shape_groups(x), (uint32_t)cairn_shape_groups(y),
                 (uint32_t)x.c, (uint32_t)y.c, (uint32_t)a->offset},
        .push_count = 6,
    };
    cairn_lower_linear(&call, cairn_shape_vectors(y));
    return cairn_lower_call(l, &call);
}

static void channel_window_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs,
                                    const bool *needs, cairn_tid *dinputs)
{
    (void)needs;
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    dinputs[0] = append(g, node->op, doutputs[0], cairn_graph_shape(g, node->inputs[0]), 0, -a->offset);
}

static const cairn_op channel_window_op = {.name = "channel_window",
                                           .gradient = channel_window_gradient,
                                           .lower = channel_window_lower,
                                           .reference = cairn_reference_channel_window,
                                           .again = cairn_node_again};

cairn_tid cairn_op_slice_channels(cairn_graph *g, cairn_tid x, int first, int count)
{
    cairn_shape s = cairn_graph_shape(g, x);
    if (x != CAIRN_NONE && (first < 0 || count < 1 || count > s.c - first))
        return cairn_graph_mistake(g, "slice_channels", "channels %d to %d of %d", first, first + count - 1, s.c);
    return append(g, &channel_window_op, x, (cairn_shape){s.n, s.h, s.w, count}, 0, first);
}

/* ---- concat_batch ---- */
static cairn_status concat_lower(cairn_lowering *l, const cairn_node *node)
{
    int64_t vectors = cairn_shape_vectors(cairn_lower_shape(l, node->outputs[0]));
    cairn_kernel_call call = {
        .kernel = "layout/concat",
        .slots = {node->inputs[0], node->inputs[1], node->outputs[0]},
        .slot_count = 3,
        .written = 1u << 2,
        .push = {(uint32_t)vectors, (uint32_t)cairn_shape_vectors(cairn_lower_shape(l, node->inputs[0]))},
        .push_count = 2,
    };
    cairn_lower_linear(&call, vectors);
    return cairn_lower_call(l, &call);
}

static void concat_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                            cairn_tid *dinputs)
{
    int32_t first = cairn_graph_shape(g, node->inputs[0]).n, second = cairn_graph_shape(g, node->inputs[1]).n;
    if (needs[0]) dinputs[0] = cairn_op_slice_batch(g, doutputs[0], 0, first);
    if (needs[1]) dinputs[1] = cairn_op_slice_batch(g, doutputs[0], first, second);
}

static const cairn_op concat_op = {.name = "concat_batch",
                                   .gradient = concat_gradient,
                                   .lower = concat_lower,
                                   .reference = cairn_reference_concat_batch,
                                   .again = cairn_node_again};

cairn_tid cairn_op_concat_batch(cairn_graph *g, cairn_tid a, cairn_tid b)
{
    cairn_shape sa = cairn_graph_shape(g, a), sb = cairn_graph_shape(g, b);
    if (a != CAIRN_NONE && b != CAIRN_NONE && (sa.h != sb.h || sa.w != sb.w || sa.c != sb.c))
        return cairn_graph_mistake(g, concat_op.name, "[%d,%d,%d,%d] and [%d,%d,%d,%d] differ in more than the batch",
                                   sa.n, sa.h, sa.w, sa.c, sb.n, sb.h, sb.w, sb.c);
    cairn_tid inputs[2] = {a, b};
    cairn_shape out = {sa.n + sb.n, sa.h, sa.w, sa.c};
    return cairn_graph_append(g, &concat_op, inputs, 2, 2, &out, 1, NULL, NULL, 0);
}
