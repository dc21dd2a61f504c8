/* Fusion (src/graph/fuse): fewer kernels, the same values. */
#include "support/device/random_graph.h"
#include "support/test.h"
#include "support/device/test_gpu.h"

#include "base/rng.h"
#include "graph/program.h"
#include "ops/conv/conv.h"
#include "ops/conv/depthwise.h"
#include "ops/image/pool.h"
#include "ops/norm/norm.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"

#include <math.h>
#include <stdlib.h>

static const cairn_kernel_class classes[] = {CAIRN_CLASS_TEXEL, CAIRN_CLASS_SIMT};

/* Random networks with gradients: fused, unfused and the double-precision reference agree, in both classes. */
static void test_fuse__random_graphs(void **state)
{
    (void)state;
    int before = 0, after = 0;
    for (uint32_t number = 100; number < 106; number++) {
        random_graph r;
        random_graph_results expected;
        random_graph_create(&r, number, 24);
        random_graph_reference(&r, &expected);
        for (int c = 0; c < 2; c++) {
            cairn_gpu *gpu = test_gpu(classes[c]);
            if (!gpu) continue;
            random_graph_results plain, fused;
            cairn_program_stats stats[2];
            random_graph_run(&r, gpu, &(cairn_program_options){.no_fusion = true}, &plain, &stats[0]);
            cairn_program_options guarded = {.canaries = true, .no_aliasing = true};
            random_graph_run(&r, gpu, &guarded, &fused, &stats[1]);
            random_graph_compare(&r, &plain, &expected, 1e-3);
            random_graph_compare(&r, &fused, &expected, 1e-3);
            random_graph_compare(&r, &fused, &plain, 1e-4);
            before += stats[0].dispatches;
            after += stats[1].dispatches;
            random_graph_results_free(&plain);
            random_graph_results_free(&fused);
            test_gpu_assert_valid(gpu);
        }
        random_graph_results_free(&expected);
        random_graph_destroy(&r);
    }
    assert_true(after < before * 9 / 10);
}

typedef struct known {
    cairn_graph *g;
    cairn_tid x, y, z;
} known;

/* y = relu(2 x + 1) * scale + shift, z = |y| summed: four pointwise nodes of which two values are read later. */
static known known_graph(void)
{
    known k;
    assert_ok(cairn_graph_create(&k.g));
    cairn_shape s = {2, 5, 7, 6}, per_channel = {1, 1, 1, 6}, per_sample = {2, 1, 1, 6};
    k.x = cairn_graph_input(k.g, "x", s);
    cairn_tid scale = cairn_graph_stored(k.g, "scale", per_channel);
    cairn_tid shift = cairn_graph_stored(k.g, "shift", per_sample);
    cairn_tid t = cairn_op_relu(k.g, cairn_op_affine(k.g, k.x, 2, 1));
    k.y = cairn_op_add(k.g, cairn_op_mul(k.g, t, scale), shift);
    k.z = cairn_op_reduce_sum(k.g, cairn_op_abs(k.g, k.y), CAIRN_AXIS_H | CAIRN_AXIS_W);
    cairn_graph_output(k.g, k.y, "y");
    cairn_graph_output(k.g, k.z, "z");
    return k;
}

static void run_known(const known *k, cairn_gpu *gpu, bool fusion, float *y, float *z, cairn_program_stats *stats)
{
    cairn_store *store;
    cairn_program *program;
    float x[2 * 5 * 7 * 6], scale[6], shift[12];
    for (int i = 0; i < 420; i++) x[i] = (float)(i % 17) * 0.125f - 1;
    for (int i = 0; i < 12; i++) shift[i] = (float)i * 0.5f - 3, scale[i % 6] = (float)(i % 6) - 2;
    assert_ok(cairn_store_create(&store, gpu));
    cairn_program_options o = {.no_fusion = !fusion, .canaries = true, .no_aliasing = true};
    assert_ok(cairn_program_create(&program, gpu, k->g, store, &o));
    assert_ok(cairn_store_write(store, cairn_store_find(store, "scale"), scale));
    assert_ok(cairn_store_write(store, cairn_store_find(store, "shift"), shift));
    assert_ok(cairn_program_write(program, k->x, x));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_check(program));
    assert_ok(cairn_program_read(program, k->y, y));
    assert_ok(cairn_program_read(program, k->z, z));
    *stats = *cairn_program_get_stats(program);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    for (int i = 0; i < 420; i++) {
        int c = i % 6, n = i / 210;
        assert_near(y[i], fmaxf(2 * x[i] + 1, 0) * scale[c] + shift[6 * n + c], 1e-6);
    }
}

