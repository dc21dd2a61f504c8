/* Sums and means along dimensions against the double-precision reference: one and two passes, every kind of cut. */
#include "ops/reduce/reduce.h"
#include "support/device/op_case.h"

typedef struct reduce_data {
    cairn_shape shape;
    int axes;
    bool mean;
} reduce_data;

static void build(op_case *c, cairn_graph *g)
{
    const reduce_data *d = op_case_data(c);
    cairn_tid x = op_case_input(c, d->shape, -1, 2);
    op_case_output(c, d->mean ? cairn_op_reduce_mean(g, x, d->axes) : cairn_op_reduce_sum(g, x, d->axes));
}

#define CASE(label, n, h, w, c, axes, mean)                                                                            \
    {                                                                                                                  \
        label, build, &(const reduce_data) { {n, h, w, c}, axes, mean }, false, 0, 0                                   \
    }
enum { N = CAIRN_AXIS_N, H = CAIRN_AXIS_H, W = CAIRN_AXIS_W, C = CAIRN_AXIS_C };

static const op_case_spec cases[] = {
    CASE("all of one element", 1, 1, 1, 1, CAIRN_AXES_ALL, false),
    CASE("all, small", 3, 5, 7, 17, CAIRN_AXES_ALL, true),
    CASE("all, one channel, two passes", 3, 19, 23, 1, CAIRN_AXES_ALL, false),
    CASE("all, two passes", 2, 31, 17, 8, CAIRN_AXES_ALL, true),
    CASE("N,H,W: a bias", 3, 5, 7, 17, N | H | W, false),
    CASE("N,H,W, 65 channels, two passes", 2, 13, 11, 65, N | H | W, false),
    CASE("N,H,W, 3 channels, two passes", 2, 33, 31, 3, N | H | W, true),
    CASE("N,H,W, 256 channels", 1, 12, 15, 256, N | H | W, false),
    CASE("H,W: a mean of each sample", 3, 5, 7, 24, H | W, true),
    CASE("H,W, two passes", 3, 15, 20, 12, H | W, true),
    CASE("H,W, one channel, two passes", 3, 25, 20, 1, H | W, true),
    CASE("C", 3, 5, 7, 65, C, false),
    CASE("C, four channels", 1, 5, 7, 4, C, true),
    CASE("C of a long vector", 1, 1, 2, 2051, C, false),
    CASE("W", 2, 3, 9, 5, W, false),
    CASE("H", 2, 9, 3, 5, H, true),
    CASE("H, two passes", 1, 130, 3, 4, H, false),
    CASE("N", 5, 3, 3, 5, N, false),
    CASE("N,W with H kept", 3, 4, 5, 5, N | W, true),
    CASE("N,W of one line", 3, 1, 5, 5, N | W, false),
    CASE("N,H", 3, 4, 5, 5, N | H, false),
    CASE("W,C", 3, 4, 5, 6, W | C, true),
    CASE("N,H,C", 3, 4, 5, 6, N | H | C, false),
    CASE("nothing", 1, 2, 3, 5, 0, true),
};

static void refuses_bad_sizes(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 4, 4, 3});
    assert_int_equal(cairn_op_reduce_to(g, x, (cairn_shape){1, 2, 4, 3}), CAIRN_NONE);
    op_case_refused(&g, "does not sum to [1,2,4,3]");
    assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
    x = cairn_graph_input(g, "x", (cairn_shape){1, 4, 4, 3});
    assert_int_equal(cairn_op_reduce_sum(g, x, 16), CAIRN_NONE);
    op_case_refused(&g, "mask 16");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses_bad_sizes)};
    return op_case_main("reduce", cases, sizeof cases / sizeof *cases, more, 1);
}
