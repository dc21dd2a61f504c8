/* Cheap values of the forward pass that the backward pass reads are not kept but computed again just before their first
 * reader there, by the same kernels from the same operands: the same bits for less memory.
 *
 * It works on the graph as fused, so that a node that runs again is the very node of the forward pass (a chain of
 * pointwise ops, a normalisation with its activation, a pooling), whatever precision its tensors are stored in. What it
 * reads must be there anyway: stored tensors and inputs, small tensors (statistics), values that the backward pass
 * reads besides (a convolution's result, for the gradient of its normalisation), and values that are computed again
 * too.
 *
 * source  Chen et al., "Training deep nets with sublinear memory cost", arXiv:1604.06174, section 4.2: "drop the
 *         results of low cost operations" (batch normalisation, activation, pooling), keep those of convolutions */
#include "graph/fuse/fuse.h"

#include <string.h>

enum {
    FEWEST_VECTORS = 4096, /* 64 KiB; smaller tensors are kept, which saves dispatches */
    SMALL_SHARE = 8,       /* an operand below this share of the result may live longer for it */
    SHORTEST_WAIT = 8      /* nodes between the last reader of the forward pass and the first of the backward pass */
};

typedef struct second {
    cairn_node node; /* as `again` made it, still with the outputs of the first */
    bool able;       /* its operands are there */
    int at;          /* stands before this node; -1: it is not needed */
} second;

typedef struct pass {
    cairn_graph *g;
    cairn_readers readers;
    int forward, nodes; /* of the graph as it came */
    second *seconds;    /* [forward] */
    cairn_tid *twin;    /* [tensors as they came] what the backward pass reads instead, or CAIRN_NONE */
} pass;

/* The first node of the backward pass that reads the tensor; -1: none. */
static int first_backward_reader(const pass *p, cairn_tid t)
{
    for (int r = p->readers.first[t]; r < p->readers.first[t + 1]; r++)
        if (p->readers.nodes[r] >= p->forward) return p->readers.nodes[r];
    return -1;
}

static int last_forward_reader(const pass *p, cairn_tid t)
{
    int last = cairn_graph_tensor(p->g, t)->producer;
    for (int r = p->readers.first[t]; r < p->readers.first[t + 1] && p->readers.nodes[r] < p->forward; r++)
        last = p->readers.nodes[r];
    return last;
}

static bool is_able(const pass *p, cairn_tid t)
{
    int producer = cairn_graph_tensor(p->g, t)->producer;
    return producer >= 0 && producer < p->forward && p->seconds[producer].able &&
           p->seconds[producer].node.outputs[0] == t;
}

/* Whether an operand of a result of so many vectors is there in the backward pass without being kept for this. */
static bool is_there(const pass *p, cairn_tid t, int64_t vectors)
{
    const cairn_tensor *tensor = cairn_graph_tensor(p->g, t);
    return tensor->kind != CAIRN_TENSOR_VALUE || tensor->is_output ||
           cairn_shape_vectors(tensor->shape) * SMALL_SHARE <= vectors || first_backward_reader(p, t) >= 0 ||
           is_able(p, t);
}

/* Outputs beyond the first would each need a reason of their own; a node that has them runs again for the first only
 * where `again` drops them. */
static bool may_run_again(const pass *p, int index, second *s)
{
    s->node = *cairn_graph_node(p->g, index);
    s->at = -1;
    bool cheap = s->node.op->again && !s->node.op->updates;
    if (!p->readers.used[index] || !cheap || !s->node.op->again(&s->node)) return false;
    const cairn_tensor *t = cairn_graph_tensor(p->g, s->node.outputs[0]);
    int64_t vectors = cairn_shape_vectors(t->shape);
    if (s->node.output_count != 1 || t->is_output || t->joined != CAIRN_NONE || t->is_join) return false;
    for (int k = 0; k < s->node.input_count; k++)
        if (s->node.inputs[k] != CAIRN_NONE && !is_there(p, s->node.inputs[k], vectors)) return false;
    return true;
}

/* Where the backward pass first needs the value, if that makes running again worth it; -1 if not. */
static int wish(const pass *p, cairn_tid t)
{
    int first = first_backward_reader(p, t);
    bool worth = first - last_forward_reader(p, t) >= SHORTEST_WAIT &&
                 cairn_shape_vectors(cairn_graph_shape(p->g, t)) >= FEWEST_VECTORS;
    return worth ? first : -1;
}

