#include "teacher/superpoint.h"

#include "ops/layout/layout.h"
#include "ops/loss/loss.h"
#include "ops/pointwise/pointwise.h"
#include "ops/image/pool.h"

#include <string.h>

static const char *const orders[] = {"bn-relu", "relu-bn", "none"};

static double eps_of(const cairn_superpoint_options *o)
{
    return o->eps > 0 ? o->eps : CAIRN_SUPERPOINT_EPS;
}

static double momentum_of(const cairn_superpoint_options *o)
{
    return o->momentum > 0 ? o->momentum : CAIRN_SUPERPOINT_MOMENTUM;
}

void cairn_superpoint_describe(char *text, size_t size, const cairn_superpoint_options *o)
{
    const double eps = eps_of(o), momentum = momentum_of(o);
    char norm[64] = "";
    if (eps != CAIRN_SUPERPOINT_EPS || momentum != CAIRN_SUPERPOINT_MOMENTUM)
        snprintf(norm, sizeof norm, " eps=%.9g momentum=%.9g", eps, momentum);
    snprintf(text, size, "superpoint width=%g descriptor=%d order=%s%s", o->width, o->descriptor, orders[o->order],
             norm);
}

bool cairn_superpoint_parse(cairn_superpoint_options *o, const char *text)
{
    char order[16] = "";
    cairn_superpoint_options parsed = {0};
    const int found = sscanf(text, "superpoint width=%lf descriptor=%d order=%15s eps=%lf momentum=%lf", &parsed.width,
                             &parsed.descriptor, order, &parsed.eps, &parsed.momentum);
    if (found != 3 &&
        !(found == 5 && parsed.eps >= CAIRN_SUPERPOINT_LEAST_EPS && parsed.eps <= 1 &&
          parsed.momentum >= CAIRN_SUPERPOINT_LEAST_MOMENTUM && parsed.momentum <= 1))
        return false;
    if (!(parsed.width >= 0.0625 && parsed.width <= 2) || parsed.descriptor < 0 || parsed.descriptor > 1024)
        return false;
    for (int i = 0; i < 3; i++) {
        if (strcmp(order, orders[i])) continue;
        parsed.order = (cairn_superpoint_order)i;
        *o = parsed;
        return true;
    }
    return false;
}

int cairn_superpoint_channels(int channels, double width)
{
    int c = (int)(channels * width / 4 + 0.5) * 4;
    return c < 4 ? 4 : c;
}

/* Convolution, BatchNorm and ReLU in the chosen order; `activate` false for the heads' outputs. */
static cairn_tid block(cairn_model *m, const char *suffix, cairn_tid x, int channels, int kernel, bool activate,
                       const cairn_superpoint_options *o)
{
    char conv[16], bn[16];
    snprintf(conv, sizeof conv, "conv%s", suffix);
    snprintf(bn, sizeof bn, "bn%s", suffix);
    cairn_conv_layer layer = {.channels = channels, .kernel = kernel, .bias = true, .init = CAIRN_INIT_GLOROT};
    x = cairn_layer_conv(m, conv, x, &layer);
    if (activate && o->order != CAIRN_ORDER_BN_RELU) x = cairn_op_relu(m->g, x);
    if (o->order == CAIRN_ORDER_NONE) return x;
    return cairn_layer_batch_norm(m, bn, x, (float)eps_of(o), (float)momentum_of(o),
                                  activate && o->order == CAIRN_ORDER_BN_RELU ? CAIRN_ACTIVATION_RELU
                                                                              : CAIRN_ACTIVATION_NONE);
}

cairn_superpoint_outputs cairn_superpoint(cairn_model *m, cairn_tid image, const cairn_superpoint_options *o)
{
    static const char *const names[8] = {"1a", "1b", "2a", "2b", "3a", "3b", "4a", "4b"};
    static const int channels[8] = {64, 64, 64, 64, 128, 128, 128, 128};
    cairn_superpoint_outputs out = {CAIRN_NONE, CAIRN_NONE, CAIRN_NONE};
    cairn_shape s = cairn_graph_shape(m->g, image);
    if (s.h % 8 || s.w % 8 || s.c != 1) {
        cairn_graph_mistake(m->g, "superpoint",
                            "the image is [%d,%d,%d,%d]; height and width must be multiples of 8, channels 1", s.n, s.h,
                            s.w, s.c);
        return out;
    }
    cairn_tid x = image;
    for (int i = 0; i < 8; i++) {
        x = block(m, names[i], x, cairn_superpoint_channels(channels[i], o->width), 3, true, o);
        if (i == 1 || i == 3 || i == 5) x = cairn_op_max_pool2(m->g, x);
    }
    int head = cairn_superpoint_channels(256, o->width);
    out.logits = block(m, "Pb", block(m, "Pa", x, head, 3, true, o), 65, 1, false, o);
    if (o->descriptor > 0) {
        out.raw = block(m, "Db", block(m, "Da", x, head, 3, true, o), o->descriptor, 1, false, o);
        out.descriptor = cairn_op_l2_normalize(m->g, out.raw, 1e-12f);
    }
    return out;
}

cairn_tid cairn_superpoint_heatmap(cairn_graph *g, cairn_tid logits)
{
    return cairn_op_depth_to_space(g, cairn_op_softmax(g, logits), 8);
}
