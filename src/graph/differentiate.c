/* Reverse-mode differentiation, graph to graph. Nodes are in topological order by construction, so one backward walk
 * over them meets every consumer of a tensor before its producer. */
#include "graph/internal.h"
#include "ops/pointwise/pointwise.h"

#include <string.h>

typedef struct walk {
    cairn_graph *g;
    int tensors, nodes; /* of the forward graph; what is appended later is not walked */
    cairn_tid *gradient; /* [tensors] sum so far, or CAIRN_NONE */
    bool *wanted;        /* [tensors] lies on a path from a wanted tensor */
} walk;

static void mark_wanted(walk *w, const cairn_tid *wrt, int count)
{
    for (int i = 0; i < count; i++)
        if (wrt[i] != CAIRN_NONE) w->wanted[wrt[i]] = true;
    for (int i = 0; i < w->nodes; i++) {
        const cairn_node *node = cairn_graph_node(w->g, i);
        bool any = false;
        for (int k = 0; k < node->input_count; k++)
            any |= node->inputs[k] != CAIRN_NONE && w->wanted[node->inputs[k]];
        for (int k = 0; k < node->output_count && any && node->op->gradient; k++) w->wanted[node->outputs[k]] = true;
    }
}

static void step_back(walk *w, int index)
{
    cairn_node node = *cairn_graph_node(w->g, index); /* a copy: appending moves the nodes */
    cairn_tid doutputs[CAIRN_MAX_OUTPUTS], dinputs[CAIRN_MAX_INPUTS];
    bool needs[CAIRN_MAX_INPUTS] = {false}, reached = false, any = false;
    for (int k = 0; k < node.output_count; k++) {
        doutputs[k] = w->gradient[node.outputs[k]];
        reached |= doutputs[k] != CAIRN_NONE;
    }
    for (int k = 0; k < CAIRN_MAX_INPUTS; k++) {
        dinputs[k] = CAIRN_NONE;
        needs[k] = k < node.input_count && node.inputs[k] != CAIRN_NONE && w->wanted[node.inputs[k]];
        any |= needs[k];
    }
    if (!reached || !any || !node.op->gradient) return;
    node.op->gradient(w->g, &node, doutputs, needs, dinputs);
    for (int k = 0; k < node.input_count; k++) {
        if (dinputs[k] == CAIRN_NONE || !needs[k]) continue;
        cairn_tid *sum = &w->gradient[node.inputs[k]];
        cairn_shape want = cairn_graph_shape(w->g, node.inputs[k]), have = cairn_graph_shape(w->g, dinputs[k]);
        if (!cairn_shape_equal(want, have))
            cairn_graph_mistake(w->g, node.op->name, "the gradient of input %d is [%d,%d,%d,%d], not [%d,%d,%d,%d]", k,
                                have.n, have.h, have.w, have.c, want.n, want.h, want.w, want.c);
        cairn_graph__note_gradient(w->g, node.inputs[k], dinputs[k]);
        if (*sum != CAIRN_NONE) {
            *sum = cairn_op_add(w->g, *sum, dinputs[k]);
            cairn_graph__note_gradient(w->g, node.inputs[k], *sum);
        } else {
            *sum = dinputs[k];
        }
    }
}

cairn_status cairn_graph_differentiate(cairn_graph *g, cairn_tid loss, const cairn_tid *wrt, int count,
                                       cairn_tid *grads)
{
    cairn_status st = CAIRN_OK;
    for (int i = 0; i < count; i++) grads[i] = CAIRN_NONE;
    walk w = {.g = g, .tensors = cairn_graph_tensor_count(g), .nodes = cairn_graph_node_count(g)};
    CAIRN_TRY(cairn_graph_status(g));
    w.gradient = malloc(sizeof *w.gradient * (size_t)w.tensors);
    w.wanted = calloc((size_t)w.tensors, sizeof *w.wanted);
    if (!w.gradient || !w.wanted) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory to differentiate %d tensors", w.tensors);
        goto done;
    }
    for (int i = 0; i < w.tensors; i++) w.gradient[i] = CAIRN_NONE;
    mark_wanted(&w, wrt, count);
    cairn_graph__end_forward(g);
    w.gradient[loss] = cairn_graph_constant(g, cairn_graph_shape(g, loss), 1.0f);
    for (int i = w.nodes - 1; i >= 0; i--) step_back(&w, i);
    CAIRN_TRY(cairn_graph_status(g));
    for (int i = 0; i < count; i++) grads[i] = wrt[i] == CAIRN_NONE ? CAIRN_NONE : w.gradient[wrt[i]];
done:
    free(w.gradient);
    free(w.wanted);
    return st;
}
