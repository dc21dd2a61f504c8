/* The Gaussian blur on the device against its reference, gradients, and known answers. */
#include "ops/image/filter.h"
#include "reference/evaluate.h"
#include "support/device/op_case.h"

#include <math.h>

typedef struct blur_case {
    cairn_shape shape;
    float sigma;
    int radius;
    cairn_filter_border border;
} blur_case;

static void blur(op_case *c, cairn_graph *g)
{
    const blur_case *p = op_case_data(c);
    op_case_output(c, cairn_op_gaussian_blur(g, op_case_input(c, p->shape, -1, 1), p->sigma, p->radius, p->border));
}

static const blur_case one = {{1, 1, 1, 1}, 1, 0, CAIRN_FILTER_REFLECT},
                       one_zero = {{1, 1, 1, 1}, 1, 2, CAIRN_FILTER_ZERO},
                       odd = {{3, 5, 7, 17}, 0.8f, 2, CAIRN_FILTER_REFLECT},
                       odd_zero = {{3, 5, 7, 17}, 0.8f, 2, CAIRN_FILTER_ZERO},
                       beyond = {{2, 3, 2, 5}, 3, 0, CAIRN_FILTER_REFLECT},
                       beyond_zero = {{2, 3, 2, 5}, 3, 0, CAIRN_FILTER_ZERO},
                       line = {{1, 1, 65, 3}, 1.5f, 5, CAIRN_FILTER_REFLECT},
                       large = {{2, 60, 80, 1}, 3, 0, CAIRN_FILTER_REFLECT};
static const op_case_spec cases[] = {
    {.name = "blur one pixel", .build = blur, .data = &one},
    {.name = "blur one pixel in darkness", .build = blur, .data = &one_zero},
    {.name = "blur", .build = blur, .data = &odd},
    {.name = "blur with a dark border", .build = blur, .data = &odd_zero},
    {.name = "blur wider than the image", .build = blur, .data = &beyond},
    {.name = "blur wider than the image, dark border", .build = blur, .data = &beyond_zero},
    {.name = "blur a line", .build = blur, .data = &line},
    {.name = "blur a mask", .build = blur, .data = &large},
};

/* NumPy: convolve(pad([0, 1, 0, 0, 3], 4, 'symmetric'), w, 'valid'), w = exp(-d^2/2) for d = -4..4 over its sum, which
 * is how scipy's gaussian_filter1d is documented with sigma 1. */
static void agrees_with_numpy(void **state)
{
    (void)state;
    static const double expected[5] = {0.2963640650, 0.4170724077, 0.4173742434, 0.9418788467, 1.9273104373};
    cairn_graph *g;
    cairn_reference *r;
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 1, 5, 1});
    cairn_tid y = cairn_op_gaussian_blur(g, x, 1, 0, CAIRN_FILTER_REFLECT);
    assert_ok(cairn_reference_create(&r, g));
    memcpy(cairn_reference_values(r, x), (const double[5]){0, 1, 0, 0, 3}, 5 * sizeof(double));
    assert_ok(cairn_reference_run(r));
    for (int i = 0; i < 5; i++) assert_near(cairn_reference_values(r, y)[i], expected[i], 1e-7);
    cairn_reference_destroy(&r);
    cairn_graph_destroy(&g);
}

static void refuses_what_is_no_gaussian(void **state)
{
    (void)state;
    const float sigmas[] = {0, -1, NAN, 1e6f};
    for (int i = 0; i < 4; i++) {
        cairn_graph *g;
        assert_ok(cairn_graph_create(&g));
        cairn_op_gaussian_blur(g, cairn_graph_input(g, "x", (cairn_shape){1, 2, 3, 4}), sigmas[i], i == 3 ? 257 : 0,
                               CAIRN_FILTER_ZERO);
        op_case_refused(&g, "expected sigma above 0");
    }
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(agrees_with_numpy),
                                      cmocka_unit_test(refuses_what_is_no_gaussian)};
    return op_case_main("filter", cases, sizeof cases / sizeof *cases, more, 2);
}