/* Five pointwise nodes become one kernel that writes two values; the sum stays. These sums and products are exact in
 * float, so that the bits agree. */
static void test_fuse__a_known_chain_is_one_dispatch(void **state)
{
    (void)state;
    float y[2][420], z[2][12];
    for (int c = 0; c < 2; c++) {
        cairn_gpu *gpu = test_gpu(classes[c]);
        if (!gpu) continue;
        known k = known_graph();
        cairn_program_stats plain, fused;
        run_known(&k, gpu, false, y[0], z[0], &plain);
        run_known(&k, gpu, true, y[1], z[1], &fused);
        assert_int_equal(plain.dispatches - fused.dispatches, 4);
        assert_int_equal(plain.nodes - fused.nodes, 4);
        assert_true(fused.planned_bytes < plain.planned_bytes);
        assert_memory_equal(y[0], y[1], sizeof y[0]);
        assert_memory_equal(z[0], z[1], sizeof z[0]);
        test_gpu_assert_valid(gpu);
        cairn_graph_destroy(&k.g);
    }
}

typedef struct layer_case {
    int kernel, stride, in, out; /* out 0: depthwise */
    bool bias;
    cairn_unary function;
    const char *algorithm; /* variable CAIRN_CONV, of class texel */
} layer_case;

/* y = f(conv(x)) + r, z = f(conv(x) + r); both take one kernel each instead of three. */
static void run_layer(const layer_case *c, cairn_gpu *gpu, bool fusion, float *values, cairn_program_stats *stats)
{
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    cairn_conv_options o = {.kernel = c->kernel, .stride = c->stride};
    int out = c->out ? c->out : c->in;
    assert_ok(cairn_graph_create(&g));
    cairn_shape s = {2, 9, 11, c->in}, t = {2, (9 - 1) / c->stride + 1, (11 - 1) / c->stride + 1, out};
    cairn_tid x = cairn_graph_input(g, "x", s), r = cairn_graph_input(g, "r", t), y[2];
    for (int i = 0; i < 2; i++) {
        cairn_shape ws = c->out ? cairn_conv2d_weight_shape(c->kernel, c->in, out)
                                : cairn_depthwise2d_weight_shape(c->kernel, out);
        cairn_tid weight = cairn_graph_stored(g, i ? "w1" : "w0", ws), bias = CAIRN_NONE;
        if (c->bias) bias = cairn_graph_stored(g, i ? "b1" : "b0", (cairn_shape){1, 1, 1, out});
        y[i] = c->out ? cairn_op_conv2d(g, x, weight, bias, &o) : cairn_op_depthwise2d(g, x, weight, bias, &o);
        if (i) y[i] = cairn_op_add(g, r, y[i]);
        y[i] = cairn_op_unary(g, y[i], c->function, 0, 0);
        if (!i) y[i] = cairn_op_add(g, y[i], r);
        cairn_graph_output(g, y[i], i ? "z" : "y");
    }
    assert_ok(cairn_store_create(&store, gpu));
    cairn_program_options po = {.no_fusion = !fusion, .canaries = true, .no_aliasing = true};
    assert_ok(cairn_program_create(&program, gpu, g, store, &po));
    cairn_rng rng = cairn_rng_stream(5, 0, 0, 0, 0);
    static float fill[8192];
    for (int i = 0; i < 8192; i++) fill[i] = (float)cairn_rng_between(&rng, -1, 1);
    for (int i = 0; i < cairn_store_count(store); i++) assert_ok(cairn_store_write(store, i, fill + 7 * i));
    assert_ok(cairn_program_write(program, x, fill));
    assert_ok(cairn_program_write(program, r, fill + 100));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_check(program));
    for (int i = 0; i < 2; i++) assert_ok(cairn_program_read(program, y[i], values + i * cairn_shape_count(t)));
    *stats = *cairn_program_get_stats(program);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

