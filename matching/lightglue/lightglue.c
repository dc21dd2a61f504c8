#include "matching/lightglue/lightglue.h"

#include "ops/attention/attention.h"
#include "ops/conv/conv.h"
#include "ops/layout/layout.h"
#include "ops/loss/likelihood.h"
#include "ops/pointwise/pointwise.h"
#include "ops/product/matrix.h"
#include "ops/reduce/reduce.h"

#include <math.h>
#include <string.h>

enum { MOST_CHANNELS = 1024, NAME = 96 };

/* ---- options ---- */

static bool in_range(const cairn_lightglue_options *o)
{
    return o->layers >= 1 && o->layers <= CAIRN_LIGHTGLUE_LAYERS && o->heads >= 1 && o->heads <= 16 && o->width >= 4 &&
           o->width <= MOST_CHANNELS && o->width % (4 * o->heads) == 0 && o->descriptor >= 1 &&
           o->descriptor <= MOST_CHANNELS;
}

cairn_status cairn_lightglue_check(const cairn_lightglue_options *o, const char *where)
{
    if (in_range(o)) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_INVALID,
                           "%s: LightGlue of %d layers, %d heads, width %d and descriptors of %d channels; expected "
                           "1..%d layers, 1..16 heads, a width of heads times a multiple of 4 up to %d and 1..%d "
                           "channels",
                           where, o->layers, o->heads, o->width, o->descriptor, CAIRN_LIGHTGLUE_LAYERS, MOST_CHANNELS,
                           MOST_CHANNELS);
}

void cairn_lightglue_describe(char *text, size_t size, const cairn_lightglue_options *o)
{
    snprintf(text, size, "lightglue layers=%d heads=%d width=%d descriptor=%d", o->layers, o->heads, o->width,
             o->descriptor);
}

bool cairn_lightglue_parse(cairn_lightglue_options *o, const char *text)
{
    cairn_lightglue_options parsed = {0};
    if (sscanf(text, "lightglue layers=%d heads=%d width=%d descriptor=%d", &parsed.layers, &parsed.heads,
               &parsed.width, &parsed.descriptor) != 4 ||
        !in_range(&parsed))
        return false;
    *o = parsed;
    return true;
}

/* ---- layers ---- */

/* `what` is short: "assignment.project" is the longest. */
static void layer_name(char name[NAME], int layer, const char *what)
{
    snprintf(name, NAME, "layers.%d.%.40s", layer, what);
}

static cairn_tid linear(cairn_model *m, int layer, const char *what, cairn_tid x, int channels)
{
    char name[NAME];
    layer_name(name, layer, what);
    return cairn_layer_linear(m, name, x, channels, true);
}

cairn_lightglue_points cairn_lightglue_begin(cairn_model *m, const cairn_lightglue_options *o, cairn_tid positions,
                                             cairn_tid descriptors, cairn_tid mask)
{
    cairn_graph *g = m->g;
    cairn_lightglue_points p = {CAIRN_NONE, CAIRN_NONE, mask};
    cairn_shape s = cairn_graph_shape(g, positions), d = cairn_graph_shape(g, descriptors);
    if (s.n % 2 || s.h != 1 || s.c != 2 || d.n != s.n || d.h != 1 || d.w != s.w || d.c != o->descriptor) {
        cairn_graph_mistake(g, "lightglue",
                            "positions [%d,%d,%d,%d] and descriptors [%d,%d,%d,%d]; expected [2B,1,N,2] and "
                            "[2B,1,N,%d]",
                            s.n, s.h, s.w, s.c, d.n, d.h, d.w, d.c, o->descriptor);
        return p;
    }
    /* Whole pairs of channels of a head turn by one angle. */
    const int angles = o->width / o->heads / 2;
    const cairn_conv_options one = {.kernel = 1, .stride = 1};
    cairn_tid weight = cairn_model_parameter(m, "posenc.weight", CAIRN_PARAMETER_LINEAR, angles, 2, 1, true, false,
                                             CAIRN_INIT_NORMAL, 1);
    p.encoding = cairn_op_cos_sin(g, cairn_op_conv2d(g, positions, weight, CAIRN_NONE, &one));
    p.states = descriptors;
    if (o->descriptor != o->width) p.states = cairn_layer_linear(m, "input_proj", descriptors, o->width, true);
    return p;
}

/* The two images of each pair in each other's place: [2B,..] -> [2B,..]. */
static cairn_tid exchange(cairn_graph *g, cairn_tid x)
{
    const int pairs = cairn_graph_shape(g, x).n / 2;
    if (x == CAIRN_NONE) return x;
    return cairn_op_concat_batch(g, cairn_op_slice_batch(g, x, pairs, pairs), cairn_op_slice_batch(g, x, 0, pairs));
}

/* x + FFN([x ; message]); `block` "self" or "cross". */
static cairn_tid feed_forward(cairn_model *m, int layer, const char *block, cairn_tid x, cairn_tid message)
{
    char what[NAME], name[NAME];
    const int width = cairn_graph_shape(m->g, x).c;
    snprintf(what, sizeof what, "%s.ffn.in", block);
    cairn_tid y = linear(m, layer, what, cairn_op_concat(m->g, x, message, CAIRN_AXIS_C), 2 * width);
    snprintf(what, sizeof what, "%s.ffn.norm", block);
    layer_name(name, layer, what);
    y = cairn_op_gelu(m->g, cairn_layer_layer_norm(m, name, y));
    snprintf(what, sizeof what, "%s.ffn.out", block);
    return cairn_op_add(m->g, x, linear(m, layer, what, y, width));
}

