/* A convolution takes in what is before it: a nearest-neighbour resize, a normalisation, a 1x1 convolution of an image
 * of one channel. The student's finest level, which is made of such, equals the plain pyramid. */
#include "support/test.h"
#include "support/device/test_gpu.h"

#include "base/rng.h"
#include "graph/program.h"
#include "ops/conv/conv.h"
#include "ops/image/resize.h"
#include "ops/norm/norm.h"
#include "ops/pointwise/pointwise.h"
#include "student/network.h"
#include "train/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const cairn_kernel_class classes[] = {CAIRN_CLASS_TEXEL, CAIRN_CLASS_SIMT};

typedef struct enlarged_case {
    cairn_shape shape;
    int out, factor;
    bool bias, residual; /* residual: y = relu(conv + r) */
    bool kept;           /* somebody else reads the enlarged map, so it stays */
    const char *algorithm; /* variable CAIRN_CONV, of class texel */
} enlarged_case;

static void run_enlarged(const enlarged_case *c, cairn_gpu *gpu, bool fusion, float *values, int *dispatches)
{
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    cairn_conv_options o = {.kernel = 3};
    cairn_shape s = c->shape, t = {s.n, s.h * c->factor, s.w * c->factor, c->out};
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", s), r = cairn_graph_input(g, "r", t);
    cairn_tid weight = cairn_graph_stored(g, "weight", cairn_conv2d_weight_shape(3, s.c, c->out));
    cairn_tid bias = c->bias ? cairn_graph_stored(g, "bias", (cairn_shape){1, 1, 1, c->out}) : CAIRN_NONE;
    cairn_tid large = cairn_op_resize(g, x, t.h, t.w, CAIRN_RESIZE_NEAREST);
    cairn_tid y = cairn_op_conv2d(g, large, weight, bias, &o);
    y = c->residual ? cairn_op_relu(g, cairn_op_add(g, y, r)) : y;
    cairn_graph_output(g, y, "y");
    if (c->kept) cairn_graph_output(g, large, "large");
    assert_ok(cairn_store_create(&store, gpu));
    cairn_program_options po = {.no_fusion = !fusion, .canaries = true, .no_aliasing = true};
    assert_ok(cairn_program_create(&program, gpu, g, store, &po));
    cairn_rng rng = cairn_rng_stream(7, 0, 0, 0, 0);
    static float fill[32768];
    for (int i = 0; i < 32768; i++) fill[i] = (float)cairn_rng_between(&rng, -1, 1);
    for (int i = 0; i < cairn_store_count(store); i++) assert_ok(cairn_store_write(store, i, fill + 7 * i));
    assert_ok(cairn_program_write(program, x, fill + 50));
    if (c->residual) assert_ok(cairn_program_write(program, r, fill + 100));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_check(program));
    assert_ok(cairn_program_read(program, y, values));
    *dispatches = cairn_program_get_stats(program)->dispatches;
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

static void test_fuse_before__is_the_convolution_of_the_resize(void **state)
{
    (void)state;
    static const enlarged_case cases[] = {
        {{2, 5, 7, 8}, 8, 2, true, false, false, NULL},   {{1, 3, 11, 6}, 5, 3, false, true, false, NULL},
        {{1, 6, 8, 20}, 17, 4, false, false, false, NULL}, {{3, 1, 1, 4}, 12, 4, true, true, false, NULL},
        {{1, 9, 13, 5}, 36, 2, false, true, false, NULL}, {{1, 5, 7, 8}, 8, 2, true, true, false, "direct"},
        {{1, 4, 5, 8}, 8, 3, true, false, true, NULL},
    };
    enum { MOST = 20000 };
    static float values[2][MOST];
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        const enlarged_case *c = &cases[i / 2];
        cairn_gpu *gpu = test_gpu(classes[i % 2]);
        int plain, fused;
        if (!gpu) continue;
        int count = (int)cairn_shape_count(c->shape) / c->shape.c * c->factor * c->factor * c->out;
        assert_true(count <= MOST);
        unsetenv("CAIRN_CONV");
        if (c->algorithm) setenv("CAIRN_CONV", c->algorithm, 1);
        run_enlarged(c, gpu, false, values[0], &plain);
        run_enlarged(c, gpu, true, values[1], &fused);
        bool taken = classes[i % 2] == CAIRN_CLASS_TEXEL && !c->algorithm && !c->kept;
        int epilogue = c->residual ? 2 : 0;
        if (!c->algorithm && classes[i % 2] == CAIRN_CLASS_SIMT) assert_int_equal(plain - fused, epilogue);
        if (taken) assert_true(plain - fused >= epilogue + 1);
        for (int k = 0; k < count; k++) assert_near(values[1][k], values[0][k], 2e-5);
        test_gpu_assert_valid(gpu);
    }
    unsetenv("CAIRN_CONV");
}

