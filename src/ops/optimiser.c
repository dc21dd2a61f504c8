#include "ops/optimiser.h"

#include "graph/lower.h"
#include "reference/optimiser.h"

static cairn_status adam_lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_adam_attributes *a = cairn_node_attributes(node);
    int64_t vectors = cairn_shape_vectors(cairn_lower_shape(l, node->inputs[0]));
    cairn_kernel_call call = {
        .kernel = "optimiser/adam",
        .slots = {node->inputs[0], node->inputs[1], node->inputs[2], node->inputs[3], node->inputs[4]},
        .slot_count = 5,
        .written = node->op->updates,
        .push = {(uint32_t)vectors, a->decay},
        .push_count = 2,
    };
    cairn_lower_linear(&call, vectors);
    return cairn_lower_call(l, &call);
}

static double adam_operations(const cairn_node *node, const cairn_graph *g)
{
    return 14.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

static const cairn_op adam_op = {.name = "adam",
                                 .lower = adam_lower,
                                 .reference = cairn_reference_adam,
                                 .operations = adam_operations,
                                 .updates = 1u << 0 | 1u << 2 | 1u << 3};

void cairn_op_adam(cairn_graph *g, cairn_tid param, cairn_tid grad, cairn_tid m, cairn_tid v, cairn_tid scalars,
                   bool decay)
{
    const cairn_tid inputs[5] = {param, grad, m, v, scalars};
    cairn_shape s = cairn_graph_shape(g, param);
    for (int i = 0; i < 5; i++) {
        cairn_shape want = i == 4 ? (cairn_shape){1, 1, 1, 8} : s, have = cairn_graph_shape(g, inputs[i]);
        if (inputs[i] == CAIRN_NONE || cairn_shape_equal(have, want)) continue;
        cairn_graph_mistake(g, adam_op.name, "input %d is [%d,%d,%d,%d], expected [%d,%d,%d,%d]", i, have.n, have.h,
                            have.w, have.c, want.n, want.h, want.w, want.c);
        return;
    }
    cairn_adam_attributes a = {decay};
    cairn_graph_append(g, &adam_op, inputs, 5, 5, NULL, 0, NULL, &a, sizeof a);
}
