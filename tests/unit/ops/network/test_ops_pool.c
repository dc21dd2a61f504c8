/* Pooling against the double-precision reference. */
#include "ops/image/pool.h"
#include "support/device/op_case.h"

static void build(op_case *c, cairn_graph *g)
{
    const cairn_shape *s = op_case_data(c);
    op_case_output(c, cairn_op_max_pool2(g, op_case_input_distinct(c, *s, -1, 1)));
}

/* Ties everywhere, as after a ReLU: the reference decides who receives the gradient. Central differences cannot see it,
 * so that x is left out of them, and the gradient op is compared with its reference below the frozen input. */
static void build_ties(op_case *c, cairn_graph *g)
{
    const cairn_shape *s = op_case_data(c);
    cairn_tid x = op_case_input_integers(c, *s, -1, 1), loss, dx = CAIRN_NONE;
    loss = cairn_op_max_pool2(g, x);
    if (cairn_graph_differentiate(g, loss, &x, 1, &dx) == CAIRN_OK) op_case_output(c, dx);
}

#define CASE(label, builder, n, h, w, ch, no_gradient)                                                                 \
    {                                                                                                                  \
        label, builder, &(const cairn_shape) { n, h, w, ch }, no_gradient, 0, 0                                        \
    }
static const op_case_spec cases[] = {
    CASE("one window", build, 1, 2, 2, 1, false),
    CASE("even", build, 3, 4, 6, 5, false),
    CASE("odd height", build, 3, 5, 4, 4, false),
    CASE("odd width", build, 2, 4, 7, 8, false),
    CASE("odd both", build, 3, 7, 9, 17, false),
    CASE("3x3", build, 1, 3, 3, 65, false),
    CASE("wide", build, 1, 2, 301, 3, false),
    CASE("tall", build, 2, 37, 2, 1, false),
    CASE("several workgroups", build, 2, 16, 66, 64, false),
    CASE("ties", build_ties, 3, 7, 9, 17, true),
    CASE("ties, even", build_ties, 1, 8, 8, 4, true),
};

static void refuses_images_smaller_than_the_window(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
    assert_int_equal(cairn_op_max_pool2(g, cairn_graph_input(g, "x", (cairn_shape){1, 1, 4, 3})), CAIRN_NONE);
    op_case_refused(&g, "[1,1,4,3] is smaller");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses_images_smaller_than_the_window)};
    return op_case_main("pool", cases, sizeof cases / sizeof *cases, more, 1);
}
