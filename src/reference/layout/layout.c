#include "reference/layout/layout.h"

#include <string.h>

/* Calls move(cell channel, pixel) for every pair of depth_to_space: `deep` has the cells, `flat` the pixels. */
static void for_block(cairn_shape deep, int block, double *deep_values, double *flat_values, bool to_flat)
{
    for (int n = 0; n < deep.n; n++)
        for (int y = 0; y < deep.h * block; y++)
            for (int x = 0; x < deep.w * block; x++) {
                int64_t cell = ((int64_t)n * deep.h + y / block) * deep.w + x / block;
                double *channel = &deep_values[cell * deep.c + y % block * block + x % block];
                double *pixel = &flat_values[((int64_t)n * deep.h * block + y) * deep.w * block + x];
                if (to_flat)
                    *pixel = *channel;
                else
                    *channel = *pixel;
            }
}

void cairn_reference_depth_to_space(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                    double *const *outputs)
{
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    for_block(cairn_graph_shape(g, node->inputs[0]), a->block, inputs[0], outputs[0], true);
}

void cairn_reference_space_to_depth(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                    double *const *outputs)
{
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    cairn_shape deep = cairn_graph_shape(g, node->outputs[0]);
    memset(outputs[0], 0, sizeof(double) * (size_t)cairn_shape_count(deep));
    for_block(deep, a->block, outputs[0], inputs[0], false);
}

void cairn_reference_reshape(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                             double *const *outputs)
{
    memcpy(outputs[0], inputs[0], sizeof(double) * (size_t)cairn_shape_count(cairn_graph_shape(g, node->inputs[0])));
}

/* y[row, i] = x[row, i + offset], zero outside. */
static void window(double *y, const double *x, int64_t rows, int64_t y_width, int64_t x_width, int64_t offset)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < y_width; i++)
            y[r * y_width + i] = i + offset >= 0 && i + offset < x_width ? x[r * x_width + i + offset] : 0;
}

void cairn_reference_batch_window(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                  double *const *outputs)
{
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    cairn_shape x = cairn_graph_shape(g, node->inputs[0]), y = cairn_graph_shape(g, node->outputs[0]);
    window(outputs[0], inputs[0], 1, cairn_shape_count(y), cairn_shape_count(x), (int64_t)a->offset * x.h * x.w * x.c);
}

void cairn_reference_channel_window(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                    double *const *outputs)
{
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    cairn_shape x = cairn_graph_shape(g, node->inputs[0]), y = cairn_graph_shape(g, node->outputs[0]);
    window(outputs[0], inputs[0], (int64_t)x.n * x.h * x.w, y.c, x.c, a->offset);
}

void cairn_reference_concat_batch(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                  double *const *outputs)
{
    size_t first = (size_t)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
    size_t second = (size_t)cairn_shape_count(cairn_graph_shape(g, node->inputs[1]));
    memcpy(outputs[0], inputs[0], sizeof(double) * first);
    memcpy(outputs[0] + first, inputs[1], sizeof(double) * second);
}

/* A tensor as [outer][length][inner] around an axis. */
static void around(cairn_shape s, int axis, int64_t *outer, int64_t *length, int64_t *inner)
{
    const int32_t sizes[4] = {s.n, s.h, s.w, s.c};
    *outer = *inner = 1;
    for (int i = 0; i < axis; i++) *outer *= sizes[i];
    for (int i = axis + 1; i < 4; i++) *inner *= sizes[i];
    *length = sizes[axis];
}

void cairn_reference_axis_window(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                 double *const *outputs)
{
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    int64_t outer, inner, from, to;
    around(cairn_graph_shape(g, node->inputs[0]), a->block, &outer, &from, &inner);
    around(cairn_graph_shape(g, node->outputs[0]), a->block, &outer, &to, &inner);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < to; k++)
            for (int64_t i = 0; i < inner; i++) {
                int64_t at = k + a->offset;
                outputs[0][(o * to + k) * inner + i] =
                    at >= 0 && at < from ? inputs[0][(o * from + at) * inner + i] : 0;
            }
}

void cairn_reference_concat_axis(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                 double *const *outputs)
{
    const cairn_layout_attributes *a = cairn_node_attributes(node);
    int64_t outer, inner, length[2];
    double *y = outputs[0];
    for (int k = 0; k < 2; k++)
        around(cairn_graph_shape(g, node->inputs[k]), a->block, &outer, &length[k], &inner);
    for (int64_t o = 0; o < outer; o++)
        for (int k = 0; k < 2; k++)
            for (int64_t i = 0; i < length[k] * inner; i++) *y++ = inputs[k][o * length[k] * inner + i];
}

void cairn_reference_transpose(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                               double *const *outputs)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    for (int64_t p = 0; p < (int64_t)s.n * s.h; p++)
        for (int r = 0; r < s.w; r++)
            for (int c = 0; c < s.c; c++)
                outputs[0][(p * s.c + c) * s.w + r] = inputs[0][(p * s.w + r) * s.c + c];
}