static void test_fuse__convolutions_take_what_follows(void **state)
{
    (void)state;
    static const layer_case cases[] = {
        {3, 1, 5, 6, true, CAIRN_UNARY_RELU, "direct"}, {1, 1, 8, 8, false, CAIRN_UNARY_HSIGMOID, NULL},
        {3, 2, 4, 18, true, CAIRN_UNARY_HSWISH, NULL},  {5, 1, 3, 4, false, CAIRN_UNARY_SIGMOID, NULL},
        {3, 1, 6, 0, true, CAIRN_UNARY_RELU, NULL},     {5, 2, 12, 0, false, CAIRN_UNARY_HSWISH, NULL},
        {3, 1, 8, 16, true, CAIRN_UNARY_RELU, "direct"}, {3, 1, 8, 6, true, CAIRN_UNARY_RELU, "winograd2"},
        {3, 1, 5, 16, false, CAIRN_UNARY_HSIGMOID, "winograd4"},
    };
    enum { MOST = 2 * 2 * 9 * 11 * 18 };
    static float values[2][MOST];
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        const layer_case *c = &cases[i / 2];
        cairn_gpu *gpu = test_gpu(classes[i % 2]);
        cairn_program_stats plain, fused;
        if (!gpu) continue;
        memset(values, 0, sizeof values);
        unsetenv("CAIRN_CONV");
        if (c->algorithm) setenv("CAIRN_CONV", c->algorithm, 1);
        run_layer(c, gpu, false, values[0], &plain);
        run_layer(c, gpu, true, values[1], &fused);
        assert_int_equal(plain.dispatches - fused.dispatches, 4);
        if (c->function == CAIRN_UNARY_RELU) assert_memory_equal(values[0], values[1], sizeof values[0]);
        for (int k = 0; k < MOST; k++) assert_near(values[1][k], values[0][k], 2e-6); /* products may be contracted */
        test_gpu_assert_valid(gpu);
    }
    unsetenv("CAIRN_CONV");
}

/* Lines of the program's explanation that name the kernel, or one whose name begins so. */
static int count_kernels(const cairn_program *program, const char *kernel)
{
    char *text = NULL;
    size_t bytes;
    int count = 0;
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    assert_ok(cairn_program_explain(program, out));
    fclose(out);
    for (const char *at = text; (at = strstr(at, kernel)) != NULL; at++) count++;
    free(text);
    return count;
}

typedef struct moments_case {
    int kernel, stride, in /* 0: depthwise */, out, h, w;
    bool relu_first;
    const char *algorithm; /* variable CAIRN_CONV, of class texel */
    const char *tile;      /* variable CAIRN_TILE, of classes simt and matrix */
    bool one;              /* sample, whose statistics are those of an instance norm */
} moments_case;
enum { MOMENTS_MOST = 2 * 61 * 37 * 20 };
typedef struct moments_results {
    float y[MOMENTS_MOST], z[MOMENTS_MOST], mean[40], variance[40];
} moments_results;
typedef struct moments_counts {
    int dispatches, passes, merges; /* lines of kernels that read the tensor for its statistics, or merge parts */
} moments_counts;

/* z = batch_norm(y), y = conv(x) or relu(conv(x)), with channels whose mean is far larger than their deviation. Run
 * twice: the bits are the same. */
