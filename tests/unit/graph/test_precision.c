/* Mixed precision: fp16 on the host, which tensors are stored so, training with it, steps that overflow. */
#include "support/test.h"
#include "support/device/test_gpu.h"

#include "base/half.h"
#include "base/rng.h"
#include "graph/program.h"
#include "ops/pointwise/pointwise.h"
#include "teacher/losses.h"
#include "teacher/superpoint.h"
#include "train/optimise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void halves_round_to_nearest(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        float f = cairn_half_to_float((uint16_t)h);
        if (isnan(f))
            assert_true(isnan(cairn_half_to_float(cairn_half_from_float(f))));
        else
            assert_int_equal(cairn_half_from_float(f), h);
        if ((h & 0x7fff) >= 0x7bff) continue;
        double next = cairn_half_to_float((uint16_t)(h + 1)), middle = (f + next) / 2; /* exact in float */
        assert_int_equal(cairn_half_from_float((float)middle), h & 1 ? h + 1 : h);
        assert_int_equal(cairn_half_from_float((float)(f + (next - f) * 0.499)), h);
        assert_int_equal(cairn_half_from_float((float)(f + (next - f) * 0.501)), h + 1);
    }
    assert_int_equal(cairn_half_from_float(65519.0f), 0x7bff);
    assert_int_equal(cairn_half_from_float(65520.0f), 0x7c00);
    assert_int_equal(cairn_half_from_float(-1e30f), 0xfc00);
}

/* The device rounds as the host does, in each class: values are scaled by 1 from fp16 to fp16 through fp32 sums. */
static void devices_round_as_the_host(void **state)
{
    (void)state;
    enum { COUNT = 4096 };
    for (cairn_kernel_class c = CAIRN_CLASS_TEXEL; c <= CAIRN_CLASS_SIMT; c++) {
        cairn_gpu *gpu = test_gpu(c);
        if (!gpu) continue;
        const cairn_shape s = {1, 4, COUNT / 16, 4};
        cairn_graph *g;
        cairn_store *store;
        cairn_program *program;
        float x[COUNT], y[COUNT];
        cairn_rng rng = cairn_rng_stream(5, 0, 0, 0, 0);
        assert_ok(cairn_graph_create(&g));
        cairn_tid a = cairn_graph_stored(g, "a", s), out = cairn_op_scale(g, a, 1.0f + 0x1p-12f);
        cairn_graph_output(g, out, "y");
        assert_ok(cairn_store_create(&store, gpu));
        assert_ok(cairn_program_create(&program, gpu, g, store,
                                       &(cairn_program_options){.precision = CAIRN_PRECISION_ALL_HALF}));
        for (int i = 0; i < COUNT; i++)
            x[i] = (float)ldexp(cairn_rng_between(&rng, -1, 1), cairn_rng_integer(&rng, -26, 17));
        assert_ok(cairn_store_write(store, 0, x));
        assert_ok(cairn_program_run(program));
        assert_ok(cairn_program_read(program, out, y));
        int infinite = 0;
        for (int i = 0; i < COUNT; i++) {
            float scaled = x[i] * (1.0f + 0x1p-12f), want = cairn_half_to_float(cairn_half_from_float(scaled));
            if (want != y[i]) fail_msg("%s: %.9g is stored as %.9g, expected %.9g", test_gpu_class_name(c),
                                       (double)scaled, (double)y[i], (double)want);
            infinite += isinf(want) != 0;
        }
        assert_true(infinite > 10);
        cairn_program_destroy(&program);
        cairn_store_destroy(&store);
        cairn_graph_destroy(&g);
        test_gpu_assert_valid(gpu);
    }
}

typedef struct training {
    cairn_graph *g;
    cairn_model model;
    cairn_store *store;
    cairn_program *program;
    cairn_train_optimiser optimiser;
    cairn_tid image, labels, factor, loss;
    cairn_train_settings settings;
} training;

enum { N = 2, SIZE = 48, CELLS = SIZE / 8 };

