#include "support/device/random_graph.h"

#include "base/rng.h"
#include "ops/conv/conv.h"
#include "ops/conv/depthwise.h"
#include "ops/norm/norm.h"
#include "ops/pointwise/pointwise.h"
#include "ops/image/pool.h"
#include "ops/reduce/reduce.h"
#include "ops/image/resize.h"
#include "reference/evaluate.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>

typedef struct builder {
    random_graph *r;
    cairn_rng rng;
    cairn_tid pool[128]; /* values to go on from */
    int count;
} builder;

static int draw(builder *b, int low, int high)
{
    return cairn_rng_integer(&b->rng, low, high);
}

static float *fill(builder *b, cairn_shape s, double low, double high)
{
    float *values = malloc(sizeof *values * (size_t)cairn_shape_count(s));
    assert_non_null(values);
    for (int64_t i = 0; i < cairn_shape_count(s); i++) values[i] = (float)cairn_rng_between(&b->rng, low, high);
    return values;
}

static cairn_tid add_stored(builder *b, cairn_shape s, double low, double high)
{
    random_graph *r = b->r;
    char name[32];
    assert_true(r->stored_count < RANDOM_GRAPH_MOST);
    snprintf(name, sizeof name, "stored%d", r->stored_count);
    r->values[1][r->stored_count] = fill(b, s, low, high);
    return r->stored[r->stored_count++] = cairn_graph_stored(r->g, name, s);
}

static bool stored_left(const builder *b)
{
    return b->r->stored_count + 6 < RANDOM_GRAPH_MOST / 2;
}

static cairn_tid keep(builder *b, cairn_tid t)
{
    assert_ok(cairn_graph_status(b->r->g));
    if (b->count < (int)(sizeof b->pool / sizeof *b->pool)) b->pool[b->count++] = t;
    return t;
}

/* The latest values are the likeliest, so that chains grow. */
static cairn_tid pick(builder *b)
{
    int back = draw(b, 0, 2) ? draw(b, 0, 2) : draw(b, 0, b->count - 1);
    return b->pool[back < b->count ? b->count - 1 - back : 0];
}

static cairn_tid pick_shape(builder *b, cairn_shape s)
{
    for (int i = 0; i < 8; i++) {
        cairn_tid t = pick(b);
        if (cairn_shape_equal(cairn_graph_shape(b->r->g, t), s)) return t;
    }
    return CAIRN_NONE;
}

static cairn_tid any_unary(builder *b, cairn_tid x)
{
    static const cairn_unary kinds[] = {
        CAIRN_UNARY_RELU, CAIRN_UNARY_HSWISH, CAIRN_UNARY_HSIGMOID, CAIRN_UNARY_SIGMOID, CAIRN_UNARY_ABS,
        CAIRN_UNARY_NEG,  CAIRN_UNARY_AFFINE, CAIRN_UNARY_STEP,     CAIRN_UNARY_EXP,     CAIRN_UNARY_SOFTPLUS};
    cairn_unary kind = kinds[draw(b, 0, (int)(sizeof kinds / sizeof *kinds) - 1)];
    if (kind == CAIRN_UNARY_EXP) x = cairn_op_sigmoid(b->r->g, x); /* stays small */
    float p = (float)draw(b, -4, 4) * 0.25f;
    return cairn_op_unary(b->r->g, x, kind, kind == CAIRN_UNARY_STEP ? 0.37f : p, 0.25f);
}

