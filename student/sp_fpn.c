#include "student/sp_fpn.h"

#include "ops/conv/conv.h"
#include "ops/norm/norm.h"
#include "ops/pointwise/pointwise.h"
#include "ops/image/resize.h"
#include "student/finest_level.h"
#include "student/mobilenet.h"

enum { LEVELS = 4 };

static const float EPS = 1e-5f; /* of the instance norms */

/* Weight of fpn.<kind>.<level>, without bias since a normalisation follows. */
static cairn_tid weight_of(cairn_model *m, const char *kind, int level, int ci, int co, int kernel)
{
    char name[64];
    snprintf(name, sizeof name, "fpn.%s.%d.0.weight", kind, level);
    return cairn_model_parameter(m, name, CAIRN_PARAMETER_CONV, co, ci, kernel, true, true,
                                 CAIRN_INIT_FAN_IN_UNIFORM, 0);
}

/* Top-down pathway: outputs[i] at the resolution of tap i, finest first. */
static void pyramid(cairn_model *m, const cairn_tid *taps, int channels, cairn_tid *outputs)
{
    const cairn_conv_options inner = {.kernel = 1}, outer = {.kernel = 3};
    cairn_graph *g = m->g;
    cairn_tid sums[LEVELS], inner_weights[LEVELS], variances[LEVELS];
    for (int i = LEVELS - 1; i >= 0; i--) {
        int ci = cairn_graph_shape(g, taps[i]).c;
        inner_weights[i] = weight_of(m, "inner_blocks", i, ci, channels, 1);
        cairn_tid weight = weight_of(m, "layer_blocks", i, channels, channels, 3), y;
        if (i == 0 && !m->training && cairn_finest_level_fits(g, taps[0], taps[1], sums[2])) {
            cairn_finest_level level = {.fine = taps[0], .middle = taps[1], .coarse = sums[2],
                                        .fine_weight = inner_weights[0], .middle_weight = inner_weights[1],
                                        .middle_variance = variances[1], .weight = weight, .eps = EPS};
            y = cairn_finest_level_convolve(g, &level);
        } else {
            cairn_tid lateral = cairn_op_conv2d(g, taps[i], inner_weights[i], CAIRN_NONE, &inner);
            lateral = cairn_op_instance_norm(g, lateral, EPS, &variances[i]);
            sums[i] = i == LEVELS - 1 ? lateral : cairn_op_resize_add(g, sums[i + 1], lateral, CAIRN_RESIZE_NEAREST);
            y = cairn_op_conv2d(g, sums[i], weight, CAIRN_NONE, &outer);
        }
        outputs[i] = cairn_op_instance_norm(g, y, EPS, NULL);
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
