#include "reference/layout.h"

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
