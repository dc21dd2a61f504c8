#include "student/drop_in.h"

#include "ops/image/resize.h"
#include "ops/layout/layout.h"
#include "ops/loss/loss.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"

enum { LEVELS = 4, HEAD = 128, CLASSES = 65 };

static cairn_tid conv_norm(cairn_model *m, const char *stem, int number, cairn_tid x, int channels, int kernel,
                           cairn_activation activation)
{
    char name[80];
    const cairn_conv_layer layer = {.channels = channels, .kernel = kernel, .init = CAIRN_INIT_FAN_OUT_NORMAL};
    snprintf(name, sizeof name, "%s.%d", stem, number);
    x = cairn_layer_conv(m, name, x, &layer);
    snprintf(name, sizeof name, "%s.%d", stem, number + 1);
    return cairn_layer_batch_norm(m, name, x, 1e-5f, 0.1f, activation);
}

/* A 3x3 convolution and its normalisation: <stem>.0 and .1, or <stem>.0 .. .3. Returns in *next the number behind. */
static cairn_tid window(cairn_model *m, const char *stem, cairn_tid x, int channels, bool separable,
                        cairn_activation activation, int *next)
{
    char name[80];
    *next = separable ? 4 : 2;
    if (!separable) return conv_norm(m, stem, 0, x, channels, 3, activation);
    snprintf(name, sizeof name, "%s.0", stem);
    x = cairn_layer_depthwise(m, name, x, 3, 1, false);
    snprintf(name, sizeof name, "%s.1", stem);
    x = cairn_layer_batch_norm(m, name, x, 1e-5f, 0.1f, CAIRN_ACTIVATION_NONE);
    return conv_norm(m, stem, 2, x, channels, 1, activation);
}

static cairn_tid head(cairn_model *m, const char *stem, cairn_tid x, int channels, bool separable)
{
    char name[80];
    int next;
    const cairn_conv_layer last = {.channels = channels, .kernel = 1, .bias = true, .init = CAIRN_INIT_FAN_OUT_NORMAL};
    x = window(m, stem, x, HEAD, separable, CAIRN_ACTIVATION_RELU, &next);
    snprintf(name, sizeof name, "%s.%d", stem, next);
    return cairn_layer_conv(m, name, x, &last);
}

/* Every second row and column from (row, column): half the size. */
static cairn_tid parity(cairn_graph *g, cairn_tid x, int row, int column)
{
    const cairn_shape s = cairn_graph_shape(g, x);
    const int h = s.h / 2, w = s.w / 2;
    x = cairn_op_reshape(g, x, (cairn_shape){s.n * h, 2, s.w, s.c});
    x = cairn_op_slice(g, x, CAIRN_AXIS_H, row, 1);
    x = cairn_op_reshape(g, x, (cairn_shape){s.n * h * w, 1, 2, s.c});
    x = cairn_op_slice(g, x, CAIRN_AXIS_W, column, 1);
    return cairn_op_reshape(g, x, (cairn_shape){s.n, h, w, s.c});
}

/* [N,H,W,C] -> [N,H/2,W/2,4C]: the four pixels of a block, rows first. */
static cairn_tid stack_blocks(cairn_graph *g, cairn_tid x)
{
    cairn_tid top = cairn_op_concat(g, parity(g, x, 0, 0), parity(g, x, 0, 1), CAIRN_AXIS_C);
    cairn_tid bottom = cairn_op_concat(g, parity(g, x, 1, 0), parity(g, x, 1, 1), CAIRN_AXIS_C);
    return cairn_op_concat(g, top, bottom, CAIRN_AXIS_C);
}

/* sums[i]: the level's map and the coarser sum, enlarged; finest first. */
static void pyramid(cairn_model *m, const cairn_tid *features, const cairn_sp_fpn_options *o, bool separable,
                    cairn_tid *sums)
{
    char stem[64];
    int next;
    cairn_graph *g = m->g;
    cairn_tid inner = CAIRN_NONE;
    for (int i = LEVELS - 1; i >= 0; i--) {
        snprintf(stem, sizeof stem, "fpn.inner_blocks.%d", i);
        cairn_tid map = conv_norm(m, stem, 0, features[o->taps[i]], o->channels, 1, CAIRN_ACTIVATION_NONE);
        inner = i == LEVELS - 1 ? map : cairn_op_resize_add(g, inner, map, CAIRN_RESIZE_NEAREST);
        snprintf(stem, sizeof stem, "fpn.layer_blocks.%d", i);
        cairn_tid y = window(m, stem, inner, o->channels, separable, CAIRN_ACTIVATION_NONE, &next);
        sums[i] = i == LEVELS - 1 ? y : cairn_op_resize_add(g, sums[i + 1], y, CAIRN_RESIZE_BILINEAR);
    }
}

bool cairn_drop_in_takes(const cairn_sp_fpn_options *o)
{
    return cairn_mobilenet_stride(&o->style, o->taps[0]) == 4 && cairn_mobilenet_stride(&o->style, o->taps[1]) == 8;
}

cairn_superpoint_outputs cairn_drop_in(cairn_model *m, cairn_tid image, const cairn_sp_fpn_options *o,
                                       const cairn_drop_in_heads *heads)
{
    cairn_superpoint_outputs out = {CAIRN_NONE, CAIRN_NONE, CAIRN_NONE};
    cairn_tid features[CAIRN_MOBILENET_LARGE_FEATURES], sums[LEVELS];
    const cairn_shape s = cairn_graph_shape(m->g, image);
    if (s.h % 8 || s.w % 8 || s.h < 32 || s.w < 32 || s.c != 1) {
        cairn_graph_mistake(m->g, "drop_in",
                            "the image is [%d,%d,%d,%d]; sides must be multiples of 8, at least 32, channels 1",
                            s.n, s.h, s.w, s.c);
        return out;
    }
    const cairn_conv_layer rgb = {.channels = 3, .kernel = 1, .bias = true, .init = CAIRN_INIT_FAN_OUT_NORMAL};
    cairn_mobilenet(m, "backbone", cairn_layer_conv(m, "rgb", image, &rgb), o->width, &o->style, o->taps[LEVELS - 1],
                    features);
    pyramid(m, features, o, heads->separable, sums);
    out.logits = head(m, "detector", stack_blocks(m->g, sums[0]), CLASSES, heads->separable);
    out.raw = head(m, "descriptor", sums[1], heads->descriptor, heads->separable);
    out.descriptor = cairn_op_l2_normalize(m->g, out.raw, 1e-12f);
    return out;
}
