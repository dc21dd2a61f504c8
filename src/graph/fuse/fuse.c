#include "graph/fuse/fuse.h"

#include <string.h>

/* Calls see(context, t) for every tensor whose memory the node reads: its inputs, and the members of joins. */
static void each_read(const cairn_graph *g, const cairn_node *node, void (*see)(void *context, cairn_tid t),
                      void *context)
{
    for (int k = 0; k < node->input_count; k++) {
        cairn_tid t = node->inputs[k];
        if (t == CAIRN_NONE) continue;
        see(context, t);
        for (cairn_tid m = 0; cairn_graph_tensor(g, t)->is_join && m < cairn_graph_tensor_count(g); m++)
            if (cairn_graph_tensor(g, m)->joined == t) see(context, m);
    }
}

static void count_read(void *context, cairn_tid t)
{
    ((int *)context)[t + 1]++;
}

typedef struct filling {
    cairn_readers *r;
    int *next, node;
} filling;

static void note_read(void *context, cairn_tid t)
{
    filling *f = context;
    f->r->nodes[f->next[t]++] = f->node;
}

cairn_status cairn_readers__create(cairn_readers *r, const cairn_graph *g)
{
    int tensors = cairn_graph_tensor_count(g), nodes = cairn_graph_node_count(g);
    bool *used_tensor = calloc((size_t)tensors + 1, sizeof *used_tensor);
    filling f = {.r = r, .next = malloc(sizeof *f.next * ((size_t)tensors + 1))};
    *r = (cairn_readers){.first = calloc((size_t)tensors + 2, sizeof *r->first),
                         .used = calloc((size_t)nodes + 1, sizeof *r->used)};
    if (r->first && r->used && used_tensor && f.next) {
        cairn_lowering__find_used(g, r->used, used_tensor, false);
        for (int i = 0; i < nodes; i++)
            if (r->used[i]) each_read(g, cairn_graph_node(g, i), count_read, r->first);
        for (int t = 0; t < tensors; t++) r->first[t + 1] += r->first[t];
        memcpy(f.next, r->first, sizeof *f.next * (size_t)tensors);
        r->nodes = malloc(sizeof *r->nodes * ((size_t)r->first[tensors] + 1));
    }
    for (f.node = 0; f.node < nodes && r->nodes; f.node++)
        if (r->used[f.node]) each_read(g, cairn_graph_node(g, f.node), note_read, &f);
    free(used_tensor);
    free(f.next);
    return r->nodes ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory to fuse a graph");
}

void cairn_readers__free(cairn_readers *r)
{
    free(r->first);
    free(r->nodes);
    free(r->used);
    *r = (cairn_readers){0};
}

static const cairn_op retired_op = {.name = "fused away"};

void cairn_fuse__retire(cairn_graph *g, int node)
{
    cairn_graph__replace(g, node, &(cairn_node){.op = &retired_op});
}

/* The join that the tensor is a part of, or itself. */
static cairn_tid memory_of(const cairn_graph *g, cairn_tid t)
{
    cairn_tid whole = cairn_graph_tensor(g, t)->joined;
    return whole == CAIRN_NONE ? t : whole;
}

bool cairn_fuse__overwritten(const cairn_graph *g, const cairn_node *node, int from, int to)
{
    for (int i = from + 1; i < to; i++) {
        const cairn_node *other = cairn_graph_node(g, i);
        for (int k = 0; k < other->input_count && other->op->updates; k++)
            for (int j = 0; j < node->input_count; j++)
                if ((other->op->updates >> k & 1) && node->inputs[j] != CAIRN_NONE &&
                    memory_of(g, other->inputs[k]) == memory_of(g, node->inputs[j]))
                    return true;
    }
    return false;
}

cairn_status cairn_fuse__run(cairn_graph *g)
{
    cairn_status st = CAIRN_OK;
    cairn_fuse__balanced(g);
    CAIRN_TRY(cairn_fuse__absorb(g));
    CAIRN_TRY(cairn_fuse__moments(g));
    CAIRN_TRY(cairn_fuse__chains(g));
done:
    return st;
}