static void run_moments(const moments_case *c, cairn_gpu *gpu, bool fusion, moments_results *out,
                        moments_counts *counts)
{
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    static moments_results again;
    static float fill[2 * 61 * 37 * 20];
    cairn_tid mean, variance;
    cairn_conv_options o = {.kernel = c->kernel, .stride = c->stride};
    cairn_shape s = {c->one ? 1 : 2, c->h, c->w, c->in ? c->in : c->out}, v = {1, 1, 1, c->out};
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", s), z;
    cairn_tid weight = cairn_graph_stored(g, "weight", c->in ? cairn_conv2d_weight_shape(c->kernel, c->in, c->out)
                                                            : cairn_depthwise2d_weight_shape(c->kernel, c->out));
    cairn_tid bias = cairn_graph_stored(g, "bias", v);
    cairn_tid y = c->in ? cairn_op_conv2d(g, x, weight, bias, &o) : cairn_op_depthwise2d(g, x, weight, bias, &o);
    if (c->relu_first) y = cairn_op_relu(g, y);
    if (c->one) {
        z = cairn_op_instance_norm(g, y, 1e-3f, NULL);
        mean = cairn_op_moments(g, y, true, &variance);
    } else {
        z = cairn_op_batch_norm_train(g, y, CAIRN_NONE, CAIRN_NONE, 1e-3f, CAIRN_ACTIVATION_RELU, &mean, &variance);
    }
    const cairn_tid outputs[] = {y, z, mean, variance};
    for (int i = 0; i < 4; i++) cairn_graph_output(g, outputs[i], "out");
    assert_ok(cairn_store_create(&store, gpu));
    cairn_program_options po = {.no_fusion = !fusion, .canaries = true, .no_aliasing = true};
    assert_ok(cairn_program_create(&program, gpu, g, store, &po));
    cairn_rng rng = cairn_rng_stream(6, 0, 0, 0, 0);
    for (size_t i = 0; i < sizeof fill / sizeof *fill; i++) fill[i] = (float)cairn_rng_between(&rng, -1, 1);
    assert_ok(cairn_store_write(store, cairn_store_find(store, "weight"), fill));
    assert_ok(cairn_program_write(program, x, fill));
    for (int k = 0; k < c->out; k++) fill[k] = k % 3 == 1 ? 300.0f : 0.25f;
    assert_ok(cairn_store_write(store, cairn_store_find(store, "bias"), fill));
    for (int run = 0; run < 2; run++) {
        moments_results *r = run ? &again : out;
        float *const values[] = {r->y, r->z, r->mean, r->variance};
        memset(r, 0, sizeof *r);
        assert_ok(cairn_program_run(program));
        assert_ok(cairn_program_check(program));
        for (int i = 0; i < 4; i++) assert_ok(cairn_program_read(program, outputs[i], values[i]));
    }
    assert_memory_equal(out, &again, sizeof again);
    *counts = (moments_counts){cairn_program_get_stats(program)->dispatches, count_kernels(program, "norm/moments"),
                               count_kernels(program, "norm/merge")};
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

static void check_moments(const moments_case *c, const moments_results *got, const moments_results *plain)
{
    int m = (c->one ? 1 : 2) * ((c->h - 1) / c->stride + 1) * ((c->w - 1) / c->stride + 1);
    for (int k = 0; k < c->out; k++) {
        double mean = 0, variance = 0;
        for (int p = 0; p < m; p++) mean += (double)got->y[p * c->out + k] / m;
        for (int p = 0; p < m; p++) variance += pow((double)got->y[p * c->out + k] - mean, 2) / m;
        assert_near(got->mean[k], mean, 2e-7 * fabs(mean) + 1e-6);
        assert_near(got->variance[k], variance, 1e-5 * variance + 1e-9);
    }
    for (int k = 0; k < m * c->out; k++) {
        assert_near(got->y[k], plain->y[k], 1e-6 * (1 + fabs((double)plain->y[k])));
        assert_near(got->z[k], plain->z[k], 2e-4);
    }
}

/* Statistics that a convolution leaves are those of its result, and no kernel reads the result for them. */
static void test_fuse__convolutions_leave_moments(void **state)
{
    (void)state;
    static const moments_case cases[] = {
        {3, 1, 1, 20, 61, 37, false, "direct", "0", false},   {3, 1, 5, 6, 61, 37, true, "direct", "1", false},
        {3, 1, 6, 20, 61, 37, false, "winograd2", "2", false}, {3, 1, 8, 18, 61, 37, true, "winograd4", "3", false},
        {3, 1, 4, 3, 6, 5, false, "winograd4", "4", false},   {1, 1, 8, 17, 13, 11, false, NULL, "5", false},
        {3, 2, 4, 12, 61, 37, true, NULL, NULL, false},       {5, 1, 3, 4, 3, 3, false, NULL, NULL, false},
        {1, 1, 4, 8, 1, 1, false, NULL, NULL, false},         {3, 1, 2, 37, 21, 18, false, "direct", NULL, false},
        {3, 1, 8, 9, 13, 11, true, "winograd4", "2", true},
        /* texel: conv2d_pointwise, by blocks of 4, 8 and 16 pixels and with half of the lanes along channels */
        {1, 1, 52, 37, 29, 23, false, NULL, "1", false},      {1, 1, 49, 20, 29, 23, true, NULL, "2", false},
        {1, 1, 64, 12, 13, 11, false, NULL, NULL, false},     {1, 1, 56, 36, 3, 5, true, NULL, NULL, true},
        {1, 1, 56, 12, 1, 1, false, NULL, NULL, false},
        {3, 1, 0, 20, 61, 37, true, NULL, NULL, false},       {5, 2, 0, 18, 13, 11, false, NULL, NULL, false},
        {5, 1, 0, 3, 7, 5, false, NULL, NULL, true},
    };
    static const cairn_kernel_class all[] = {CAIRN_CLASS_TEXEL, CAIRN_CLASS_SIMT, CAIRN_CLASS_MATRIX};
    static moments_results results[2];
    for (size_t i = 0; i < 3 * sizeof cases / sizeof *cases; i++) {
        const moments_case *c = &cases[i / 3];
        cairn_gpu *gpu = test_gpu(all[i % 3]);
        moments_counts plain, fused;
        if (!gpu) continue;
        unsetenv("CAIRN_CONV");
        unsetenv("CAIRN_TILE");
        if (c->algorithm) setenv("CAIRN_CONV", c->algorithm, 1);
        if (c->tile) setenv("CAIRN_TILE", c->tile, 1);
        run_moments(c, gpu, false, &results[0], &plain);
        run_moments(c, gpu, true, &results[1], &fused);
        assert_true(plain.passes > 0 && plain.merges == 0);
        assert_true(fused.passes == 0 && fused.merges > 0);
        if (c->h * c->w < 300) /* else parts are merged in two steps */
            assert_int_equal(plain.dispatches - fused.dispatches, 1 + c->one + c->relu_first);
        check_moments(c, &results[1], &results[0]);
        test_gpu_assert_valid(gpu);
    }
    unsetenv("CAIRN_CONV");
    unsetenv("CAIRN_TILE");
}

typedef struct pooled_case {
    cairn_shape shape;
    cairn_activation activation;
    bool frozen, kept; /* with stored statistics; what is pooled is read besides */
    cairn_precision precision;
} pooled_case;
enum { POOLED_MOST = 3 * 21 * 18 * 40 };
typedef struct pooled_results {
    float p[POOLED_MOST], dx[POOLED_MOST], dgamma[40], dbeta[40];
} pooled_results;

/* p = max_pool2(activation(norm(x))) and the gradients of a weighted sum of p. */
static void run_pooled(const pooled_case *c, cairn_gpu *gpu, bool fusion, pooled_results *out, int *pool_kernels)
{
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    static pooled_results again;
    static float fill[POOLED_MOST];
    cairn_shape v = {1, 1, 1, c->shape.c};
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", c->shape), d[3], mean, variance;
    cairn_tid gamma = cairn_graph_stored(g, "gamma", v), beta = cairn_graph_stored(g, "beta", v), y;
    if (c->frozen)
        y = cairn_op_batch_norm_infer(g, x, gamma, beta, cairn_graph_stored(g, "mean", v),
                                      cairn_op_square(g, cairn_graph_stored(g, "deviation", v)), 1e-3f, c->activation);
    else
        y = cairn_op_batch_norm_train(g, x, gamma, beta, 1e-3f, c->activation, &mean, &variance);
    if (c->kept) cairn_graph_output(g, y, "y");
    cairn_tid p = cairn_op_max_pool2(g, y), wrt[3] = {x, gamma, beta};
    cairn_tid weight = cairn_graph_input(g, "weight", cairn_graph_shape(g, p));
    cairn_tid loss = cairn_op_reduce_sum(g, cairn_op_mul(g, p, weight), 15);
    assert_ok(cairn_graph_differentiate(g, loss, wrt, 3, d));
    const cairn_tid outputs[] = {p, d[0], d[1], d[2]};
    for (int i = 0; i < 4; i++) cairn_graph_output(g, outputs[i], "out");
    assert_ok(cairn_store_create(&store, gpu));
    cairn_program_options po = {.no_fusion = !fusion, .canaries = true, .no_aliasing = true, .precision = c->precision};
    assert_ok(cairn_program_create(&program, gpu, g, store, &po));
    cairn_rng rng = cairn_rng_stream(8, 0, 0, 0, 0);
    for (size_t i = 0; i < sizeof fill / sizeof *fill; i++)
        fill[i] = (float)cairn_rng_integer(&rng, 0, 4000) / 1000 - 2;
    for (int i = 0; i < cairn_store_count(store); i++) assert_ok(cairn_store_write(store, i, fill + 50 * i));
    assert_ok(cairn_program_write(program, x, fill));
    assert_ok(cairn_program_write(program, weight, fill + 3));
    for (int run = 0; run < 2; run++) {
        pooled_results *r = run ? &again : out;
        float *const values[] = {r->p, r->dx, r->dgamma, r->dbeta};
        memset(r, 0, sizeof *r);
        assert_ok(cairn_program_run(program));
        assert_ok(cairn_program_check(program));
        for (int i = 0; i < 4; i++) assert_ok(cairn_program_read(program, outputs[i], values[i]));
    }
    assert_memory_equal(out, &again, sizeof again);
    *pool_kernels = count_kernels(program, "pool/max_pool2");
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

static double largest(const float *values, int count)
{
    double most = 0;
    for (int i = 0; i < count; i++) most = fmax(most, fabs((double)values[i]));
    return most;
}

/* Normalisation and pooling are one kernel, and their gradients two without the pooling's between. */
static void test_fuse__normalisations_take_the_pooling(void **state)
{
    (void)state;
    static const pooled_case cases[] = {
        {{2, 12, 10, 8}, CAIRN_ACTIVATION_RELU, false, false, CAIRN_PRECISION_FP32},
        {{3, 21, 18, 40}, CAIRN_ACTIVATION_RELU, false, false, CAIRN_PRECISION_FP32},
        {{2, 7, 9, 5}, CAIRN_ACTIVATION_HSWISH, false, false, CAIRN_PRECISION_FP32},
        {{1, 2, 3, 3}, CAIRN_ACTIVATION_NONE, false, false, CAIRN_PRECISION_FP32},
        {{3, 9, 8, 36}, CAIRN_ACTIVATION_RELU, true, false, CAIRN_PRECISION_FP32},
        {{2, 12, 10, 8}, CAIRN_ACTIVATION_RELU, false, true, CAIRN_PRECISION_FP32},
        {{2, 12, 10, 8}, CAIRN_ACTIVATION_HSWISH, false, false, CAIRN_PRECISION_ALL_HALF},
    };
    static pooled_results results[2];
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        const pooled_case *c = &cases[i / 2];
        cairn_gpu *gpu = test_gpu(classes[i % 2]);
        int plain, fused;
        if (!gpu || (c->precision && strstr(cairn_gpu_get_info(gpu)->name, "SwiftShader"))) continue; /* op_case.c */
        run_pooled(c, gpu, false, &results[0], &plain);
        run_pooled(c, gpu, true, &results[1], &fused);
        assert_int_equal(plain, 2);
        assert_int_equal(fused, c->kept);
        double most = largest(results[0].dx, POOLED_MOST), rounding = c->precision ? 4e-3 : 2e-6;
        for (int k = 0; k < POOLED_MOST; k++) {
            assert_near(results[1].p[k], results[0].p[k], rounding * 4);
            if (!c->precision) assert_near(results[1].dx[k], results[0].dx[k], 4e-6 * most);
        }
        for (int k = 0; k < c->shape.c; k++) { /* in halves, neighbours may be equal, and another one may win */
            most = largest(results[0].dgamma, c->shape.c) + largest(results[0].dbeta, c->shape.c);
            assert_near(results[1].dgamma[k], results[0].dgamma[k], (c->precision ? 3e-2 : 4e-6) * most);
            assert_near(results[1].dbeta[k], results[0].dbeta[k], (c->precision ? 3e-2 : 4e-6) * most);
        }
        test_gpu_assert_valid(gpu);
    }
}

/* The gradient of a bias in front of a normalisation is zero, and no kernel adds anything up for it; with stored
 * statistics it is not. */
static void test_fuse__a_bias_before_a_normalisation(void **state)
{
    (void)state;
    enum { C = 6, MOST = 2 * 9 * 7 * C };
    for (int i = 0; i < 8; i++) {
        cairn_gpu *gpu = test_gpu(classes[i % 2]);
        bool fusion = i / 2 % 2, frozen = i / 4;
        cairn_graph *g;
        cairn_store *store;
        cairn_program *program;
        cairn_tid d[2];
        float fill[MOST], got[C];
        if (!gpu) continue;
        cairn_shape s = {2, 9, 7, C}, v = {1, 1, 1, C};
        cairn_conv_options o = {.kernel = 3};
        assert_ok(cairn_graph_create(&g));
        cairn_tid x = cairn_graph_input(g, "x", s);
        cairn_tid weight = cairn_graph_stored(g, "w", cairn_conv2d_weight_shape(3, C, C));
        cairn_tid bias = cairn_graph_stored(g, "b", v), mean = cairn_graph_stored(g, "m", v);
        cairn_tid variance = cairn_op_square(g, cairn_graph_stored(g, "v", v)), wrt[2] = {bias, weight};
        cairn_tid y = cairn_op_conv2d(g, x, weight, bias, &o);
        if (frozen)
            y = cairn_op_normalize(g, y, mean, variance, CAIRN_NONE, CAIRN_NONE, 0.1f, CAIRN_ACTIVATION_RELU);
        else
            y = cairn_op_batch_norm_train(g, y, CAIRN_NONE, CAIRN_NONE, 0.1f, CAIRN_ACTIVATION_RELU, NULL, NULL);
        cairn_tid loss = cairn_op_reduce_sum(g, cairn_op_mul(g, y, cairn_graph_input(g, "t", s)), 15);
        assert_ok(cairn_graph_differentiate(g, loss, wrt, 2, d));
        cairn_graph_output(g, d[0], "db");
        cairn_graph_output(g, d[1], "dw");
        assert_ok(cairn_store_create(&store, gpu));
        cairn_program_options po = {.no_fusion = !fusion, .canaries = true, .no_aliasing = true};
        assert_ok(cairn_program_create(&program, gpu, g, store, &po));
        cairn_rng rng = cairn_rng_stream(9, 0, 0, 0, 0);
        for (int k = 0; k < MOST; k++) fill[k] = (float)cairn_rng_between(&rng, -1, 1);
        for (int k = 0; k < cairn_store_count(store); k++) assert_ok(cairn_store_write(store, k, fill + k));
        assert_ok(cairn_program_write(program, x, fill));
        assert_ok(cairn_program_write(program, cairn_graph_find(g, "t"), fill));
        assert_ok(cairn_program_run(program));
        assert_ok(cairn_program_check(program));
        assert_ok(cairn_program_read(program, d[0], got));
        assert_int_equal(count_kernels(program, "conv/conv2d_grad_bias"), !fusion || frozen);
        for (int k = 0; k < C; k++) {
            if (frozen) assert_true(fabsf(got[k]) > 1e-3f);
            else if (fusion) assert_float_equal(got[k], 0, 0);
            else assert_near(got[k], 0, 1e-4); /* rounding */
        }
        test_gpu_assert_valid(gpu);
        cairn_program_destroy(&program);
        cairn_store_destroy(&store);
        cairn_graph_destroy(&g);
    }
}

/* A value between that somebody reads before the chain ends stays what it is. */
static void test_fuse__order_and_updates_are_kept(void **state)
{
    (void)state;
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_AUTO);
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    const float one[4] = {1, 1, 1, 1}, start[4] = {8, 8, 8, 8};
    float sum[4];
    cairn_shape s = {1, 1, 1, 4};
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", s), average = cairn_graph_stored(g, "average", s);
    cairn_tid before = cairn_op_add(g, x, average); /* 9, read behind the update only */
    cairn_op_update_average(g, average, x, 0.5f, 1);
    cairn_tid both = cairn_op_mul(g, before, average); /* 9 * 4.5 */
    cairn_graph_output(g, both, "both");
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, g, store, NULL));
    assert_ok(cairn_store_write(store, 0, start));
    assert_ok(cairn_program_write(program, x, one));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_read(program, both, sum));
    for (int i = 0; i < 4; i++) assert_float_equal(sum[i], 40.5f, 0);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fuse__a_known_chain_is_one_dispatch),
        cmocka_unit_test(test_fuse__order_and_updates_are_kept),
        cmocka_unit_test(test_fuse__convolutions_take_what_follows),
        cmocka_unit_test(test_fuse__convolutions_leave_moments),
        cmocka_unit_test(test_fuse__normalisations_take_the_pooling),
        cmocka_unit_test(test_fuse__a_bias_before_a_normalisation),
        cmocka_unit_test(test_fuse__random_graphs),
    };
    return test_gpu_main("fuse", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