typedef struct before_case {
    cairn_shape shape;
    int middle, out, kernel, stride; /* middle: channels of the 1x1 convolution before; 0: a normalisation is there */
    bool bias, relu;
} before_case;

static cairn_tid build_before(cairn_graph *g, const before_case *c, cairn_tid x)
{
    const cairn_conv_options one = {.kernel = 1}, window = {.kernel = c->kernel, .stride = c->stride};
    int middle = c->middle ? c->middle : c->shape.c;
    cairn_tid weight = cairn_graph_stored(g, "weight", cairn_conv2d_weight_shape(c->kernel, middle, c->out));
    cairn_tid bias = c->bias ? cairn_graph_stored(g, "bias", (cairn_shape){1, 1, 1, c->out}) : CAIRN_NONE, y;
    if (c->middle) {
        cairn_tid lift = c->bias ? cairn_graph_stored(g, "lift", (cairn_shape){1, 1, 1, middle}) : CAIRN_NONE;
        y = cairn_op_conv2d(g, x, cairn_graph_stored(g, "spread", cairn_conv2d_weight_shape(1, 1, middle)), lift, &one);
    } else {
        cairn_tid variance, mean = cairn_op_moments(g, x, false, &variance);
        y = cairn_op_normalize(g, x, mean, variance, CAIRN_NONE, CAIRN_NONE, 1e-3f, CAIRN_ACTIVATION_NONE);
    }
    y = cairn_op_conv2d(g, y, weight, bias, &window);
    return c->relu ? cairn_op_relu(g, y) : y;
}

static void run_before(const before_case *c, cairn_gpu *gpu, bool fusion, float *values, int *dispatches)
{
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    static float fill[16384];
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", c->shape), y = build_before(g, c, x);
    cairn_graph_output(g, y, "y");
    assert_ok(cairn_store_create(&store, gpu));
    cairn_program_options po = {.no_fusion = !fusion, .canaries = true, .no_aliasing = true};
    assert_ok(cairn_program_create(&program, gpu, g, store, &po));
    cairn_rng rng = cairn_rng_stream(8, 0, 0, 0, 0);
    for (int i = 0; i < 16384; i++) fill[i] = (float)cairn_rng_between(&rng, -0.5, 1.5);
    for (int i = 0; i < cairn_store_count(store); i++) assert_ok(cairn_store_write(store, i, fill + 7 * i));
    assert_ok(cairn_program_write(program, x, fill + 50));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_check(program));
    assert_ok(cairn_program_read(program, y, values));
    *dispatches = cairn_program_get_stats(program)->dispatches;
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

static void test_fuse_before__normalisations_and_spread_images(void **state)
{
    (void)state;
    static const before_case cases[] = {
        {{1, 9, 11, 128}, 0, 1, 1, 1, true, false}, {{2, 7, 5, 6}, 0, 17, 1, 1, false, true},
        {{2, 8, 6, 5}, 0, 6, 1, 2, true, false},    {{1, 33, 31, 1}, 3, 16, 3, 2, true, true},
        {{2, 18, 13, 1}, 4, 13, 3, 1, false, false}, {{1, 33, 31, 1}, 3, 8, 3, 2, true, false},
    };
    enum { MOST = 20000 };
    static float values[2][MOST];
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        const before_case *c = &cases[i / 2];
        cairn_gpu *gpu = test_gpu(classes[i % 2]);
        int plain, fused;
        if (!gpu) continue;
        int h = (c->shape.h - 1) / c->stride + 1, w = (c->shape.w - 1) / c->stride + 1;
        int count = c->shape.n * h * w * c->out;
        assert_true(count <= MOST);
        run_before(c, gpu, false, values[0], &plain);
        run_before(c, gpu, true, values[1], &fused);
        /* A normalisation's dispatch becomes that of the weight; a spread image takes none where the kernel does it. */
        bool taken = c->middle && c->out > 8 && classes[i % 2] == CAIRN_CLASS_TEXEL;
        assert_int_equal(plain - fused, c->relu + taken);
        double most = 0;
        for (int k = 0; k < count; k++) most = fmax(most, fabs((double)values[0][k]));
        assert_true(most > 0.1);
        for (int k = 0; k < count; k++) assert_near(values[1][k], values[0][k], 1e-5 * most);
        if (!c->middle) /* else the same dispatch count would not tell that anything was taken in */
            assert_memory_not_equal(values[0], values[1], sizeof(float) * (size_t)count);
        test_gpu_assert_valid(gpu);
    }
}

