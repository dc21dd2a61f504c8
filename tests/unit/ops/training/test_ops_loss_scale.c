/* The loss scale: its ops against their references, and steps that overflow. */
#include "graph/program.h"
#include "ops/optimiser/loss_scale.h"
#include "ops/optimiser/optimiser.h"
#include "support/device/op_case.h"

typedef struct state_case {
    float state[4], flag, last;
    int interval;
} state_case;

static void all(op_case *c, cairn_graph *g)
{
    const state_case *d = op_case_data(c);
    const cairn_shape four = {1, 1, 1, 4};
    float scalars[CAIRN_OPTIMISER_SCALARS] = {0};
    scalars[CAIRN_SCALAR_LAST] = d->last;
    cairn_tid state = op_case_stored(c, four, 0, 1, false);
    for (int i = 0; i < 4; i++) op_case_values(c, state)[i] = d->state[i];
    cairn_tid statistics = op_case_input_values(c, four, (const float[4]){3, d->flag, 0, 0}, false);
    op_case_output(c, cairn_op_loss_scale(g, state));
    op_case_output(c, cairn_op_loss_scale_control(g, state, statistics));
    cairn_op_loss_scale_update(
        g, state, statistics, op_case_input_values(c, (cairn_shape){1, 1, 1, CAIRN_OPTIMISER_SCALARS}, scalars, false),
        d->interval);
}

#define CASE(name_, ...) {.name = name_, .build = all, .data = &(const state_case){__VA_ARGS__}, .no_gradient = true}
static const op_case_spec cases[] = {
    CASE("new store", {0, 0, 0, 0}, 0, 1, 2000),
    CASE("clean step", {-3, 7, 2, 0}, 0, 1, 2000),
    CASE("doubled", {-3, 1999, 2, 0}, 0, 1, 2000),
    CASE("doubled to the limit", {8, 4, 2, 0}, 0, 1, 5),
    CASE("overflow", {-3, 1999, 2, 0}, 1, 1, 2000),
    CASE("overflow at the least scale", {-16, 3, 9, 0}, 1, 1, 2000),
    CASE("passes follow", {-3, 1999, 2, 0}, 1, 0, 2000),
};

static void refuses_other_shapes(void **state)
{
    (void)state;
    cairn_graph *g;
    assert_ok(cairn_graph_create(&g));
    cairn_op_loss_scale(g, cairn_graph_input(g, "x", (cairn_shape){1, 1, 1, 5}));
    op_case_refused(&g, "input 0 is [1,1,1,5]");
    assert_ok(cairn_graph_create(&g));
    cairn_tid s = cairn_graph_stored(g, "s", (cairn_shape){1, 1, 1, 4});
    cairn_op_loss_scale_update(g, s, s, s, 2000);
    op_case_refused(&g, "input 2 is [1,1,1,4]");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses_other_shapes)};
    return op_case_main("loss_scale", cases, sizeof cases / sizeof *cases, more, 1);
}
