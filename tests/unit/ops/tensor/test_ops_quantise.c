/* Simulated quantisation on the device against its references: ranges, scales, rounded values and the straight-through
 * gradient. Inputs stay away from halves between two integers, where float and double may round to different sides. */
#include "ops/pointwise/pointwise.h"
#include "ops/quantise/quantise.h"
#include "reference/evaluate.h"
#include "support/device/op_case.h"

#include <math.h>

typedef struct quantise_case {
    cairn_shape shape;
    int bits;
    bool symmetric, per_channel;
    float share;
} quantise_case;

static int channels(const quantise_case *p)
{
    return p->per_channel ? p->shape.c : 1;
}

/* Scale and zero point as a network would have them, and x = scale * (integer + less than 0.4), in and out of range. */
static void fake(op_case *c, cairn_graph *g)
{
    const quantise_case *p = op_case_data(c);
    int n = channels(p), top = p->symmetric ? (1 << (p->bits - 1)) - 1 : (1 << p->bits) - 1;
    cairn_tid parameters = op_case_input(c, (cairn_shape){1, 1, 2, n}, 0.01, 0.2);
    cairn_tid x = op_case_input(c, p->shape, -0.4, 0.4);
    float *s = op_case_values(c, parameters), *v = op_case_values(c, x);
    op_case_freeze(c, parameters);
    op_case_freeze(c, x); /* the output is a staircase: the gradient is checked by hand below */
    for (int i = 0; i < n; i++) s[n + i] = p->symmetric ? 0 : (float)cairn_rng_integer(op_case_rng(c), 0, top);
    for (int64_t i = 0; i < cairn_shape_count(p->shape); i++)
        v[i] = s[i % n] * (v[i] + (float)cairn_rng_integer(op_case_rng(c), -top - 4, top + 4));
    cairn_tid dy = op_case_input(c, p->shape, -1, 1), wrt[1] = {x}, grads[1];
    cairn_tid y = cairn_op_fake_quantise(g, x, parameters, p->bits, p->symmetric);
    op_case_output(c, y);
    assert_ok(cairn_graph_differentiate(g, cairn_op_mul(g, y, dy), wrt, 1, grads));
    op_case_output(c, grads[0]);
}

static void observe(op_case *c, cairn_graph *g)
{
    const quantise_case *p = op_case_data(c);
    cairn_tid range = op_case_stored(c, (cairn_shape){1, 1, 3, channels(p)}, 0, 0, false);
    for (int k = 0; k < 3; k++) { /* 1/share of them are seen before the last */
        cairn_tid x = op_case_input(c, p->shape, k - 2.5, k + 0.5);
        cairn_op_observe_range(g, x, range, p->share);
    }
}

static void scales(op_case *c, cairn_graph *g)
{
    const quantise_case *p = op_case_data(c);
    int n = channels(p);
    cairn_tid range = op_case_input(c, (cairn_shape){1, 1, 3, n}, -1, 1);
    float *v = op_case_values(c, range);
    op_case_freeze(c, range);
    for (int i = 0; i < n; i++) { /* ranges on both sides of zero, on one, and of nothing */
        float a = v[i], b = v[n + i];
        v[i] = i % 5 == 4 ? 0 : fminf(a, b);
        v[n + i] = i % 5 == 4 ? 0 : fmaxf(a, b);
    }
    op_case_output(c, cairn_op_quantisation(g, range, p->bits, p->symmetric));
}

static const quantise_case one = {{1, 1, 1, 1}, 8, true, false, 0}, tensor = {{3, 5, 7, 17}, 8, false, false, 0},
                           channel = {{3, 5, 7, 17}, 8, false, true, 0}, weights = {{9, 1, 3, 65}, 4, true, true, 0},
                           whole = {{9, 1, 3, 65}, 4, true, false, 0}, wide = {{2, 30, 40, 8}, 16, true, true, 0},
                           averaged = {{3, 5, 7, 17}, 8, false, true, 0.5f},
                           tensor_averaged = {{2, 5, 3, 3}, 8, false, false, 0.5f},
                           many = {{4, 60, 80, 5}, 8, false, false, 0};
