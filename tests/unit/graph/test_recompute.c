/* Recomputation: the plan shrinks, and every bit of a training stays what it was. */
#include "support/test.h"
#include "support/test_gpu.h"

#include "base/hash.h"
#include "base/rng.h"
#include "graph/program.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"
#include "student/sp_fpn.h"
#include "teacher/losses.h"
#include "teacher/superpoint.h"
#include "train/optimise.h"

#include <stdlib.h>

enum { N = 4, HEIGHT = 96, WIDTH = 128, CELLS = HEIGHT * WIDTH / 64, STEPS = 3 };

typedef struct outcome {
    cairn_program_stats stats;
    float loss[STEPS];
    uint64_t gradient, stored; /* hashes */
} outcome;

typedef struct training {
    cairn_graph *g;
    cairn_model model;
    cairn_store *store;
    cairn_program *program;
    cairn_train_optimiser optimiser;
    cairn_tid image, target, loss;
} training;

static void build_loss(training *t, bool student)
{
    const cairn_shape cells = {N, HEIGHT / 8, WIDTH / 8, 1};
    t->image = cairn_graph_input(t->g, "image", (cairn_shape){N, HEIGHT, WIDTH, 1});
    if (student) {
        cairn_sp_fpn_options options = CAIRN_SP_FPN_OPTIONS_INIT;
        cairn_tid map = cairn_sp_fpn(&t->model, t->image, &options);
        t->target = cairn_graph_input(t->g, "target", cairn_graph_shape(t->g, map));
        t->loss = cairn_op_reduce_mean(t->g, cairn_op_huber(t->g, map, t->target, 1),
                                       CAIRN_AXIS_N | CAIRN_AXIS_H | CAIRN_AXIS_W | CAIRN_AXIS_C);
        return;
    }
    cairn_superpoint_options options = {.width = 0.25, .descriptor = 32};
    cairn_superpoint_outputs net = cairn_superpoint(&t->model, t->image, &options);
    t->target = cairn_graph_input(t->g, "target", cells);
    t->loss = cairn_detector_loss(t->g, net.logits, t->target, cairn_graph_constant(t->g, cells, 1));
    t->loss = cairn_op_add(t->g, t->loss, cairn_op_reduce_mean(t->g, cairn_op_square(t->g, net.descriptor),
                                                              CAIRN_AXIS_N | CAIRN_AXIS_H | CAIRN_AXIS_W |
                                                                  CAIRN_AXIS_C));
}

static void fill(training *t, cairn_tid input, bool labels, uint32_t stream)
{
    cairn_rng rng = cairn_rng_stream(4, 0, 0, stream, 0);
    int64_t count = cairn_shape_count(cairn_graph_shape(t->g, input));
    float *values = malloc(sizeof *values * (size_t)count);
    assert_non_null(values);
    for (int64_t i = 0; i < count; i++)
        values[i] = labels ? (float)cairn_rng_integer(&rng, 0, 64) : (float)cairn_rng_uniform(&rng);
    assert_ok(cairn_program_write(t->program, input, values));
    free(values);
}

static uint64_t hash_store(cairn_store *store)
{
    uint64_t hash = CAIRN_HASH_START;
    for (int i = 0; i < cairn_store_count(store); i++) {
        size_t count = (size_t)cairn_shape_count(cairn_store_shape(store, i));
        float *values = malloc(sizeof *values * count);
        assert_non_null(values);
        assert_ok(cairn_store_read(store, i, values));
        hash = cairn_hash_bytes(hash, values, sizeof *values * count);
        free(values);
    }
    return hash;
}

