#include "ops/conv/conv.h"

#include "ops/conv/internal.h"
#include "ops/image/resize_lower.h"
#include "ops/norm/norm.h"
#include "reference/conv/conv.h"

#define SHAPE_TEXT "[%d,%d,%d,%d]"
#define SHAPE_ARGS(s) (s).n, (s).h, (s).w, (s).c

static double conv_operations(const cairn_node *node, const cairn_graph *g);
static void conv_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                          cairn_tid *dinputs);

bool cairn_conv__absorb(cairn_node *node, const cairn_graph *g, const cairn_node *next)
{
    cairn_conv__attributes *at = (cairn_conv__attributes *)node->attributes;
    return cairn_epilogue_absorb(&at->epilogue, node, CAIRN_CONV_RESIDUAL, g, next);
}

/* A map enlarged by a whole factor for this convolution alone: in training the gradients read it too. */
static bool absorb_enlarging(cairn_node *node, const cairn_graph *g, const cairn_node *source)
{
    enum { MOST_FACTOR = 4 };
    cairn_conv__attributes *at = (cairn_conv__attributes *)node->attributes;
    if (at->window.kernel != 3 || at->window.stride != 1 || at->window.pad != 1) return false;
    if (at->enlarged || at->spread) return false;
    int factor = cairn_resize_nearest_factor(source, g);
    if (source->outputs[0] != node->inputs[0] || factor < 2 || factor > MOST_FACTOR) return false;
    node->inputs[0] = source->inputs[0];
    at->enlarged = factor;
    return true;
}

/* A normalisation without parameters before a 1x1 convolution is linear: it goes into the weight. */
static bool absorb_norm(cairn_node *node, const cairn_graph *g, const cairn_node *source)
{
    cairn_conv__attributes *at = (cairn_conv__attributes *)node->attributes;
    cairn_tid mean, variance;
    float eps = cairn_norm_plain(source, g, &mean, &variance);
    if (at->window.kernel != 1 || at->window.pad || at->normed > 0 || !(eps > 0)) return false;
    if (source->outputs[0] != node->inputs[0]) return false;
    while (node->input_count <= CAIRN_CONV_VARIANCE) node->inputs[node->input_count++] = CAIRN_NONE;
    node->inputs[0] = source->inputs[0];
    node->inputs[CAIRN_CONV_MEAN] = mean;
    node->inputs[CAIRN_CONV_VARIANCE] = variance;
    at->normed = eps;
    return true;
}

/* An image of one channel through a 1x1 convolution to a few. */
static bool absorb_spread(cairn_node *node, const cairn_graph *g, const cairn_node *source)
{
    enum { MOST = 4 };
    cairn_conv__attributes *at = (cairn_conv__attributes *)node->attributes;
    if (source->op != node->op || source->outputs[0] != node->inputs[0]) return false;
    const cairn_conv__attributes *its = cairn_conv__attributes_of(source);
    const cairn_epilogue *e = &its->epilogue;
    cairn_shape x = cairn_graph_shape(g, source->inputs[0]), y = cairn_graph_shape(g, source->outputs[0]);
    if (its->window.kernel != 1 || its->window.stride != 1 || its->window.pad || x.c != 1 || y.c > MOST) return false;
    if (e->first || e->last || e->has_residual || its->normed > 0 || its->spread) return false;
    if (at->window.kernel != 3 || at->enlarged || at->spread) return false;
    while (node->input_count <= CAIRN_CONV_SPREAD + 1) node->inputs[node->input_count++] = CAIRN_NONE;
    node->inputs[0] = source->inputs[0];
    node->inputs[CAIRN_CONV_SPREAD] = source->inputs[1];
    node->inputs[CAIRN_CONV_SPREAD + 1] = source->inputs[2];
    at->spread = y.c;
    return true;
}

static bool absorb_before(cairn_node *node, const cairn_graph *g, const cairn_node *source)
{
    return absorb_enlarging(node, g, source) || absorb_norm(node, g, source) || absorb_spread(node, g, source);
}

/* At stride 1, where it is a forward convolution: the sum with another gradient. */
static bool absorb_after_grad_input(cairn_node *node, const cairn_graph *g, const cairn_node *next)
{
    cairn_conv__attributes *at = (cairn_conv__attributes *)node->attributes;
    return at->window.stride == 1 && cairn_epilogue_absorb(&at->epilogue, node, CAIRN_CONV_GRAD_RESIDUAL, g, next);
}

