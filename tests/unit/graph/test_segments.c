/* Programs are cut into submissions by estimated time, so that no watchdog fires. */
#include "support/test.h"
#include "support/device/test_gpu.h"
#include "support/device/training.h"

#include "graph/program.h"
#include "ops/pointwise/pointwise.h"

#include <stdlib.h>

static cairn_gpu *open_class(cairn_kernel_class kernel_class, const char *milliseconds, double scale)
{
    cairn_gpu *gpu;
    cairn_gpu_options options = CAIRN_GPU_OPTIONS_INIT;
    options.kernel_class = kernel_class;
    options.cache_folder = "";
    options.quiet = true;
    options.segment_scale = scale;
    if (milliseconds)
        setenv("CAIRN_SEGMENT_MS", milliseconds, 1);
    else
        unsetenv("CAIRN_SEGMENT_MS");
    assert_ok(cairn_gpu_create(&gpu, &options));
    return gpu;
}

static cairn_gpu *open_device(const char *milliseconds, double scale)
{
    return open_class(CAIRN_CLASS_AUTO, milliseconds, scale);
}

/* A chain of ten dispatches, each of which reads and writes 64 KiB. */
static cairn_program_stats build(cairn_gpu *gpu)
{
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 64, 64, 4});
    for (int i = 0; i < 10; i++) cairn_graph_output(g, x = cairn_op_sigmoid(g, x), "x");
    assert_ok(cairn_store_create(&store, gpu));
    const bool timed = cairn_gpu_get_info(gpu)->timestamp_ns > 0;
    const cairn_program_options options = {.keep_all = true, .profile = timed};
    assert_ok(cairn_program_create(&program, gpu, g, store, &options));
    if (timed) { /* one time for each, however many dispatches it became */
        const cairn_program_timing *timings;
        int count;
        assert_ok(cairn_program_run(program));
        assert_ok(cairn_program_timings(program, &timings, &count));
        assert_int_equal(count, 10);
        for (int i = 0; i < count; i++) assert_true(timings[i].ns > 0);
    }
    cairn_program_stats stats = *cairn_program_get_stats(program);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
    return stats;
}

static void test_segments__no_submission_is_estimated_above_the_limit(void **state)
{
    (void)state;
    cairn_gpu *gpu = open_device(NULL, 0);
    const cairn_program_stats whole = build(gpu);
    const double one = whole.longest_ms / whole.dispatches;
    assert_int_equal(whole.submissions, 1);
    assert_true(whole.dispatches == 10 && one > 0);
    assert_true(whole.longest_ms <= cairn_gpu_get_info(gpu)->segment_ms);
    if (!cairn_gpu_get_info(gpu)->is_cpu) assert_true(cairn_gpu_get_info(gpu)->segment_ms <= 100);
    cairn_gpu_destroy(&gpu);
    static const int each[] = {1, 3, 5}; /* dispatches in a submission */
    for (int i = 0; i < 3; i++) {
        char limit[32];
        snprintf(limit, sizeof limit, "%.6f", one * (each[i] + 0.5));
        gpu = open_device(limit, 1);
        const cairn_program_stats cut = build(gpu);
        assert_int_equal(cut.submissions, (10 + each[i] - 1) / each[i]);
        assert_near(cut.longest_ms, one * each[i], 1e-9);
        cairn_gpu_destroy(&gpu);
    }
    char limit[32];
    snprintf(limit, sizeof limit, "%.6f", one * 10.5);
    gpu = open_device(limit, 0.5); /* after a loss of the device */
    assert_int_equal(build(gpu).submissions, 2);
    cairn_gpu_destroy(&gpu);
}

/* A single dispatch above the limit runs as several, each over a box of its workgroups. */
static void test_segments__a_long_dispatch_is_cut(void **state)
{
    (void)state;
    cairn_gpu *gpu = open_device(NULL, 0);
    const cairn_program_stats whole = build(gpu);
    const double one = whole.longest_ms / whole.dispatches;
    cairn_gpu_destroy(&gpu);
    static const int parts[] = {2, 4};
    for (int i = 0; i < 2; i++) {
        char limit[32];
        snprintf(limit, sizeof limit, "%.6f", one / parts[i] * 1.001);
        gpu = open_device(limit, 1);
        const cairn_program_stats cut = build(gpu);
        assert_int_equal(cut.dispatches, 10 * parts[i]);
        assert_int_equal(cut.submissions, 10 * parts[i]);
        assert_near(cut.longest_ms, one / parts[i], 1e-6);
        cairn_gpu_destroy(&gpu);
    }
}

