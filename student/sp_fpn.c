#include "student/sp_fpn.h"

#include "ops/norm/norm.h"
#include "ops/pointwise/pointwise.h"
#include "ops/image/resize.h"
#include "student/mobilenet.h"

enum { LEVELS = 4 };

static cairn_tid normed_conv(cairn_model *m, const char *kind, int level, cairn_tid x, int channels, int kernel)
{
    char name[64];
    cairn_conv_layer layer = {.channels = channels, .kernel = kernel, .init = CAIRN_INIT_FAN_IN_UNIFORM};
    snprintf(name, sizeof name, "fpn.%s.%d.0", kind, level);
    return cairn_op_instance_norm(m->g, cairn_layer_conv(m, name, x, &layer), 1e-5f);
}

/* Top-down pathway: outputs[i] at the resolution of tap i, finest first. */
static void pyramid(cairn_model *m, const cairn_tid *taps, int channels, cairn_tid *outputs)
{
    cairn_tid sum = CAIRN_NONE;
    for (int i = LEVELS - 1; i >= 0; i--) {
        cairn_tid lateral = normed_conv(m, "inner_blocks", i, taps[i], channels, 1);
        sum = sum == CAIRN_NONE ? lateral
                                : cairn_op_resize_add(m->g, sum, lateral, CAIRN_RESIZE_NEAREST);
        outputs[i] = normed_conv(m, "layer_blocks", i, sum, channels, 3);
    }
}

/* The levels, enlarged to the finest and added up, through one 1x1 convolution to one channel. Both are linear, and
 * enlarging keeps a constant, so the convolution goes first: what is enlarged has one channel instead of all. */
static cairn_tid integrate(cairn_model *m, const cairn_tid *levels)
{
    cairn_tid sum = CAIRN_NONE;
    for (int i = LEVELS - 1; i >= 0; i--) {
        cairn_conv_layer layer = {.channels = 1, .kernel = 1, .bias = i == 0, .init = CAIRN_INIT_FAN_OUT_NORMAL};
        cairn_tid map = cairn_layer_conv(m, "integrate.0", levels[i], &layer);
        sum = sum == CAIRN_NONE ? map : cairn_op_resize_add(m->g, sum, map, CAIRN_RESIZE_BILINEAR);
    }
    return sum;
}

cairn_tid cairn_sp_fpn(cairn_model *m, cairn_tid image, const cairn_sp_fpn_options *o)
{
    cairn_tid features[CAIRN_MOBILENET_SMALL_FEATURES], taps[LEVELS], levels[LEVELS];
    cairn_shape s = cairn_graph_shape(m->g, image);
    if (s.h < 32 || s.w < 32 || s.c != 1)
        return cairn_graph_mistake(m->g, "sp_fpn",
                                   "the image is [%d,%d,%d,%d]; at least 32x32 and one channel are needed", s.n, s.h,
                                   s.w, s.c);
    int last = 0;
    for (int i = 0; i < LEVELS; i++) last = o->taps[i] > last ? o->taps[i] : last;
    cairn_conv_layer rgb = {.channels = 3, .kernel = 1, .bias = true, .init = CAIRN_INIT_FAN_OUT_NORMAL};
    cairn_mobilenet_small(m, "backbone", cairn_layer_conv(m, "rgb", image, &rgb), o->width, last, features);
    for (int i = 0; i < LEVELS; i++) taps[i] = features[o->taps[i]];
    pyramid(m, taps, o->channels, levels);
    cairn_tid sum = integrate(m, levels);
    sum = cairn_layer_batch_norm(m, "integrate.1", sum, 1e-5f, 0.1f, CAIRN_ACTIVATION_NONE);
    return cairn_op_resize(m->g, sum, s.h, s.w, CAIRN_RESIZE_BICUBIC);
}
