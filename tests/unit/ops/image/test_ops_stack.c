/* Two maps of a pyramid as one, against the double-precision reference. */
#include "ops/image/stack.h"
#include "support/device/op_case.h"

typedef struct stack_data {
    cairn_shape coarse;
    int channels, factor; /* of the fine map; between the sizes */
} stack_data;

static void build(op_case *c, cairn_graph *g)
{
    const stack_data *d = op_case_data(c);
    cairn_shape b = d->coarse, a = {b.n, b.h * d->factor, b.w * d->factor, d->channels};
    cairn_tid fine = op_case_input(c, a, -1, 1), fine_mean = op_case_input(c, (cairn_shape){1, 1, 1, a.c}, -1, 1);
    cairn_tid coarse = op_case_input(c, b, -1, 1), coarse_mean = op_case_input(c, (cairn_shape){1, 1, 1, b.c}, -1, 1);
    op_case_output(c, cairn_op_stack_centred(g, fine, fine_mean, coarse, coarse_mean));
}

#define CASE(label, n, h, w, c, channels, factor) \
    {label, build, &(const stack_data){{n, h, w, c}, channels, factor}, true, 0, 0}
static const op_case_spec cases[] = {
    CASE("x2", 1, 3, 5, 24, 16, 2),           CASE("odd channels behind", 2, 5, 3, 7, 4, 2),
    CASE("one pixel x4", 3, 1, 1, 1, 12, 4),  CASE("same size", 1, 7, 9, 5, 8, 1),
    CASE("x3, many pixels", 1, 11, 41, 3, 20, 3),
};

static void refuses(void **state)
{
    (void)state;
    const cairn_shape fine[] = {{1, 8, 8, 6}, {1, 9, 8, 8}, {1, 8, 8, 8}};
    const char *texts[] = {"multiple of 4", "whole factor", "means must be"};
    for (int i = 0; i < 3; i++) {
        cairn_graph *g = NULL;
        assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
        cairn_tid a = cairn_graph_input(g, "a", fine[i]), b = cairn_graph_input(g, "b", (cairn_shape){1, 4, 4, 3});
        cairn_tid mean = cairn_graph_input(g, "mean", (cairn_shape){1, 1, 1, 3});
        assert_int_equal(cairn_op_stack_centred(g, a, mean, b, mean), CAIRN_NONE);
        op_case_refused(&g, texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses)};
    return op_case_main("stack", cases, sizeof cases / sizeof *cases, more, 1);
}
