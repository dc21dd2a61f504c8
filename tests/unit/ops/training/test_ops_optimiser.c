/* Optimiser steps over joins: on the device against the reference, five steps against exact numbers, the first step
 * with the trainer's scalars, what a step must leave alone. */
#include "graph/program.h"
#include "ops/optimiser/optimiser.h"
#include "ops/pointwise/pointwise.h"
#include "reference/evaluate.h"
#include "support/device/op_case.h"
#include "train/optimise.h"

#include <math.h>

/* Parameters of odd sizes, one of more than one chunk (1530 elements in 382 vec4 with padding), one that is frozen. */
enum { PARTS = 4, FROZEN = 2 };
static const cairn_shape shapes[PARTS] = {{1, 1, 1, 65}, {17, 3, 3, 5}, {1, 1, 3, 2}, {1, 1, 1, 1}};
static const cairn_shape large[PARTS] = {{9, 1, 64, 128}, {25, 1, 17, 65}, {1, 1, 1, 4}, {1, 3, 7, 1023}};
static const cairn_optimiser_group groups[PARTS] = {{1, 0, false}, {0.5f, 1, false}, {1, 1, true}, {2, 1, false}};

typedef struct step_case {
    const cairn_shape *shapes;
    bool flag, first_pass, more_passes, skip;
} step_case;

static cairn_tid stored_join(op_case *c, cairn_graph *g, const char *name, double low, double high, cairn_tid *members)
{
    const step_case *p = op_case_data(c);
    cairn_tid own[PARTS];
    for (int i = 0; i < PARTS; i++) own[i] = op_case_stored(c, p->shapes[i], low, high, false);
    if (members) memcpy(members, own, sizeof own);
    return cairn_graph_join(g, name, own, PARTS);
}

static cairn_tid gradient_join(op_case *c, cairn_graph *g, cairn_tid *out)
{
    const step_case *p = op_case_data(c);
    cairn_tid members[PARTS];
    for (int i = 0; i < PARTS; i++) members[i] = cairn_op_scale(g, op_case_input(c, p->shapes[i], -1, 1), 0.5f);
    if (out) memcpy(out, members, sizeof members);
    return cairn_graph_join(g, NULL, members, PARTS);
}

static cairn_tid scalars_of(op_case *c)
{
    const step_case *p = op_case_data(c);
    const float values[CAIRN_OPTIMISER_SCALARS] = {1e-2f, 0.1f, 0.001f, 1e-8f, 0.19f, 0.001999f, 0.3f, 0.5f,
                                                   p->first_pass, !p->more_passes, 0.25f};
    return op_case_input_values(c, (cairn_shape){1, 1, 1, CAIRN_OPTIMISER_SCALARS}, values, false);
}

static cairn_tid control_of(op_case *c)
{
    const step_case *p = op_case_data(c);
    return op_case_input_values(c, (cairn_shape){1, 1, 1, 4}, (const float[4]){0.25f, p->skip, 0.75f, 0}, false);
}

static void adam(op_case *c, cairn_graph *g)
{
    cairn_tid members[PARTS], param = stored_join(c, g, "p", -1, 1, members);
    cairn_tid m = stored_join(c, g, "m", -0.1, 0.1, NULL), v = stored_join(c, g, "v", 1e-4, 1e-2, NULL);
    cairn_op_adam(g, param, gradient_join(c, g, NULL), m, v, cairn_optimiser_table(g, members, groups, PARTS),
                  scalars_of(c), control_of(c), ((const step_case *)op_case_data(c))->flag);
}

static void sgd(op_case *c, cairn_graph *g)
{
    cairn_tid members[PARTS], param = stored_join(c, g, "p", -1, 1, members);
    cairn_op_sgd(g, param, gradient_join(c, g, NULL), stored_join(c, g, "b", -1, 1, NULL),
                 cairn_optimiser_table(g, members, groups, PARTS), scalars_of(c), control_of(c),
                 ((const step_case *)op_case_data(c))->flag);
}