/* The operands that are computed again for a second node at `at` must stand before it. */
static void ask_for_operands(const pass *p, const second *s)
{
    for (int k = 0; k < s->node.input_count; k++) {
        cairn_tid t = s->node.inputs[k];
        if (t == CAIRN_NONE || !is_able(p, t)) continue;
        second *before = &p->seconds[cairn_graph_tensor(p->g, t)->producer];
        bool kept = before->at < 0 && first_backward_reader(p, t) >= 0; /* not worth running again */
        bool small = cairn_shape_vectors(cairn_graph_shape(p->g, t)) < FEWEST_VECTORS;
        if (!kept && !small && (before->at < 0 || before->at > s->at)) before->at = s->at;
    }
}

/* Every value at its first reader, then from the last node to the first what those need before them. */
static void choose(const pass *p)
{
    for (int i = 0; i < p->forward; i++)
        if (p->seconds[i].able) p->seconds[i].at = wish(p, p->seconds[i].node.outputs[0]);
    for (int i = p->forward - 1; i >= 0; i--) {
        second *s = &p->seconds[i];
        if (s->at >= 0 && cairn_fuse__overwritten(p->g, &s->node, i, s->at)) s->at = -1;
        if (s->at >= 0) ask_for_operands(p, s);
    }
}

static void rewire(const pass *p, cairn_node *node)
{
    for (int k = 0; k < node->input_count; k++)
        if (node->inputs[k] != CAIRN_NONE && p->twin[node->inputs[k]] != CAIRN_NONE)
            node->inputs[k] = p->twin[node->inputs[k]];
}

static cairn_status rebuild(pass *p, int count)
{
    cairn_status st = CAIRN_OK;
    int at = 0;
    cairn_node *list = malloc(sizeof *list * (size_t)(p->nodes + count + 1));
    if (!list) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d nodes", p->nodes + count);
    for (int i = 0; i < p->forward; i++) {
        second *s = &p->seconds[i];
        if (s->at < 0) continue;
        cairn_tid twin = cairn_graph__add_twin(p->g, s->node.outputs[0]);
        p->twin[s->node.outputs[0]] = twin;
        s->node.outputs[0] = twin;
    }
    CAIRN_TRY(cairn_graph_status(p->g));
    for (int i = 0; i < p->nodes; i++) {
        for (int k = 0; k < p->forward && i >= p->forward && count; k++) {
            if (p->seconds[k].at != i) continue;
            list[at] = p->seconds[k].node;
            rewire(p, &list[at++]);
        }
        list[at] = *cairn_graph_node(p->g, i);
        if (i >= p->forward) rewire(p, &list[at]);
        at++;
    }
    CAIRN_TRY(cairn_graph__set_nodes(p->g, list, at));
done:
    free(list);
    return st;
}

cairn_status cairn_recompute__run(cairn_graph *g, int *count)
{
    cairn_status st = CAIRN_OK;
    pass p = {.g = g, .forward = cairn_graph__forward_nodes(g), .nodes = cairn_graph_node_count(g)};
    int tensors = cairn_graph_tensor_count(g);
    *count = 0;
    if (p.forward == p.nodes) return CAIRN_OK; /* no backward pass */
    p.seconds = calloc((size_t)p.forward + 1, sizeof *p.seconds);
    p.twin = malloc(sizeof *p.twin * ((size_t)tensors + 1));
    if (!p.seconds || !p.twin) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a plan of %d nodes", p.nodes);
        goto done;
    }
    for (int t = 0; t < tensors; t++) p.twin[t] = CAIRN_NONE;
    CAIRN_TRY(cairn_readers__create(&p.readers, g));
    for (int i = 0; i < p.forward; i++) p.seconds[i].able = may_run_again(&p, i, &p.seconds[i]);
    choose(&p);
    for (int i = 0; i < p.forward; i++) *count += p.seconds[i].at >= 0;
    if (*count) CAIRN_TRY(rebuild(&p, *count));
done:
    cairn_readers__free(&p.readers);
    free(p.seconds);
    free(p.twin);
    return st;
}
