#include "reference/reduce/reduce.h"

#include "reference/pointwise/pointwise.h"

void cairn_ref_reduce(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_reduce_attributes *at = cairn_node_attributes(node);
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]), y = cairn_graph_shape(g, node->outputs[0]);
    int64_t count = cairn_shape_count(y), i = 0;
    for (int64_t k = 0; k < count; k++) out[0][k] = 0;
    for (int32_t n = 0; n < s.n; n++)
        for (int32_t h = 0; h < s.h; h++)
            for (int32_t w = 0; w < s.w; w++)
                for (int32_t c = 0; c < s.c; c++) out[0][cairn_ref_broadcast_index(y, n, h, w, c)] += in[0][i++];
    for (int64_t k = 0; k < count; k++) out[0][k] *= at->scale;
}