/* Biases and running statistics get values that no initialisation has, so that features have means far from zero. */
static void scatter(cairn_store *store)
{
    for (int i = 0; i < cairn_store_count(store); i++) {
        cairn_rng rng = cairn_rng_stream(5, 0, 0, (uint32_t)i, 0);
        cairn_shape s = cairn_store_shape(store, i);
        float v[1024];
        if (s.n > 1 || s.w > 1) continue;
        assert_true(s.c <= 1024);
        for (int k = 0; k < s.c; k++) v[k] = (float)cairn_rng_between(&rng, 0.5, 1.5);
        assert_ok(cairn_store_write(store, i, v));
    }
}

enum { HEIGHT = 96, WIDTH = 64, PIXELS = HEIGHT * WIDTH };

/* Heatmap logits of n equal images of the size h x WIDTH; *folded: the finest level was made of its parts. */
static void run_student(cairn_gpu *gpu, int n, int h, float *values, bool *folded)
{
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    cairn_model m;
    static float images[2 * PIXELS];
    const cairn_network_spec spec = {.kind = CAIRN_NETWORK_SP_FPN, .sp_fpn = CAIRN_SP_FPN_OPTIONS_INIT};
    assert_ok(cairn_graph_create(&g));
    cairn_model_init(&m, g, false);
    cairn_tid image = cairn_graph_input(g, "image", (cairn_shape){n, h, WIDTH, 1});
    cairn_tid logits = cairn_network_build(&m, &spec, image).logits;
    cairn_graph_output(g, logits, "logits");
    assert_ok(cairn_graph_status(g));
    *folded = false;
    for (int k = 0; k < cairn_graph_node_count(g); k++)
        *folded |= !strcmp(cairn_graph_node(g, k)->op->name, "conv2d_grad_weight");
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_model_initialise(&m, store, 5));
    scatter(store);
    assert_ok(cairn_program_create(&program, gpu, g, store, NULL));
    cairn_rng rng = cairn_rng_stream(6, 0, 0, 0, 0);
    for (int i = 0; i < h * WIDTH; i++) images[i] = images[i + h * WIDTH] = (float)cairn_rng_uniform(&rng);
    assert_ok(cairn_program_write(program, image, images));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_read(program, logits, values));
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_model_uninit(&m);
    cairn_graph_destroy(&g);
}

/* Two equal images go through the plain pyramid, one alone goes the other way, unless its sizes do not double. */
static void test_fuse_before__finest_level_of_the_student(void **state)
{
    (void)state;
    static float one[2 * PIXELS], two[2 * PIXELS];
    static const int heights[] = {96, 72}; /* 72: levels of 18, 9 and 5 rows */
    for (int i = 0; i < 4; i++) {
        cairn_gpu *gpu = test_gpu(classes[i % 2]);
        int h = heights[i / 2];
        bool folded, plain;
        if (!gpu) continue;
        run_student(gpu, 1, h, one, &folded);
        run_student(gpu, 2, h, two, &plain);
        assert_false(plain);
        assert_int_equal(folded, h == 96);
        double low = INFINITY, high = -INFINITY;
        for (int k = 0; k < h * WIDTH; k++) low = fmin(low, (double)two[k]), high = fmax(high, (double)two[k]);
        assert_true(high - low > 0.1);
        for (int k = 0; k < h * WIDTH; k++) assert_near(one[k], two[k], 1e-4 * (high - low));
        test_gpu_assert_valid(gpu);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fuse_before__is_the_convolution_of_the_resize),
        cmocka_unit_test(test_fuse_before__normalisations_and_spread_images),
        cmocka_unit_test(test_fuse_before__finest_level_of_the_student),
    };
    if (!test_gpu_available()) return TEST_SKIP;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