static cairn_tid self_block(cairn_model *m, const cairn_lightglue_options *o, int layer,
                            const cairn_lightglue_points *p)
{
    const cairn_attention_options attention = {.heads = o->heads};
    cairn_tid x = p->states;
    cairn_tid q = cairn_op_rotate(m->g, linear(m, layer, "self.q", x, o->width), p->encoding, o->heads);
    cairn_tid k = cairn_op_rotate(m->g, linear(m, layer, "self.k", x, o->width), p->encoding, o->heads);
    cairn_tid v = linear(m, layer, "self.v", x, o->width);
    cairn_tid context = cairn_op_attention(m->g, q, k, v, p->mask, p->mask, &attention);
    return feed_forward(m, layer, "self", x, linear(m, layer, "self.out", context, o->width));
}

/* One projection serves as queries and as keys. The published code makes the similarities once and takes the softmax
 * along either axis; here each direction makes its own, so that attention stays one op that need not store them. */
static cairn_tid cross_block(cairn_model *m, const cairn_lightglue_options *o, int layer, cairn_tid x, cairn_tid mask)
{
    const cairn_attention_options attention = {.heads = o->heads};
    cairn_tid qk = linear(m, layer, "cross.qk", x, o->width), v = linear(m, layer, "cross.v", x, o->width);
    cairn_tid context = cairn_op_attention(m->g, qk, exchange(m->g, qk), exchange(m->g, v), exchange(m->g, mask), mask,
                                           &attention);
    return feed_forward(m, layer, "cross", x, linear(m, layer, "cross.out", context, o->width));
}

cairn_tid cairn_lightglue_layer(cairn_model *m, const cairn_lightglue_options *o, int layer,
                                const cairn_lightglue_points *p)
{
    return cross_block(m, o, layer, self_block(m, o, layer, p), p->mask);
}

cairn_tid cairn_lightglue_matchability(cairn_model *m, int layer, cairn_tid states)
{
    return linear(m, layer, "assignment.match", states, 1);
}

cairn_tid cairn_lightglue_confidence(cairn_model *m, int layer, cairn_tid states)
{
    return linear(m, layer, "confidence", states, 1);
}

cairn_tid cairn_lightglue_assignment(cairn_model *m, const cairn_lightglue_options *o, int layer, cairn_tid states,
                                     cairn_tid mask)
{
    cairn_graph *g = m->g;
    const int pairs = cairn_graph_shape(g, states).n / 2;
    cairn_tid part[2], logits[2], masks[2] = {CAIRN_NONE, CAIRN_NONE};
    cairn_tid z = cairn_lightglue_matchability(m, layer, states);
    cairn_tid projected = linear(m, layer, "assignment.project", states, o->width);
    for (int i = 0; i < 2; i++) {
        part[i] = cairn_op_slice_batch(g, projected, i * pairs, pairs);
        logits[i] = cairn_op_slice_batch(g, z, i * pairs, pairs);
        if (mask != CAIRN_NONE) masks[i] = cairn_op_slice_batch(g, mask, i * pairs, pairs);
    }
    /* width^(1/4) below each of the two factors */
    part[0] = cairn_op_scale(g, part[0], (float)(1 / sqrt((double)o->width)));
    cairn_tid s = cairn_op_matmul(g, part[0], part[1], false, true);
    return cairn_op_log_assignment(g, s, logits[0], logits[1], masks[0], masks[1]);
}

cairn_lightglue_outputs cairn_lightglue_build(cairn_model *m, const cairn_lightglue_options *o, cairn_tid positions,
                                              cairn_tid descriptors, cairn_tid mask)
{
    cairn_lightglue_outputs out;
    cairn_lightglue_points p = cairn_lightglue_begin(m, o, positions, descriptors, mask);
    for (int i = 0; i < CAIRN_LIGHTGLUE_LAYERS; i++)
        out.states[i] = out.assignment[i] = out.confidence[i] = CAIRN_NONE;
    for (int i = 0; i < o->layers; i++) {
        p.states = out.states[i] = cairn_lightglue_layer(m, o, i, &p);
        out.assignment[i] = cairn_lightglue_assignment(m, o, i, p.states, mask);
        if (i + 1 < o->layers)
            out.confidence[i] = cairn_lightglue_confidence(m, i, cairn_op_detach(m->g, p.states));
    }
    return out;
}

void cairn_lightglue_normalise(float *out, const float *points, int stride, int count, int width, int height)
{
    float size[2] = {(float)width, (float)height};
    for (int axis = 0; axis < 2 && count > 0 && (width <= 0 || height <= 0); axis++) {
        float low = points[axis], high = low;
        for (int i = 1; i < count; i++) {
            low = fminf(low, points[i * stride + axis]);
            high = fmaxf(high, points[i * stride + axis]);
        }
        size[axis] = 1 + high - low;
    }
    const float scale = fmaxf(size[0], size[1]) / 2;
    for (int i = 0; i < count; i++)
        for (int axis = 0; axis < 2; axis++) out[2 * i + axis] = (points[i * stride + axis] - size[axis] / 2) / scale;
}
