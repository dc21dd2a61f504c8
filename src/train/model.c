#include "train/model.h"

#include "base/rng.h"
#include "ops/conv/conv.h"
#include "ops/conv/depthwise.h"
#include "ops/layout/layout.h"
#include "ops/norm/layer_norm.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"

#include <math.h>
#include <string.h>

void cairn_model_init(cairn_model *m, cairn_graph *g, bool training)
{
    *m = (cairn_model){.g = g, .training = training};
}

void cairn_model_uninit(cairn_model *m)
{
    free(m->parameters);
    free(m->moments);
    *m = (cairn_model){0};
}

static cairn_shape device_shape(cairn_parameter_kind kind, int co, int ci, int k)
{
    if (kind == CAIRN_PARAMETER_CONV || kind == CAIRN_PARAMETER_LINEAR) return (cairn_shape){k * k, 1, ci, co};
    if (kind == CAIRN_PARAMETER_DEPTHWISE) return (cairn_shape){k * k, 1, 1, co};
    return (cairn_shape){1, 1, 1, co};
}

cairn_tid cairn_model_parameter(cairn_model *m, const char *name, cairn_parameter_kind kind, int co, int ci, int k,
                                bool trainable, bool decay, cairn_init init, float value)
{
    cairn_tid t = cairn_graph_stored(m->g, name, device_shape(kind, co, ci, k));
    if (t == CAIRN_NONE) return t;
    for (int i = 0; i < m->count; i++)
        if (m->parameters[i].tensor == t) return t;
    if (m->count == m->room) {
        int wanted = m->room ? 2 * m->room : 64;
        cairn_parameter *grown = realloc(m->parameters, sizeof *grown * (size_t)wanted);
        if (!grown) return cairn_graph_mistake(m->g, name, "no memory for %d parameters", wanted);
        m->parameters = grown;
        m->room = wanted;
    }
    cairn_parameter *p = &m->parameters[m->count++];
    *p = (cairn_parameter){.tensor = t, .kind = kind, .co = co, .ci = ci, .k = k, .trainable = trainable,
                           .decay = decay, .init = init, .init_value = value};
    snprintf(p->name, sizeof p->name, "%s", name);
    return t;
}

static const char *member(char *out, size_t size, const char *layer, const char *what)
{
    snprintf(out, size, "%s.%s", layer, what);
    return out;
}

/* Sizes stay, or are halved and rounded up. Both paddings are the same for an odd size. Where the two sizes differ in
 * that, the odd one gets its first row of zeros as part of x, after which it is even. */
static cairn_conv_options same_size(cairn_model *m, cairn_tid *x, int kernel, int stride, bool tensorflow)
{
    cairn_conv_options o = {.kernel = kernel, .stride = stride ? stride : 1, .pad = (kernel - 1) / 2};
    cairn_shape s = cairn_graph_shape(m->g, *x);
    if (!tensorflow || o.stride == 1 || o.pad == 0 || (s.h % 2 && s.w % 2)) return o;
    const cairn_shape zeros = {s.n, s.h % 2 ? 1 : s.h, s.w % 2 ? 1 : s.w, s.c}; /* only one of the two is odd */
    if (s.h % 2 || s.w % 2)
        *x = cairn_op_concat(m->g, cairn_graph_constant(m->g, zeros, 0), *x, s.h % 2 ? CAIRN_AXIS_H : CAIRN_AXIS_W);
    o.pad = o.pad > 1 ? o.pad - 1 : CAIRN_PAD_NONE;
    o.behind = 1;
    return o;
}

