/* The training loop around a small network: passes of a step against one larger batch, resumption with every optimiser,
 * the running average, the norm in the log; early stopping; learning rates and Adam's epsilon in closed form. */
#include "base/rng.h"
#include "formats/safetensors.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"
#include "support/scratch.h"
#include "support/test.h"
#include "support/device/test_gpu.h"
#include "system/file.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIDE = 5, CHANNELS = 3 };

typedef struct rig {
    cairn_training t;
    cairn_model model;
    int batch;
} rig;

static long slow_batch_ms; /* what making a batch takes besides */

/* Image number i of all that a training sees depends on nothing but i, however they are spread over batches. */
static cairn_status batch(void *payload, int64_t number, float *const *inputs)
{
    const rig *r = payload;
    nanosleep(&(struct timespec){0, slow_batch_ms * 1000000}, NULL);
    for (int i = 0; i < r->batch; i++)
        for (int k = 0; k < 2; k++) {
            cairn_rng rng = cairn_rng_stream(4, (uint32_t)k, (uint32_t)(number * r->batch + i), 0, 0);
            int count = SIDE * SIDE * (k ? 2 : CHANNELS);
            for (int e = 0; e < count; e++) inputs[k][i * count + e] = (float)cairn_rng_between(&rng, -1, 1);
        }
    return CAIRN_OK;
}

/* Two convolutions; the loss is the mean square of what is left. */
static void start(rig *r, const cairn_train_settings *settings, const char *folder)
{
    *r = (rig){.batch = (int)settings->batch};
    cairn_conv_layer first = {6, 3, 1, true, CAIRN_INIT_GLOROT, false};
    cairn_conv_layer second = {2, 1, 1, true, CAIRN_INIT_GLOROT, false};
    r->t = (cairn_training){.gpu = test_gpu(CAIRN_CLASS_AUTO), .model = &r->model, .settings = settings,
                            .folder = folder, .label = "test", .batch = batch, .payload = r, .input_count = 2};
    assert_ok(cairn_graph_create(&r->t.g));
    assert_ok(cairn_store_create(&r->t.store, r->t.gpu));
    cairn_model_init(&r->model, r->t.g, true);
    cairn_tid x = cairn_graph_input(r->t.g, "x", (cairn_shape){r->batch, SIDE, SIDE, CHANNELS});
    cairn_tid y = cairn_graph_input(r->t.g, "y", (cairn_shape){r->batch, SIDE, SIDE, 2});
    r->t.inputs[0] = x;
    r->t.inputs[1] = y;
    x = cairn_op_relu(r->t.g, cairn_layer_conv(&r->model, "first", x, &first));
    x = cairn_op_sub(r->t.g, cairn_layer_conv(&r->model, "second", x, &second), y);
    r->t.loss = cairn_op_reduce_mean(r->t.g, cairn_op_square(r->t.g, x), CAIRN_AXES_ALL);
    assert_ok(cairn_graph_status(r->t.g));
    assert_ok(cairn_model_initialise(&r->model, r->t.store, 7));
}

static void stop(rig *r)
{
    cairn_store_destroy(&r->t.store);
    cairn_model_uninit(&r->model);
    cairn_graph_destroy(&r->t.g);
}

static void train(rig *r, const cairn_train_settings *settings, const char *folder)
{
    assert_ok(cairn_file_make_folder(folder));
    start(r, settings, folder);
    assert_ok(cairn_train(&r->t));
}

/* All trainable values, one after the other. */
static int values_of(rig *r, const char *prefix, float *out)
{
    int n = 0;
    for (int i = 0; i < r->model.count; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", prefix, r->model.parameters[i].name);
        int index = cairn_store_find(r->t.store, name);
        assert_true(index >= 0);
        assert_ok(cairn_store_read(r->t.store, index, out + n));
        n += (int)cairn_shape_count(cairn_store_shape(r->t.store, index));
    }
    return n;
}

static void passes_of_a_step_are_one_larger_batch(void **state)
{
    (void)state;
    float large[400], small[400];
    rig r;
    cairn_train_settings s = cairn_train_defaults;
    s.steps = 4;
    s.lr = 0.1;
    s.clip_norm = 0.5;
    s.ema = 0.9;
    s.optimiser = CAIRN_OPTIMISER_SGD;
    for (int k = 0; k < 2; k++) {
        s.batch = k ? 2 : 8;
        s.accumulate = k ? 4 : 1;
        train(&r, &s, test_path("%s", k ? "passes" : "one"));
        int n = values_of(&r, "", k ? small : large);
        n += values_of(&r, "ema/", (k ? small : large) + n);
        for (int i = 0; i < n && k; i++) assert_near(small[i], large[i], 2e-6);
        stop(&r);
    }
}

