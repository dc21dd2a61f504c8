/* Epilogues: a pointwise node that alone reads a node's result goes into that node, which then stands in its place. */
#include "graph/fuse/fuse.h"

/* As in chain.c: what waits too long keeps its inputs alive. */
enum { FARTHEST = 32 };

/* The only node that reads output 0, -1 if there are several or if somebody else needs it. */
static int only_reader(const cairn_graph *g, const cairn_readers *r, const cairn_node *node)
{
    cairn_tid t = node->outputs[0];
    if (cairn_graph_tensor(g, t)->is_output || cairn_graph_tensor(g, t)->joined != CAIRN_NONE) return -1;
    return cairn_readers__count(r, t) == 1 ? r->nodes[r->first[t]] : -1;
}

/* Whether the node may stand at `to`: its other outputs are not read before, and nothing overwrites what it reads. */
static bool may_move(const cairn_graph *g, const cairn_readers *r, const cairn_node *node, int from, int to)
{
    for (int k = 1; k < node->output_count; k++)
        for (int i = r->first[node->outputs[k]]; i < r->first[node->outputs[k] + 1]; i++)
            if (r->nodes[i] < to) return false;
    return to - from <= FARTHEST && !node->op->updates && !cairn_fuse__overwritten(g, node, from, to);
}

cairn_status cairn_fuse__absorb(cairn_graph *g)
{
    cairn_readers readers;
    cairn_status st = cairn_readers__create(&readers, g);
    for (int i = 0; i < cairn_graph_node_count(g) && st >= 0; i++) {
        cairn_node node = *cairn_graph_node(g, i);
        if (!readers.used[i] || !node.op->absorb || !node.output_count) continue;
        for (int at = i, to; (to = only_reader(g, &readers, &node)) >= 0; at = to) {
            const cairn_node *next = cairn_graph_node(g, to);
            if (next->output_count != 1 || !may_move(g, &readers, &node, at, to)) break;
            cairn_tid y = next->outputs[0];
            if (!node.op->absorb(&node, g, next)) break;
            node.outputs[0] = y;
            cairn_fuse__retire(g, at);
            cairn_graph__replace(g, to, &node);
        }
    }
    cairn_readers__free(&readers);
    return st;
}
