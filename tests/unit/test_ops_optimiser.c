/* Adam and AdamW: one step on the device against the reference, and five steps against exact numbers. */
#include "graph/program.h"
#include "ops/optimiser.h"
#include "reference/evaluate.h"
#include "support/op_case.h"

#include <math.h>

typedef struct adam_case {
    cairn_shape shape;
    bool decay;
} adam_case;

static void adam(op_case *c, cairn_graph *g)
{
    const adam_case *p = op_case_data(c);
    const float scalars[8] = {1e-2f, 0.9f, 0.999f, 1e-8f, 0.19f, 0.001999f, 0.99f, 0.5f};
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

/* The algorithm as PyTorch's documentation of torch.optim.AdamW states it, evaluated with 40 decimal digits: lr 0.1, betas
 * (0.9, 0.999), eps 1e-8, parameters (1, -2, 0.5), gradient p^2 * (k + 1) - 0.3 in step k. Row 0: no decay, row 1:
 * weight_decay 0.1. */
static const double after_five[2][3] = {{0.50653904282379669, -2.4762123369183717, 0.273968431679039},
                                         {0.46652740020294015, -2.3701601101236567, 0.25206611449178051}};

static void five_steps(double weight_decay, double out[3])
{
    cairn_graph *g = NULL;
    cairn_reference *r = NULL;
    const cairn_shape s = {1, 1, 1, 3};
    assert_ok(cairn_graph_create(&g));
    cairn_tid p = cairn_graph_stored(g, "p", s), m = cairn_graph_stored(g, "m", s), v = cairn_graph_stored(g, "v", s);
    cairn_tid grad = cairn_graph_input(g, "grad", s), scalars = cairn_graph_input(g, "scalars", (cairn_shape){1, 1, 1, 8});
    cairn_op_adam(g, p, grad, m, v, scalars, weight_decay > 0);
    assert_ok(cairn_reference_create(&r, g));
    double *values = cairn_reference_values(r, p);
    memcpy(values, (const double[3]){1, -2, 0.5}, 3 * sizeof *values);
    for (int k = 0; k < 5; k++) {
        for (int i = 0; i < 3; i++) cairn_reference_values(r, grad)[i] = values[i] * values[i] * (k + 1) - 0.3;
        const double at[8] = {0.1, 0.9, 0.999, 1e-8, 1 - pow(0.9, k + 1), 1 - pow(0.999, k + 1), 1 - 0.1 * weight_decay, 1};
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
                                      cmocka_unit_test(refuses_what_is_not_stored)};
    return op_case_main("optimiser", cases, sizeof cases / sizeof *cases, more, 2);
}
