#include "student/mobilenet.h"

#include "ops/gate/squeeze_excite.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"

#include <math.h>
#include <string.h>

typedef struct block {
    int kernel, expand, out;
    bool squeeze;
    cairn_activation activation;
    int stride;
    double ratio; /* of the expansion to the input */
} block;

#define RE CAIRN_ACTIVATION_RELU
#define HS CAIRN_ACTIVATION_HSWISH
static const block small[CAIRN_MOBILENET_SMALL_FEATURES - 2] = {
    {3, 16, 16, true, RE, 2, 1},  {3, 72, 24, false, RE, 2, 4.5}, {3, 88, 24, false, RE, 1, 3.67},
    {5, 96, 40, true, HS, 2, 4},  {5, 240, 40, true, HS, 1, 6},   {5, 240, 40, true, HS, 1, 6},
    {5, 120, 48, true, HS, 1, 3}, {5, 144, 48, true, HS, 1, 3},   {5, 288, 96, true, HS, 2, 6},
    {5, 576, 96, true, HS, 1, 6}, {5, 576, 96, true, HS, 1, 6},
};
static const block large[CAIRN_MOBILENET_LARGE_FEATURES - 2] = {
    {3, 16, 16, false, RE, 1, 1},    {3, 64, 24, false, RE, 2, 4},    {3, 72, 24, false, RE, 1, 3},
    {5, 72, 40, true, RE, 2, 3},     {5, 120, 40, true, RE, 1, 3},    {5, 120, 40, true, RE, 1, 3},
    {3, 240, 80, false, HS, 2, 6},   {3, 200, 80, false, HS, 1, 2.5}, {3, 184, 80, false, HS, 1, 2.3},
    {3, 184, 80, false, HS, 1, 2.3}, {3, 480, 112, true, HS, 1, 6},   {3, 672, 112, true, HS, 1, 6},
    {5, 672, 160, true, HS, 2, 6},   {5, 960, 160, true, HS, 1, 6},   {5, 960, 160, true, HS, 1, 6},
};
#undef RE
#undef HS

/* What all parts of a network share. */
typedef struct backbone {
    cairn_model *m;
    const char *prefix;
    double width;
    const cairn_mobilenet_style *style;
} backbone;

int cairn_mobilenet_round8(double v)
{
    int n = (int)(v + 4) / 8 * 8;
    if (n < 8) n = 8;
    return n < 0.9 * v ? n + 8 : n;
}

float cairn_mobilenet_eps(const cairn_mobilenet_style *style)
{
    return style->bn_eps > 0 ? style->bn_eps : 1e-3f;
}

static cairn_tid norm(const backbone *b, const char *name, cairn_tid x, cairn_activation activation)
{
    return cairn_layer_batch_norm(b->m, name, x, cairn_mobilenet_eps(b->style), 0.01f, activation);
}

static cairn_tid conv_norm(const backbone *b, const char *stem, cairn_tid x, int channels, int kernel, int stride,
                           cairn_activation activation)
{
    char name[80];
    cairn_conv_layer layer = {.channels = channels, .kernel = kernel, .stride = stride,
                              .init = CAIRN_INIT_FAN_OUT_NORMAL, .tensorflow = b->style->same_padding};
    snprintf(name, sizeof name, "%s.0", stem);
    x = cairn_layer_conv(b->m, name, x, &layer);
    snprintf(name, sizeof name, "%s.1", stem);
    return norm(b, name, x, activation);
}

/* Weight and bias of a 1x1 convolution: parts[0] and parts[1]. */
static void layer_parameters(cairn_model *m, const char *stem, const char *layer, int ci, int co, cairn_tid *parts)
{
    char name[96];
    snprintf(name, sizeof name, "%s.%s.weight", stem, layer);
    parts[0] =
        cairn_model_parameter(m, name, CAIRN_PARAMETER_CONV, co, ci, 1, true, true, CAIRN_INIT_FAN_OUT_NORMAL, 0);
    snprintf(name, sizeof name, "%s.%s.bias", stem, layer);
    parts[1] = cairn_model_parameter(m, name, CAIRN_PARAMETER_VECTOR, co, 1, 1, true, false, CAIRN_INIT_CONSTANT, 0);
}

static cairn_tid squeeze_excite(cairn_model *m, const char *stem, cairn_tid x)
{
    cairn_tid p[4];
    int c = cairn_graph_shape(m->g, x).c, squeezed = cairn_mobilenet_round8(c / 4.0);
    layer_parameters(m, stem, "fc1", c, squeezed, &p[0]);
    layer_parameters(m, stem, "fc2", squeezed, c, &p[2]);
    return cairn_op_squeeze_excite(m->g, x, p[0], p[1], p[2], p[3]);
}

