/* Values as integers with a scale would hold them. */
#include "graph/lower.h"
#include "ops/quantise/internal.h"

/* Bindings: inputs, then the output; inputs 0 and 1 are x and the parameters. */
static cairn_status lower_values(cairn_lowering *l, const cairn_node *node, const char *kernel)
{
    const cairn_quantise_attributes *a = cairn_node_attributes(node);
    cairn_shape x = cairn_lower_shape(l, node->inputs[0]);
    int64_t vectors = cairn_shape_vectors(x);
    cairn_kernel_call call = {.kernel = kernel,
                              .constants = {cairn_lower_shape(l, node->inputs[1]).c == 1},
                              .constant_count = 1,
                              .slot_count = node->input_count + 1,
                              .written = 1u << node->input_count,
                              .push = {(uint32_t)vectors, (uint32_t)cairn_shape_groups(x), (uint32_t)x.c,
                                       cairn_float_bits(a->low), cairn_float_bits(a->high)},
                              .push_count = 5};
    for (int i = 0; i < node->input_count; i++) call.slots[i] = node->inputs[i];
    call.slots[node->input_count] = node->outputs[0];
    cairn_lower_linear(&call, vectors);
    return cairn_lower_call(l, &call);
}

static cairn_status fake_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_values(l, node, "quantise/fake_quantise");
}

static cairn_status grad_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_values(l, node, "quantise/fake_quantise_grad");
}

static double fake_operations(const cairn_node *node, const cairn_graph *g)
{
    return 6.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

static const cairn_op grad_op = {.name = "fake_quantise_grad",
                                 .lower = grad_lower,
                                 .reference = cairn_reference_fake_quantise_grad,
                                 .operations = fake_operations};

static void fake_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                          cairn_tid *dinputs)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    const cairn_tid inputs[] = {node->inputs[0], node->inputs[1], doutputs[0]};
    if (needs[0])
        dinputs[0] = cairn_graph_append(g, &grad_op, inputs, 3, 3, &s, 1, NULL, cairn_node_attributes(node),
                                        sizeof(cairn_quantise_attributes));
}

static const cairn_op fake_op = {.name = "fake_quantise",
                                 .gradient = fake_gradient,
                                 .lower = fake_lower,
                                 .reference = cairn_reference_fake_quantise,
                                 .operations = fake_operations};

cairn_tid cairn_op_fake_quantise(cairn_graph *g, cairn_tid x, cairn_tid parameters, int bits, bool symmetric)
{
    cairn_shape s = cairn_graph_shape(g, x), p = cairn_graph_shape(g, parameters);
    cairn_quantise_attributes a;
    if (!cairn_quantise__integers(g, fake_op.name, bits, symmetric, &a)) return CAIRN_NONE;
    if (x != CAIRN_NONE && parameters != CAIRN_NONE && (p.n != 1 || p.h != 1 || p.w != 2 || (p.c != 1 && p.c != s.c)))
        return cairn_graph_mistake(g, fake_op.name, "parameters [%d,%d,%d,%d] of [%d,%d,%d,%d], expected [1,1,2,1] or "
                                   "[1,1,2,%d]", p.n, p.h, p.w, p.c, s.n, s.h, s.w, s.c, s.c);
    return cairn_graph_append(g, &fake_op, (const cairn_tid[]){x, parameters}, 2, 2, &s, 1, NULL, &a, sizeof a);
}