cairn_tid cairn_layer_conv(cairn_model *m, const char *name, cairn_tid x, const cairn_conv_layer *layer)
{
    char text[96];
    int ci = cairn_graph_shape(m->g, x).c;
    cairn_tid weight = cairn_model_parameter(m, member(text, sizeof text, name, "weight"), CAIRN_PARAMETER_CONV,
                                             layer->channels, ci, layer->kernel, true, true, layer->init, 0);
    cairn_tid bias = CAIRN_NONE;
    if (layer->bias)
        bias = cairn_model_parameter(m, member(text, sizeof text, name, "bias"), CAIRN_PARAMETER_VECTOR,
                                     layer->channels, 1, 1, true, false, CAIRN_INIT_CONSTANT, 0);
    cairn_conv_options options = same_size(m, &x, layer->kernel, layer->stride, layer->tensorflow);
    return cairn_op_conv2d(m->g, x, weight, bias, &options);
}

cairn_tid cairn_layer_depthwise(cairn_model *m, const char *name, cairn_tid x, int kernel, int stride, bool tensorflow)
{
    char text[96];
    int c = cairn_graph_shape(m->g, x).c;
    cairn_tid weight = cairn_model_parameter(m, member(text, sizeof text, name, "weight"), CAIRN_PARAMETER_DEPTHWISE, c,
                                             1, kernel, true, true, CAIRN_INIT_FAN_OUT_NORMAL, 0);
    cairn_conv_options options = same_size(m, &x, kernel, stride, tensorflow);
    return cairn_op_depthwise2d(m->g, x, weight, CAIRN_NONE, &options);
}

cairn_tid cairn_layer_linear(cairn_model *m, const char *name, cairn_tid x, int channels, bool bias)
{
    char text[96];
    const cairn_conv_options options = {.kernel = 1, .stride = 1};
    int ci = cairn_graph_shape(m->g, x).c;
    float bound = (float)(1 / sqrt((double)ci));
    cairn_tid weight = cairn_model_parameter(m, member(text, sizeof text, name, "weight"), CAIRN_PARAMETER_LINEAR,
                                             channels, ci, 1, true, true, CAIRN_INIT_UNIFORM, bound);
    cairn_tid b = CAIRN_NONE;
    if (bias)
        b = cairn_model_parameter(m, member(text, sizeof text, name, "bias"), CAIRN_PARAMETER_VECTOR, channels, 1, 1,
                                  true, false, CAIRN_INIT_UNIFORM, bound);
    return cairn_op_conv2d(m->g, x, weight, b, &options);
}

cairn_tid cairn_layer_layer_norm(cairn_model *m, const char *name, cairn_tid x)
{
    char text[96];
    int c = cairn_graph_shape(m->g, x).c;
    cairn_tid gamma = cairn_model_parameter(m, member(text, sizeof text, name, "weight"), CAIRN_PARAMETER_VECTOR, c, 1,
                                            1, true, false, CAIRN_INIT_CONSTANT, 1);
    cairn_tid beta = cairn_model_parameter(m, member(text, sizeof text, name, "bias"), CAIRN_PARAMETER_VECTOR, c, 1, 1,
                                           true, false, CAIRN_INIT_CONSTANT, 0);
    return cairn_op_layer_norm(m->g, x, gamma, beta, 1e-5f);
}

static void remember_moments(cairn_model *m, const char *name, cairn_tid mean, cairn_tid variance, double samples)
{
    if (m->moment_count == m->moment_room) {
        int wanted = m->moment_room ? 2 * m->moment_room : 64;
        cairn_batch_moments *grown = realloc(m->moments, sizeof *grown * (size_t)wanted);
        CAIRN_ASSERT(grown);
        m->moments = grown;
        m->moment_room = wanted;
    }
    cairn_batch_moments *b = &m->moments[m->moment_count++];
    *b = (cairn_batch_moments){.mean = mean, .variance = variance, .samples = samples};
    snprintf(b->name, sizeof b->name, "%s", name);
}

/* Normalisation with running statistics. Behind a convolution it goes into the convolution's weight and bias, which are
 * stored tensors' functions and so made once (graph/once.c): only the activation is left. */
