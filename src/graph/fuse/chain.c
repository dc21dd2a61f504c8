/* Chains of pointwise nodes: which of them become one kernel.
 *
 * A group is a set of pointwise nodes that are computed together in the place of its last one. It may grow by a node
 * that reads from it, or that reads the same tensor of full size, as long as
 *   - whoever else reads one of its values comes behind its last node (so that order stays valid),
 *   - no stored tensor that it reads is overwritten in between,
 *   - values smaller than the result are cheap and are read inside the group only (they are computed again for every
 *     element), and
 *   - the kernel's bindings and parameters suffice.
 * Groups grow greedily in the graph's order. */
#include "graph/fuse/fuse.h"

#include <string.h>

/* A group does not span more nodes than this, lest a value of the forward pass be computed in the backward pass, which
 * would keep its inputs alive instead of it. */
enum { FARTHEST = 32 };

typedef struct group {
    int members[CAIRN_CHAIN_NODES]; /* ascending */
    int count;
} group;

typedef struct finder {
    cairn_graph *g;
    cairn_readers readers;
    group *groups; /* [nodes] */
    int *group_of; /* [nodes] its group's number (that of one of its members), -1: not pointwise */
} finder;

static bool is_pointwise(const cairn_node *node)
{
    cairn_expression e;
    return node->op->expression && node->output_count == 1 && node->op->expression(node, &e);
}

static bool in_group(const group *u, int node)
{
    for (int i = 0; i < u->count; i++)
        if (u->members[i] == node) return true;
    return false;
}

static cairn_shape shape_of(const finder *f, int node)
{
    return cairn_graph_shape(f->g, cairn_graph_node(f->g, node)->outputs[0]);
}

static bool broadcasts(cairn_shape from, cairn_shape to)
{
    return (from.n == to.n || from.n == 1) && (from.h == to.h || from.h == 1) && (from.w == to.w || from.w == 1) &&
           (from.c == to.c || from.c == 1);
}

/* Whether somebody outside reads the member's value, or the host does. */
static bool is_read_outside(const finder *f, const group *u, int member)
{
    cairn_tid t = cairn_graph_node(f->g, member)->outputs[0];
    if (cairn_graph_tensor(f->g, t)->is_output) return true;
    for (int r = f->readers.first[t]; r < f->readers.first[t + 1]; r++)
        if (!in_group(u, f->readers.nodes[r])) return true;
    return false;
}

static bool member_may_wait(const finder *f, const group *u, int member, cairn_shape shape)
{
    const cairn_node *node = cairn_graph_node(f->g, member);
    cairn_tid t = node->outputs[0];
    int last = u->members[u->count - 1];
    cairn_expression e;
    for (int r = f->readers.first[t]; r < f->readers.first[t + 1]; r++)
        if (!in_group(u, f->readers.nodes[r]) && f->readers.nodes[r] < last) return false;
    if (cairn_fuse__overwritten(f->g, node, member, last)) return false;
    if (cairn_shape_equal(cairn_graph_shape(f->g, t), shape)) return true;
    node->op->expression(node, &e);
    return broadcasts(cairn_graph_shape(f->g, t), shape) && !e.heavy && !is_read_outside(f, u, member);
}

/* What comes in from outside, each once. -1: more than a kernel can bind. */
static int find_inputs(const finder *f, const group *u, cairn_tid *inputs)
{
    int count = 0;
    for (int i = 0; i < u->count; i++) {
        const cairn_node *node = cairn_graph_node(f->g, u->members[i]);
        for (int k = 0; k < node->input_count; k++) {
            int producer = cairn_graph_tensor(f->g, node->inputs[k])->producer, at = 0;
            if (producer >= 0 && in_group(u, producer)) continue;
            while (at < count && inputs[at] != node->inputs[k]) at++;
            if (at < count) continue;
            if (count == CAIRN_CHAIN_INPUTS) return -1;
            inputs[count++] = node->inputs[k];
        }
    }
    return count;
}

static int find_outputs(const finder *f, const group *u, cairn_tid *outputs)
{
    int count = 0;
    for (int i = 0; i < u->count; i++) {
        if (!is_read_outside(f, u, u->members[i])) continue;
        if (count == CAIRN_CHAIN_OUTPUTS) return -1;
        outputs[count++] = cairn_graph_node(f->g, u->members[i])->outputs[0];
    }
    return count;
}

/* Planes, of which there may be 65,535 in a dispatch: N * H at most, where an input is repeated along N, H or W. */
static bool too_many_planes(const finder *f, cairn_shape s, const cairn_tid *inputs, int count)
{
    for (int i = 0; i < count && (int64_t)s.n * s.h > 65535; i++) {
        cairn_shape t = cairn_graph_shape(f->g, inputs[i]);
        if (t.n != s.n || t.h != s.h || t.w != s.w) return true;
    }
    return false;
}

