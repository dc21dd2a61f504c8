/* Optimisers, clipping and learning rates as the trainer sets them, against torch.optim (torch_training.py). */
#include "support/test.h"
#include "support/device/test_gpu.h"
#include "support/torch.h"

#include "base/rng.h"
#include "graph/program.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"
#include "train/optimise.h"

enum { DECAYED = 5, PARAMETERS = DECAYED + 7, STEPS = 12 };

static void read_parameters(cairn_store *store, float *out)
{
    assert_ok(cairn_store_read(store, cairn_store_find(store, "weight"), out));
    assert_ok(cairn_store_read(store, cairn_store_find(store, "bias"), out + DECAYED));
}

/* The loss is the sum of parameter times input, so that the inputs are the gradients. */
static void run_case(test_arrays *t, cairn_kernel_class kernel_class, const char *name, const cairn_train_settings *s)
{
    cairn_gpu *gpu = test_gpu(kernel_class);
    if (!gpu) return;
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    cairn_model m;
    cairn_train_optimiser o;
    cairn_rng rng = cairn_rng_stream(5, 0, 0, 0, 0);
    const char *class_name = test_gpu_class_name(kernel_class);
    const int64_t one[] = {PARAMETERS}, each[] = {STEPS, PARAMETERS};
    float *settings = test_arrays_add(t, 1, (const int64_t[]){9}, "%s, %s|settings", name, class_name);
    float *start = test_arrays_add(t, 1, one, "%s, %s|start", name, class_name);
    float *gradients = test_arrays_add(t, 2, each, "%s, %s|gradients", name, class_name);
    float *after = test_arrays_add(t, 2, each, "%s, %s|after", name, class_name);
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

static void run_rates(test_arrays *t, const char *name, int schedule, int warmup)
{
    cairn_train_settings s = cairn_train_defaults;
    s.steps = 50;
    s.lr = 0.3;
    s.lr_floor = 0.02;
    s.step_every = 20;
    s.step_factor = 0.2;
    s.warmup = warmup;
    s.schedule = schedule;
    float *settings = test_arrays_add(t, 1, (const int64_t[]){7}, "rates|%s", name);
    const double all[7] = {schedule, 50, s.lr, s.lr_floor, 20, s.step_factor, warmup};
    for (int i = 0; i < 7; i++) settings[i] = (float)all[i];
    float *rates = test_arrays_add(t, 1, (const int64_t[]){50}, "rates_of|%s", name);
    for (int i = 0; i < 50; i++) rates[i] = (float)cairn_train_rate(&s, i);
}

static void agrees_with_torch(void **state)
{
    (void)state;
    static test_arrays t;
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
    test_torch_compare(&t, "training/torch_training.py");
}

int main(void)
{
    return test_torch_main(agrees_with_torch);
}