/* No submission is longer, unless, with `workgroup`, it is a single workgroup, which cannot be cut. */
static void expect_limit(const cairn_program_stats *stats, double limit, const char *what, bool workgroup)
{
    const double rounding = 1 + 1e-9;
    if (stats->group_ms > limit) /* class texel: a core's share of a Winograd convolution is one workgroup */
        fprintf(stderr, "%s: limit %g ms, the longest workgroup is estimated at %.2f ms, of %s\n", what, limit,
                stats->group_ms, stats->group_kernel);
    assert_non_null(stats->group_kernel);
    assert_true(workgroup || stats->group_ms <= limit);
    assert_true(stats->longest_ms <= (stats->group_ms > limit ? stats->group_ms : limit) * rounding);
    assert_true(stats->longest_ms >= stats->group_ms / rounding);
}

/* Whole training steps, planned and recorded but not run: at the limit that devices of the class have by default, and
 * in the classes of GPUs at a twentieth of it, although a CPU's rates are assumed (a tenth of the slowest GPU's). */
static void test_segments__steps_stay_below_the_limit(void **state)
{
    (void)state;
    static const struct step {
        cairn_kernel_class kernel_class;
        bool student;
        cairn_shape image;
        double limit; /* ms */
    } steps[] = {
        {CAIRN_CLASS_TEXEL, false, {8, 120, 160, 1}, 500}, {CAIRN_CLASS_TEXEL, false, {1, 480, 640, 1}, 500},
        {CAIRN_CLASS_TEXEL, true, {8, 120, 160, 1}, 500},  {CAIRN_CLASS_SIMT, false, {8, 120, 160, 1}, 100},
        {CAIRN_CLASS_SIMT, false, {8, 120, 160, 1}, 5},    {CAIRN_CLASS_SIMT, true, {8, 120, 160, 1}, 5},
        {CAIRN_CLASS_MATRIX, false, {8, 120, 160, 1}, 100}, {CAIRN_CLASS_MATRIX, false, {8, 120, 160, 1}, 5},
        {CAIRN_CLASS_MATRIX, true, {8, 120, 160, 1}, 5},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const struct step *s = &steps[i];
        char limit[32], what[96];
        if (!test_gpu(s->kernel_class)) continue;
        snprintf(limit, sizeof limit, "%g", s->limit);
        snprintf(what, sizeof what, "%s, %s %dx%dx%d", test_gpu_class_name(s->kernel_class),
                 s->student ? "student" : "teacher", s->image.n, s->image.h, s->image.w);
        cairn_gpu *gpu = open_class(s->kernel_class, limit, 1);
        const cairn_program_options options = {.recompute = CAIRN_RECOMPUTE_NONE};
        const cairn_program_stats stats = test_plan_step(gpu, s->student, s->image, &options);
        cairn_gpu_destroy(&gpu);
        assert_true(stats.submissions > 1);
        expect_limit(&stats, s->limit, what, false);
    }
    unsetenv("CAIRN_SEGMENT_MS");
}

/* Every dispatch of a training that takes longer than 0.3 ms by estimate is cut; the bits stay. */
static void test_segments__cut_dispatches_keep_their_bits(void **state)
{
    (void)state;
    const cairn_program_options options = {.canaries = true, .no_aliasing = true};
    for (cairn_kernel_class c = CAIRN_CLASS_TEXEL; c <= CAIRN_CLASS_SIMT; c++) {
        if (!test_gpu(c)) continue;
        cairn_gpu *gpu = open_class(c, "1000000", 1);
        const test_outcome whole = test_train(gpu, false, &options);
        test_gpu_assert_valid(gpu);
        cairn_gpu_destroy(&gpu);
        assert_int_equal(whole.stats.submissions, 1);
        gpu = open_class(c, "0.3", 1);
        const test_outcome cut = test_train(gpu, false, &options);
        test_gpu_assert_valid(gpu);
        cairn_gpu_destroy(&gpu);
        test_expect_same_outcome(&cut, &whole);
        assert_true(cut.stats.dispatches > whole.stats.dispatches);
        assert_true(cut.stats.submissions > 20);
        assert_true(cut.stats.submissions <= cut.stats.dispatches);
        expect_limit(&cut.stats, 0.3, test_gpu_class_name(c), c == CAIRN_CLASS_TEXEL);
    }
    unsetenv("CAIRN_SEGMENT_MS");
}

static void test_segments__a_wrong_limit_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"0", "-1", "x", "1x", "nan", "1e9"};
    cairn_gpu *gpu;
    cairn_gpu_options options = {.cache_folder = "", .quiet = true, .validation = -1};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        setenv("CAIRN_SEGMENT_MS", wrong[i], 1);
        assert_status(cairn_gpu_create(&gpu, &options), CAIRN_E_INVALID, "CAIRN_SEGMENT_MS");
    }
    unsetenv("CAIRN_SEGMENT_MS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments__no_submission_is_estimated_above_the_limit),
        cmocka_unit_test(test_segments__a_long_dispatch_is_cut),
        cmocka_unit_test(test_segments__steps_stay_below_the_limit),
        cmocka_unit_test(test_segments__cut_dispatches_keep_their_bits),
        cmocka_unit_test(test_segments__a_wrong_limit_is_refused),
    };
    return test_gpu_main("segments", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