static const cairn_op conv2d = {.name = "conv2d",
                                .gradient = conv_gradient,
                                .lower = cairn_conv__lower_forward,
                                .reference = cairn_ref_conv2d,
                                .operations = conv_operations,
                                .absorb = cairn_conv__absorb,
                                .absorb_source = absorb_before};
static const cairn_op conv2d_grad_input = {.name = "conv2d_grad_input",
                                           .lower = cairn_conv__lower_grad_input,
                                           .reference = cairn_ref_conv2d_grad_input,
                                           .operations = conv_operations,
                                           .absorb = absorb_after_grad_input};
static const cairn_op conv2d_grad_weight = {.name = "conv2d_grad_weight",
                                            .lower = cairn_conv__lower_grad_weight,
                                            .reference = cairn_ref_conv2d_grad_weight,
                                            .operations = conv_operations};
static const cairn_op conv2d_grad_bias = {
    .name = "conv2d_grad_bias", .lower = cairn_conv__lower_grad_bias, .reference = cairn_ref_conv2d_grad_bias,
    .adds_pixels = true};

bool cairn_conv__window_from(cairn_graph *g, const char *op, const cairn_conv_options *options,
                             cairn_conv__window *window)
{
    int kernel = options->kernel, stride = options->stride ? options->stride : 1;
    int pad = options->pad == CAIRN_PAD_SAME ? (kernel - 1) / 2 : options->pad == CAIRN_PAD_NONE ? 0 : options->pad;
    *window = (cairn_conv__window){kernel, stride, pad, options->behind};
    if (kernel != 1 && kernel != 3 && kernel != 5)
        return cairn_graph_mistake(g, op, "kernel %d; it must be 1, 3 or 5", kernel), false;
    if (stride != 1 && stride != 2) return cairn_graph_mistake(g, op, "stride %d; it must be 1 or 2", stride), false;
    if (pad < 0 || pad >= kernel)
        return cairn_graph_mistake(g, op, "padding %d; it must be 0..%d", pad, kernel - 1), false;
    if (options->behind < 0 || options->behind > stride - 1)
        return cairn_graph_mistake(g, op, "%d rows of zeros behind at stride %d; 0, or 1 at stride 2", options->behind,
                                   stride),
               false;
    return true;
}

static cairn_shape output_shape(cairn_shape x, int channels, const cairn_conv__window *w)
{
    return (cairn_shape){x.n, cairn_conv__extent(x.h, w), cairn_conv__extent(x.w, w), channels};
}

cairn_tid cairn_op_conv2d(cairn_graph *g, cairn_tid x, cairn_tid weight, cairn_tid bias,
                          const cairn_conv_options *options)
{
    cairn_conv__window window;
    if (x == CAIRN_NONE || weight == CAIRN_NONE) return CAIRN_NONE;
    if (!cairn_conv__window_from(g, conv2d.name, options, &window)) return CAIRN_NONE;
    cairn_shape sx = cairn_graph_shape(g, x), sw = cairn_graph_shape(g, weight), sb = cairn_graph_shape(g, bias);
    if (sw.n != window.kernel * window.kernel || sw.h != 1 || sw.w != sx.c)
        return cairn_graph_mistake(g, conv2d.name, "input " SHAPE_TEXT " and weight " SHAPE_TEXT
                                   "; the weight must be [%d,1,%d,any]", SHAPE_ARGS(sx), SHAPE_ARGS(sw),
                                   window.kernel * window.kernel, sx.c);
    if (bias != CAIRN_NONE && !cairn_shape_equal(sb, (cairn_shape){1, 1, 1, sw.c}))
        return cairn_graph_mistake(g, conv2d.name, "bias " SHAPE_TEXT "; it must be [1,1,1,%d]", SHAPE_ARGS(sb), sw.c);
    cairn_shape sy = output_shape(sx, sw.c, &window);
    if (sy.h < 1 || sy.w < 1)
        return cairn_graph_mistake(g, conv2d.name, "input " SHAPE_TEXT " is smaller than the kernel %d",
                                   SHAPE_ARGS(sx), window.kernel);
    cairn_tid inputs[] = {x, weight, bias};
    return cairn_graph_append(g, &conv2d, inputs, 3, 2, &sy, 1, NULL, &window, sizeof window);
}