static void expect_same_file(const char *a_path, const char *b_path)
{
    uint8_t *a = NULL, *b = NULL;
    size_t a_size = 0, b_size = 0;
    assert_ok(cairn_file_read(&a, &a_size, a_path, 1 << 24));
    assert_ok(cairn_file_read(&b, &b_size, b_path, 1 << 24));
    assert_int_equal(a_size, b_size);
    assert_memory_equal(a, b, a_size);
    free(a);
    free(b);
}

/* Three steps and three more give the bits of six, with every kind of state in the checkpoint. */
static void resumes_with_the_same_bits(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        char whole[300], parts[300], a[400], b[400];
        rig r;
        cairn_train_settings s = cairn_train_defaults;
        s.batch = 2;
        s.accumulate = 2;
        s.clip_norm = 0.1;
        s.ema = 0.5;
        s.weight_decay = 0.01;
        s.optimiser = k;
        s.nesterov = k == CAIRN_OPTIMISER_SGD;
        snprintf(whole, sizeof whole, "%s", test_path("six%d", k));
        snprintf(parts, sizeof parts, "%s", test_path("three%d", k));
        const int64_t steps[3] = {6, 3, 6};
        for (int i = 0; i < 3; i++) {
            s.steps = steps[i];
            train(&r, &s, i ? parts : whole);
            stop(&r);
        }
        snprintf(a, sizeof a, "%s/checkpoint.safetensors", whole);
        snprintf(b, sizeof b, "%s/checkpoint.safetensors", parts);
        expect_same_file(a, b);
        cairn_safetensors file;
        assert_ok(cairn_safetensors_read(&file, a));
        bool sgd = k == CAIRN_OPTIMISER_SGD;
        assert_true(cairn_safetensors_find(&file, "ema/first.weight") != NULL);
        assert_true((cairn_safetensors_find(&file, "sgd_momentum/first.weight") != NULL) == sgd);
        assert_true((cairn_safetensors_find(&file, "adam_v/second.bias") != NULL) == !sgd);
        cairn_safetensors_free(&file);
    }
}

static void the_average_takes_the_parameters_place(void **state)
{
    (void)state;
    float average[200], after[200], last[200];
    rig r;
    cairn_train_settings s = cairn_train_defaults;
    s.steps = 5;
    s.batch = 2;
    s.ema = 0.9; /* five steps: the plain mean of the parameters after each */
    train(&r, &s, test_path("average"));
    int n = values_of(&r, "", last);
    values_of(&r, "ema/", average);
    assert_ok(cairn_train_use_average(&r.model, r.t.store));
    values_of(&r, "", after);
    stop(&r);
    assert_memory_equal(after, average, sizeof(float) * (size_t)n);
    double mean[200] = {0};
    for (int k = 1; k <= 5; k++) {
        s.steps = k;
        char folder[300];
        snprintf(folder, sizeof folder, "%s", test_path("upto%d", k));
        train(&r, &s, folder);
        values_of(&r, "", after);
        for (int i = 0; i < n; i++) mean[i] += after[i] / 5.0;
        stop(&r);
    }
    for (int i = 0; i < n; i++) {
        assert_near(average[i], mean[i], 1e-6);
        assert_near(after[i], last[i], 0);
    }
}

static void the_log_has_the_norm_and_means(void **state)
{
    (void)state;
    char path[300], *text = NULL;
    size_t size = 0;
    rig r;
    cairn_train_settings s = cairn_train_defaults;
    s.steps = 1;
    s.batch = 3;
    s.clip_norm = 1e3;
    train(&r, &s, test_path("log"));
    stop(&r);
    snprintf(path, sizeof path, "%s", test_path("log/metrics.jsonl"));
    assert_ok(cairn_file_read((uint8_t **)&text, &size, path, 1 << 16));
    text[size - 1] = 0;
    const char *norm = strstr(text, "\"gradient_norm\":"), *loss = strstr(text, "\"loss\":");
    assert_true(norm && loss);
    assert_true(atof(norm + 16) > 0.01 && atof(norm + 16) < 100);
    assert_true(atof(loss + 7) > 0.1 && atof(loss + 7) < 10);
    free(text);
}