static void accumulate(op_case *c, cairn_graph *g)
{
    cairn_tid members[PARTS], sum = stored_join(c, g, "sum", -1, 1, members);
    cairn_op_accumulate(g, sum, gradient_join(c, g, NULL), cairn_optimiser_table(g, members, groups, PARTS),
                        scalars_of(c));
}

static void average(op_case *c, cairn_graph *g)
{
    cairn_tid members[PARTS], param = stored_join(c, g, "p", -1, 1, members);
    cairn_op_average_parameters(g, stored_join(c, g, "average", -1, 1, NULL), param,
                                cairn_optimiser_table(g, members, groups, PARTS), scalars_of(c), control_of(c));
}

static void clip(op_case *c, cairn_graph *g)
{
    cairn_tid members[PARTS], gradient = gradient_join(c, g, members);
    cairn_tid statistics = cairn_op_gradient_statistics(g, gradient, cairn_optimiser_table(g, members, groups, PARTS));
    op_case_output(c, statistics);
    op_case_output(c, cairn_op_clip(g, statistics, scalars_of(c), control_of(c), 0.5f));
    op_case_output(c, cairn_op_clip(g, statistics, scalars_of(c), control_of(c), 1e5f));
}

/* A parameter read before the step has its old value, and after it the new one, in whatever order dispatches are
 * put. */
static void around(op_case *c, cairn_graph *g)
{
    cairn_tid members[PARTS], param = stored_join(c, g, "p", -1, 1, members);
    cairn_tid table = cairn_optimiser_table(g, members, groups, PARTS);
    op_case_output(c, cairn_op_scale(g, members[1], 2));
    cairn_op_sgd(g, param, gradient_join(c, g, NULL), stored_join(c, g, "b", -1, 1, NULL), table, scalars_of(c),
                 control_of(c), false);
    op_case_output(c, cairn_op_scale(g, members[1], 3));
    op_case_output(c, cairn_op_scale(g, members[FROZEN], 3));
}

static const step_case plain = {shapes, false, true, false, false}, flagged = {shapes, true, true, false, false},
                       later = {shapes, true, false, true, false}, skipped = {shapes, true, true, false, true},
                       big = {large, true, false, false, false};
static const op_case_spec cases[] = {
    {.name = "adam with decay in the gradient", .build = adam, .data = &plain, .no_gradient = true},
    {.name = "adamw", .build = adam, .data = &flagged, .no_gradient = true},
    {.name = "adamw of many chunks", .build = adam, .data = &big, .no_gradient = true},
    {.name = "adamw while passes follow", .build = adam, .data = &later, .no_gradient = true},
    {.name = "adamw of a skipped step", .build = adam, .data = &skipped, .no_gradient = true},
    {.name = "sgd with momentum", .build = sgd, .data = &plain, .no_gradient = true},
    {.name = "sgd, nesterov", .build = sgd, .data = &flagged, .no_gradient = true},
    {.name = "sgd between two reads", .build = around, .data = &plain, .no_gradient = true},
    {.name = "sgd of a skipped step", .build = sgd, .data = &skipped, .no_gradient = true},
    {.name = "accumulate, first pass", .build = accumulate, .data = &plain, .no_gradient = true},
    {.name = "accumulate, later pass", .build = accumulate, .data = &later, .no_gradient = true},
    {.name = "average", .build = average, .data = &flagged, .no_gradient = true},
    {.name = "average of a skipped step", .build = average, .data = &skipped, .no_gradient = true},
    {.name = "norm and clip", .build = clip, .data = &plain, .no_gradient = true},
    {.name = "norm and clip of many chunks", .build = clip, .data = &big, .no_gradient = true},
};

typedef struct optimiser { /* of one parameter, for tests that step by hand */
    cairn_graph *g;
    cairn_tid param, gradient, scalars;
} optimiser;