static const block *block_of(const cairn_mobilenet_style *style, int index)
{
    return style->large ? &large[index - 1] : &small[index - 1];
}

static int expansion(const cairn_mobilenet_style *style, const block *b, int in, double width)
{
    return cairn_mobilenet_round8(style->by_ratio ? in * b->ratio : b->expand * width);
}

static cairn_tid activate(cairn_graph *g, cairn_tid x, cairn_activation activation)
{
    return activation == CAIRN_ACTIVATION_RELU ? cairn_op_relu(g, x) : cairn_op_hswish(g, x);
}

static cairn_tid bottleneck(const backbone *net, int index, cairn_tid x)
{
    char stem[64], name[80];
    cairn_model *m = net->m;
    const block *b = block_of(net->style, index);
    int part = 0, in = cairn_graph_shape(m->g, x).c, expand = expansion(net->style, b, in, net->width),
        out = cairn_mobilenet_round8(b->out * net->width);
    cairn_tid y = x;
    if (expand != in) {
        snprintf(stem, sizeof stem, "%s.%d.block.%d", net->prefix, index, part++);
        y = conv_norm(net, stem, y, expand, 1, 1, b->activation);
    }
    bool late = net->style->se_before_act && b->squeeze && expand != in; /* the activation */
    snprintf(name, sizeof name, "%s.%d.block.%d.0", net->prefix, index, part);
    y = cairn_layer_depthwise(m, name, y, b->kernel, b->stride, net->style->same_padding);
    snprintf(name, sizeof name, "%s.%d.block.%d.1", net->prefix, index, part++);
    y = norm(net, name, y, late ? CAIRN_ACTIVATION_NONE : b->activation);
    if (b->squeeze) {
        snprintf(stem, sizeof stem, "%s.%d.block.%d", net->prefix, index, part++);
        y = squeeze_excite(m, stem, y);
    }
    if (late) y = activate(m->g, y, b->activation);
    snprintf(stem, sizeof stem, "%s.%d.block.%d", net->prefix, index, part);
    y = conv_norm(net, stem, y, out, 1, 1, CAIRN_ACTIVATION_NONE);
    return b->stride == 1 && in == out ? cairn_op_add(m->g, y, x) : y;
}

void cairn_mobilenet(cairn_model *m, const char *prefix, cairn_tid x, double width, const cairn_mobilenet_style *style,
                     int last, cairn_tid *features)
{
    char stem[64];
    const backbone net = {m, prefix, width, style};
    const int top = cairn_mobilenet_feature_count(style) - 1;
    snprintf(stem, sizeof stem, "%s.0", prefix);
    features[0] = x = conv_norm(&net, stem, x, cairn_mobilenet_round8(16 * width), 3, 2, CAIRN_ACTIVATION_HSWISH);
    for (int i = 1; i <= last && i < top; i++) features[i] = x = bottleneck(&net, i, x);
    if (last < top) return;
    snprintf(stem, sizeof stem, "%s.%d", prefix, top);
    features[top] = conv_norm(&net, stem, x, 6 * cairn_graph_shape(m->g, x).c, 1, 1, CAIRN_ACTIVATION_HSWISH);
}

int cairn_mobilenet_stride(const cairn_mobilenet_style *style, int i)
{
    int stride = 2;
    for (int k = 1; k <= i && k < cairn_mobilenet_feature_count(style) - 1; k++) stride *= block_of(style, k)->stride;
    return stride;
}

void cairn_mobilenet_parts(const cairn_mobilenet_style *style, double width, int i, bool *expands, bool *squeezes)
{
    const block *b = block_of(style, i);
    int in = cairn_mobilenet_round8((i > 1 ? block_of(style, i - 1)->out : 16) * width);
    *expands = expansion(style, b, in, width) != in;
    *squeezes = b->squeeze;
}

/* ---- style as text ---- */

void cairn_mobilenet_describe_style(char *text, size_t size, const cairn_mobilenet_style *s)
{
    char eps[24] = "";
    if (s->bn_eps > 0 && s->bn_eps != 1e-3f) snprintf(eps, sizeof eps, "+bn_eps=%g", (double)s->bn_eps);
    snprintf(text, size, "%s%s%s%s%s", s->large ? "large" : "small", s->se_before_act ? "+se_before_act" : "",
             s->same_padding ? "+same_padding" : "", s->by_ratio ? "+by_ratio" : "", eps);
}

