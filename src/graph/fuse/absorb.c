/* Epilogues: a node that alone reads a node's result goes into that node, which then stands in its place, or stays
 * where it is if there was nothing else to read. And the other way round: a node takes in the one that computes for it
 * alone. */
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

/* Whether `next` reads the tensor and nothing else. */
static bool reads_only(const cairn_node *next, cairn_tid t)
{
    for (int k = 0; k < next->input_count; k++)
        if (next->inputs[k] != t && next->inputs[k] != CAIRN_NONE) return false;
    return true;
}

/* The sources of a node, first to last. What a source read is read later then: it must not be overwritten before. */
static cairn_status absorb_sources(cairn_graph *g)
{
    cairn_readers readers;
    cairn_status st = cairn_readers__create(&readers, g);
    for (int i = 0; i < cairn_graph_node_count(g) && st >= 0; i++) {
        cairn_node node = *cairn_graph_node(g, i);
        if (!readers.used[i] || !node.op->absorb_source) continue;
        for (int k = 0; k < node.input_count; k++) {
            int at = node.inputs[k] == CAIRN_NONE ? -1 : cairn_graph_tensor(g, node.inputs[k])->producer;
            if (at < 0) continue;
            const cairn_node *source = cairn_graph_node(g, at);
            if (source->output_count != 1 || source->op->updates || only_reader(g, &readers, source) != i) continue;
            if (i - at > FARTHEST || cairn_fuse__overwritten(g, source, at, i)) continue;
            if (!node.op->absorb_source(&node, g, source)) continue;
            cairn_fuse__retire(g, at);
            cairn_graph__replace(g, i, &node);
        }
    }
    cairn_readers__free(&readers);
    return st;
}

static cairn_status absorb_readers(cairn_graph *g)
{
    cairn_readers readers;
    cairn_status st = cairn_readers__create(&readers, g);
    for (int i = 0; i < cairn_graph_node_count(g) && st >= 0; i++) {
        cairn_node node = *cairn_graph_node(g, i);
        if (!readers.used[i] || !node.op->absorb || !node.output_count) continue;
        for (int at = i, to; (to = only_reader(g, &readers, &node)) >= 0;) {
            const cairn_node *next = cairn_graph_node(g, to);
            bool stays = reads_only(next, node.outputs[0]);
            if (next->output_count != 1 || (!stays && !may_move(g, &readers, &node, at, to))) break;
            cairn_tid y = next->outputs[0];
            if (!node.op->absorb(&node, g, next)) break;
            node.outputs[0] = y;
            cairn_fuse__retire(g, stays ? to : at);
            cairn_graph__replace(g, stays ? at : to, &node);
            if (!stays) at = to;
        }
    }
    cairn_readers__free(&readers);
    return st;
}

cairn_status cairn_fuse__absorb(cairn_graph *g)
{
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(absorb_sources(g));
    CAIRN_TRY(absorb_readers(g));
done:
    return st;
}