static cairn_tid any_binary(builder *b, cairn_tid x)
{
    static const cairn_binary kinds[] = {CAIRN_BINARY_ADD, CAIRN_BINARY_SUB, CAIRN_BINARY_MUL,
                                         CAIRN_BINARY_MAX, CAIRN_BINARY_MIN, CAIRN_BINARY_HUBER};
    cairn_graph *g = b->r->g;
    cairn_shape s = cairn_graph_shape(g, x), t = s;
    cairn_tid y = pick_shape(b, s);
    int form = draw(b, 0, 5);
    if (form == 1) t = (cairn_shape){1, 1, 1, s.c};
    if (form == 2) t = (cairn_shape){s.n, 1, 1, s.c};
    if (form == 3) t = (cairn_shape){s.n, s.h, s.w, 1};
    if (form == 4) t = CAIRN_SCALAR;
    if ((form == 0 || form == 5 || y == CAIRN_NONE) && y == CAIRN_NONE && !stored_left(b)) return any_unary(b, x);
    if (y == CAIRN_NONE || (form > 0 && form < 5 && stored_left(b))) y = add_stored(b, t, -1, 1);
    bool turned = draw(b, 0, 3) == 0;
    cairn_binary kind = kinds[draw(b, 0, (int)(sizeof kinds / sizeof *kinds) - 1)];
    if (kind == CAIRN_BINARY_MUL) y = cairn_op_sigmoid(g, y); /* products stay bounded */
    return cairn_op_binary(g, turned ? y : x, turned ? x : y, kind, 0.6f, 0);
}

static cairn_tid any_conv(builder *b, cairn_tid x)
{
    cairn_graph *g = b->r->g;
    cairn_shape s = cairn_graph_shape(g, x);
    if (!stored_left(b)) return any_unary(b, x);
    bool depthwise = draw(b, 0, 2) == 0;
    int kernel = (depthwise ? 3 : 1) + 2 * draw(b, 0, 1), channels = draw(b, 0, 1) ? s.c : draw(b, 1, 20);
    cairn_conv_options o = {.kernel = kernel, .stride = s.h > 6 && draw(b, 0, 4) == 0 ? 2 : 1};
    if (depthwise) channels = s.c;
    double bound = sqrt(2.0 / (kernel * kernel * (depthwise ? 1 : s.c)));
    cairn_shape ws = depthwise ? cairn_depthwise2d_weight_shape(kernel, s.c)
                               : cairn_conv2d_weight_shape(kernel, s.c, channels);
    cairn_tid weight = add_stored(b, ws, -bound, bound);
    cairn_tid bias = draw(b, 0, 1) ? add_stored(b, (cairn_shape){1, 1, 1, channels}, -0.5, 0.5) : CAIRN_NONE;
    return depthwise ? cairn_op_depthwise2d(g, x, weight, bias, &o) : cairn_op_conv2d(g, x, weight, bias, &o);
}

static cairn_tid any_norm(builder *b, cairn_tid x)
{
    cairn_graph *g = b->r->g;
    cairn_shape s = cairn_graph_shape(g, x), v = {1, 1, 1, s.c};
    cairn_activation activation = (cairn_activation)draw(b, 0, CAIRN_ACTIVATION_COUNT - 1);
    cairn_tid mean, variance;
    if (!stored_left(b) || (int64_t)s.h * s.w * s.n < 16) return any_unary(b, x);
    int form = draw(b, 0, 3);
    if (form == 0 && s.h * s.w > 8) return cairn_op_instance_norm(g, x, 0.1f, NULL);
    cairn_tid gamma = add_stored(b, v, 0.5, 1.5), beta = add_stored(b, v, -0.5, 0.5);
    if (form == 1)
        return cairn_op_normalize(g, x, add_stored(b, v, -0.5, 0.5), add_stored(b, v, 0.5, 1.5), gamma, beta, 0.01f,
                                  activation);
    x = cairn_op_batch_norm_train(g, x, gamma, beta, 0.1f, activation, &mean, &variance);
    if (form == 2) { /* not among the stored tensors whose gradient is asked for */
        char name[32];
        snprintf(name, sizeof name, "running%d", cairn_graph_node_count(g));
        cairn_op_update_average(g, cairn_graph_stored(g, name, v), mean, 0.1f, 1.0f);
    }
    return x;
}