bool cairn_mobilenet_parse_style(cairn_mobilenet_style *style, const char *text)
{
    char copy[CAIRN_MOBILENET_STYLE_BYTES], *rest = copy, *word;
    cairn_mobilenet_style s = {0};
    if (strlen(text) >= sizeof copy) return false;
    snprintf(copy, sizeof copy, "%s", text);
    for (int i = 0; (word = strsep(&rest, "+")); i++) {
        if (i == 0 && !strcmp(word, "small")) continue;
        if (i == 0 && !strcmp(word, "large"))
            s.large = true;
        else if (i && !strcmp(word, "se_before_act"))
            s.se_before_act = true;
        else if (i && !strcmp(word, "same_padding"))
            s.same_padding = true;
        else if (i && !strcmp(word, "by_ratio"))
            s.by_ratio = true;
        else if (!(i && sscanf(word, "bn_eps=%f", &s.bn_eps) == 1 && s.bn_eps >= 1e-9f && s.bn_eps <= 0.1f))
            return false;
    }
    *style = s;
    return true;
}

/* ---- classifier ---- */

static cairn_tid dense(cairn_model *m, const char *name, cairn_tid x, int units)
{
    cairn_conv_layer layer = {.channels = units, .kernel = 1, .bias = true, .init = CAIRN_INIT_FAN_OUT_NORMAL};
    return cairn_layer_conv(m, name, x, &layer);
}

cairn_tid cairn_classifier(cairn_model *m, cairn_tid rgb, const cairn_classifier_options *o)
{
    cairn_tid features[CAIRN_MOBILENET_LARGE_FEATURES];
    const int last = cairn_mobilenet_feature_count(&o->style) - 1;
    cairn_shape s = cairn_graph_shape(m->g, rgb);
    if (s.c != 3 || s.h < 32 || s.w < 32)
        return cairn_graph_mistake(m->g, "classifier", "the image is [%d,%d,%d,%d]; at least 32x32 and three channels "
                                   "are needed", s.n, s.h, s.w, s.c);
    float scale[3], shift[3];
    for (int i = 0; i < 3; i++) {
        scale[i] = (float)(1 / o->std[i]);
        shift[i] = (float)(-o->mean[i] / o->std[i]);
    }
    cairn_tid x = cairn_op_mul(m->g, rgb, cairn_graph_constant_data(m->g, (cairn_shape){1, 1, 1, 3}, scale));
    x = cairn_op_add(m->g, x, cairn_graph_constant_data(m->g, (cairn_shape){1, 1, 1, 3}, shift));
    cairn_mobilenet(m, "features", x, o->width, &o->style, last, features);
    x = cairn_op_reduce_mean(m->g, features[last], CAIRN_AXIS_H | CAIRN_AXIS_W);
    x = cairn_op_hswish(m->g, dense(m, "classifier.0", x, o->hidden));
    return dense(m, "classifier.3", x, o->classes);
}

void cairn_classifier_describe(char *text, size_t size, const cairn_classifier_options *o)
{
    char style[CAIRN_MOBILENET_STYLE_BYTES];
    cairn_mobilenet_describe_style(style, sizeof style, &o->style);
    snprintf(text, size, "mobilenetv3 width=%g hidden=%d classes=%d mean=%g,%g,%g std=%g,%g,%g backbone=%s", o->width,
             o->hidden, o->classes, o->mean[0], o->mean[1], o->mean[2], o->std[0], o->std[1], o->std[2], style);
}

bool cairn_classifier_parse(cairn_classifier_options *options, const char *text)
{
    cairn_classifier_options o = {0};
    char style[CAIRN_MOBILENET_STYLE_BYTES];
    if (sscanf(text, "mobilenetv3 width=%lf hidden=%d classes=%d mean=%lf,%lf,%lf std=%lf,%lf,%lf backbone=%79s",
               &o.width, &o.hidden, &o.classes, &o.mean[0], &o.mean[1], &o.mean[2], &o.std[0], &o.std[1], &o.std[2],
               style) != 10 ||
        !cairn_mobilenet_parse_style(&o.style, style))
        return false;
    bool fine = o.width >= 0.25 && o.width <= 2 && o.hidden >= 1 && o.hidden <= 8192 && o.classes >= 1 &&
                o.classes <= 65536;
    for (int i = 0; i < 3; i++) fine &= o.std[i] >= 1e-3 && o.std[i] <= 1e3 && fabs(o.mean[i]) <= 1e3;
    if (fine) *options = o;
    return fine;
}
