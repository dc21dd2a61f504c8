/* Depthwise convolution against the double-precision reference, over odd, tiny and partial shapes. */
#include "ops/conv/depthwise.h"
#include "support/device/op_case.h"

typedef struct depthwise_data {
    cairn_shape x;
    cairn_conv_options options;
    bool bias;
} depthwise_data;

static void build(op_case *c, cairn_graph *g)
{
    const depthwise_data *d = op_case_data(c);
    cairn_tid x = op_case_input(c, d->x, -1, 1);
    cairn_tid weight = op_case_input(c, cairn_depthwise2d_weight_shape(d->options.kernel, d->x.c), -1, 1);
    cairn_tid bias = d->bias ? op_case_input(c, (cairn_shape){1, 1, 1, d->x.c}, -1, 1) : CAIRN_NONE;
    op_case_output(c, cairn_op_depthwise2d(g, x, weight, bias, &d->options));
}

#define CASE(label, n, h, w, c, k, s, p, b)                                                                            \
    {                                                                                                                  \
        label, build, &(const depthwise_data) { {n, h, w, c}, {k, s, p, 0}, b }, false, 0, 0                           \
    }

/* TensorFlow's padding of even sizes at stride 2. */
#define CASE_BEHIND(label, n, h, w, c, k)                                                                              \
    {                                                                                                                  \
        label, build, &(const depthwise_data) { {n, h, w, c}, {k, 2, k == 5 ? 1 : CAIRN_PAD_NONE, 1}, false }, false,  \
            0, 0                                                                                                       \
    }

static const op_case_spec cases[] = {
    CASE("3x3, one pixel", 1, 1, 1, 1, 3, 1, 0, true),
    CASE("3x3, three channels", 3, 5, 7, 3, 3, 1, 0, true),
    CASE("3x3, 17 channels", 1, 9, 9, 17, 3, 1, 0, false),
    CASE("3x3, 65 channels", 1, 2, 3, 65, 3, 1, 0, true),
    CASE("3x3, wide", 3, 3, 25, 8, 3, 1, 0, false),
    CASE("3x3, tiles of 5", 2, 6, 10, 12, 3, 1, 0, true),
    CASE("5x5, tiles of 5", 2, 4, 5, 24, 5, 1, 0, false),
    CASE("5x5, stride 2, tiles of 5", 2, 8, 10, 9, 5, 2, 0, false),
    CASE("3x3, no padding", 1, 7, 5, 4, 3, 1, CAIRN_PAD_NONE, true),
    CASE("3x3, padding 2", 1, 5, 9, 5, 3, 1, 2, false),
    CASE("3x3, stride 2, odd size", 3, 9, 7, 5, 3, 2, 0, true),
    CASE("3x3, stride 2, even size", 1, 10, 6, 8, 3, 2, 0, false),
    CASE("3x3, stride 2, no padding", 1, 9, 8, 4, 3, 2, CAIRN_PAD_NONE, false),
    CASE("3x3, stride 2, padding 2", 1, 6, 7, 4, 3, 2, 2, false),
    CASE("5x5, one row", 1, 1, 9, 4, 5, 1, 0, true),
    CASE("5x5, 17 channels", 3, 7, 6, 17, 5, 1, 0, false),
    CASE("5x5, stride 2, odd size", 1, 9, 11, 8, 5, 2, 0, true),
    CASE("5x5, stride 2, even size", 3, 6, 8, 3, 5, 2, 0, false),
    CASE_BEHIND("3x3, zeros behind", 2, 6, 8, 5, 3),
    CASE_BEHIND("3x3, zeros behind, tiles of 5", 1, 20, 10, 8, 3),
    CASE_BEHIND("5x5, zeros behind", 2, 8, 6, 5, 5),
    CASE_BEHIND("5x5, zeros behind, two rows", 1, 2, 12, 4, 5),
};

static void refuses(cairn_shape weight, int kernel, const char *text)
{
    cairn_graph *g = NULL;
    assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 4, 4, 3});
    cairn_tid w = cairn_graph_input(g, "weight", weight);
    assert_int_equal(cairn_op_depthwise2d(g, x, w, CAIRN_NONE, &(cairn_conv_options){.kernel = kernel}), CAIRN_NONE);
    op_case_refused(&g, text);
}

static void refuses_bad_weight(void **state)
{
    (void)state;
    refuses((cairn_shape){9, 1, 3, 3}, 3, "the weight must be [9,1,1,3]");
}

static void refuses_kernel_of_one(void **state)
{
    (void)state;
    refuses((cairn_shape){1, 1, 1, 3}, 1, "it must be 3 or 5");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses_bad_weight), cmocka_unit_test(refuses_kernel_of_one)};
    return op_case_main("depthwise", cases, sizeof cases / sizeof *cases, more, sizeof more / sizeof *more);
}