static cairn_tid squeeze_excite(builder *b, cairn_tid x)
{
    cairn_graph *g = b->r->g;
    cairn_shape s = cairn_graph_shape(g, x);
    if (!stored_left(b)) return any_unary(b, x);
    cairn_tid z = cairn_op_reduce_mean(g, x, CAIRN_AXIS_H | CAIRN_AXIS_W);
    cairn_tid weight = add_stored(b, cairn_conv2d_weight_shape(1, s.c, s.c), -0.5, 0.5);
    cairn_tid bias = add_stored(b, (cairn_shape){1, 1, 1, s.c}, -0.5, 0.5);
    z = cairn_op_hsigmoid(g, cairn_op_conv2d(g, z, weight, bias, &(cairn_conv_options){.kernel = 1}));
    return cairn_op_mul(g, x, z);
}

static cairn_tid any_step(builder *b)
{
    cairn_graph *g = b->r->g;
    cairn_tid x = pick(b);
    cairn_shape s = cairn_graph_shape(g, x);
    int what = draw(b, 0, 19);
    if (what < 6) return any_unary(b, x);
    if (what < 11) return any_binary(b, x);
    if (what < 14) return any_conv(b, x);
    if (what < 17) return any_norm(b, x);
    if (what == 17) return squeeze_excite(b, x);
    if (what == 18 && s.h > 5 && s.w > 5) return cairn_op_max_pool2(g, x);
    if (what == 19 && s.h < 16) return cairn_op_resize(g, x, s.h + 2, s.w + 3, (cairn_resize)draw(b, 0, 2));
    return any_unary(b, x);
}

static void add_output(random_graph *r, cairn_tid t)
{
    char name[32];
    if (t == CAIRN_NONE || r->output_count == RANDOM_GRAPH_MOST) return;
    if (cairn_graph_tensor(r->g, t)->is_output || cairn_graph_tensor(r->g, t)->kind != CAIRN_TENSOR_VALUE) return;
    snprintf(name, sizeof name, "output%d", r->output_count);
    cairn_graph_output(r->g, t, name);
    r->outputs[r->output_count++] = t;
}

void random_graph_create(random_graph *r, uint32_t number, int steps)
{
    *r = (random_graph){0};
    builder b = {.r = r, .rng = cairn_rng_stream(77, number, 0, 0, 0)};
    cairn_tid grads[RANDOM_GRAPH_MOST];
    assert_ok(cairn_graph_create(&r->g));
    cairn_shape s = {draw(&b, 1, 3), draw(&b, 5, 12), draw(&b, 5, 14), draw(&b, 1, 18)};
    r->values[0][0] = fill(&b, s, -1, 1);
    keep(&b, r->inputs[r->input_count++] = cairn_graph_input(r->g, "x", s));
    for (int i = 0; i < steps; i++) keep(&b, any_step(&b));
    cairn_tid loss = CAIRN_NONE;
    for (int i = 0; i < 4; i++) {
        cairn_tid mean = cairn_op_reduce_mean(r->g, pick(&b), CAIRN_AXES_ALL);
        loss = loss == CAIRN_NONE ? mean : cairn_op_add(r->g, loss, mean);
    }
    assert_ok(cairn_graph_status(r->g));
    assert_ok(cairn_graph_differentiate(r->g, loss, r->stored, r->stored_count, grads));
    add_output(r, loss);
    for (int i = 0; i < r->stored_count; i++) add_output(r, grads[i]);
    for (int i = 0; i < 3; i++) add_output(r, pick(&b));
    for (cairn_tid t = 0; t < cairn_graph_tensor_count(r->g); t++) { /* running averages: start at zero */
        const cairn_tensor *tensor = cairn_graph_tensor(r->g, t);
        if (tensor->kind != CAIRN_TENSOR_STORED || strncmp(tensor->name, "running", 7)) continue;
        r->values[1][r->stored_count] = calloc((size_t)cairn_shape_count(tensor->shape), sizeof(float));
        r->stored[r->stored_count++] = t;
    }
}

void random_graph_destroy(random_graph *r)
{
    for (int i = 0; i < RANDOM_GRAPH_MOST; i++) {
        free(r->values[0][i]);
        free(r->values[1][i]);
    }
    cairn_graph_destroy(&r->g);
}

