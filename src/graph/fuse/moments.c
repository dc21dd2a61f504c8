/* Statistics: mean and variance of a tensor fall out of the kernel that computes it, where that kernel can do it. The
 * nodes stay two, and meet when they are lowered (cairn_lower_moments_leave in graph/lower.h). */
#include "graph/fuse/fuse.h"

cairn_status cairn_fuse__moments(cairn_graph *g)
{
    cairn_readers readers;
    cairn_status st = cairn_readers__create(&readers, g);
    for (int i = 0; i < cairn_graph_node_count(g) && st >= 0; i++) {
        const cairn_node *node = cairn_graph_node(g, i);
        if (readers.used[i] && node->op->needs_moments && node->op->needs_moments(node, g))
            cairn_graph__want_moments(g, node->inputs[0]);
    }
    cairn_readers__free(&readers);
    return st;
}