#define CASE(text, build_, data_) {.name = text, .build = build_, .data = &data_, .no_gradient = true}
static const op_case_spec cases[] = {
    CASE("fake quantise one value", fake, one),
    CASE("fake quantise per tensor", fake, tensor),
    CASE("fake quantise per channel", fake, channel),
    CASE("fake quantise weights", fake, weights),
    CASE("fake quantise weights per tensor", fake, whole),
    CASE("fake quantise to 16 bits", fake, wide),
    CASE("observe one value", observe, one),
    CASE("observe per tensor", observe, tensor),
    CASE("observe per channel", observe, channel),
    CASE("observe averages", observe, averaged),
    CASE("observe averages per tensor", observe, tensor_averaged),
    CASE("observe many values", observe, many),
    CASE("scales of a tensor", scales, one),
    CASE("scales with zero points", scales, channel),
    CASE("scales without", scales, weights),
};

/* 8 bits of 0.1 with zero point 5: integers 0..255 hold -0.5 .. 25. */
static void rounds_clamps_and_lets_gradients_through(void **state)
{
    (void)state;
    enum { COUNT = 6 };
    static const double x[COUNT] = {0.26, -0.34, -0.56, 24.99, 25.04, 25.06};
    static const double y[COUNT] = {0.3, -0.3, -0.5, 25, 25, 25}, through[COUNT] = {1, 1, 0, 1, 1, 0};
    cairn_graph *g;
    cairn_reference *r;
    assert_ok(cairn_graph_create(&g));
    cairn_tid in = cairn_graph_input(g, "x", (cairn_shape){1, 1, 1, COUNT}), grads[1];
    cairn_tid parameters = cairn_graph_input(g, "p", (cairn_shape){1, 1, 2, 1});
    cairn_tid out = cairn_op_fake_quantise(g, in, parameters, 8, false);
    assert_ok(cairn_graph_differentiate(g, out, &in, 1, grads));
    assert_ok(cairn_reference_create(&r, g));
    memcpy(cairn_reference_values(r, in), x, sizeof x);
    memcpy(cairn_reference_values(r, parameters), (const double[2]){0.1, 5}, 2 * sizeof(double));
    assert_ok(cairn_reference_run(r));
    for (int i = 0; i < COUNT; i++) {
        assert_near(cairn_reference_values(r, out)[i], y[i], 1e-12);
        assert_near(cairn_reference_values(r, grads[0])[i], through[i], 0);
    }
    cairn_reference_destroy(&r);
    cairn_graph_destroy(&g);
}

static void refuses_other_bits_and_shapes(void **state)
{
    (void)state;
    cairn_graph *g;
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 1, 1, 5});
    cairn_op_fake_quantise(g, x, cairn_graph_input(g, "p", (cairn_shape){1, 1, 2, 4}), 8, true);
    op_case_refused(&g, "parameters [1,1,2,4]");
    assert_ok(cairn_graph_create(&g));
    x = cairn_graph_input(g, "x", (cairn_shape){1, 1, 1, 5});
    cairn_op_fake_quantise(g, x, cairn_graph_input(g, "p", (cairn_shape){1, 1, 2, 1}), 1, true);
    op_case_refused(&g, "1 bits");
    assert_ok(cairn_graph_create(&g));
    x = cairn_graph_input(g, "x", (cairn_shape){1, 1, 1, 5});
    cairn_op_observe_range(g, x, cairn_graph_stored(g, "r", (cairn_shape){1, 1, 2, 5}), 0);
    op_case_refused(&g, "range [1,1,2,5]");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(rounds_clamps_and_lets_gradients_through),
                                      cmocka_unit_test(refuses_other_bits_and_shapes)};
    return op_case_main("quantise", cases, sizeof cases / sizeof *cases, more, 2);
}
