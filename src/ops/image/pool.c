#include "ops/image/pool.h"

#include "ops/norm/rows.h"
#include "reference/image/pool.h"

static cairn_status lower_pool(cairn_lowering *l, const cairn_node *node)
{
    cairn_shape s = cairn_lower_shape(l, node->inputs[0]);
    cairn_rows rows = cairn_rows_plan(s.w / 2, cairn_shape_groups(s), (int64_t)s.n * (s.h / 2), 4);
    cairn_kernel_call call = {.kernel = "pool/max_pool2",
                              .constants = {0, 0, s.h % 2},
                              .constant_count = 3,
                              .slots = {node->inputs[0], node->outputs[0]},
                              .slot_count = 2,
                              .written = 2,
                              .push = {0, 0, 0, (uint32_t)s.w, (uint32_t)s.h / 2},
                              .push_count = 5};
    return cairn_rows_call(l, &call, &rows);
}

static cairn_status lower_grad(cairn_lowering *l, const cairn_node *node)
{
    cairn_shape s = cairn_lower_shape(l, node->inputs[0]);
    cairn_rows rows = cairn_rows_plan((s.w + 1) / 2, cairn_shape_groups(s), (int64_t)s.n * ((s.h + 1) / 2), 4);
    cairn_kernel_call call = {.kernel = "pool/max_pool2_grad",
                              .constants = {0, 0, s.h % 2},
                              .constant_count = 3,
                              .slots = {node->inputs[0], node->inputs[1], node->outputs[0]},
                              .slot_count = 3,
                              .written = 4,
                              .push = {0, 0, 0, (uint32_t)s.w, (uint32_t)s.h},
                              .push_count = 5};
    return cairn_rows_call(l, &call, &rows);
}

static double operations(const cairn_node *node, const cairn_graph *g)
{
    return (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

static const cairn_op grad_op = {
    .name = "max_pool2_grad", .lower = lower_grad, .reference = cairn_ref_max_pool2_grad, .operations = operations};

static void gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                     cairn_tid *dinputs)
{
    cairn_tid inputs[2] = {node->inputs[0], doutputs[0]};
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    (void)needs;
    cairn_graph_append(g, &grad_op, inputs, 2, 2, &s, 1, &dinputs[0], NULL, 0);
}

static const cairn_op pool_op = {.name = "max_pool2",
                                 .gradient = gradient,
                                 .lower = lower_pool,
                                 .reference = cairn_ref_max_pool2,
                                 .operations = operations,
                                 .again = cairn_node_again};

cairn_tid cairn_op_max_pool2(cairn_graph *g, cairn_tid x)
{
    cairn_shape s = cairn_graph_shape(g, x), y = {s.n, s.h / 2, s.w / 2, s.c};
    cairn_tid out = CAIRN_NONE;
    if (x != CAIRN_NONE && (s.h < 2 || s.w < 2))
        return cairn_graph_mistake(g, "max_pool2", "[%d,%d,%d,%d] is smaller than a window of 2x2", s.n, s.h, s.w, s.c);
    return cairn_graph_append(g, &pool_op, &x, 1, 1, &y, 1, &out, NULL, 0);
}

bool cairn_pool_is_max2(const cairn_node *node)
{
    return node->op == &pool_op;
}

bool cairn_pool_is_max2_grad(const cairn_node *node)
{
    return node->op == &grad_op;
}