static float *results_of(const random_graph *r, cairn_tid t)
{
    float *values = malloc(sizeof *values * (size_t)cairn_shape_count(cairn_graph_shape(r->g, t)));
    assert_non_null(values);
    return values;
}

void random_graph_run(const random_graph *r, cairn_gpu *gpu, const cairn_program_options *options,
                      random_graph_results *results, cairn_program_stats *stats)
{
    cairn_store *store;
    cairn_program *program;
    *results = (random_graph_results){0};
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, r->g, store, options));
    for (int i = 0; i < r->stored_count; i++)
        assert_ok(cairn_store_write(store, cairn_store_find(store, cairn_graph_tensor(r->g, r->stored[i])->name),
                                    r->values[1][i]));
    for (int i = 0; i < r->input_count; i++) assert_ok(cairn_program_write(program, r->inputs[i], r->values[0][i]));
    assert_ok(cairn_program_run(program));
    if (options && options->canaries) assert_ok(cairn_program_check(program));
    for (int i = 0; i < r->output_count; i++)
        assert_ok(cairn_program_read(program, r->outputs[i], results->outputs[i] = results_of(r, r->outputs[i])));
    for (int i = 0; i < r->stored_count; i++)
        assert_ok(cairn_program_read(program, r->stored[i], results->stored[i] = results_of(r, r->stored[i])));
    if (stats) *stats = *cairn_program_get_stats(program);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
}

void random_graph_reference(const random_graph *r, random_graph_results *results)
{
    cairn_reference *reference;
    *results = (random_graph_results){0};
    assert_ok(cairn_reference_create(&reference, r->g));
    const cairn_tid *from[2] = {r->inputs, r->stored};
    const int counts[2] = {r->input_count, r->stored_count};
    for (int kind = 0; kind < 2; kind++)
        for (int i = 0; i < counts[kind]; i++) {
            double *values = cairn_reference_values(reference, from[kind][i]);
            int64_t count = cairn_shape_count(cairn_graph_shape(r->g, from[kind][i]));
            for (int64_t k = 0; k < count; k++) values[k] = r->values[kind][i][k];
        }
    assert_ok(cairn_reference_run(reference));
    const cairn_tid *to[2] = {r->outputs, r->stored};
    const int wanted[2] = {r->output_count, r->stored_count};
    for (int kind = 0; kind < 2; kind++)
        for (int i = 0; i < wanted[kind]; i++) {
            float *values = results_of(r, to[kind][i]);
            int64_t count = cairn_shape_count(cairn_graph_shape(r->g, to[kind][i]));
            for (int64_t k = 0; k < count; k++) values[k] = (float)cairn_reference_values(reference, to[kind][i])[k];
            (kind ? results->stored : results->outputs)[i] = values;
        }
    cairn_reference_destroy(&reference);
}

void random_graph_results_free(random_graph_results *results)
{
    for (int i = 0; i < RANDOM_GRAPH_MOST; i++) {
        free(results->outputs[i]);
        free(results->stored[i]);
    }
}

static void compare(const random_graph *r, cairn_tid t, const float *got, const float *expected, double tolerance)
{
    int64_t count = cairn_shape_count(cairn_graph_shape(r->g, t));
    const char *name = cairn_graph_tensor(r->g, t)->name;
    double largest = 1e-3;
    if (tolerance == 0 && memcmp(got, expected, sizeof *got * (size_t)count)) fail_msg("the bits of %s differ", name);
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)expected[i]));
    for (int64_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - (double)expected[i]) <= tolerance * largest))
            fail_msg("%s, element %d: %.9g, expected %.9g (largest %g)", name, (int)i, (double)got[i],
                     (double)expected[i], largest);
}

void random_graph_compare(const random_graph *r, const random_graph_results *got, const random_graph_results *expected,
                          double tolerance)
{
    for (int i = 0; i < r->output_count; i++)
        compare(r, r->outputs[i], got->outputs[i], expected->outputs[i], tolerance);
    for (int i = 0; i < r->stored_count; i++) compare(r, r->stored[i], got->stored[i], expected->stored[i], tolerance);
}
