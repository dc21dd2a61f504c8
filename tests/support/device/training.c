#include "support/device/training.h"

#include "support/test.h"

#include "base/hash.h"
#include "base/rng.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"
#include "student/sp_fpn.h"
#include "teacher/losses.h"
#include "teacher/superpoint.h"
#include "train/optimise.h"

#include <stdlib.h>

typedef struct training {
    cairn_graph *g;
    cairn_model model;
    cairn_store *store;
    cairn_program *program;
    cairn_train_optimiser optimiser;
    cairn_tid image, target, loss;
    int batch, height, width;
    double multiplier; /* of the teacher */
} training;

static void build_loss(training *t, bool student)
{
    const cairn_shape cells = {t->batch, t->height / 8, t->width / 8, 1};
    t->image = cairn_graph_input(t->g, "image", (cairn_shape){t->batch, t->height, t->width, 1});
    if (student) {
        cairn_sp_fpn_options options = CAIRN_SP_FPN_OPTIONS_INIT;
        cairn_tid map = cairn_sp_fpn(&t->model, t->image, &options);
        t->target = cairn_graph_input(t->g, "target", cairn_graph_shape(t->g, map));
        t->loss = cairn_op_reduce_mean(t->g, cairn_op_huber(t->g, map, t->target, 1),
                                       CAIRN_AXIS_N | CAIRN_AXIS_H | CAIRN_AXIS_W | CAIRN_AXIS_C);
        return;
    }
    cairn_superpoint_options options = {.width = t->multiplier, .descriptor = 32};
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

static void create(training *t, cairn_gpu *gpu, bool student, const cairn_train_settings *settings,
                   const cairn_program_options *options)
{
    assert_ok(cairn_graph_create(&t->g));
    assert_ok(cairn_store_create(&t->store, gpu));
    cairn_model_init(&t->model, t->g, true);
    build_loss(t, student);
    assert_ok(cairn_train_add_optimiser(t->g, &t->model, t->loss, settings, &t->optimiser));
    cairn_graph_output(t->g, t->loss, "loss");
    cairn_graph_output(t->g, t->optimiser.gradient, "gradient");
    assert_ok(cairn_model_initialise(&t->model, t->store, 1));
    assert_ok(cairn_program_create(&t->program, gpu, t->g, t->store, options));
}

static void destroy(training *t)
{
    cairn_program_destroy(&t->program);
    cairn_store_destroy(&t->store);
    cairn_model_uninit(&t->model);
    cairn_graph_destroy(&t->g);
}

test_outcome test_train(cairn_gpu *gpu, bool student, const cairn_program_options *options)
{
    training t = {.batch = 4, .height = 96, .width = 128, .multiplier = 0.25};
    test_outcome o = {0};
    cairn_train_settings settings = cairn_train_defaults;
    settings.precision = (int)options->precision;
    create(&t, gpu, student, &settings, options);
    o.stats = *cairn_program_get_stats(t.program);
    size_t count = (size_t)cairn_shape_count(cairn_graph_shape(t.g, t.optimiser.gradient));
    float scalars[CAIRN_OPTIMISER_SCALARS], *gradient = malloc(sizeof *gradient * count);
    assert_non_null(gradient);
    for (int i = 0; i < TEST_STEPS; i++) {
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
    destroy(&t);
    return o;
}

cairn_program_stats test_plan_training(cairn_gpu *gpu, const cairn_program_options *options)
{
    return test_plan_step(gpu, false, (cairn_shape){4, 120, 160, 1}, options);
}

cairn_program_stats test_plan_step(cairn_gpu *gpu, bool student, cairn_shape image,
                                   const cairn_program_options *options)
{
    training t = {.batch = image.n, .height = image.h, .width = image.w, .multiplier = 1};
    cairn_train_settings settings = cairn_train_defaults;
    settings.precision = (int)options->precision;
    create(&t, gpu, student, &settings, options);
    const cairn_program_stats stats = *cairn_program_get_stats(t.program);
    destroy(&t);
    return stats;
}

void test_expect_same_outcome(const test_outcome *a, const test_outcome *b)
{
    assert_memory_equal(a->loss, b->loss, sizeof a->loss);
    assert_true(a->loss[0] != a->loss[TEST_STEPS - 1]);
    assert_true(a->gradient == b->gradient);
    assert_true(a->stored == b->stored);
}
