/* Fusion (src/graph/fuse): fewer kernels, the same values. */
#include "support/random_graph.h"
#include "support/test.h"
#include "support/test_gpu.h"

#include "base/rng.h"
#include "graph/program.h"
#include "ops/conv/conv.h"
#include "ops/conv/depthwise.h"
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
    if (!test_gpu_available()) return TEST_SKIP;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fuse__a_known_chain_is_one_dispatch),
        cmocka_unit_test(test_fuse__order_and_updates_are_kept),
        cmocka_unit_test(test_fuse__convolutions_take_what_follows),
        cmocka_unit_test(test_fuse__random_graphs),
    };
    int failed = cmocka_run_group_tests_name("fuse", tests, NULL, NULL);
    test_gpu_destroy_all();
    return failed;
}
