#include "ops/layout/cells.h"
#include "ops/loss/likelihood.h"
#include "ops/norm/rows.h"
#include "reference/loss/likelihood.h"

static cairn_status lower(cairn_lowering *l, const cairn_node *node)
{
    cairn_shape s = cairn_lower_shape(l, node->inputs[0]);
    cairn_kernel_call call = {
        .kernel = "likelihood/pick",
        .slots = {node->inputs[0], node->inputs[1], node->outputs[0]},
        .slot_count = 3,
        .written = 1u << 2,
        .push = {(uint32_t)cairn_cells_of(s), (uint32_t)cairn_shape_groups(s), (uint32_t)s.c},
        .push_count = 3};
    cairn_lower_linear(&call, cairn_cells_of(s));
    return cairn_lower_call(l, &call);
}

static cairn_status lower_grad(cairn_lowering *l, const cairn_node *node)
{
    cairn_shape s = cairn_lower_shape(l, node->outputs[0]);
    cairn_rows rows = cairn_rows_plan(cairn_cells_of(s), cairn_shape_groups(s), 1, CAIRN_ROWS_STEPS);
    cairn_kernel_call call = {.kernel = "likelihood/pick_grad",
                              .slots = {node->inputs[0], node->inputs[1], node->outputs[0]},
                              .slot_count = 3,
                              .written = 1u << 2,
                              .push = {0, 0, 0, (uint32_t)s.c},
                              .push_count = 4};
    return cairn_rows_call(l, &call, &rows);
}

/* inputs: index, dy */
static const cairn_op grad_op = {.name = "pick_grad", .lower = lower_grad, .reference = cairn_ref_pick_grad};

static void gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                     cairn_tid *dinputs)
{
    cairn_tid inputs[2] = {node->inputs[1], doutputs[0]};
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    if (needs[0]) cairn_graph_append(g, &grad_op, inputs, 2, 2, &s, 1, &dinputs[0], NULL, 0);
}

static const cairn_op pick_op = {
    .name = "pick", .gradient = gradient, .lower = lower, .reference = cairn_ref_pick};

cairn_tid cairn_op_pick(cairn_graph *g, cairn_tid x, cairn_tid index)
{
    cairn_shape s = cairn_graph_shape(g, x), t = cairn_graph_shape(g, index), y = {s.n, s.h, s.w, 1};
    if (x != CAIRN_NONE && index != CAIRN_NONE && !cairn_shape_equal(t, y))
        return cairn_graph_mistake(g, pick_op.name, "index [%d,%d,%d,%d], expected [%d,%d,%d,1]", t.n, t.h, t.w, t.c,
                                   s.n, s.h, s.w);
    cairn_tid inputs[2] = {x, index};
    return cairn_graph_append(g, &pick_op, inputs, 2, 2, &y, 1, NULL, NULL, 0);
}

/* ---- the largest channel ---- */
static cairn_status lower_largest(cairn_lowering *l, const cairn_node *node)
{
    cairn_shape s = cairn_lower_shape(l, node->inputs[0]);
    cairn_kernel_call call = {.kernel = "likelihood/largest_channel",
                              .slots = {node->inputs[0], node->outputs[0]},
                              .slot_count = 2,
                              .written = 1u << 1,
                              .push = {0, 0, (uint32_t)s.c},
                              .push_count = 3};
    return cairn_cells_call(l, &call, cairn_cells_of(s), cairn_shape_groups(s));
}

static double one_for_each(const cairn_node *node, const cairn_graph *g)
{
    return (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

static const cairn_op largest_op = {.name = "largest_channel",
                                    .lower = lower_largest,
                                    .reference = cairn_ref_largest_channel,
                                    .operations = one_for_each};

cairn_tid cairn_op_largest_channel(cairn_graph *g, cairn_tid x)
{
    cairn_shape s = cairn_graph_shape(g, x), y = {s.n, s.h, s.w, 1};
    return cairn_graph_append(g, &largest_op, &x, 1, 1, &y, 1, NULL, NULL, 0);
}
