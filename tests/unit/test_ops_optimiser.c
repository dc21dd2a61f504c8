/* Adam and AdamW: one step on the device against the reference, five steps against exact numbers, the first step with
 * the trainer's scalars. */
#include "graph/program.h"
#include "ops/optimiser.h"
#include "reference/evaluate.h"
#include "support/op_case.h"
#include "train/trainer.h"

#include <math.h>

typedef struct adam_case {
    cairn_shape shape;
    bool decay;
} adam_case;

static void adam(op_case *c, cairn_graph *g)
{
    const adam_case *p = op_case_data(c);
    const float scalars[8] = {1e-2f, 0.1f, 0.001f, 1e-8f, 0.19f, 0.001999f, 0.99f, 0.5f};
    cairn_tid param = op_case_stored(c, p->shape, -1, 1, false), m = op_case_stored(c, p->shape, -0.1, 0.1, false);
    cairn_tid v = op_case_stored(c, p->shape, 1e-4, 1e-2, false), grad = op_case_input(c, p->shape, -1, 1);
    cairn_op_adam(g, param, grad, m, v, op_case_input_values(c, (cairn_shape){1, 1, 1, 8}, scalars, false), p->decay);
}

static const adam_case vector = {{1, 1, 1, 65}, false}, weights = {{17, 3, 3, 5}, true}, scalar = {{1, 1, 1, 1}, true};
static const op_case_spec cases[] = {
    {.name = "adam on a vector", .build = adam, .data = &vector, .no_gradient = true},
    {.name = "adamw on weights", .build = adam, .data = &weights, .no_gradient = true},
    {.name = "adamw on a scalar", .build = adam, .data = &scalar, .no_gradient = true},
};

/* The algorithm as PyTorch's documentation of torch.optim.AdamW states it, evaluated with 40 decimal digits: lr 0.1,
 * betas (0.9, 0.999), eps 1e-8, parameters (1, -2, 0.5), gradient p^2 * (k + 1) - 0.3 in step k. Row 0: no decay,
 * row 1: weight_decay 0.1. */
static const double after_five[2][3] = {{0.50653904282379669, -2.4762123369183717, 0.273968431679039},
                                         {0.46652740020294015, -2.3701601101236567, 0.25206611449178051}};

static void five_steps(double weight_decay, double out[3])
{
    cairn_graph *g = NULL;
    cairn_reference *r = NULL;
    const cairn_shape s = {1, 1, 1, 3};
    assert_ok(cairn_graph_create(&g));
    cairn_tid p = cairn_graph_stored(g, "p", s), m = cairn_graph_stored(g, "m", s), v = cairn_graph_stored(g, "v", s);
    cairn_tid grad = cairn_graph_input(g, "grad", s),
              scalars = cairn_graph_input(g, "scalars", (cairn_shape){1, 1, 1, 8});
    cairn_op_adam(g, p, grad, m, v, scalars, weight_decay > 0);
    assert_ok(cairn_reference_create(&r, g));
    double *values = cairn_reference_values(r, p);
    memcpy(values, (const double[3]){1, -2, 0.5}, 3 * sizeof *values);
    for (int k = 0; k < 5; k++) {
        for (int i = 0; i < 3; i++) cairn_reference_values(r, grad)[i] = values[i] * values[i] * (k + 1) - 0.3;
        const double at[8] = {
            0.1, 1 - 0.9, 1 - 0.999, 1e-8, 1 - pow(0.9, k + 1), 1 - pow(0.999, k + 1), 1 - 0.1 * weight_decay, 1};
        memcpy(cairn_reference_values(r, scalars), at, sizeof at);
        assert_ok(cairn_reference_run(r));
    }
    memcpy(out, values, 3 * sizeof *out);
    cairn_reference_destroy(&r);
    cairn_graph_destroy(&g);
}

static void agrees_with_the_published_algorithm(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        double got[3];
        five_steps(d ? 0.1 : 0, got);
        for (int i = 0; i < 3; i++)
            if (!(fabs(got[i] - after_five[d][i]) < 1e-12))
                fail_msg("parameter %d, %s: %.15g, expected %.15g", i, d ? "AdamW" : "Adam", got[i], after_five[d][i]);
    }
}

/* In the first step m / correction1 is the gradient and v / correction2 its square, so that every parameter moves by
 * lr. A kernel that is told beta2 and takes 1 - beta2 itself is off by 6e-6. */
static void check_first_step(cairn_kernel_class kernel_class)
{
    enum { COUNT = 5 };
    const cairn_shape s = {1, 1, 1, COUNT};
    const cairn_train_settings settings = {.steps = 10, .lr = 1e-3};
    const float gradients[COUNT] = {1, -1, 0.37f, -250, 1.9f};
    float at[8], moved[COUNT];
    cairn_gpu *gpu = test_gpu(kernel_class);
    cairn_graph *g = NULL;
    cairn_store *store = NULL;
    cairn_program *program = NULL;
    if (!gpu) return;
    assert_ok(cairn_graph_create(&g));
    cairn_tid p = cairn_graph_stored(g, "p", s), m = cairn_graph_stored(g, "m", s), v = cairn_graph_stored(g, "v", s);
    cairn_tid grad = cairn_graph_input(g, "grad", s),
              scalars = cairn_graph_input(g, "scalars", (cairn_shape){1, 1, 1, 8});
    cairn_op_adam(g, p, grad, m, v, scalars, false);
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, g, store, NULL));
    cairn_train_scalars(&settings, 0, at);
    assert_ok(cairn_program_write(program, grad, gradients));
    assert_ok(cairn_program_write(program, scalars, at));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_store_read(store, cairn_store_find(store, "p"), moved));
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
    for (int i = 0; i < COUNT; i++) assert_near(moved[i], gradients[i] > 0 ? -1e-3 : 1e-3, 1e-9);
}

static void first_step_moves_by_the_rate(void **state)
{
    (void)state;
    check_first_step(CAIRN_CLASS_TEXEL);
    check_first_step(CAIRN_CLASS_SIMT);
}

static void refuses_what_is_not_stored(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    const cairn_shape s = {1, 1, 1, 3};
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", s), scalars = cairn_graph_input(g, "scalars", (cairn_shape){1, 1, 1, 8});
    cairn_op_adam(g, x, x, x, x, scalars, false);
    op_case_refused(&g, "stored");
    assert_ok(cairn_graph_create(&g));
    x = cairn_graph_stored(g, "x", s);
    cairn_op_adam(g, x, cairn_graph_input(g, "d", (cairn_shape){1, 1, 1, 4}), x, x, x, false);
    op_case_refused(&g, "input 1 is [1,1,1,4]");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(agrees_with_the_published_algorithm),
                                      cmocka_unit_test(first_step_moves_by_the_rate),
                                      cmocka_unit_test(refuses_what_is_not_stored)};
    return op_case_main("optimiser", cases, sizeof cases / sizeof *cases, more, 3);
}