/* Batches that take much longer than a step: the device waits most of the time. */
static void the_log_has_the_share_of_waiting(void **state)
{
    (void)state;
    rig r;
    cairn_train_settings s = cairn_train_defaults;
    s.steps = 12;
    s.log_every = 4;
    slow_batch_ms = 150;
    train(&r, &s, test_path("slow"));
    slow_batch_ms = 0;
    stop(&r);
    char *text;
    size_t size;
    int lines = 0;
    assert_ok(cairn_file_read((uint8_t **)&text, &size, test_path("slow/metrics.jsonl"), 1 << 16));
    for (const char *at = text; (at = strstr(at, "\"waiting\":")); at++, lines++) {
        const double share = atof(at + 10);
        assert_true(share >= (lines ? 0.3 : 0) && share <= 1); /* the first step has just been compiled */
    }
    assert_int_equal(lines, 4); /* steps 1, 4, 8, 12 */
    free(text);
}

/* Behind each step; the best is first reached in steps 2 and 5. */
static const double scores[10] = {0.2, 0.3, 0.25, 0.3, 0.31, 0.31, 0.1, 0.2, 0.9, 0.9};

static cairn_status scored(cairn_training *t, int64_t step, cairn_train_measured *out)
{
    (void)t;
    out->score = scores[step - 1];
    cairn_train_measured_add(out, "own", "score", out->score);
    return CAIRN_OK;
}

typedef struct outcome {
    cairn_status status;
    int64_t done;
    bool stopped;
} outcome;

static outcome train_with(int64_t steps, int64_t patience, int64_t until, const char *folder)
{
    rig r;
    cairn_train_settings s = cairn_train_defaults;
    s.steps = steps;
    s.batch = 2;
    s.log_every = 1;
    s.checkpoint_every = 1;
    assert_ok(cairn_file_make_folder(folder));
    start(&r, &s, folder);
    r.t.validate = scored;
    r.t.validate_every = 1;
    r.t.patience = patience;
    r.t.until = until;
    outcome o = {.status = cairn_train(&r.t)};
    o.done = r.t.done;
    o.stopped = r.t.stopped;
    stop(&r);
    return o;
}

static void ends_when_validations_grow_no_better(void **state)
{
    (void)state;
    char whole[300], parts[300], a[400], b[400], *text = NULL;
    size_t size = 0;
    snprintf(whole, sizeof whole, "%s", test_path("patient"));
    snprintf(parts, sizeof parts, "%s", test_path("patient-parts"));
    outcome o = train_with(10, 0, 0, test_path("never"));
    assert_true(o.status == CAIRN_OK && o.done == 10 && !o.stopped);
    o = train_with(10, 2, 0, test_path("hasty"));
    assert_true(o.status == CAIRN_OK && o.done == 4 && o.stopped); /* an equal score is no better one */
    o = train_with(10, 3, 0, whole);
    assert_true(o.status == CAIRN_OK && o.done == 8 && o.stopped);
    assert_ok(cairn_file_read((uint8_t **)&text, &size, test_path("patient/metrics.jsonl"), 1 << 16));
    assert_non_null(strstr(text, "{\"step\":8,\"own_score\":0.2"));
    assert_null(strstr(text, "{\"step\":9,"));
    free(text);
    /* In two parts, of which the first ends within the count; and started again when it is over. */
    o = train_with(7, 3, 0, parts);
    assert_true(o.done == 7 && !o.stopped);
    o = train_with(10, 3, 0, parts);
    assert_true(o.done == 8 && o.stopped);
    snprintf(a, sizeof a, "%s/checkpoint.safetensors", whole);
    snprintf(b, sizeof b, "%s/checkpoint.safetensors", parts);
    expect_same_file(a, b);
    o = train_with(10, 3, 0, parts);
    assert_true(o.status == CAIRN_OK && o.done == 8 && o.stopped);
    expect_same_file(a, b);
    assert_true(train_with(10, 2, 0, parts).status == CAIRN_E_FORMAT); /* a count of 3 where 2 are the most */
    assert_non_null(strstr(cairn_error_message(), "is no best score and a number in 0..2"));
}

/* As two trainings of one process, the second of which may have another graph. */
static void goes_on_where_another_training_ended(void **state)
{
    (void)state;
    char whole[300], parts[300], a[400], b[400];
    snprintf(whole, sizeof whole, "%s", test_path("one-part"));
    snprintf(parts, sizeof parts, "%s", test_path("two-parts"));
    train_with(9, 0, 0, whole);
    outcome o = train_with(9, 0, 4, parts);
    assert_true(o.status == CAIRN_OK && o.done == 4 && !o.stopped);
    o = train_with(9, 0, 0, parts);
    assert_true(o.status == CAIRN_OK && o.done == 9);
    o = train_with(9, 0, 4, parts); /* it is further already */
    assert_true(o.status == CAIRN_OK && o.done == 9);
    snprintf(a, sizeof a, "%s/checkpoint.safetensors", whole);
    snprintf(b, sizeof b, "%s/checkpoint.safetensors", parts);
    expect_same_file(a, b);
}