static void create(optimiser *o, int count, bool decay)
{
    const cairn_shape s = {1, 1, 1, count};
    const cairn_optimiser_group group = {1, decay, false};
    assert_ok(cairn_graph_create(&o->g));
    cairn_tid p = cairn_graph_stored(o->g, "p", s), m = cairn_graph_stored(o->g, "m", s);
    cairn_tid v = cairn_graph_stored(o->g, "v", s);
    o->param = p;
    o->gradient = cairn_graph_input(o->g, "gradient", s);
    o->scalars = cairn_graph_input(o->g, "scalars", (cairn_shape){1, 1, 1, CAIRN_OPTIMISER_SCALARS});
    cairn_tid gradient = cairn_op_scale(o->g, o->gradient, 1), joins[4];
    joins[0] = cairn_graph_join(o->g, "all p", &p, 1);
    joins[1] = cairn_graph_join(o->g, NULL, &gradient, 1);
    joins[2] = cairn_graph_join(o->g, "all m", &m, 1);
    joins[3] = cairn_graph_join(o->g, "all v", &v, 1);
    cairn_op_adam(o->g, joins[0], joins[1], joins[2], joins[3], cairn_optimiser_table(o->g, &p, &group, 1), o->scalars,
                  cairn_optimiser_plain_control(o->g), true);
    assert_ok(cairn_graph_status(o->g));
}

/* The algorithm as PyTorch's documentation of torch.optim.AdamW states it, evaluated with 40 decimal digits: lr 0.1,
 * betas (0.9, 0.999), eps 1e-8, parameters (1, -2, 0.5), gradient p^2 * (k + 1) - 0.3 in step k. Row 0: no decay,
 * row 1: weight_decay 0.1. */
static const double after_five[2][3] = {{0.50653904282379669, -2.4762123369183717, 0.273968431679039},
                                         {0.46652740020294015, -2.3701601101236567, 0.25206611449178051}};

static void five_steps(double weight_decay, double out[3])
{
    optimiser o;
    cairn_reference *r = NULL;
    create(&o, 3, weight_decay > 0);
    assert_ok(cairn_reference_create(&r, o.g));
    double *values = cairn_reference_values(r, o.param);
    memcpy(values, (const double[3]){1, -2, 0.5}, 3 * sizeof *values);
    for (int k = 0; k < 5; k++) {
        for (int i = 0; i < 3; i++) cairn_reference_values(r, o.gradient)[i] = values[i] * values[i] * (k + 1) - 0.3;
        const double at[CAIRN_OPTIMISER_SCALARS] = {
            0.1, 1 - 0.9, 1 - 0.999, 1e-8, 1 - pow(0.9, k + 1), 1 - pow(0.999, k + 1), weight_decay, 1, 1, 1};
        memcpy(cairn_reference_values(r, o.scalars), at, sizeof at);
        assert_ok(cairn_reference_run(r));
    }
    memcpy(out, values, 3 * sizeof *out);
    cairn_reference_destroy(&r);
    cairn_graph_destroy(&o.g);
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
    const float gradients[COUNT] = {1, -1, 0.37f, -250, 1.9f};
    float at[CAIRN_OPTIMISER_SCALARS], moved[COUNT];
    cairn_gpu *gpu = test_gpu(kernel_class);
    optimiser o;
    cairn_store *store = NULL;
    cairn_program *program = NULL;
    if (!gpu) return;
    create(&o, COUNT, false);
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, o.g, store, NULL));
    cairn_train_scalars(&cairn_train_defaults, 0, 0, at);
    assert_ok(cairn_program_write(program, o.gradient, gradients));
    assert_ok(cairn_program_write(program, o.scalars, at));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_store_read(store, cairn_store_find(store, "p"), moved));
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&o.g);
    for (int i = 0; i < COUNT; i++) assert_near(moved[i], gradients[i] > 0 ? -1e-3 : 1e-3, 1e-9);
}

static void first_step_moves_by_the_rate(void **state)
{
    (void)state;
    check_first_step(CAIRN_CLASS_TEXEL);
    check_first_step(CAIRN_CLASS_SIMT);
}

