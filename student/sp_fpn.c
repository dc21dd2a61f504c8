#include "student/sp_fpn.h"

#include "ops/conv/conv.h"
#include "ops/norm/norm.h"
#include "ops/pointwise/pointwise.h"
#include "ops/image/resize.h"
#include "student/lateral.h"
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

typedef struct level {
    cairn_tid tap, inner, outer; /* inner, outer: weights of the 1x1 convolution and of the 3x3 one */
    cairn_tid sum, variance;     /* the map before the 3x3 convolution, and behind the 1x1 one */
    cairn_lateral lateral;       /* by its parts, once asked for */
    bool by_parts;               /* its sum is then made for nobody, and pruned */
} level;

static const cairn_lateral *lateral_of(cairn_graph *g, level *l)
{
    if (l->lateral.feature == CAIRN_NONE) /* the variance is at hand where the lateral is */
        l->lateral = cairn_lateral_create(g, l->tap, l->inner, l->by_parts ? CAIRN_NONE : l->variance, EPS);
    return &l->lateral;
}

/* An instance norm. Of one image in two ops, so that the second can go into the convolution that follows. */
static cairn_tid level_norm(cairn_model *m, cairn_tid x)
{
    cairn_graph *g = m->g;
    if (m->training || cairn_graph_shape(g, x).n > 1) return cairn_op_instance_norm(g, x, EPS, NULL);
    cairn_tid variance, mean = cairn_op_moments(g, x, true, &variance);
    return cairn_op_normalize(g, x, mean, variance, CAIRN_NONE, CAIRN_NONE, EPS, CAIRN_ACTIVATION_NONE);
}

/* A level through its share of the 1x1 convolution that joins the levels to one channel. That and enlarging are linear,
 * and enlarging keeps a constant, so the convolution goes first: what is enlarged has one channel instead of all. */
static cairn_tid level_map(cairn_model *m, int i, cairn_tid x)
{
    cairn_conv_layer layer = {.channels = 1, .kernel = 1, .bias = i == 0, .init = CAIRN_INIT_FAN_OUT_NORMAL};
    return cairn_layer_conv(m, "integrate.0", x, &layer);
}

/* Top-down pathway and what each level adds to the heatmap: maps[i] at the resolution of tap i, finest first. */
static void pyramid(cairn_model *m, const cairn_tid *taps, int channels, cairn_tid *maps)
{
    const cairn_conv_options inner = {.kernel = 1}, outer = {.kernel = 3};
    cairn_graph *g = m->g;
    level levels[LEVELS];
    for (int i = LEVELS - 1; i >= 0; i--) {
        level *l = &levels[i];
        *l = (level){.tap = taps[i], .lateral = {CAIRN_NONE, CAIRN_NONE, CAIRN_NONE}};
        l->inner = weight_of(m, "inner_blocks", i, cairn_graph_shape(g, l->tap).c, channels, 1);
        l->outer = weight_of(m, "layer_blocks", i, channels, channels, 3);
        l->by_parts = !m->training && i + 2 < LEVELS && cairn_lateral_pays(g, l->tap, l[1].tap, l[2].sum);
        cairn_tid map = cairn_op_conv2d(g, l->tap, l->inner, CAIRN_NONE, &inner);
        map = cairn_op_instance_norm(g, map, EPS, &l->variance);
        l->sum = i == LEVELS - 1 ? map : cairn_op_resize_add(g, l[1].sum, map, CAIRN_RESIZE_NEAREST);
        cairn_tid y;
        if (l->by_parts)
            y = cairn_lateral_convolve(g, lateral_of(g, l), lateral_of(g, &l[1]), l[2].sum, l->outer);
        else
            y = cairn_op_conv2d(g, l->sum, l->outer, CAIRN_NONE, &outer);
        maps[i] = level_map(m, i, level_norm(m, y));
    }
}

/* The levels' maps, enlarged to the finest and added up. */
static cairn_tid integrate(cairn_model *m, const cairn_tid *maps)
{
    cairn_tid sum = maps[LEVELS - 1];
    for (int i = LEVELS - 2; i >= 0; i--) sum = cairn_op_resize_add(m->g, sum, maps[i], CAIRN_RESIZE_BILINEAR);
    return sum;
}

cairn_tid cairn_sp_fpn(cairn_model *m, cairn_tid image, const cairn_sp_fpn_options *o)
{
    cairn_tid features[CAIRN_MOBILENET_LARGE_FEATURES], taps[LEVELS], maps[LEVELS];
    cairn_shape s = cairn_graph_shape(m->g, image);
    if (s.h < 32 || s.w < 32 || s.c != 1)
        return cairn_graph_mistake(m->g, "sp_fpn",
                                   "the image is [%d,%d,%d,%d]; at least 32x32 and one channel are needed", s.n, s.h,
                                   s.w, s.c);
    int last = 0;
    for (int i = 0; i < LEVELS; i++) last = o->taps[i] > last ? o->taps[i] : last;
    cairn_conv_layer rgb = {.channels = 3, .kernel = 1, .bias = true, .init = CAIRN_INIT_FAN_OUT_NORMAL};
    cairn_mobilenet(m, "backbone", cairn_layer_conv(m, "rgb", image, &rgb), o->width, &o->style, last, features);
    for (int i = 0; i < LEVELS; i++) taps[i] = features[o->taps[i]];
    pyramid(m, taps, o->channels, maps);
    cairn_tid sum = integrate(m, maps);
    sum = cairn_layer_batch_norm(m, "integrate.1", sum, 1e-5f, 0.1f, CAIRN_ACTIVATION_NONE);
    return cairn_op_resize(m->g, sum, s.h, s.w, CAIRN_RESIZE_BICUBIC);
}
