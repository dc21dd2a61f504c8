#include "ops/attention/attention.h"
#include "ops/reduce/reduce.h"
#include "ops/norm/rows.h"
#include "reference/attention/attention.h"

/* ---- cosines and sines ---- */
static cairn_status lower_cos_sin(cairn_lowering *l, const cairn_node *node)
{
    cairn_shape x = cairn_lower_shape(l, node->inputs[0]), y = cairn_lower_shape(l, node->outputs[0]);
    int64_t vectors = cairn_shape_vectors(y);
    cairn_kernel_call call = {.kernel = "attention/cos_sin",
                              .slots = {node->inputs[0], node->outputs[0]},
                              .slot_count = 2,
                              .written = 1u << 1,
                              .push = {(uint32_t)vectors, (uint32_t)cairn_shape_groups(y),
                                       (uint32_t)cairn_shape_groups(x), (uint32_t)y.c},
                              .push_count = 4};
    cairn_lower_linear(&call, vectors);
    return cairn_lower_call(l, &call);
}

static cairn_status lower_cos_sin_grad(cairn_lowering *l, const cairn_node *node)
{
    cairn_shape y = cairn_lower_shape(l, node->inputs[0]), x = cairn_lower_shape(l, node->outputs[0]);
    int64_t vectors = cairn_shape_vectors(x);
    cairn_kernel_call call = {
        .kernel = "attention/cos_sin_grad",
        .slots = {node->inputs[0], node->inputs[1], node->outputs[0]},
        .slot_count = 3,
        .written = 1u << 2,
        .push = {(uint32_t)vectors, (uint32_t)cairn_shape_groups(x), (uint32_t)cairn_shape_groups(y)},
        .push_count = 3};
    cairn_lower_linear(&call, vectors);
    return cairn_lower_call(l, &call);
}

static const cairn_op cos_sin_grad_op = {
    .name = "cos_sin_grad", .lower = lower_cos_sin_grad, .reference = cairn_ref_cos_sin_grad};

static void cos_sin_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                             cairn_tid *dinputs)
{
    (void)needs;
    cairn_tid inputs[2] = {node->outputs[0], doutputs[0]};
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    cairn_graph_append(g, &cos_sin_grad_op, inputs, 2, 2, &s, 1, &dinputs[0], NULL, 0);
}

static double ten_for_each(const cairn_node *node, const cairn_graph *g)
{
    return 10.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->outputs[0]));
}

static const cairn_op cos_sin_op = {.name = "cos_sin",
                                    .gradient = cos_sin_gradient,
                                    .lower = lower_cos_sin,
                                    .reference = cairn_ref_cos_sin,
                                    .operations = ten_for_each};

cairn_tid cairn_op_cos_sin(cairn_graph *g, cairn_tid angles)
{
    cairn_shape s = cairn_graph_shape(g, angles);
    s.c *= 2;
    return cairn_graph_append(g, &cos_sin_op, &angles, 1, 1, &s, 1, NULL, NULL, 0);
}

/* ---- rotation ---- */
static cairn_status lower_rotate(cairn_lowering *l, const cairn_node *node)
{
    const cairn_rotate_attributes *at = cairn_node_attributes(node);
    cairn_shape x = cairn_lower_shape(l, node->inputs[0]), t = cairn_lower_shape(l, node->inputs[1]);
    cairn_rows rows = cairn_rows_plan((int64_t)x.n * x.w, cairn_shape_groups(x), 1, CAIRN_ROWS_STEPS);
    cairn_kernel_call call = {.kernel = "attention/rotate",
                              .constants = {0, 0, (uint32_t)at->inverse},
                              .constant_count = 3,
                              .slots = {node->inputs[0], node->inputs[1], node->outputs[0]},
                              .slot_count = 3,
                              .written = 1u << 2,
                              .push = {0, 0, 0, (uint32_t)cairn_shape_groups(t), (uint32_t)(t.n * t.w)},
                              .push_count = 5};
    return cairn_rows_call(l, &call, &rows);
}

static cairn_status lower_rotate_grad(cairn_lowering *l, const cairn_node *node)
{
    const cairn_rotate_attributes *at = cairn_node_attributes(node);
    cairn_shape t = cairn_lower_shape(l, node->outputs[0]);
    cairn_rows rows = cairn_rows_plan((int64_t)t.n * t.w, cairn_shape_groups(t), 1, CAIRN_ROWS_STEPS);
    cairn_kernel_call call = {.kernel = "attention/rotate_grad",
                              .slots = {node->inputs[0], node->inputs[1], node->outputs[0]},
                              .slot_count = 3,
                              .written = 1u << 2,
                              .push = {0, 0, 0, (uint32_t)at->heads},
                              .push_count = 4};
    return cairn_rows_call(l, &call, &rows);
}

static const cairn_op rotate_grad_op = {
    .name = "rotate_grad", .lower = lower_rotate_grad, .reference = cairn_ref_rotate_grad};

static cairn_tid append_rotate(cairn_graph *g, cairn_tid x, cairn_tid table, int heads, bool inverse);

static void rotate_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                            cairn_tid *dinputs)
{
    const cairn_rotate_attributes *at = cairn_node_attributes(node);
    if (needs[0]) dinputs[0] = append_rotate(g, doutputs[0], node->inputs[1], at->heads, !at->inverse);
    if (!needs[1]) return;
    cairn_tid inputs[2] = {node->inputs[0], doutputs[0]}, d;
    cairn_shape x = cairn_graph_shape(g, node->inputs[0]), t = cairn_graph_shape(g, node->inputs[1]);
    cairn_shape whole = {x.n, 1, x.w, t.c};
    d = cairn_graph_append(g, &rotate_grad_op, inputs, 2, 2, &whole, 1, NULL, at, sizeof *at);
    dinputs[1] = cairn_op_reduce_to(g, d, t);
}

static const cairn_op rotate_op = {.name = "rotate",
                                   .gradient = rotate_gradient,
                                   .lower = lower_rotate,
                                   .reference = cairn_ref_rotate,
                                   .operations = ten_for_each};

static cairn_tid append_rotate(cairn_graph *g, cairn_tid x, cairn_tid table, int heads, bool inverse)
{
    cairn_rotate_attributes at = {heads, inverse};
    cairn_tid inputs[2] = {x, table};
    cairn_shape s = cairn_graph_shape(g, x);
    return cairn_graph_append(g, &rotate_op, inputs, 2, 2, &s, 1, NULL, &at, sizeof at);
}

cairn_tid cairn_op_rotate(cairn_graph *g, cairn_tid x, cairn_tid table, int heads)
{
    cairn_shape s = cairn_graph_shape(g, x), t = cairn_graph_shape(g, table);
    if (x != CAIRN_NONE && table != CAIRN_NONE &&
        (heads < 1 || s.h != 1 || t.h != 1 || t.w != s.w || (t.n != 1 && t.n != s.n) || t.c % 4 ||
         s.c != (int64_t)heads * t.c))
        return cairn_graph_mistake(g, "rotate",
                                   "table [%d,%d,%d,%d] for %d heads of x [%d,%d,%d,%d] (a head: a multiple of 4)",
                                   t.n, t.h, t.w, t.c, heads, s.n, s.h, s.w, s.c);
    return append_rotate(g, x, table, heads, false);
}