/* Kingma and Ba, 2015, end of section 2, as TensorFlow has it. */
static void epsilon_hat_is_added_before_the_correction(void **state)
{
    (void)state;
    cairn_train_settings s = cairn_train_defaults;
    float scalars[CAIRN_OPTIMISER_SCALARS];
    const double m = 0.003, v = 2e-8;
    s.eps = 1e-4;
    for (int hat = 0; hat < 2; hat++)
        for (int64_t step = 0; step < 3000; step += 700) {
            s.eps_hat = hat;
            const double c1 = 1 - pow(0.9, (double)step + 1), c2 = 1 - pow(0.999, (double)step + 1);
            cairn_train_scalars(&s, step, 0, scalars);
            const double moved = (double)scalars[CAIRN_SCALAR_LR] / (double)scalars[CAIRN_SCALAR_CORRECTION1] * m /
                                 (sqrt(v / (double)scalars[CAIRN_SCALAR_CORRECTION2]) + (double)scalars[CAIRN_SCALAR_EPS]);
            const double expected =
                hat ? s.lr * sqrt(c2) / c1 * m / (sqrt(v) + s.eps) : s.lr * m / c1 / (sqrt(v / c2) + s.eps);
            assert_near(moved / expected, 1, 1e-5);
        }
}

static void rates_follow_their_schedules(void **state)
{
    (void)state;
    cairn_train_settings s = cairn_train_defaults;
    s.steps = 100;
    s.lr = 0.2;
    s.lr_floor = 0.05;
    s.step_every = 30;
    s.step_factor = 0.5;
    const struct {
        int schedule;
        int64_t step;
        double rate;
    } cases[] = {
        {CAIRN_SCHEDULE_CONSTANT, 99, 0.2},
        {CAIRN_SCHEDULE_COSINE, 0, 0.2},       {CAIRN_SCHEDULE_COSINE, 50, 0.105},
        {CAIRN_SCHEDULE_COSINE, 100, 0.01},    {CAIRN_SCHEDULE_STEP, 29, 0.2},
        {CAIRN_SCHEDULE_STEP, 30, 0.1},        {CAIRN_SCHEDULE_STEP, 99, 0.025},
        {CAIRN_SCHEDULE_LINEAR, 50, 0.105},    {CAIRN_SCHEDULE_LINEAR, 100, 0.01},
        {CAIRN_SCHEDULE_EXPONENTIAL, 50, 0.2 * sqrt(0.05)}, {CAIRN_SCHEDULE_EXPONENTIAL, 100, 0.01},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        s.schedule = cases[i].schedule;
        s.warmup = 0;
        assert_near(cairn_train_rate(&s, cases[i].step), cases[i].rate, 1e-12);
        s.warmup = 40; /* the steps before number 39 are slower, later ones as before */
        double factor = cases[i].step < 40 ? (double)(cases[i].step + 1) / 40 : 1;
        assert_near(cairn_train_rate(&s, cases[i].step), factor * cases[i].rate, 1e-12);
    }
}

static void refuses_settings_that_do_not_go_together(void **state)
{
    (void)state;
    cairn_train_settings s = cairn_train_defaults;
    assert_ok(cairn_train_check(&s, "x.yaml:3"));
    s.nesterov = true;
    assert_status(cairn_train_check(&s, "x.yaml:3"), CAIRN_E_INVALID, "x.yaml:3: nesterov needs optimiser sgd");
    s.nesterov = false;
    s.schedule = CAIRN_SCHEDULE_EXPONENTIAL;
    s.lr_floor = 0;
    assert_status(cairn_train_check(&s, "x.yaml:3"), CAIRN_E_INVALID, "lr_floor above 0");
    s.schedule = CAIRN_SCHEDULE_CONSTANT;
    s.warmup = 2;
    assert_status(cairn_train_check(&s, "x.yaml:3"), CAIRN_E_INVALID, "warmup is 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_of_a_step_are_one_larger_batch), cmocka_unit_test(resumes_with_the_same_bits),
        cmocka_unit_test(the_average_takes_the_parameters_place), cmocka_unit_test(the_log_has_the_norm_and_means),
        cmocka_unit_test(the_log_has_the_share_of_waiting), cmocka_unit_test(rates_follow_their_schedules),
        cmocka_unit_test(refuses_settings_that_do_not_go_together),
        cmocka_unit_test(ends_when_validations_grow_no_better), cmocka_unit_test(goes_on_where_another_training_ended),
        cmocka_unit_test(epsilon_hat_is_added_before_the_correction)};
    return test_gpu_main("training", tests, sizeof tests / sizeof *tests, test_scratch_create, test_scratch_remove);
}
