/* The gradient's norm and the factor that limits it. */
#include "ops/optimiser/optimiser.h"

#include "graph/lower.h"
#include "reference/optimiser/optimiser.h"

static cairn_status statistics_lower(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    bool texel = cairn_lower_class(l) == CAIRN_CLASS_TEXEL;
    uint32_t chunks = (uint32_t)cairn_lower_shape(l, node->inputs[1]).w;
    cairn_slot parts = cairn_lower_scratch(l, chunks);
    cairn_kernel_call call = {.kernel = "optimiser/statistics", .slots = {node->inputs[0], node->inputs[1], parts},
                              .slot_count = 3, .written = 1u << 2, .push = {chunks}, .push_count = 1,
                              .threads = {texel ? chunks : 64 * chunks}};
    CAIRN_TRY(cairn_lower_call(l, &call));
    call = (cairn_kernel_call){.kernel = "optimiser/statistics_finish", .slots = {parts, node->outputs[0]},
                               .slot_count = 2, .written = 1u << 1, .push = {chunks}, .push_count = 1, .threads = {64}};
    if (texel) {
        enum { RUNS = 64 };
        cairn_kernel_call last = call;
        call.slots[1] = last.slots[0] = cairn_lower_scratch(l, RUNS);
        call.constant_count = last.constant_count = 1;
        last.constants[0] = 1;
        last.push[0] = RUNS;
        last.threads[0] = 1;
        CAIRN_TRY(cairn_lower_call(l, &call));
        call = last;
    }
    CAIRN_TRY(cairn_lower_call(l, &call));
done:
    return st;
}

static double statistics_operations(const cairn_node *node, const cairn_graph *g)
{
    return 2.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

static const cairn_op statistics_op = {.name = "gradient_statistics",
                                       .lower = statistics_lower,
                                       .reference = cairn_reference_gradient_statistics,
                                       .operations = statistics_operations};

cairn_tid cairn_op_gradient_statistics(cairn_graph *g, cairn_tid grad, cairn_tid table)
{
    const cairn_tid inputs[] = {grad, table};
    const cairn_shape y = {1, 1, 1, 4};
    cairn_shape s = cairn_graph_shape(g, grad), t = cairn_graph_shape(g, table);
    if (grad != CAIRN_NONE && table != CAIRN_NONE && (s.c != 4 || t.c != 4 || t.n != 1 || t.h != 1))
        return cairn_graph_mistake(g, statistics_op.name, "gradients [%d,%d,%d,%d] with table [%d,%d,%d,%d]", s.n, s.h,
                                   s.w, s.c, t.n, t.h, t.w, t.c);
    return cairn_graph_append(g, &statistics_op, inputs, 2, 2, &y, 1, NULL, NULL, 0);
}

static cairn_status clip_lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_clip_attributes *a = cairn_node_attributes(node);
    cairn_kernel_call call = {.kernel = "optimiser/clip",
                              .slots = {node->inputs[0], node->inputs[1], node->inputs[2], node->outputs[0]},
                              .slot_count = 4, .written = 1u << 3, .push = {cairn_float_bits(a->most_norm)},
                              .push_count = 1, .threads = {1}};
    return cairn_lower_call(l, &call);
}

static const cairn_op clip_op = {.name = "clip", .lower = clip_lower, .reference = cairn_reference_clip};

cairn_tid cairn_op_clip(cairn_graph *g, cairn_tid statistics, cairn_tid scalars, cairn_tid control, float most_norm)
{
    const cairn_tid inputs[] = {statistics, scalars, control};
    for (int i = 0; i < 3; i++) {
        cairn_shape have = cairn_graph_shape(g, inputs[i]), want = {1, 1, 1, i == 1 ? CAIRN_OPTIMISER_SCALARS : 4};
        if (inputs[i] != CAIRN_NONE && !cairn_shape_equal(have, want))
            return cairn_graph_mistake(g, clip_op.name, "input %d is [%d,%d,%d,%d], expected [%d,%d,%d,%d]", i, have.n,
                                       have.h, have.w, have.c, want.n, want.h, want.w, want.c);
    }
    if (!(most_norm > 0))
        return cairn_graph_mistake(g, clip_op.name, "a norm of %g cannot be reached", (double)most_norm);
    const cairn_shape y = {1, 1, 1, 4};
    cairn_clip_attributes a = {most_norm};
    return cairn_graph_append(g, &clip_op, inputs, 3, 3, &y, 1, NULL, &a, sizeof a);
}
