/* Sums that are zero. A normalisation by its own statistics gives every channel of its gradient the sum zero, since no
 * shift of its input changes anything; what adds that gradient up over all pixels, as the gradient of a convolution's
 * bias in front of it does, reads a whole tensor for a rounding error. It becomes a zero. */
#include "graph/fuse/fuse.h"

#include <string.h>

static cairn_status lower_zeros(cairn_lowering *l, const cairn_node *node)
{
    cairn_shape s = cairn_lower_shape(l, node->outputs[0]);
    int64_t vectors = cairn_shape_vectors(s);
    cairn_kernel_call call = {.kernel = "pointwise/fill", .slots = {node->outputs[0]}, .slot_count = 1, .written = 1,
                              .push = {(uint32_t)vectors, (uint32_t)cairn_shape_groups(s), (uint32_t)s.c,
                                       cairn_float_bits(0.0f)},
                              .push_count = 4};
    cairn_lower_linear(&call, vectors);
    return cairn_lower_call(l, &call);
}

static void zeros_reference(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs)
{
    (void)inputs;
    memset(outputs[0], 0, sizeof *outputs[0] * (size_t)cairn_shape_count(cairn_graph_shape(g, node->outputs[0])));
}

static const cairn_op zeros_op = {.name = "zeros", .lower = lower_zeros, .reference = zeros_reference};

static bool adds_up_to_zero(const cairn_graph *g, const cairn_node *node)
{
    if (!node->op->adds_pixels) return false;
    int producer = cairn_graph_tensor(g, node->inputs[0])->producer;
    if (producer < 0) return false;
    const cairn_node *source = cairn_graph_node(g, producer);
    return source->op->balanced && source->outputs[0] == node->inputs[0] && source->op->balanced(source);
}

void cairn_fuse__balanced(cairn_graph *g)
{
    for (int i = 0; i < cairn_graph_node_count(g); i++) {
        const cairn_node *node = cairn_graph_node(g, i);
        if (!adds_up_to_zero(g, node)) continue;
        cairn_node zeros = {.op = &zeros_op, .output_count = 1};
        for (int k = 0; k < CAIRN_MAX_INPUTS; k++) zeros.inputs[k] = CAIRN_NONE;
        for (int k = 0; k < CAIRN_MAX_OUTPUTS; k++) zeros.outputs[k] = k ? CAIRN_NONE : node->outputs[0];
        cairn_graph__replace(g, i, &zeros);
    }
}
