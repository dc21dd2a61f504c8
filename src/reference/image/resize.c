#include "reference/image/resize.h"

#include <math.h>

typedef struct taps {
    int count;
    int32_t at[4];
    double weight[4];
} taps;

static double cubic(double distance)
{
    const double a = -0.75;
    double d = fabs(distance);
    if (d <= 1) return (a + 2) * d * d * d - (a + 3) * d * d + 1;
    return d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a : 0;
}

static taps taps_of(cairn_resize mode, int32_t position, int32_t in, int32_t out)
{
    taps t = {.count = 1, .weight = {1}};
    if (mode == CAIRN_RESIZE_NEAREST) {
        t.at[0] = (int32_t)((int64_t)position * in / out);
        return t;
    }
    double source = (position + 0.5) * in / out - 0.5, base = floor(source + 1e-9);
    int first = mode == CAIRN_RESIZE_BICUBIC ? -1 : 0;
    t.count = mode == CAIRN_RESIZE_BICUBIC ? 4 : 2;
    for (int k = 0; k < t.count; k++) {
        double at = base + first + k;
        t.weight[k] = mode == CAIRN_RESIZE_BICUBIC ? cubic(source - at) : 1 - fabs(source - at);
        t.at[k] = (int32_t)fmin(fmax(at, 0), in - 1);
    }
    return t;
}

/* Calls for each element of the large loop: y += weight * x, or the transpose x += weight * y. */
static void resample(cairn_resize mode, cairn_shape s, cairn_shape d, const double *from, double *to, bool transposed)
{
    int64_t i = 0;
    for (int32_t n = 0; n < d.n; n++)
        for (int32_t h = 0; h < d.h; h++)
            for (int32_t w = 0; w < d.w; w++, i += d.c) {
                taps ty = taps_of(mode, h, s.h, d.h), tx = taps_of(mode, w, s.w, d.w);
                for (int k = 0; k < ty.count * tx.count; k++) {
                    double weight = ty.weight[k / tx.count] * tx.weight[k % tx.count];
                    int64_t j = (((int64_t)n * s.h + ty.at[k / tx.count]) * s.w + tx.at[k % tx.count]) * s.c;
                    for (int32_t c = 0; c < s.c; c++) {
                        if (transposed)
                            to[j + c] += weight * from[i + c];
                        else
                            to[i + c] += weight * from[j + c];
                    }
                }
            }
}

void cairn_ref_resize(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_resize_attributes *at = cairn_node_attributes(node);
    cairn_shape x = cairn_graph_shape(g, node->inputs[0]), y = cairn_graph_shape(g, node->outputs[0]);
    const double *addend = node->inputs[CAIRN_RESIZE_ADDEND] != CAIRN_NONE ? in[CAIRN_RESIZE_ADDEND] : NULL;
    for (int64_t i = 0; i < cairn_shape_count(y); i++) out[0][i] = addend ? addend[i] : 0;
    resample(at->mode, x, y, in[0], out[0], false);
}

void cairn_ref_resize_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_resize_attributes *at = cairn_node_attributes(node);
    cairn_shape dy = cairn_graph_shape(g, node->inputs[0]), dx = cairn_graph_shape(g, node->outputs[0]);
    for (int64_t i = 0; i < cairn_shape_count(dx); i++) out[0][i] = 0;
    resample(at->mode, dx, dy, in[0], out[0], true);
}
