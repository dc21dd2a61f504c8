#include "reference/conv/depthwise.h"

#include "ops/conv/internal.h"

#include <string.h>

/* Calls the body for every pair of an output element `o` and an input element `i` that a tap joins; `k` is the weight's
 * index. sx and sy are the shapes of the input and the output side, w the window. */
#define FOR_EACH_PRODUCT(sx, sy, w, body)                                                                              \
    for (int64_t o = 0; o < cairn_shape_count(sy); o++)                                                                \
        for (int tap = 0; tap < (w)->kernel * (w)->kernel; tap++) {                                                    \
            int c = (int)(o % (sy).c), ox = (int)(o / (sy).c % (sy).w), oy = (int)(o / (sy).c / (sy).w % (sy).h);      \
            int64_t n = o / (sy).c / (sy).w / (sy).h;                                                                  \
            int iy = oy * (w)->stride + tap / (w)->kernel - (w)->pad;                                                  \
            int ix = ox * (w)->stride + tap % (w)->kernel - (w)->pad;                                                  \
            if (iy < 0 || iy >= (sx).h || ix < 0 || ix >= (sx).w) continue;                                            \
            int64_t i = ((n * (sx).h + iy) * (sx).w + ix) * (sx).c + c, k = (int64_t)tap * (sx).c + c;                 \
            body;                                                                                                      \
        }

static void zero(double *values, cairn_shape s)
{
    memset(values, 0, (size_t)cairn_shape_count(s) * sizeof *values);
}

void cairn_ref_depthwise2d(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                           double *const *outputs)
{
    const cairn_conv__window *w = cairn_node_attributes(node);
    cairn_shape sx = cairn_graph_shape(g, node->inputs[0]), sy = cairn_graph_shape(g, node->outputs[0]);
    bool has_bias = node->inputs[2] != CAIRN_NONE;
    for (int64_t o = 0; o < cairn_shape_count(sy); o++) outputs[0][o] = has_bias ? inputs[2][o % sy.c] : 0.0;
    FOR_EACH_PRODUCT(sx, sy, w, outputs[0][o] += inputs[0][i] * inputs[1][k])
    const double *residual = inputs[CAIRN_CONV_RESIDUAL];
    cairn_epilogue_reference(cairn_conv__epilogue(node), outputs[0], residual, cairn_shape_count(sy));
}

void cairn_ref_depthwise2d_grad_input(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                      double *const *outputs)
{
    const cairn_conv__window *w = cairn_node_attributes(node);
    cairn_shape sx = cairn_graph_shape(g, node->outputs[0]), sy = cairn_graph_shape(g, node->inputs[0]);
    zero(outputs[0], sx);
    FOR_EACH_PRODUCT(sx, sy, w, outputs[0][i] += inputs[0][o] * inputs[1][k])
}

void cairn_ref_depthwise2d_grad_weight(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                       double *const *outputs)
{
    const cairn_conv__window *w = cairn_node_attributes(node);
    cairn_shape sx = cairn_graph_shape(g, node->inputs[0]), sy = cairn_graph_shape(g, node->inputs[1]);
    zero(outputs[0], cairn_graph_shape(g, node->outputs[0]));
    FOR_EACH_PRODUCT(sx, sy, w, outputs[0][k] += inputs[0][i] * inputs[1][o])
}
