#include "ops/norm/layer_norm.h"

#include "ops/layout/cells.h"
#include "ops/reduce/chunks.h"
#include "reference/norm/layer_norm.h"

static double operations(const cairn_node *node, const cairn_graph *g)
{
    return 8.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

/* ---- gradient to x: inputs x, statistics, dy, gamma ---- */
static cairn_status lower_grad(cairn_lowering *l, const cairn_node *node)
{
    const cairn_tid *in = node->inputs;
    cairn_shape s = cairn_lower_shape(l, in[0]);
    cairn_kernel_call call = {.kernel = "layer_norm/grad_input",
                              .constants = {0, in[3] != CAIRN_NONE},
                              .constant_count = 2,
                              .slots = {in[0], in[2], in[1], in[3] != CAIRN_NONE ? in[3] : in[1], node->outputs[0]},
                              .slot_count = 5,
                              .written = 1u << 4,
                              .push = {0, 0, (uint32_t)s.c},
                              .push_count = 3};
    return cairn_cells_call(l, &call, cairn_cells_of(s), cairn_shape_groups(s));
}

static const cairn_op grad_op = {.name = "layer_norm_grad",
                                 .lower = lower_grad,
                                 .reference = cairn_ref_layer_norm_grad,
                                 .operations = operations};

/* ---- gradient to gamma and beta: inputs x, statistics, dy ---- */
static cairn_status lower_sums(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    cairn_shape s = cairn_lower_shape(l, node->inputs[0]);
    cairn_chunks cut = cairn_chunks_plan(l, cairn_cells_of(s), cairn_shape_groups(s), 1);
    cairn_kernel_call call = {.kernel = "layer_norm/grad_sums",
                              .slots = {node->inputs[0], node->inputs[2], node->inputs[1]},
                              .slot_count = 5,
                              .written = 0x18};
    for (int i = 0; i < 2; i++)
        call.slots[3 + i] =
            cut.chunks == 1 ? node->outputs[i] : cairn_lower_scratch(l, cairn_chunks_vectors(&cut));
    CAIRN_TRY(cairn_chunks_call(l, &call, &cut));
    for (int i = 0; i < 2 && cut.chunks > 1; i++)
        CAIRN_TRY(cairn_chunks_finish(l, &cut, call.slots[3 + i], node->outputs[i], 1.0f));
done:
    return st;
}

static const cairn_op sums_op = {.name = "layer_norm_sums",
                                 .lower = lower_sums,
                                 .reference = cairn_ref_layer_norm_sums,
                                 .operations = operations};

/* ---- forward ---- */
static cairn_status lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_layer_norm_attributes *at = cairn_node_attributes(node);
    const cairn_tid *in = node->inputs;
    cairn_shape s = cairn_lower_shape(l, in[0]);
    cairn_kernel_call call = {.kernel = "layer_norm/normalize",
                              .constants = {0, in[1] != CAIRN_NONE, in[2] != CAIRN_NONE},
                              .constant_count = 3,
                              .slots = {in[0], in[1] != CAIRN_NONE ? in[1] : in[0],
                                        in[2] != CAIRN_NONE ? in[2] : in[0], node->outputs[0], node->outputs[1]},
                              .slot_count = 5,
                              .written = 0x18,
                              .push = {0, 0, (uint32_t)s.c, cairn_float_bits(at->eps)},
                              .push_count = 4};
    return cairn_cells_call(l, &call, cairn_cells_of(s), cairn_shape_groups(s));
}

static void gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                     cairn_tid *dinputs)
{
    const cairn_tid *in = node->inputs;
    cairn_tid inputs[4] = {in[0], node->outputs[1], doutputs[0], in[1]}, sums[2];
    cairn_shape s = cairn_graph_shape(g, in[0]), c = {1, 1, 1, s.c}, both[2] = {c, c};
    if (doutputs[0] == CAIRN_NONE) return;
    if (needs[0]) cairn_graph_append(g, &grad_op, inputs, 4, 3, &s, 1, &dinputs[0], NULL, 0);
    if (!needs[1] && !needs[2]) return;
    cairn_graph_append(g, &sums_op, inputs, 3, 3, both, 2, sums, NULL, 0);
    dinputs[1] = needs[1] ? sums[0] : CAIRN_NONE;
    dinputs[2] = needs[2] ? sums[1] : CAIRN_NONE;
}

static const cairn_op layer_norm_op = {.name = "layer_norm",
                                       .gradient = gradient,
                                       .lower = lower,
                                       .reference = cairn_ref_layer_norm,
                                       .operations = operations,
                                       .again = cairn_node_again};

cairn_tid cairn_op_layer_norm(cairn_graph *g, cairn_tid x, cairn_tid gamma, cairn_tid beta, float eps)
{
    cairn_shape s = cairn_graph_shape(g, x);
    const cairn_tid parameters[2] = {gamma, beta};
    for (int i = 0; i < 2 && x != CAIRN_NONE; i++) {
        cairn_shape p = cairn_graph_shape(g, parameters[i]);
        if (parameters[i] != CAIRN_NONE && !cairn_shape_equal(p, (cairn_shape){1, 1, 1, s.c}))
            return cairn_graph_mistake(g, "layer_norm", "%s is [%d,%d,%d,%d], not [1,1,1,%d]", i ? "beta" : "gamma",
                                       p.n, p.h, p.w, p.c, s.c);
    }
    if (!(eps > 0)) return cairn_graph_mistake(g, "layer_norm", "eps %g is not positive", (double)eps);
    cairn_layer_norm_attributes at = {eps};
    cairn_tid inputs[3] = {x, gamma, beta}, out[2] = {CAIRN_NONE, CAIRN_NONE};
    cairn_shape shapes[2] = {s, {s.n, s.h, s.w, 2}};
    return cairn_graph_append(g, &layer_norm_op, inputs, 3, 1, shapes, 2, out, &at, sizeof at);
}
