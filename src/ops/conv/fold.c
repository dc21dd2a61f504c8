/* What follows a convolution and is linear by channel, taken into its weight and bias. */
#include "ops/conv/internal.h"
#include "ops/conv/depthwise.h"
#include "ops/pointwise/pointwise.h"

#include <string.h>

cairn_tid cairn_op_conv_affine(cairn_graph *g, cairn_tid y, cairn_tid scale, cairn_tid shift)
{
    if (y == CAIRN_NONE || scale == CAIRN_NONE || shift == CAIRN_NONE) return CAIRN_NONE;
    int producer = cairn_graph_tensor(g, y)->producer;
    if (producer < 0) return CAIRN_NONE;
    cairn_node node = *cairn_graph_node(g, producer); /* a copy: appending moves the nodes */
    bool depthwise = !strcmp(node.op->name, "depthwise2d");
    if (!depthwise && strcmp(node.op->name, "conv2d")) return CAIRN_NONE;
    const cairn_conv__window *w = cairn_node_attributes(&node);
    cairn_conv_options options = {w->kernel, w->stride, w->pad ? w->pad : CAIRN_PAD_NONE, w->behind};
    cairn_tid weight = cairn_op_mul(g, node.inputs[1], scale), bias = shift; /* channels out come last in a weight */
    if (node.inputs[2] != CAIRN_NONE) bias = cairn_op_add(g, cairn_op_mul(g, node.inputs[2], scale), shift);
    return depthwise ? cairn_op_depthwise2d(g, node.inputs[0], weight, bias, &options)
                     : cairn_op_conv2d(g, node.inputs[0], weight, bias, &options);
}
