/* The loss scale: reading it, what it asks of the optimiser, changing it. */
#include "ops/optimiser/loss_scale.h"

#include "graph/lower.h"
#include "ops/optimiser/optimiser.h"
#include "reference/optimiser/loss_scale.h"

static cairn_status lower_part(cairn_lowering *l, cairn_slot state, cairn_slot statistics, cairn_slot y, uint32_t part)
{
    cairn_kernel_call call = {.kernel = "optimiser/loss_scale", .constants = {part}, .constant_count = 1,
                              .slots = {state, statistics, y}, .slot_count = 3, .written = 1u << 2, .threads = {1}};
    return cairn_lower_call(l, &call);
}

static cairn_status scale_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_part(l, node->inputs[0], node->inputs[0], node->outputs[0], 0);
}

static cairn_status control_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_part(l, node->inputs[0], node->inputs[1], node->outputs[0], 1);
}

static cairn_status update_lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_loss_scale_attributes *a = cairn_node_attributes(node);
    cairn_kernel_call call = {.kernel = "optimiser/loss_scale_update",
                              .slots = {node->inputs[0], node->inputs[1], node->inputs[2]}, .slot_count = 3,
                              .written = 1u << 0, .push = {cairn_float_bits((float)a->interval)}, .push_count = 1,
                              .threads = {1}};
    return cairn_lower_call(l, &call);
}

static const cairn_op scale_op = {
    .name = "loss_scale", .lower = scale_lower, .reference = cairn_reference_loss_scale};
static const cairn_op control_op = {
    .name = "loss_scale_control", .lower = control_lower, .reference = cairn_reference_loss_scale_control};
static const cairn_op update_op = {.name = "loss_scale_update",
                                   .lower = update_lower,
                                   .reference = cairn_reference_loss_scale_update,
                                   .updates = 1u << 0};

/* Whether the inputs are [1,1,1,4], or for the last of three the scalars. */
static bool fits(cairn_graph *g, const cairn_op *op, const cairn_tid *inputs, int count)
{
    for (int i = 0; i < count; i++) {
        cairn_shape have = cairn_graph_shape(g, inputs[i]), want = {1, 1, 1, i == 2 ? CAIRN_OPTIMISER_SCALARS : 4};
        if (inputs[i] == CAIRN_NONE || cairn_shape_equal(have, want)) continue;
        cairn_graph_mistake(g, op->name, "input %d is [%d,%d,%d,%d], expected [1,1,1,%d]", i, have.n, have.h, have.w,
                            have.c, want.c);
        return false;
    }
    return true;
}

cairn_tid cairn_op_loss_scale(cairn_graph *g, cairn_tid state)
{
    if (!fits(g, &scale_op, &state, 1)) return CAIRN_NONE;
    return cairn_graph_append(g, &scale_op, &state, 1, 1, &CAIRN_SCALAR, 1, NULL, NULL, 0);
}

cairn_tid cairn_op_loss_scale_control(cairn_graph *g, cairn_tid state, cairn_tid statistics)
{
    const cairn_tid inputs[] = {state, statistics};
    const cairn_shape y = {1, 1, 1, 4};
    if (!fits(g, &control_op, inputs, 2)) return CAIRN_NONE;
    return cairn_graph_append(g, &control_op, inputs, 2, 2, &y, 1, NULL, NULL, 0);
}

void cairn_op_loss_scale_update(cairn_graph *g, cairn_tid state, cairn_tid statistics, cairn_tid scalars, int interval)
{
    const cairn_tid inputs[] = {state, statistics, scalars};
    const cairn_loss_scale_attributes a = {interval};
    if (!fits(g, &update_op, inputs, 3)) return;
    if (interval < 1) {
        cairn_graph_mistake(g, update_op.name, "an interval of %d steps", interval);
        return;
    }
    cairn_graph_append(g, &update_op, inputs, 3, 3, NULL, 0, NULL, &a, sizeof a);
}
