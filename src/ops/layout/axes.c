/* Slices and concatenation along any axis. Around an axis other than the channels, storage is rows of whole vec4. */
#include "ops/layout/layout.h"

#include "graph/lower.h"
#include "ops/reduce/reduce.h"
#include "reference/layout/layout.h"

enum { N, H, W, C };

/* 0..3, or -1 after a mistake */
static int axis_number(cairn_graph *g, const char *op, int axis)
{
    for (int i = 0; i < 4; i++)
        if (axis == 1 << i) return i;
    cairn_graph_mistake(g, op, "%d is no single axis", axis);
    return -1;
}

static int32_t *size_of(cairn_shape *s, int axis)
{
    return axis == N ? &s->n : axis == H ? &s->h : axis == W ? &s->w : &s->c;
}

/* vec4 elements of one row around the axis: of one step along it times the steps */
static uint32_t row_vectors(cairn_shape s, int axis)
{
    uint32_t groups = (uint32_t)cairn_shape_groups(s);
    return axis == H ? (uint32_t)s.h * (uint32_t)s.w * groups : (uint32_t)s.w * groups;
}

/* ---- window: elements first.. of x, zero outside; its own gradient ---- */
static cairn_status window_lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    cairn_shape x = cairn_lower_shape(l, node->inputs[0]), y = cairn_lower_shape(l, node->outputs[0]);
    int32_t step = (int32_t)(row_vectors(x, a->block) / (uint32_t)*size_of(&x, a->block));
    cairn_kernel_call call = {.kernel = "layout/axis_window",
                              .slots = {node->inputs[0], node->outputs[0]},
                              .slot_count = 2,
                              .written = 1u << 1,
                              .push = {(uint32_t)cairn_shape_vectors(y), row_vectors(y, a->block),
                                       row_vectors(x, a->block), (uint32_t)(a->offset * step)},
                              .push_count = 4};
    cairn_lower_linear(&call, cairn_shape_vectors(y));
    return cairn_lower_call(l, &call);
}

static void window_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                            cairn_tid *dinputs)
{
    (void)needs;
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    cairn_shape x = cairn_graph_shape(g, node->inputs[0]);
    cairn_layout_attributes back = {a->block, -a->offset};
    dinputs[0] = cairn_graph_append(g, node->op, doutputs, 1, 1, &x, 1, NULL, &back, sizeof back);
}

static const cairn_op window_op = {.name = "axis_window",
                                   .gradient = window_gradient,
                                   .lower = window_lower,
                                   .reference = cairn_reference_axis_window,
                                   .again = cairn_node_again};

cairn_tid cairn_op_slice(cairn_graph *g, cairn_tid x, int axis, int first, int count)
{
    int number = axis_number(g, "slice", axis);
    if (number == N) return cairn_op_slice_batch(g, x, first, count);
    if (number == C) return cairn_op_slice_channels(g, x, first, count);
    if (number < 0 || x == CAIRN_NONE) return CAIRN_NONE;
    cairn_shape s = cairn_graph_shape(g, x);
    int32_t *size = size_of(&s, number);
    if (first < 0 || count < 1 || count > *size - first)
        return cairn_graph_mistake(g, "slice", "%s %d to %d of %d", number == H ? "rows" : "columns", first,
                                   first + count - 1, *size);
    *size = count;
    cairn_layout_attributes a = {number, first};
    return cairn_graph_append(g, &window_op, &x, 1, 1, &s, 1, NULL, &a, sizeof a);
}

/* ---- concatenation ---- */
static cairn_status concat_lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_layout_attributes *at = cairn_node_attributes(node);
    cairn_shape a = cairn_lower_shape(l, node->inputs[0]), b = cairn_lower_shape(l, node->inputs[1]);
    int64_t vectors = cairn_shape_vectors(cairn_lower_shape(l, node->outputs[0]));
    cairn_kernel_call call = {.kernel = "layout/concat_axis",
                              .slots = {node->inputs[0], node->inputs[1], node->outputs[0]},
                              .slot_count = 3,
                              .written = 1u << 2,
                              .push = {(uint32_t)vectors, row_vectors(a, at->block), row_vectors(b, at->block)},
                              .push_count = 3};
    if (at->block == C) {
        call.kernel = "layout/concat_channels";
        call.push[1] = (uint32_t)a.c;
        call.push[2] = (uint32_t)b.c;
    }
    cairn_lower_linear(&call, vectors);
    return cairn_lower_call(l, &call);
}