/* A gradient that is not finite: the norm's op says so, and the step leaves parameters and moments as they are. */
static void check_not_finite(cairn_kernel_class kernel_class, float bad)
{
    enum { COUNT = 700 };
    cairn_gpu *gpu = test_gpu(kernel_class);
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    const cairn_shape s = {1, 1, 1, COUNT};
    const cairn_optimiser_group group = {1, 0, false};
    float values[COUNT] = {0}, after[COUNT], scalars[CAIRN_OPTIMISER_SCALARS], control[4];
    if (!gpu) return;
    assert_ok(cairn_graph_create(&g));
    cairn_tid p = cairn_graph_stored(g, "p", s), b = cairn_graph_stored(g, "b", s), x = cairn_graph_input(g, "x", s);
    cairn_tid at = cairn_graph_input(g, "scalars", (cairn_shape){1, 1, 1, CAIRN_OPTIMISER_SCALARS});
    cairn_tid gradient = cairn_op_scale(g, x, 1), whole = cairn_graph_join(g, NULL, &gradient, 1);
    cairn_tid params = cairn_graph_join(g, "all p", &p, 1), buffers = cairn_graph_join(g, "all b", &b, 1);
    cairn_tid table = cairn_optimiser_table(g, &p, &group, 1);
    cairn_tid clipped = cairn_op_clip(g, cairn_op_gradient_statistics(g, whole, table), at,
                                      cairn_optimiser_plain_control(g), 1);
    cairn_op_sgd(g, params, whole, buffers, table, at, clipped, false);
    cairn_graph_output(g, clipped, "control");
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, g, store, NULL));
    cairn_train_scalars(&cairn_train_defaults, 0, 0, scalars);
    values[COUNT - 3] = bad;
    assert_ok(cairn_program_write(program, x, values));
    assert_ok(cairn_program_write(program, at, scalars));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_read(program, clipped, control));
    assert_true(control[CAIRN_CONTROL_SKIP] == 1);
    assert_ok(cairn_store_read(store, cairn_store_find(store, "b"), after));
    for (int i = 0; i < COUNT; i++) assert_true(after[i] == 0);
    values[COUNT - 3] = 2; /* the next step goes on */
    assert_ok(cairn_program_write(program, x, values));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_store_read(store, cairn_store_find(store, "b"), after));
    assert_near(after[COUNT - 3], 1, 1e-5); /* clipped from 2 */
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

static void a_gradient_that_is_not_finite_changes_nothing(void **state)
{
    (void)state;
    const float bad[] = {INFINITY, -INFINITY, NAN};
    for (int i = 0; i < 3; i++) {
        check_not_finite(CAIRN_CLASS_TEXEL, bad[i]);
        check_not_finite(CAIRN_CLASS_SIMT, bad[i]);
    }
}

static void refuses_what_is_not_stored(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    const cairn_shape s = {1, 1, 16, 4}, at = {1, 1, 1, CAIRN_OPTIMISER_SCALARS};
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", s), scalars = cairn_graph_input(g, "scalars", at);
    cairn_op_adam(g, x, x, x, x, x, scalars, cairn_optimiser_plain_control(g), false);
    op_case_refused(&g, "stored");
    assert_ok(cairn_graph_create(&g));
    x = cairn_graph_stored(g, "x", s);
    cairn_op_adam(g, x, cairn_graph_input(g, "d", (cairn_shape){1, 1, 1, 4}), x, x, x, x, x, false);
    op_case_refused(&g, "input 1 is [1,1,1,4]");
    assert_ok(cairn_graph_create(&g));
    x = cairn_graph_stored(g, "x", s);
    cairn_optimiser_table(g, &x, groups, 1);
    op_case_refused(&g, "x is not part of a join");
    assert_ok(cairn_graph_create(&g));
    x = cairn_graph_stored(g, "x", s);
    cairn_graph_join(g, "whole", (const cairn_tid[2]){x, x}, 2);
    op_case_refused(&g, "x is part of a join already");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(agrees_with_the_published_algorithm),
                                      cmocka_unit_test(first_step_moves_by_the_rate),
                                      cmocka_unit_test(a_gradient_that_is_not_finite_changes_nothing),
                                      cmocka_unit_test(refuses_what_is_not_stored)};
    return op_case_main("optimiser", cases, sizeof cases / sizeof *cases, more, 4);
}