static void create(training *t, cairn_gpu *gpu, cairn_precision precision)
{
    *t = (training){.settings = cairn_train_defaults};
    t->settings.precision = (int)precision;
    assert_ok(cairn_graph_create(&t->g));
    assert_ok(cairn_store_create(&t->store, gpu));
    cairn_model_init(&t->model, t->g, true);
    t->image = cairn_graph_input(t->g, "image", (cairn_shape){N, SIZE, SIZE, 1});
    t->labels = cairn_graph_input(t->g, "labels", (cairn_shape){N, CELLS, CELLS, 1});
    t->factor = cairn_graph_input(t->g, "factor", CAIRN_SCALAR);
    cairn_superpoint_options options = {.width = 0.25};
    cairn_superpoint_outputs net = cairn_superpoint(&t->model, t->image, &options);
    cairn_tid ones = cairn_graph_constant(t->g, (cairn_shape){N, CELLS, CELLS, 1}, 1);
    t->loss = cairn_detector_loss(t->g, net.logits, t->labels, ones);
    assert_ok(cairn_train_add_optimiser(t->g, &t->model, cairn_op_mul(t->g, t->loss, t->factor), &t->settings,
                                        &t->optimiser));
    cairn_graph_output(t->g, t->loss, "loss");
    cairn_graph_output(t->g, t->optimiser.control, "control");
    assert_ok(cairn_model_initialise(&t->model, t->store, 1));
    assert_ok(cairn_program_create(&t->program, gpu, t->g, t->store, &(cairn_program_options){.precision = precision}));
}

static void destroy(training *t)
{
    cairn_program_destroy(&t->program);
    cairn_store_destroy(&t->store);
    cairn_model_uninit(&t->model);
    cairn_graph_destroy(&t->g);
}

static float step(training *t, int number, float factor, float control[4])
{
    float image[N * SIZE * SIZE], labels[N * CELLS * CELLS], scalars[CAIRN_OPTIMISER_SCALARS], loss;
    cairn_rng rng = cairn_rng_stream(9, 0, 0, (uint32_t)(number % 3), 0);
    for (int i = 0; i < N * SIZE * SIZE; i++) image[i] = (float)cairn_rng_uniform(&rng);
    for (int i = 0; i < N * CELLS * CELLS; i++) labels[i] = (float)cairn_rng_integer(&rng, 0, 64);
    cairn_train_scalars(&t->settings, number, 0, scalars);
    assert_ok(cairn_program_write(t->program, t->image, image));
    assert_ok(cairn_program_write(t->program, t->labels, labels));
    assert_ok(cairn_program_write(t->program, t->factor, &factor));
    assert_ok(cairn_program_write(t->program, t->optimiser.scalars, scalars));
    assert_ok(cairn_program_run(t->program));
    assert_ok(cairn_program_read(t->program, t->loss, &loss));
    assert_ok(cairn_program_read(t->program, t->optimiser.control, control));
    return loss;
}

/* The curves of 12 steps agree within 4 % (Adam's first steps follow the signs of gradients, which rounding turns); the
 * plan shrinks, though scratch stays as it is. */
static void trains_as_fp32_does(void **state)
{
    (void)state;
    training t[2];
    float control[4];
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_AUTO);
    create(&t[0], gpu, CAIRN_PRECISION_FP32);
    create(&t[1], gpu, CAIRN_PRECISION_MIXED);
    const cairn_program_stats *full = cairn_program_get_stats(t[0].program),
                              *mixed = cairn_program_get_stats(t[1].program);
    assert_int_equal(full->half_tensors, 0);
    assert_true(mixed->half_tensors > 20);
    assert_true(mixed->planned_bytes < full->planned_bytes && mixed->unplanned_bytes < full->unplanned_bytes);
    float first = 0, last = 0;
    for (int i = 0; i < 12; i++) {
        float a = step(&t[0], i, 1, control), b = step(&t[1], i, 1, control);
        assert_true(control[CAIRN_CONTROL_SKIP] == 0 && control[CAIRN_CONTROL_MULTIPLIER] == 0x1p-16f);
        if (!(fabsf(a - b) <= 0.04f * a)) fail_msg("step %d: fp32 %g, mixed %g", i, (double)a, (double)b);
        if (i == 0) first = b;
        last = b;
    }
    assert_true(last < 0.8f * first);
    destroy(&t[0]);
    destroy(&t[1]);
    test_gpu_assert_valid(gpu);
}