static outcome train(cairn_gpu *gpu, bool student, const cairn_program_options *options)
{
    training t = {0};
    outcome o = {0};
    cairn_train_settings settings = cairn_train_defaults;
    settings.precision = (int)options->precision;
    assert_ok(cairn_graph_create(&t.g));
    assert_ok(cairn_store_create(&t.store, gpu));
    cairn_model_init(&t.model, t.g, true);
    build_loss(&t, student);
    assert_ok(cairn_train_add_optimiser(t.g, &t.model, t.loss, &settings, &t.optimiser));
    cairn_graph_output(t.g, t.loss, "loss");
    cairn_graph_output(t.g, t.optimiser.gradient, "gradient");
    assert_ok(cairn_model_initialise(&t.model, t.store, 1));
    assert_ok(cairn_program_create(&t.program, gpu, t.g, t.store, options));
    o.stats = *cairn_program_get_stats(t.program);
    size_t count = (size_t)cairn_shape_count(cairn_graph_shape(t.g, t.optimiser.gradient));
    float scalars[CAIRN_OPTIMISER_SCALARS], *gradient = malloc(sizeof *gradient * count);
    assert_non_null(gradient);
    for (int i = 0; i < STEPS; i++) {
        fill(&t, t.image, false, (uint32_t)(2 * i));
        fill(&t, t.target, !student, (uint32_t)(2 * i + 1));
        cairn_train_scalars(&settings, i, 0, scalars);
        assert_ok(cairn_program_write(t.program, t.optimiser.scalars, scalars));
        assert_ok(cairn_program_run(t.program));
        if (options->canaries) assert_ok(cairn_program_check(t.program));
        assert_ok(cairn_program_read(t.program, t.loss, &o.loss[i]));
    }
    assert_ok(cairn_program_read(t.program, t.optimiser.gradient, gradient));
    for (size_t i = 0; i < count; i++)
        if (gradient[i] != gradient[i]) gradient[i] = 0; /* between the members of a join nothing is written */
    o.gradient = cairn_hash_bytes(CAIRN_HASH_START, gradient, sizeof *gradient * count);
    o.stored = hash_store(t.store);
    free(gradient);
    cairn_program_destroy(&t.program);
    cairn_store_destroy(&t.store);
    cairn_model_uninit(&t.model);
    cairn_graph_destroy(&t.g);
    return o;
}

static void expect_same_in_less(cairn_gpu *gpu, bool student, cairn_program_options options)
{
    outcome kept = train(gpu, student, &options);
    options.recompute = CAIRN_RECOMPUTE_CHEAP;
    outcome again = train(gpu, student, &options);
    assert_int_equal(kept.stats.recomputed, 0);
    assert_true(again.stats.recomputed >= 3); /* a normalisation that took the pooling behind it counts once */
    assert_true(again.stats.dispatches > kept.stats.dispatches);
    if (!options.no_aliasing) assert_true(again.stats.planned_bytes < kept.stats.planned_bytes);
    assert_memory_equal(again.loss, kept.loss, sizeof kept.loss);
    assert_true(kept.loss[0] != kept.loss[STEPS - 1]);
    assert_true(again.gradient == kept.gradient);
    assert_true(again.stored == kept.stored);
}

static void test_recompute__same_bits_in_less_memory(void **state)
{
    (void)state;
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_AUTO);
    expect_same_in_less(gpu, false, (cairn_program_options){0});
    expect_same_in_less(gpu, false, (cairn_program_options){.precision = CAIRN_PRECISION_MIXED});
    expect_same_in_less(gpu, true, (cairn_program_options){.precision = CAIRN_PRECISION_MIXED});
    expect_same_in_less(gpu, false, (cairn_program_options){.no_fusion = true});
    test_gpu_assert_valid(gpu);
}

static void test_recompute__writes_only_where_it_may(void **state)
{
    (void)state;
    expect_same_in_less(test_gpu(CAIRN_CLASS_AUTO), false,
                        (cairn_program_options){.no_aliasing = true, .canaries = true});
}

/* Nothing to do: inference, and a graph whose only cheap value is read by the loss at once. */
static void test_recompute__leaves_other_graphs_alone(void **state)
{
    (void)state;
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_AUTO);
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    float gradient[4 * 32 * 32];
    assert_ok(cairn_graph_create(&g));
    assert_ok(cairn_store_create(&store, gpu));
    cairn_tid x = cairn_graph_stored(g, "x", (cairn_shape){1, 32, 32, 4}), y = cairn_op_sigmoid(g, x), dx;
    cairn_tid loss = cairn_op_reduce_mean(g, y, CAIRN_AXIS_H | CAIRN_AXIS_W | CAIRN_AXIS_C);
    const cairn_program_options options = {.recompute = CAIRN_RECOMPUTE_CHEAP};
    assert_ok(cairn_program_create(&program, gpu, g, store, &options));
    assert_int_equal(cairn_program_get_stats(program)->recomputed, 0);
    cairn_program_destroy(&program);
    assert_ok(cairn_graph_differentiate(g, loss, &x, 1, &dx));
    cairn_graph_output(g, dx, "dx");
    assert_ok(cairn_program_create(&program, gpu, g, store, &options));
    assert_int_equal(cairn_program_get_stats(program)->recomputed, 0);
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_read(program, dx, gradient));
    assert_near((double)gradient[77], 0.25 / 4096, 1e-9);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recompute__same_bits_in_less_memory),
        cmocka_unit_test(test_recompute__writes_only_where_it_may),
        cmocka_unit_test(test_recompute__leaves_other_graphs_alone),
    };
    if (!test_gpu_available()) return TEST_SKIP;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_gpu_destroy_all();
    return failed;
}
