#include "ops/conv/depthwise.h"

#include "ops/conv/internal.h"
#include "reference/conv/depthwise.h"

#define SHAPE_TEXT "[%d,%d,%d,%d]"
#define SHAPE_ARGS(s) (s).n, (s).h, (s).w, (s).c
enum { TILE_H = 4 /* of all three kernels */ };

/* Columns of a tile, 4 or 5, whichever leaves fewer idle (of 5 columns, 4 leave three). */
static int tile_width(int w)
{
    return cairn_conv__ceil_div(w, 5) * 5 < cairn_conv__ceil_div(w, 4) * 4 ? 5 : 4;
}


static void depthwise_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                               cairn_tid *dinputs);
static cairn_status lower_forward(cairn_lowering *l, const cairn_node *node);
static cairn_status lower_grad_input(cairn_lowering *l, const cairn_node *node);
static cairn_status lower_grad_weight(cairn_lowering *l, const cairn_node *node);
static double depthwise_operations(const cairn_node *node, const cairn_graph *g);

static const cairn_op depthwise2d = {.name = "depthwise2d",
                                     .gradient = depthwise_gradient,
                                     .lower = lower_forward,
                                     .reference = cairn_ref_depthwise2d,
                                     .operations = depthwise_operations,
                                     .absorb = cairn_conv__absorb};
static const cairn_op depthwise2d_grad_input = {.name = "depthwise2d_grad_input",
                                                .lower = lower_grad_input,
                                                .reference = cairn_ref_depthwise2d_grad_input,
                                                .operations = depthwise_operations};
static const cairn_op depthwise2d_grad_weight = {.name = "depthwise2d_grad_weight",
                                                 .lower = lower_grad_weight,
                                                 .reference = cairn_ref_depthwise2d_grad_weight,
                                                 .operations = depthwise_operations};

static bool window_from(cairn_graph *g, const char *op, const cairn_conv_options *options, cairn_conv__window *window)
{
    if (!cairn_conv__window_from(g, op, options, window)) return false;
    if (window->kernel == 1) return cairn_graph_mistake(g, op, "kernel 1; it must be 3 or 5"), false;
    return true;
}

static cairn_shape output_shape(cairn_shape x, const cairn_conv__window *w)
{
    return (cairn_shape){x.n, cairn_conv__extent(x.h, w), cairn_conv__extent(x.w, w), x.c};
}

cairn_tid cairn_op_depthwise2d(cairn_graph *g, cairn_tid x, cairn_tid weight, cairn_tid bias,
                               const cairn_conv_options *options)
{
    cairn_conv__window window;
    if (x == CAIRN_NONE || weight == CAIRN_NONE) return CAIRN_NONE;
    if (!window_from(g, depthwise2d.name, options, &window)) return CAIRN_NONE;
    cairn_shape sx = cairn_graph_shape(g, x), sw = cairn_graph_shape(g, weight), sb = cairn_graph_shape(g, bias);
    cairn_shape sy = output_shape(sx, &window);
    if (!cairn_shape_equal(sw, cairn_depthwise2d_weight_shape(window.kernel, sx.c)))
        return cairn_graph_mistake(g, depthwise2d.name, "input " SHAPE_TEXT " and weight " SHAPE_TEXT
                                   "; the weight must be [%d,1,1,%d]", SHAPE_ARGS(sx), SHAPE_ARGS(sw),
                                   window.kernel * window.kernel, sx.c);
    if (bias != CAIRN_NONE && !cairn_shape_equal(sb, (cairn_shape){1, 1, 1, sx.c}))
        return cairn_graph_mistake(g, depthwise2d.name, "bias " SHAPE_TEXT "; it must be [1,1,1,%d]", SHAPE_ARGS(sb),
                                   sx.c);
    if (sy.h < 1 || sy.w < 1)
        return cairn_graph_mistake(g, depthwise2d.name, "input " SHAPE_TEXT " is smaller than the kernel %d",
                                   SHAPE_ARGS(sx), window.kernel);
    cairn_tid inputs[] = {x, weight, bias};
    return cairn_graph_append(g, &depthwise2d, inputs, 3, 2, &sy, 1, NULL, &window, sizeof window);
}