static void concat_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                            cairn_tid *dinputs)
{
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    cairn_shape shapes[2] = {cairn_graph_shape(g, node->inputs[0]), cairn_graph_shape(g, node->inputs[1])};
    int first = *size_of(&shapes[0], a->block), second = *size_of(&shapes[1], a->block);
    if (needs[0]) dinputs[0] = cairn_op_slice(g, doutputs[0], 1 << a->block, 0, first);
    if (needs[1]) dinputs[1] = cairn_op_slice(g, doutputs[0], 1 << a->block, first, second);
}

static const cairn_op concat_op = {.name = "concat",
                                   .gradient = concat_gradient,
                                   .lower = concat_lower,
                                   .reference = cairn_reference_concat_axis,
                                   .again = cairn_node_again};

cairn_tid cairn_op_concat(cairn_graph *g, cairn_tid a, cairn_tid b, int axis)
{
    int number = axis_number(g, concat_op.name, axis);
    if (number == N) return cairn_op_concat_batch(g, a, b);
    if (number < 0 || a == CAIRN_NONE || b == CAIRN_NONE) return CAIRN_NONE;
    cairn_shape x = cairn_graph_shape(g, a), y = cairn_graph_shape(g, b), out = x;
    int32_t *size = size_of(&out, number), added = *size_of(&y, number);
    *size_of(&y, number) = *size;
    if (!cairn_shape_equal(x, y))
        return cairn_graph_mistake(g, concat_op.name, "[%d,%d,%d,%d] and [%d,%d,%d,%d] differ beside axis %d", x.n, x.h,
                                   x.w, x.c, cairn_graph_shape(g, b).n, cairn_graph_shape(g, b).h,
                                   cairn_graph_shape(g, b).w, cairn_graph_shape(g, b).c, number);
    *size += added;
    cairn_layout_attributes at = {number, 0};
    return cairn_graph_append(g, &concat_op, (const cairn_tid[]){a, b}, 2, 2, &out, 1, NULL, &at, sizeof at);
}

/* ---- transpose: its own gradient ---- */
static cairn_status transpose_lower(cairn_lowering *l, const cairn_node *node)
{
    cairn_shape x = cairn_lower_shape(l, node->inputs[0]);
    cairn_kernel_call call = {.kernel = "layout/transpose",
                              .slots = {node->inputs[0], node->outputs[0]},
                              .slot_count = 2,
                              .written = 1u << 1,
                              .push = {(uint32_t)x.w, (uint32_t)x.c},
                              .push_count = 2,
                              .threads = {((uint32_t)x.w + 3) / 4, (uint32_t)cairn_shape_groups(x),
                                          (uint32_t)x.n * (uint32_t)x.h}};
    return cairn_lower_call(l, &call);
}

static void transpose_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                               cairn_tid *dinputs)
{
    (void)node, (void)needs;
    dinputs[0] = cairn_op_transpose(g, doutputs[0]);
}

static const cairn_op transpose_op = {.name = "transpose",
                                      .gradient = transpose_gradient,
                                      .lower = transpose_lower,
                                      .reference = cairn_reference_transpose,
                                      .again = cairn_node_again};

cairn_tid cairn_op_transpose(cairn_graph *g, cairn_tid x)
{
    cairn_shape s = cairn_graph_shape(g, x), y = {s.n, s.h, s.c, s.w};
    if ((int64_t)s.n * s.h > 65535 || cairn_shape_groups(s) > 65535)
        return cairn_graph_mistake(g, transpose_op.name, "[%d,%d,%d,%d] has more than 65535 matrices or column groups",
                                   s.n, s.h, s.w, s.c);
    return cairn_graph_append(g, &transpose_op, &x, 1, 1, &y, 1, NULL, NULL, 0);
}