static bool is_legal(const finder *f, const group *u)
{
    cairn_tid tensors[CAIRN_CHAIN_INPUTS + CAIRN_CHAIN_OUTPUTS];
    int last = u->members[u->count - 1], parameters = 0;
    cairn_shape shape = shape_of(f, last);
    if (last - u->members[0] > FARTHEST) return false;
    for (int i = 0; i < u->count; i++) {
        cairn_expression e;
        const cairn_node *node = cairn_graph_node(f->g, u->members[i]);
        node->op->expression(node, &e);
        parameters += e.parameter_count;
        if (!member_may_wait(f, u, u->members[i], shape)) return false;
    }
    int inputs = find_inputs(f, u, tensors);
    if (parameters > CAIRN_CHAIN_PARAMETERS || inputs < 0 || too_many_planes(f, shape, tensors, inputs)) return false;
    return find_outputs(f, u, tensors) >= 0;
}

static void try_merge(finder *f, int a, int b)
{
    group *x = &f->groups[f->group_of[a]], *y = &f->groups[f->group_of[b]], both = {.count = 0};
    if (x == y || x->count + y->count > CAIRN_CHAIN_NODES) return;
    for (int i = 0, k = 0; i < x->count || k < y->count;)
        both.members[both.count++] =
            k == y->count || (i < x->count && x->members[i] < y->members[k]) ? x->members[i++] : y->members[k++];
    if (!is_legal(f, &both)) return;
    int number = f->group_of[b];
    f->groups[number] = both;
    for (int i = 0; i < both.count; i++) f->group_of[both.members[i]] = number;
}

static void find_groups(finder *f)
{
    for (int i = 0; i < cairn_graph_node_count(f->g); i++) {
        const cairn_node *node = cairn_graph_node(f->g, i);
        f->group_of[i] = -1;
        if (!f->readers.used[i] || !is_pointwise(node)) continue;
        f->group_of[i] = i;
        f->groups[i] = (group){.members = {i}, .count = 1};
        for (int k = 0; k < node->input_count; k++) {
            int producer = cairn_graph_tensor(f->g, node->inputs[k])->producer;
            if (producer >= 0 && f->group_of[producer] >= 0) try_merge(f, producer, i);
        }
        for (int k = 0; k < node->input_count; k++) { /* neighbours that read the same, once */
            cairn_tid t = node->inputs[k];
            if (!cairn_shape_equal(cairn_graph_shape(f->g, t), shape_of(f, i))) continue;
            for (int r = f->readers.first[t]; r < f->readers.first[t + 1] && f->readers.nodes[r] < i; r++) {
                int other = f->readers.nodes[r];
                if (f->group_of[other] >= 0 && cairn_shape_equal(shape_of(f, other), shape_of(f, i)))
                    try_merge(f, other, i);
            }
        }
    }
}

static cairn_status replace_group(finder *f, const group *u)
{
    cairn_chain *chain = cairn_graph__own(f->g, sizeof *chain);
    if (!chain) return cairn_error_set(CAIRN_E_NOMEM, "no memory to fuse a graph");
    int last = u->members[u->count - 1];
    chain->shape = shape_of(f, last);
    chain->node_count = u->count;
    chain->input_count = find_inputs(f, u, chain->inputs);
    chain->output_count = find_outputs(f, u, chain->outputs);
    for (int i = 0; i < u->count; i++) chain->nodes[i] = *cairn_graph_node(f->g, u->members[i]);
    for (int i = 0; i < u->count; i++) cairn_fuse__retire(f->g, u->members[i]);
    cairn_node node;
    cairn_chain__node(&node, chain);
    cairn_graph__replace(f->g, last, &node);
    return CAIRN_OK;
}

cairn_status cairn_fuse__chains(cairn_graph *g)
{
    cairn_status st = CAIRN_OK;
    int nodes = cairn_graph_node_count(g);
    finder f = {.g = g,
                .groups = malloc(sizeof *f.groups * ((size_t)nodes + 1)),
                .group_of = malloc(sizeof *f.group_of * ((size_t)nodes + 1))};
    if (!f.groups || !f.group_of) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory to fuse a graph");
        goto done;
    }
    CAIRN_TRY(cairn_readers__create(&f.readers, g));
    find_groups(&f);
    for (int i = 0; i < nodes; i++) {
        const group *u = f.group_of[i] >= 0 ? &f.groups[f.group_of[i]] : NULL;
        if (u && u->count > 1 && u->members[0] == i) CAIRN_TRY(replace_group(&f, u));
    }
done:
    cairn_readers__free(&f.readers);
    free(f.groups);
    free(f.group_of);
    return st;
}