cairn_tid cairn_op_depthwise2d_grad_input(cairn_graph *g, cairn_tid dy, cairn_tid weight, cairn_shape x_shape,
                                          const cairn_conv_options *options)
{
    cairn_conv__window window;
    if (dy == CAIRN_NONE || weight == CAIRN_NONE) return CAIRN_NONE;
    if (!window_from(g, depthwise2d_grad_input.name, options, &window)) return CAIRN_NONE;
    cairn_shape sy = cairn_graph_shape(g, dy), sw = cairn_graph_shape(g, weight);
    if (!cairn_shape_equal(sy, output_shape(x_shape, &window)) ||
        !cairn_shape_equal(sw, cairn_depthwise2d_weight_shape(window.kernel, x_shape.c)))
        return cairn_graph_mistake(g, depthwise2d_grad_input.name, "dy " SHAPE_TEXT ", weight " SHAPE_TEXT
                                   " and input " SHAPE_TEXT " do not fit", SHAPE_ARGS(sy), SHAPE_ARGS(sw),
                                   SHAPE_ARGS(x_shape));
    cairn_tid inputs[] = {dy, weight};
    return cairn_graph_append(g, &depthwise2d_grad_input, inputs, 2, 2, &x_shape, 1, NULL, &window, sizeof window);
}

cairn_tid cairn_op_depthwise2d_grad_weight(cairn_graph *g, cairn_tid x, cairn_tid dy,
                                           const cairn_conv_options *options)
{
    cairn_conv__window window;
    if (x == CAIRN_NONE || dy == CAIRN_NONE) return CAIRN_NONE;
    if (!window_from(g, depthwise2d_grad_weight.name, options, &window)) return CAIRN_NONE;
    cairn_shape sx = cairn_graph_shape(g, x), sy = cairn_graph_shape(g, dy);
    if (!cairn_shape_equal(sy, output_shape(sx, &window)))
        return cairn_graph_mistake(g, depthwise2d_grad_weight.name, "input " SHAPE_TEXT " and dy " SHAPE_TEXT
                                   " do not fit", SHAPE_ARGS(sx), SHAPE_ARGS(sy));
    cairn_shape sw = cairn_depthwise2d_weight_shape(window.kernel, sx.c);
    cairn_tid inputs[] = {x, dy};
    return cairn_graph_append(g, &depthwise2d_grad_weight, inputs, 2, 2, &sw, 1, NULL, &window, sizeof window);
}

static void depthwise_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                               cairn_tid *dinputs)
{
    const cairn_conv__window *w = cairn_node_attributes(node);
    cairn_conv_options options = {w->kernel, w->stride, w->pad ? w->pad : CAIRN_PAD_NONE, w->behind};
    cairn_tid x = node->inputs[0], weight = node->inputs[1], dy = doutputs[0];
    if (dy == CAIRN_NONE) return;
    if (needs[0]) dinputs[0] = cairn_op_depthwise2d_grad_input(g, dy, weight, cairn_graph_shape(g, x), &options);
    if (needs[1]) dinputs[1] = cairn_op_depthwise2d_grad_weight(g, x, dy, &options);
    if (needs[2] && node->inputs[2] != CAIRN_NONE) dinputs[2] = cairn_op_conv2d_grad_bias(g, dy);
}

static cairn_status lower_forward(cairn_lowering *l, const cairn_node *node)
{
    const cairn_conv__window *w = cairn_node_attributes(node);
    cairn_shape sx = cairn_lower_shape(l, node->inputs[0]), sy = cairn_lower_shape(l, node->outputs[0]);
    cairn_slot bias = node->inputs[2] == CAIRN_NONE ? node->inputs[1] : node->inputs[2];
    int tile_w = tile_width(sy.w);
    int groups = cairn_shape_groups(sx), columns = cairn_conv__ceil_div(sy.w, tile_w) * groups;
    int row_blocks = cairn_conv__ceil_div(sy.h, TILE_H);
    cairn_kernel_call call = {
        .kernel = "depthwise/depthwise2d",
        .constants = {(uint32_t)w->kernel, (uint32_t)w->stride, 0, (uint32_t)tile_w},
        .constant_count = 4,
        .slots = {node->inputs[0], node->inputs[1], bias, node->outputs[0]},
        .slot_count = 4,
        .written = 8,
        .push = {(uint32_t)sx.h, (uint32_t)sx.w, (uint32_t)sy.h, (uint32_t)sy.w, (uint32_t)groups, (uint32_t)w->pad,
                 (uint32_t)columns, (uint32_t)row_blocks, node->inputs[2] != CAIRN_NONE},
        .push_count = 9,
        .threads = {(uint32_t)columns, (uint32_t)(sy.n * row_blocks), 1}};
    cairn_epilogue_call(&call, cairn_conv__epilogue(node), node->inputs[CAIRN_CONV_RESIDUAL], node->inputs[0]);
    const cairn_conv__forward f = {.y = node->outputs[0]};
    const int64_t chunks = (int64_t)sy.n * row_blocks * (columns / groups);
    cairn_conv__bind_moments(&call, &f, cairn_conv__leave_moments(l, &f, chunks));
    return cairn_lower_call(l, &call);
}

