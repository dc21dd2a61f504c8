/* Optimisers, clipping and learning rates as the trainer sets them, against torch.optim (torch_training.py). */
#include "support/scratch.h"
#include "support/test.h"
#include "support/test_gpu.h"

#include "base/rng.h"
#include "formats/npz.h"
#include "graph/program.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"
#include "train/optimise.h"

#include <stdlib.h>

enum { DECAYED = 5, PARAMETERS = DECAYED + 7, STEPS = 12, MOST = 64 };

typedef struct trace {
    cairn_npz_array arrays[MOST];
    int count;
} trace;

static float *add(trace *t, const char *name, int rows, int columns)
{
    assert_true(t->count < MOST);
    cairn_npz_array *a = &t->arrays[t->count++];
    *a = (cairn_npz_array){.name = strdup(name), .type = CAIRN_NPZ_F32, .rank = rows ? 2 : 1};
    a->shape[0] = rows ? rows : columns;
    if (rows) a->shape[1] = columns;
    a->data = calloc((size_t)(rows ? rows : 1) * (size_t)columns, sizeof(float));
    return a->data;
}

static float *add_of(trace *t, const char *name, const char *part, int rows, int columns)
{
    char text[96];
    snprintf(text, sizeof text, "%s|%s", name, part);
    return add(t, text, rows, columns);
}

static void read_parameters(cairn_store *store, float *out)
{
    assert_ok(cairn_store_read(store, cairn_store_find(store, "weight"), out));
    assert_ok(cairn_store_read(store, cairn_store_find(store, "bias"), out + DECAYED));
}

/* The loss is the sum of parameter times input, so that the inputs are the gradients. */
static void run_case(trace *t, cairn_kernel_class kernel_class, const char *name, const cairn_train_settings *s)
{
    cairn_gpu *gpu = test_gpu(kernel_class);
    if (!gpu) return;
    char full[48];
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    cairn_model m;
    cairn_train_optimiser o;
    cairn_rng rng = cairn_rng_stream(5, 0, 0, 0, 0);
    snprintf(full, sizeof full, "%s, %s", name, test_gpu_class_name(kernel_class));
    float *settings = add_of(t, full, "settings", 0, 9), *start = add_of(t, full, "start", 0, PARAMETERS);
    float *gradients = add_of(t, full, "gradients", STEPS, PARAMETERS);
    float *after = add_of(t, full, "after", STEPS, PARAMETERS);
    const double all[9] = {s->optimiser, s->lr, s->weight_decay, s->beta1, s->beta2, s->eps, s->momentum, s->nesterov,
                           s->clip_norm};
    for (int i = 0; i < 9; i++) settings[i] = (float)all[i];
    assert_ok(cairn_graph_create(&g));
    cairn_model_init(&m, g, true);
    cairn_tid parameters[2], inputs[2], parts[2];
    for (int k = 0; k < 2; k++) {
        int count = k ? PARAMETERS - DECAYED : DECAYED;
        parameters[k] = cairn_model_parameter(&m, k ? "bias" : "weight", CAIRN_PARAMETER_VECTOR, count, 1, 1, true, !k,
                                              CAIRN_INIT_FAN_IN_UNIFORM, 0);
        inputs[k] = cairn_graph_input(g, k ? "dbias" : "dweight", (cairn_shape){1, 1, 1, count});
        parts[k] = cairn_op_reduce_sum(g, cairn_op_mul(g, parameters[k], inputs[k]), CAIRN_AXES_ALL);
    }
    assert_ok(cairn_train_add_optimiser(g, &m, cairn_op_add(g, parts[0], parts[1]), s, &o));
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_model_initialise(&m, store, 2));
    assert_ok(cairn_program_create(&program, gpu, g, store, NULL));
    read_parameters(store, start);
    for (int step = 0; step < STEPS; step++) {
        float scalars[CAIRN_OPTIMISER_SCALARS], *gradient = gradients + step * PARAMETERS;
        for (int i = 0; i < PARAMETERS; i++) gradient[i] = (float)cairn_rng_between(&rng, -1, 1);
        cairn_train_scalars(s, step, 0, scalars);
        assert_ok(cairn_program_write(program, inputs[0], gradient));
        assert_ok(cairn_program_write(program, inputs[1], gradient + DECAYED));
        assert_ok(cairn_program_write(program, o.scalars, scalars));
        assert_ok(cairn_program_run(program));
        read_parameters(store, after + step * PARAMETERS);
    }
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_model_uninit(&m);
    cairn_graph_destroy(&g);
}

static void run_rates(trace *t, const char *name, int schedule, int warmup)
{
    cairn_train_settings s = cairn_train_defaults;
    s.steps = 50;
    s.lr = 0.3;
    s.lr_floor = 0.02;
    s.step_every = 20;
    s.step_factor = 0.2;
    s.warmup = warmup;
    s.schedule = schedule;
    char text[64];
    snprintf(text, sizeof text, "rates|%s", name);
    float *settings = add(t, text, 0, 7);
    const double all[7] = {schedule, 50, s.lr, s.lr_floor, 20, s.step_factor, warmup};
    for (int i = 0; i < 7; i++) settings[i] = (float)all[i];
    snprintf(text, sizeof text, "rates_of|%s", name);
    float *rates = add(t, text, 0, 50);
    for (int i = 0; i < 50; i++) rates[i] = (float)cairn_train_rate(&s, i);
}

static void agrees_with_torch(void **state)
{
    (void)state;
    static trace t;
    char command[600];
    for (int k = 0; k < 2; k++) {
        cairn_kernel_class kernel_class = k ? CAIRN_CLASS_SIMT : CAIRN_CLASS_TEXEL;
        cairn_train_settings s = cairn_train_defaults;
        s.steps = STEPS;
        s.lr = 0.05;
        s.weight_decay = 0.1;
        run_case(&t, kernel_class, "adamw", &s);
        s.optimiser = CAIRN_OPTIMISER_ADAM;
        run_case(&t, kernel_class, "adam", &s);
        s.clip_norm = 0.7;
        run_case(&t, kernel_class, "adam clipped", &s);
        s.optimiser = CAIRN_OPTIMISER_SGD;
        run_case(&t, kernel_class, "sgd clipped", &s);
        s.clip_norm = 0;
        s.nesterov = true;
        run_case(&t, kernel_class, "nesterov", &s);
        s.nesterov = false;
        s.momentum = 0;
        run_case(&t, kernel_class, "sgd without momentum", &s);
    }
    static const char *const names[] = {"constant", "cosine", "step", "linear", "exponential"};
    for (int i = 0; i < 5; i++) run_rates(&t, names[i], i, i % 2 ? 7 : 0);
    assert_ok(cairn_npz_write(test_path("trace.npz"), t.arrays, t.count, false));
    for (int i = 0; i < t.count; i++) {
        free(t.arrays[i].name);
        free(t.arrays[i].data);
    }
    snprintf(command, sizeof command, "/usr/bin/python3 %s/tests/peers/torch/torch_training.py %s",
             getenv("CAIRN_TEST_SOURCE"), test_path("trace.npz"));
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_torch)};
    if (!test_gpu_available()) return TEST_SKIP;
    if (system("/usr/bin/python3 -c 'import torch, numpy' 2>/dev/null")) {
        fprintf(stderr, "skipped: no PyTorch (Debian package python3-torch)\n");
        return TEST_SKIP;
    }
    int failed = cmocka_run_group_tests(tests, test_scratch_create, test_scratch_remove);
    test_gpu_destroy_all();
    return failed;
}
