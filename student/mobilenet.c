#include "student/mobilenet.h"

#include "ops/gate/squeeze_excite.h"
#include "ops/pointwise/pointwise.h"

typedef struct block {
    int kernel, expand, out;
    bool squeeze;
    cairn_activation activation;
    int stride;
} block;

#define RE CAIRN_ACTIVATION_RELU
#define HS CAIRN_ACTIVATION_HSWISH
static const block small[11] = {
    {3, 16, 16, true, RE, 2},  {3, 72, 24, false, RE, 2}, {3, 88, 24, false, RE, 1}, {5, 96, 40, true, HS, 2},
    {5, 240, 40, true, HS, 1}, {5, 240, 40, true, HS, 1}, {5, 120, 48, true, HS, 1}, {5, 144, 48, true, HS, 1},
    {5, 288, 96, true, HS, 2}, {5, 576, 96, true, HS, 1}, {5, 576, 96, true, HS, 1},
};
#undef RE
#undef HS

int cairn_mobilenet_round8(double v)
{
    int n = (int)(v + 4) / 8 * 8;
    if (n < 8) n = 8;
    return n < 0.9 * v ? n + 8 : n;
}

static cairn_tid conv_norm(cairn_model *m, const char *stem, cairn_tid x, int channels, int kernel, int stride,
                           cairn_activation activation)
{
    char name[80];
    cairn_conv_layer layer = {
        .channels = channels, .kernel = kernel, .stride = stride, .init = CAIRN_INIT_FAN_OUT_NORMAL};
    snprintf(name, sizeof name, "%s.0", stem);
    x = cairn_layer_conv(m, name, x, &layer);
    snprintf(name, sizeof name, "%s.1", stem);
    return cairn_layer_batch_norm(m, name, x, 1e-3f, 0.01f, activation);
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

static cairn_tid bottleneck(cairn_model *m, const char *prefix, int index, cairn_tid x, const block *b, double width)
{
    char stem[64], name[80];
    int part = 0, in = cairn_graph_shape(m->g, x).c, expand = cairn_mobilenet_round8(b->expand * width),
        out = cairn_mobilenet_round8(b->out * width);
    cairn_tid y = x;
    if (expand != in) {
        snprintf(stem, sizeof stem, "%s.%d.block.%d", prefix, index, part++);
        y = conv_norm(m, stem, y, expand, 1, 1, b->activation);
    }
    snprintf(name, sizeof name, "%s.%d.block.%d.0", prefix, index, part);
    y = cairn_layer_depthwise(m, name, y, b->kernel, b->stride);
    snprintf(name, sizeof name, "%s.%d.block.%d.1", prefix, index, part++);
    y = cairn_layer_batch_norm(m, name, y, 1e-3f, 0.01f, b->activation);
    if (b->squeeze) {
        snprintf(stem, sizeof stem, "%s.%d.block.%d", prefix, index, part++);
        y = squeeze_excite(m, stem, y);
    }
    snprintf(stem, sizeof stem, "%s.%d.block.%d", prefix, index, part);
    y = conv_norm(m, stem, y, out, 1, 1, CAIRN_ACTIVATION_NONE);
    return b->stride == 1 && in == out ? cairn_op_add(m->g, y, x) : y;
}

void cairn_mobilenet_small(cairn_model *m, const char *prefix, cairn_tid x, double width, int last, cairn_tid *features)
{
    char stem[64];
    snprintf(stem, sizeof stem, "%s.0", prefix);
    features[0] = x = conv_norm(m, stem, x, cairn_mobilenet_round8(16 * width), 3, 2, CAIRN_ACTIVATION_HSWISH);
    for (int i = 1; i <= last && i <= 11; i++)
        features[i] = x = bottleneck(m, prefix, i, x, &small[i - 1], width);
    if (last < 12) return;
    snprintf(stem, sizeof stem, "%s.12", prefix);
    features[12] = conv_norm(m, stem, x, 6 * cairn_mobilenet_round8(96 * width), 1, 1, CAIRN_ACTIVATION_HSWISH);
}