static cairn_status lower_grad_input(cairn_lowering *l, const cairn_node *node)
{
    const cairn_conv__window *w = cairn_node_attributes(node);
    cairn_shape sx = cairn_lower_shape(l, node->outputs[0]), sy = cairn_lower_shape(l, node->inputs[0]);
    int tile_w = w->stride == 1 ? tile_width(sx.w) : 4; /* a tile begins at a multiple of the stride */
    int groups = cairn_shape_groups(sx), columns = cairn_conv__ceil_div(sx.w, tile_w) * groups;
    int row_blocks = cairn_conv__ceil_div(sx.h, TILE_H);
    cairn_kernel_call call = {
        .kernel = "depthwise/depthwise2d_grad_input",
        .constants = {(uint32_t)w->kernel, (uint32_t)w->stride, (uint32_t)w->pad, (uint32_t)tile_w},
        .constant_count = 4,
        .slots = {node->inputs[0], node->inputs[1], node->outputs[0]},
        .slot_count = 3,
        .written = 4,
        .push = {(uint32_t)sx.h, (uint32_t)sx.w, (uint32_t)sy.h, (uint32_t)sy.w, (uint32_t)groups, (uint32_t)columns,
                 (uint32_t)row_blocks},
        .push_count = 7,
        .threads = {(uint32_t)columns, (uint32_t)(sx.n * row_blocks), 1}};
    return cairn_lower_call(l, &call);
}

static cairn_status lower_grad_weight(cairn_lowering *l, const cairn_node *node)
{
    enum { WANTED_THREADS = 2048, MOST_CHUNKS = 256, LEAST_TILES = 4 };
    cairn_status st = CAIRN_OK;
    const cairn_conv__window *w = cairn_node_attributes(node);
    cairn_shape sx = cairn_lower_shape(l, node->inputs[0]), sy = cairn_lower_shape(l, node->inputs[1]);
    int tile_w = tile_width(sy.w);
    int groups = cairn_shape_groups(sx), columns = cairn_conv__ceil_div(sy.w, tile_w);
    int row_blocks = cairn_conv__ceil_div(sy.h, TILE_H), tiles = sy.n * row_blocks * columns;
    int wanted = cairn_conv__ceil_div(WANTED_THREADS, groups);
    int most = cairn_conv__ceil_div(tiles, LEAST_TILES);
    if (wanted > most) wanted = most;
    if (wanted > MOST_CHUNKS) wanted = MOST_CHUNKS;
    int chunk = cairn_conv__ceil_div(tiles, wanted), chunks = cairn_conv__ceil_div(tiles, chunk);
    int64_t vectors = (int64_t)w->kernel * w->kernel * groups;
    cairn_slot part = chunks > 1 ? cairn_lower_scratch(l, vectors * chunks) : node->outputs[0];
    cairn_kernel_call call = {
        .kernel = "depthwise/depthwise2d_grad_weight",
        .constants = {(uint32_t)w->kernel, (uint32_t)w->stride, 0, (uint32_t)tile_w},
        .constant_count = 4,
        .slots = {node->inputs[0], node->inputs[1], part},
        .slot_count = 3,
        .written = 4,
        .push = {(uint32_t)sx.h, (uint32_t)sx.w, (uint32_t)sy.h, (uint32_t)sy.w, (uint32_t)groups, (uint32_t)w->pad,
                 (uint32_t)columns, (uint32_t)row_blocks, (uint32_t)tiles, (uint32_t)chunk, (uint32_t)chunks},
        .push_count = 11};
    cairn_lower_linear(&call, (int64_t)chunks * groups);
    CAIRN_TRY(cairn_lower_call(l, &call));
    if (chunks > 1) CAIRN_TRY(cairn_conv__sum_parts(l, part, node->outputs[0], vectors, chunks));
done:
    return st;
}

/* Two for each tap and output element; the three passes differ only in which tensor they make. */
static double depthwise_operations(const cairn_node *node, const cairn_graph *g)
{
    const cairn_conv__window *w = cairn_node_attributes(node);
    cairn_tid dy = node->op == &depthwise2d               ? node->outputs[0]
                   : node->op == &depthwise2d_grad_weight ? node->inputs[1]
                                                          : node->inputs[0];
    return 2.0 * (double)cairn_shape_count(cairn_graph_shape(g, dy)) * w->kernel * w->kernel;
}
