/* Convolution against the double-precision reference, over odd, tiny and partial shapes. */
#include "support/device/product_case.h"

static const op_case_spec cases[] = {
    CONV_CASE("1x1, one pixel", 1, 1, 1, 1, 1, 1, 1, 0, true),
    CONV_CASE("1x1, 5 to 3", 3, 7, 5, 5, 3, 1, 1, 0, true),
    CONV_CASE("1x1, 17 to 65", 1, 9, 3, 17, 65, 1, 1, 0, true),
    CONV_CASE("1x1, 65 to 8, no bias", 1, 3, 5, 65, 8, 1, 1, 0, false),
    CONV_CASE("3x3, colour to 16, stride 2, batch 2", 2, 64, 64, 3, 16, 3, 2, 0, false),
    CONV_CASE("3x3, 128 to 1, batch 2", 2, 16, 24, 128, 1, 3, 1, 0, true),
    CONV_CASE("1x1, few channels, a row and a bit", 2, 9, 15, 18, 66, 1, 1, 0, true),
    CONV_CASE("1x1, few channels, quads in turn", 1, 17, 16, 5, 14, 1, 1, 0, false),
    CONV_CASE("1x1, 52 to 34", 1, 5, 8, 52, 34, 1, 1, 0, true),
    CONV_CASE("1x1, 52 to 98, many pixels", 1, 19, 16, 52, 98, 1, 1, 0, false),
    CONV_CASE("1x1, one pixel, 240 to 64", 1, 1, 1, 240, 64, 1, 1, 0, true),
    CONV_CASE("1x1, few channels, stride 2", 1, 33, 35, 6, 20, 1, 2, 0, true),
    CONV_CASE("1x1, stride 2", 1, 5, 7, 8, 20, 1, 2, 0, false),
    CONV_CASE("1x1, padding named none", 1, 3, 3, 4, 4, 1, 1, CAIRN_PAD_NONE, true),
    CONV_CASE("3x3, first layer", 3, 9, 11, 1, 8, 3, 1, 0, true),
    CONV_CASE("3x3, first layer, wide", 1, 17, 19, 1, 66, 3, 1, 0, true),
    CONV_CASE("3x3, first layer, no padding", 1, 20, 18, 2, 12, 3, 1, CAIRN_PAD_NONE, true),
    CONV_CASE("3x3, colour to 18, stride 2, many pixels", 1, 33, 34, 3, 18, 3, 2, 0, false),
    CONV_CASE("5x5, colour to 12", 1, 16, 17, 3, 12, 5, 1, 0, true),
    CONV_CASE("5x5, 2 to 20, stride 2", 1, 11, 18, 2, 20, 5, 2, 0, false),
    CONV_CASE("1x1, 37 to 24", 1, 7, 13, 37, 24, 1, 1, 0, true),
    CONV_CASE("3x3, colour to 16, stride 2", 1, 9, 7, 3, 16, 3, 2, 0, false),
    CONV_CASE("3x3, one pixel", 1, 1, 1, 4, 5, 3, 1, 0, true),
    CONV_CASE("3x3, two pixels", 1, 1, 2, 5, 4, 3, 1, 0, false),
    CONV_CASE("3x3, 17 to 1", 1, 5, 9, 17, 1, 3, 1, 0, true),
    CONV_CASE("3x3, 8 to 17", 3, 2, 3, 8, 17, 3, 1, 0, true),
    CONV_CASE("3x3, 5 to 36", 1, 9, 9, 5, 36, 3, 1, 0, true),
    CONV_CASE("3x3, 12 to 68", 1, 4, 17, 12, 68, 3, 1, 0, false),
    CONV_CASE("3x3, no padding", 1, 5, 7, 4, 8, 3, 1, CAIRN_PAD_NONE, true),
    CONV_CASE("3x3, padding 2", 1, 3, 5, 3, 4, 3, 1, 2, true),
    CONV_CASE("3x3, stride 2, 5 to 8", 3, 7, 9, 5, 8, 3, 2, 0, true),
    CONV_CASE("3x3, stride 2, even size, 4 to 40", 1, 6, 8, 4, 40, 3, 2, 0, false),
    CONV_CASE("5x5, 3 to 5", 1, 7, 9, 3, 5, 5, 1, 0, true),
    CONV_CASE("5x5, 4 to 20, stride 2", 1, 9, 7, 4, 20, 5, 2, 0, false),
    CONV_CASE_BEHIND("3x3, zeros behind, colour to 16", 2, 16, 18, 3, 16, 3),
    CONV_CASE_BEHIND("3x3, zeros behind, 5 to 8", 1, 8, 6, 5, 8, 3),
    CONV_CASE_BEHIND("3x3, zeros behind, 1 to 40", 1, 32, 34, 1, 40, 3),
    CONV_CASE_BEHIND("5x5, zeros behind, 4 to 20", 1, 6, 8, 4, 20, 5),
};

static void refuses_bad_shapes(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 4, 4, 3});
    cairn_tid weight = cairn_graph_input(g, "weight", (cairn_shape){9, 1, 4, 8});
    assert_int_equal(cairn_op_conv2d(g, x, weight, CAIRN_NONE, &(cairn_conv_options){.kernel = 3}), CAIRN_NONE);
    op_case_refused(&g, "the weight must be [9,1,3,any]");
}

static void refuses_bad_kernel(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 4, 4, 3});
    cairn_tid weight = cairn_graph_input(g, "weight", (cairn_shape){4, 1, 3, 8});
    assert_int_equal(cairn_op_conv2d(g, x, weight, CAIRN_NONE, &(cairn_conv_options){.kernel = 2}), CAIRN_NONE);
    op_case_refused(&g, "kernel 2");
}

static void refuses_zeros_behind_at_stride_one(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 4, 4, 3});
    cairn_tid weight = cairn_graph_input(g, "weight", (cairn_shape){9, 1, 3, 8});
    cairn_conv_options options = {.kernel = 3, .pad = CAIRN_PAD_NONE, .behind = 1};
    assert_int_equal(cairn_op_conv2d(g, x, weight, CAIRN_NONE, &options), CAIRN_NONE);
    op_case_refused(&g, "rows of zeros behind at stride 1");
}

static void refuses_image_smaller_than_kernel(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 2, 4, 3});
    cairn_tid weight = cairn_graph_input(g, "weight", (cairn_shape){9, 1, 3, 8});
    cairn_conv_options options = {.kernel = 3, .pad = CAIRN_PAD_NONE};
    assert_int_equal(cairn_op_conv2d(g, x, weight, CAIRN_NONE, &options), CAIRN_NONE);
    op_case_refused(&g, "smaller than the kernel");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses_bad_shapes), cmocka_unit_test(refuses_bad_kernel),
                                      cmocka_unit_test(refuses_zeros_behind_at_stride_one),
                                      cmocka_unit_test(refuses_image_smaller_than_kernel)};
    return op_case_main("conv", cases, sizeof cases / sizeof *cases, more, sizeof more / sizeof *more);
}