static cairn_tid norm_of_running(cairn_graph *g, cairn_tid x, cairn_tid gamma, cairn_tid beta, cairn_tid mean,
                                 cairn_tid variance, float eps, cairn_activation activation)
{
    cairn_tid scale = cairn_op_div(g, gamma, cairn_op_sqrt(g, cairn_op_affine(g, variance, 1, eps)));
    cairn_tid shift = cairn_op_sub(g, beta, cairn_op_mul(g, mean, scale));
    cairn_tid y = cairn_op_conv_affine(g, x, scale, shift);
    if (y == CAIRN_NONE) return cairn_op_batch_norm_infer(g, x, gamma, beta, mean, variance, eps, activation);
    return activation == CAIRN_ACTIVATION_RELU     ? cairn_op_relu(g, y)
           : activation == CAIRN_ACTIVATION_HSWISH ? cairn_op_hswish(g, y)
                                                   : y;
}

cairn_tid cairn_layer_batch_norm(cairn_model *m, const char *name, cairn_tid x, float eps, float update,
                                 cairn_activation activation)
{
    char text[96];
    cairn_shape s = cairn_graph_shape(m->g, x);
    cairn_parameter_kind v = CAIRN_PARAMETER_VECTOR;
    cairn_tid gamma = cairn_model_parameter(m, member(text, sizeof text, name, "weight"), v, s.c, 1, 1, true, false,
                                            CAIRN_INIT_CONSTANT, 1);
    cairn_tid beta = cairn_model_parameter(m, member(text, sizeof text, name, "bias"), v, s.c, 1, 1, true, false,
                                           CAIRN_INIT_CONSTANT, 0);
    cairn_tid mean = cairn_model_parameter(m, member(text, sizeof text, name, "running_mean"), v, s.c, 1, 1, false,
                                           false, CAIRN_INIT_CONSTANT, 0);
    cairn_tid variance = cairn_model_parameter(m, member(text, sizeof text, name, "running_var"), v, s.c, 1, 1, false,
                                               false, CAIRN_INIT_CONSTANT, 1);
    cairn_tid batch_mean, batch_variance;
    if (!m->training && m->observe) {
        batch_mean = cairn_op_moments(m->g, x, false, &batch_variance);
        remember_moments(m, name, batch_mean, batch_variance, (double)s.n * s.h * s.w);
    }
    if (!m->training) return norm_of_running(m->g, x, gamma, beta, mean, variance, eps, activation);
    cairn_tid y = cairn_op_batch_norm_train(m->g, x, gamma, beta, eps, activation, &batch_mean, &batch_variance);
    double samples = (double)s.n * s.h * s.w;
    float unbiased = samples > 1 ? (float)(samples / (samples - 1)) : 1.0f;
    if (!m->keep_running) {
        cairn_op_update_average(m->g, mean, batch_mean, update, 1.0f);
        cairn_op_update_average(m->g, variance, batch_variance, update, unbiased);
    }
    remember_moments(m, name, batch_mean, batch_variance, samples);
    return y;
}

/* Elements of the input that each output reads, for each tap. */
static int inputs_of(const cairn_parameter *p)
{
    return p->kind == CAIRN_PARAMETER_CONV || p->kind == CAIRN_PARAMETER_LINEAR ? p->ci : 1;
}

int64_t cairn_parameter_elements(const cairn_parameter *p)
{
    return p->kind == CAIRN_PARAMETER_VECTOR ? p->co : (int64_t)p->co * inputs_of(p) * p->k * p->k;
}

int cairn_parameter_file_shape(const cairn_parameter *p, int64_t shape[4])
{
    shape[0] = p->co;
    shape[1] = inputs_of(p);
    shape[2] = shape[3] = p->k;
    return p->kind == CAIRN_PARAMETER_VECTOR ? 1 : p->kind == CAIRN_PARAMETER_LINEAR ? 2 : 4;
}