static void an_overflow_skips_the_step_and_halves_the_scale(void **state)
{
    (void)state;
    training t;
    float control[4], before[64], after[64], scale[4];
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_AUTO);
    create(&t, gpu, CAIRN_PRECISION_MIXED);
    int bias = cairn_store_find(t.store, t.model.parameters[3].name), s = cairn_store_find(t.store, "loss_scale");
    assert_true(bias >= 0 && s >= 0 && cairn_shape_count(cairn_store_shape(t.store, bias)) <= 64);
    step(&t, 0, 1, control);
    assert_ok(cairn_store_read(t.store, bias, before));
    step(&t, 1, 1e9f, control);
    assert_true(control[CAIRN_CONTROL_SKIP] == 1);
    assert_ok(cairn_store_read(t.store, bias, after));
    assert_memory_equal(before, after, sizeof(float) * (size_t)cairn_shape_count(cairn_store_shape(t.store, bias)));
    assert_ok(cairn_store_read(t.store, s, scale));
    assert_true(scale[0] == -1 && scale[1] == 0 && scale[2] == 1);
    step(&t, 1, 1, control);
    assert_true(control[CAIRN_CONTROL_SKIP] == 0 && control[CAIRN_CONTROL_MULTIPLIER] == 0x1p-15f);
    assert_ok(cairn_store_read(t.store, bias, after));
    assert_memory_not_equal(before, after, sizeof(float));
    assert_ok(cairn_store_read(t.store, s, scale));
    assert_true(scale[0] == -1 && scale[1] == 1 && scale[2] == 1);
    char text[64];
    assert_ok(cairn_train_scale_to_text(text, sizeof text, t.store));
    assert_string_equal(text, "-1 1 1");
    assert_ok(cairn_train_scale_from_text(t.store, "3 1999 17", "file"));
    assert_ok(cairn_store_read(t.store, s, scale));
    assert_true(scale[0] == 3 && scale[1] == 1999 && scale[2] == 17);
    static const char *const bad[] = {"", "1 2", "9 0 0", "-17 0 0", "0.5 0 0", "0 -1 0", "nan 0 0", "0 1e9 0", "x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(cairn_train_scale_from_text(t.store, bad[i], "file"), CAIRN_E_FORMAT);
    destroy(&t);
}

static void expect_refusal(training *t, cairn_gpu *gpu, const char *variable, cairn_program_options options,
                           const char *has, const char *end)
{
    cairn_program *program = NULL;
    setenv(variable, "2", 1);
    cairn_status st = cairn_program_create(&program, gpu, t->g, t->store, &options);
    unsetenv(variable);
    assert_int_equal(st, CAIRN_E_NOMEM);
    assert_null(program);
    const char *text = cairn_error_message(), *use = strstr(text, " with accumulate ");
    if (!strstr(text, has) || !use || strcmp(use + strlen(" with accumulate 2"), end)) fail_msg("said: %s", text);
}

/* With a heap, or the rest of one, of 2 MB the plan is refused before memory is taken, and the message says what would
 * help and has not been done. */
static void a_plan_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    training t;
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_AUTO);
    cairn_program *program;
    create(&t, gpu, CAIRN_PRECISION_FP32);
    const cairn_program_options plain = {0}, mixed = {.precision = CAIRN_PRECISION_MIXED},
                                cheap = {.recompute = CAIRN_RECOMPUTE_CHEAP};
    expect_refusal(&t, gpu, "CAIRN_HEAP_MB", plain, "has 2.0 MB:", ", recompute cheap or precision mixed");
    expect_refusal(&t, gpu, "CAIRN_HEAP_MB", mixed, "has 2.0 MB:", " or recompute cheap");
    expect_refusal(&t, gpu, "CAIRN_HEAP_MB", cheap, "has 2.0 MB:", " or precision mixed");
    expect_refusal(&t, gpu, "CAIRN_BUDGET_MB", plain, "has 2.0 MB left of ",
                   ", recompute cheap or precision mixed, or close other programs that use the device");
    setenv("CAIRN_BUDGET_MB", "100", 1);
    assert_int_equal(cairn_gpu_free_bytes(gpu), 100000000);
    assert_ok(cairn_program_create(&program, gpu, t.g, t.store, &plain));
    unsetenv("CAIRN_BUDGET_MB");
    cairn_program_destroy(&program);
    destroy(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(halves_round_to_nearest),
                                       cmocka_unit_test(devices_round_as_the_host),
                                       cmocka_unit_test(trains_as_fp32_does),
                                       cmocka_unit_test(an_overflow_skips_the_step_and_halves_the_scale),
                                       cmocka_unit_test(a_plan_that_does_not_fit_is_refused)};
    return test_gpu_main("precision", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