cairn_tid cairn_op_conv2d_grad_input(cairn_graph *g, cairn_tid dy, cairn_tid weight, cairn_shape x_shape,
                                     const cairn_conv_options *options)
{
    cairn_conv__window window;
    if (dy == CAIRN_NONE || weight == CAIRN_NONE) return CAIRN_NONE;
    if (!cairn_conv__window_from(g, conv2d_grad_input.name, options, &window)) return CAIRN_NONE;
    cairn_shape sy = cairn_graph_shape(g, dy), sw = cairn_graph_shape(g, weight);
    if (!cairn_shape_equal(sy, output_shape(x_shape, sw.c, &window)) || sw.n != window.kernel * window.kernel ||
        sw.h != 1 || sw.w != x_shape.c)
        return cairn_graph_mistake(g, conv2d_grad_input.name, "dy " SHAPE_TEXT ", weight " SHAPE_TEXT
                                   " and input " SHAPE_TEXT " do not fit", SHAPE_ARGS(sy), SHAPE_ARGS(sw),
                                   SHAPE_ARGS(x_shape));
    cairn_tid inputs[] = {dy, weight};
    return cairn_graph_append(g, &conv2d_grad_input, inputs, 2, 2, &x_shape, 1, NULL, &window, sizeof window);
}

cairn_tid cairn_op_conv2d_grad_weight(cairn_graph *g, cairn_tid x, cairn_tid dy, const cairn_conv_options *options)
{
    cairn_conv__window window;
    if (x == CAIRN_NONE || dy == CAIRN_NONE) return CAIRN_NONE;
    if (!cairn_conv__window_from(g, conv2d_grad_weight.name, options, &window)) return CAIRN_NONE;
    cairn_shape sx = cairn_graph_shape(g, x), sy = cairn_graph_shape(g, dy);
    if (!cairn_shape_equal(sy, output_shape(sx, sy.c, &window)))
        return cairn_graph_mistake(g, conv2d_grad_weight.name, "input " SHAPE_TEXT " and dy " SHAPE_TEXT
                                   " do not fit", SHAPE_ARGS(sx), SHAPE_ARGS(sy));
    cairn_shape sw = cairn_conv2d_weight_shape(window.kernel, sx.c, sy.c);
    cairn_tid inputs[] = {x, dy};
    return cairn_graph_append(g, &conv2d_grad_weight, inputs, 2, 2, &sw, 1, NULL, &window, sizeof window);
}

cairn_tid cairn_op_conv2d_grad_bias(cairn_graph *g, cairn_tid dy)
{
    cairn_shape out = {1, 1, 1, cairn_graph_shape(g, dy).c};
    return cairn_graph_append(g, &conv2d_grad_bias, &dy, 1, 1, &out, 1, NULL, NULL, 0);
}

static void conv_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                          cairn_tid *dinputs)
{
    const cairn_conv__window *w = cairn_node_attributes(node);
    cairn_conv_options options = {w->kernel, w->stride, w->pad ? w->pad : CAIRN_PAD_NONE, w->behind};
    cairn_tid x = node->inputs[0], weight = node->inputs[1], dy = doutputs[0];
    bool want_bias = needs[2] && node->inputs[2] != CAIRN_NONE;
    if (dy == CAIRN_NONE) return;
    if (needs[0]) dinputs[0] = cairn_op_conv2d_grad_input(g, dy, weight, cairn_graph_shape(g, x), &options);
    if (needs[1]) dinputs[1] = cairn_op_conv2d_grad_weight(g, x, dy, &options);
    if (want_bias) dinputs[2] = cairn_op_conv2d_grad_bias(g, dy);
}

/* Two for each tap, input channel, output channel and output pixel; the three passes differ only in which tensor they
 * make. */
static double conv_operations(const cairn_node *node, const cairn_graph *g)
{
    const cairn_conv__window *w = cairn_node_attributes(node);
    cairn_shape small, big = {0}; /* the output side and the input side */
    if (node->op == &conv2d) {
        big.c = cairn_graph_shape(g, node->inputs[1]).w, small = cairn_graph_shape(g, node->outputs[0]);
    } else if (node->op == &conv2d_grad_input) {
        big = cairn_graph_shape(g, node->outputs[0]), small = cairn_graph_shape(g, node->inputs[0]);
    } else {
        big = cairn_graph_shape(g, node->inputs[0]), small = cairn_graph_shape(g, node->inputs[1]);
    }
    return 2.0 * (double)cairn_shape_count(small) * big.c * w->kernel * w->kernel;
}