/* Index of (o, i, tap) in the file's and in the device's order. A depthwise weight has i = 0 and ci = 1. */
static void reorder(const cairn_parameter *p, const float *from, float *to, bool to_device)
{
    int taps = p->k * p->k, ci = inputs_of(p);
    for (int o = 0; o < p->co; o++)
        for (int i = 0; i < ci; i++)
            for (int t = 0; t < taps; t++) {
                size_t file = ((size_t)o * (size_t)ci + (size_t)i) * (size_t)taps + (size_t)t;
                size_t device = ((size_t)t * (size_t)ci + (size_t)i) * (size_t)p->co + (size_t)o;
                to[to_device ? device : file] = from[to_device ? file : device];
            }
}

void cairn_parameter_to_device(const cairn_parameter *p, const float *file, float *device)
{
    reorder(p, file, device, true);
}

void cairn_parameter_to_file(const cairn_parameter *p, const float *device, float *file)
{
    reorder(p, device, file, false);
}

static uint32_t hash_name(const char *name)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (; *name; name++) h = (h ^ (uint8_t)*name) * 16777619u;
    return h;
}

static void draw(const cairn_parameter *p, uint32_t seed, float *values)
{
    enum { STREAM = 0x696e6974 }; /* "init": no stage of a recipe has this number */
    cairn_rng rng = cairn_rng_stream(seed, STREAM, hash_name(p->name), 0, 0);
    double taps = (double)p->k * p->k, fan_in = taps * inputs_of(p),
           fan_out = taps * p->co;
    int64_t n = cairn_parameter_elements(p);
    for (int64_t i = 0; i < n; i++) {
        double b;
        switch (p->init) {
        case CAIRN_INIT_GLOROT:
            b = sqrt(6.0 / (fan_in + fan_out));
            values[i] = (float)cairn_rng_between(&rng, -b, b);
            break;
        case CAIRN_INIT_FAN_IN_UNIFORM:
            b = sqrt(3.0 / fan_in);
            values[i] = (float)cairn_rng_between(&rng, -b, b);
            break;
        case CAIRN_INIT_FAN_OUT_NORMAL:
            values[i] = (float)(cairn_rng_normal(&rng) * sqrt(2.0 / fan_out));
            break;
        case CAIRN_INIT_UNIFORM:
            values[i] = (float)cairn_rng_between(&rng, -p->init_value, p->init_value);
            break;
        case CAIRN_INIT_NORMAL:
            values[i] = (float)(cairn_rng_normal(&rng) * p->init_value);
            break;
        default:
            values[i] = p->init_value;
        }
    }
}

cairn_status cairn_model_initialise(const cairn_model *m, cairn_store *store, uint32_t seed)
{
    cairn_status st = CAIRN_OK;
    float *file = NULL, *device = NULL;
    CAIRN_TRY(cairn_graph_status(m->g));
    CAIRN_TRY(cairn_store_add_graph(store, m->g));
    for (int i = 0; i < m->count; i++) {
        const cairn_parameter *p = &m->parameters[i];
        size_t n = (size_t)cairn_parameter_elements(p);
        file = malloc(sizeof *file * n);
        device = malloc(sizeof *device * n);
        if (!file || !device) {
            st = cairn_error_set(CAIRN_E_NOMEM, "no memory to initialise %s", p->name);
            goto done;
        }
        draw(p, seed, file);
        cairn_parameter_to_device(p, file, device);
        CAIRN_TRY(cairn_store_write(store, cairn_store_find(store, p->name), device));
        free(file);
        free(device);
        file = device = NULL;
    }
done:
    free(file);
    free(device);
    return st;
}

int64_t cairn_model_parameter_count(const cairn_model *m)
{
    int64_t sum = 0;
    for (int i = 0; i < m->count; i++)
        if (m->parameters[i].trainable) sum += cairn_parameter_elements(&m->parameters[i]);
    return sum;
}
