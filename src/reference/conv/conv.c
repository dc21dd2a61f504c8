#include "reference/conv/conv.h"

#include "ops/conv/internal.h"

#include <string.h>

/* Index of element (n,y,x,c); -1 outside the image. */
static int64_t at(cairn_shape s, int n, int y, int x, int c)
{
    if (y < 0 || y >= s.h || x < 0 || x >= s.w) return -1;
    return (((int64_t)n * s.h + y) * s.w + x) * s.c + c;
}

static void zero(double *values, cairn_shape s)
{
    memset(values, 0, (size_t)cairn_shape_count(s) * sizeof *values);
}

/* Calls the body for every pair of an output element `o` and an input element `i` that a tap joins; `k` is the weight's
 * index. sx and sy are the shapes of the input and the output side, w the window. */
#define FOR_EACH_PRODUCT(sx, sy, w, body)                                                                              \
    for (int n = 0; n < (sy).n; n++)                                                                                   \
        for (int oy = 0; oy < (sy).h; oy++)                                                                            \
            for (int ox = 0; ox < (sy).w; ox++)                                                                        \
                for (int tap = 0; tap < (w)->kernel * (w)->kernel; tap++) {                                            \
                    int64_t i0 = at(sx, n, oy * (w)->stride + tap / (w)->kernel - (w)->pad,                            \
                                    ox * (w)->stride + tap % (w)->kernel - (w)->pad, 0);                               \
                    if (i0 < 0) continue;                                                                              \
                    for (int ci = 0; ci < (sx).c; ci++)                                                                \
                        for (int co = 0; co < (sy).c; co++) {                                                          \
                            int64_t i = i0 + ci, o = at(sy, n, oy, ox, co);                                            \
                            int64_t k = ((int64_t)tap * (sx).c + ci) * (sy).c + co;                                    \
                            body;                                                                                      \
                        }                                                                                              \
                }

void cairn_ref_conv2d(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs)
{
    const cairn_conv__window *w = cairn_node_attributes(node);
    cairn_shape sx = cairn_graph_shape(g, node->inputs[0]), sy = cairn_graph_shape(g, node->outputs[0]);
    bool has_bias = node->inputs[2] != CAIRN_NONE;
    for (int64_t o = 0; o < cairn_shape_count(sy); o++) outputs[0][o] = has_bias ? inputs[2][o % sy.c] : 0.0;
    FOR_EACH_PRODUCT(sx, sy, w, outputs[0][o] += inputs[0][i] * inputs[1][k])
    const double *residual = inputs[CAIRN_CONV_RESIDUAL];
    cairn_epilogue_reference(cairn_conv__epilogue(node), outputs[0], residual, cairn_shape_count(sy));
}

void cairn_ref_conv2d_grad_input(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                 double *const *outputs)
{
    const cairn_conv__window *w = cairn_node_attributes(node);
    cairn_shape sx = cairn_graph_shape(g, node->outputs[0]), sy = cairn_graph_shape(g, node->inputs[0]);
    zero(outputs[0], sx);
    FOR_EACH_PRODUCT(sx, sy, w, outputs[0][i] += inputs[0][o] * inputs[1][k])
    const double *residual = inputs[CAIRN_CONV_GRAD_RESIDUAL];
    cairn_epilogue_reference(cairn_conv__epilogue(node), outputs[0], residual, cairn_shape_count(sx));
}

void cairn_ref_conv2d_grad_weight(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                  double *const *outputs)
{
    const cairn_conv__window *w = cairn_node_attributes(node);
    cairn_shape sx = cairn_graph_shape(g, node->inputs[0]), sy = cairn_graph_shape(g, node->inputs[1]);
    zero(outputs[0], cairn_graph_shape(g, node->outputs[0]));
    FOR_EACH_PRODUCT(sx, sy, w, outputs[0][k] += inputs[0][i] * inputs[1][o])
}

void cairn_ref_conv2d_grad_bias(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                double *const *outputs)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    zero(outputs[0], cairn_graph_shape(g, node->outputs[0]));
    for (int64_t i = 0; i < cairn_shape_count(s); i++) outputs[0][i % s.c] += inputs[0][i];
}
