/* Functions of elements and pairs of elements against the double-precision reference: every kind on a shape with
 * padding channels (where f(0) is not 0 the padding must still be), the broadcasting patterns, and tensors long enough
 * for several workgroups. */
#include "ops/pointwise/pointwise.h"
#include "reference/evaluate.h"
#include "support/device/op_case.h"

#include <math.h>

/* ---- one operand ---- */
typedef struct unary_data {
    cairn_unary kind;
    cairn_shape shape;
    double low, high, kink;
    float a, b;
} unary_data;

static void build_unary(op_case *c, cairn_graph *g)
{
    const unary_data *d = op_case_data(c);
    cairn_tid x = op_case_input_apart(c, d->shape, d->low, d->high, d->kink, 0.01);
    op_case_output(c, cairn_op_unary(g, x, d->kind, d->a, d->b));
    if (d->kind == CAIRN_UNARY_SIGMOID) op_case_half_limit(c, 1e-5); /* its gradient is y (1 - y), and y is near 1 */
}

/* hswish and hsigmoid have two kinks */
static void build_hard(op_case *c, cairn_graph *g)
{
    const unary_data *d = op_case_data(c);
    cairn_tid x = op_case_input_apart(c, d->shape, d->low, d->high, 3, 0.01);
    float *values = op_case_values(c, x);
    for (int64_t i = 0; i < cairn_shape_count(d->shape); i++)
        if (fabsf(values[i] + 3) < 0.01f) values[i] = -2.5f;
    op_case_output(c, cairn_op_unary(g, x, d->kind, 0, 0));
}

#define UNARY(label, build, kind, n, h, w, ch, low, high, kink, a, b, tolerance)                                       \
    {                                                                                                                  \
        label, build, &(const unary_data) { kind, {n, h, w, ch}, low, high, kink, a, b }, false, 0, tolerance          \
    }

/* ---- two operands ---- */
typedef struct binary_data {
    cairn_binary kind;
    cairn_shape a, b;
    float p0, p1;
} binary_data;

static void build_binary(op_case *c, cairn_graph *g)
{
    const binary_data *d = op_case_data(c);
    cairn_tid a = op_case_input(c, d->a, -2, 2);
    /* divisors away from zero */
    cairn_tid b = op_case_input(c, d->b, d->kind == CAIRN_BINARY_DIV ? 0.5 : -2, 2);
    op_case_output(c, cairn_op_binary(g, a, b, d->kind, d->p0, d->p1));
}

/* Values of a at half integers, of b at integers: neither tie nor kink (huber's at 1.25) within the step of a
 * difference. */
static void build_kinked(op_case *c, cairn_graph *g)
{
    const binary_data *d = op_case_data(c);
    cairn_tid a = op_case_input(c, d->a, -2, 2), b = op_case_input(c, d->b, -2, 2);
    float *u = op_case_values(c, a), *v = op_case_values(c, b);
    for (int64_t i = 0; i < cairn_shape_count(d->a); i++) u[i] = floorf(u[i]) + 0.5f;
    for (int64_t i = 0; i < cairn_shape_count(d->b); i++) v[i] = floorf(v[i]);
    op_case_output(c, cairn_op_binary(g, a, b, d->kind, d->p0, d->p1));
}

static void build_logits(op_case *c, cairn_graph *g)
{
    const binary_data *d = op_case_data(c);
    cairn_tid a = op_case_input(c, d->a, -8, 8), b = op_case_input(c, d->b, 0, 1);
    op_case_freeze(c, b);
    float *t = op_case_values(c, b);
    for (int64_t i = 0; i < cairn_shape_count(d->b); i++)
        if (i % 3) t[i] = t[i] > 0.5f ? 1.0f : 0.0f; /* hard and soft targets */
    op_case_output(c, cairn_op_binary(g, a, b, d->kind, d->p0, d->p1));
}

#define BINARY(label, build, kind, n, h, w, ch, n2, h2, w2, c2, p0, p1)                                                \
    {                                                                                                                  \
        label, build, &(const binary_data) { kind, {n, h, w, ch}, {n2, h2, w2, c2}, p0, p1 }, false, 0, 0              \
    }

static void build_broadcast(op_case *c, cairn_graph *g)
{
    const binary_data *d = op_case_data(c);
    op_case_output(c, cairn_op_broadcast_scaled(g, op_case_input(c, d->a, -2, 2), d->b, d->p0));
}

/* A tensor used twice: its gradient is the sum of both. */
static void build_square_by_mul(op_case *c, cairn_graph *g)
{
    cairn_tid x = op_case_input(c, (cairn_shape){1, 3, 3, 5}, -1, 1);
    op_case_output(c, cairn_op_mul(g, x, x));
}

#define U(kind) CAIRN_UNARY_##kind
#define B(kind) CAIRN_BINARY_##kind
static const op_case_spec cases[] = {
    UNARY("relu", build_unary, U(RELU), 1, 3, 5, 17, -1, 1, 0, 0, 0, 0),
    UNARY("relu, several workgroups", build_unary, U(RELU), 3, 17, 31, 8, -1, 1, 0, 0, 0, 0),
    UNARY("hswish", build_hard, U(HSWISH), 1, 3, 5, 17, -5, 5, 3, 0, 0, 0),
    UNARY("hsigmoid, padding", build_hard, U(HSIGMOID), 1, 3, 5, 17, -5, 5, 3, 0, 0, 0),
    UNARY("sigmoid, padding", build_unary, U(SIGMOID), 3, 5, 3, 5, -9, 9, 99, 0, 0, 0),
    UNARY("sigmoid, one channel", build_unary, U(SIGMOID), 1, 7, 9, 1, -90, 90, 99, 0, 0, 0),
    UNARY("sigmoid, several workgroups", build_unary, U(SIGMOID), 2, 13, 11, 65, -3, 3, 99, 0, 0, 0),
    UNARY("exp", build_unary, U(EXP), 1, 3, 5, 3, -4, 2, 99, 0, 0, 0),
    UNARY("log", build_unary, U(LOG), 1, 3, 5, 17, 0.1, 4, 99, 0, 0, 0),
    UNARY("sqrt", build_unary, U(SQRT), 1, 3, 5, 17, 0.1, 4, 99, 0, 0, 0),
    UNARY("square", build_unary, U(SQUARE), 1, 3, 5, 17, -2, 2, 99, 0, 0, 0),
    UNARY("abs", build_unary, U(ABS), 1, 3, 5, 17, -2, 2, 0, 0, 0, 0),
    UNARY("neg", build_unary, U(NEG), 1, 3, 5, 17, -2, 2, 99, 0, 0, 0),
    UNARY("affine, padding", build_unary, U(AFFINE), 1, 3, 5, 17, -2, 2, 99, 1.5f, -0.25f, 0),
    UNARY("affine without constant", build_unary, U(AFFINE), 1, 1, 1, 1, -2, 2, 99, 1.5f, 0, 0),
    UNARY("softplus, padding", build_unary, U(SOFTPLUS), 1, 3, 5, 17, -9, 9, 99, 0, 0, 0),
    UNARY("reciprocal, padding", build_unary, U(RECIPROCAL), 1, 3, 5, 17, 0.5, 4, 99, 0, 0, 0),
    UNARY("gelu", build_unary, U(GELU), 1, 3, 5, 17, -6, 6, 99, 0, 0, 0),
    UNARY("gelu near zero", build_unary, U(GELU), 2, 3, 3, 8, -1, 1, 99, 0, 0, 0),
    UNARY("gelu, far out", build_unary, U(GELU), 1, 2, 3, 5, -60, 60, 99, 0, 0, 0),
    UNARY("gelu, tanh form", build_unary, U(GELU_TANH), 1, 3, 5, 17, -6, 6, 99, 0, 0, 0),
    UNARY("gelu, tanh form, far out", build_unary, U(GELU_TANH), 1, 2, 3, 5, -60, 60, 99, 0, 0, 0),
    {"step", build_unary, &(const unary_data){U(STEP), {1, 3, 5, 17}, -1, 1, -0.5, -0.5f, 0}, true, 0, 0},

    BINARY("add", build_binary, B(ADD), 1, 3, 5, 17, 1, 3, 5, 17, 0, 0),
    BINARY("add, several workgroups", build_binary, B(ADD), 2, 17, 31, 8, 2, 17, 31, 8, 0, 0),
    BINARY("add a vector", build_binary, B(ADD), 3, 5, 7, 17, 1, 1, 1, 17, 0, 0),
    BINARY("add a scalar, padding", build_binary, B(ADD), 3, 5, 7, 17, 1, 1, 1, 1, 0, 0),
    BINARY("add to a scalar", build_binary, B(ADD), 1, 1, 1, 1, 1, 2, 3, 5, 0, 0),
    BINARY("sub", build_binary, B(SUB), 1, 3, 5, 17, 1, 3, 5, 17, 0, 0),
    BINARY("sub a column from a row", build_binary, B(SUB), 2, 1, 5, 3, 2, 4, 1, 3, 0, 0),
    BINARY("mul", build_binary, B(MUL), 1, 1, 1, 1, 1, 1, 1, 1, 0, 0),
    BINARY("mul by a vector of each sample", build_binary, B(MUL), 3, 5, 7, 8, 3, 1, 1, 8, 0, 0),
    BINARY("mul by a map", build_binary, B(MUL), 2, 5, 7, 17, 2, 5, 7, 1, 0, 0),
    BINARY("mul by one map for all", build_binary, B(MUL), 3, 5, 7, 4, 1, 5, 7, 1, 0, 0),
    BINARY("mul N,W by H,C", build_binary, B(MUL), 3, 1, 4, 1, 1, 5, 1, 6, 0, 0),
    BINARY("mul W by N,H,C", build_binary, B(MUL), 1, 1, 4, 9, 2, 3, 1, 9, 0, 0),
    BINARY("mul, many rows by a vector", build_binary, B(MUL), 2, 31, 33, 8, 1, 1, 1, 8, 0, 0),
    BINARY("div, padding", build_binary, B(DIV), 1, 3, 5, 17, 1, 3, 5, 17, 0, 0),
    BINARY("div by a vector, padding", build_binary, B(DIV), 2, 3, 5, 5, 1, 1, 1, 5, 0, 0),
    BINARY("max", build_kinked, B(MAX), 1, 3, 5, 17, 1, 3, 5, 17, 0, 0),
    BINARY("max with a vector", build_kinked, B(MAX), 2, 3, 5, 5, 1, 1, 1, 5, 0, 0),
    BINARY("min", build_kinked, B(MIN), 1, 3, 5, 17, 1, 3, 5, 17, 0, 0),
    BINARY("min with a scalar", build_kinked, B(MIN), 1, 3, 5, 3, 1, 1, 1, 1, 0, 0),
    BINARY("huber", build_kinked, B(HUBER), 1, 3, 5, 17, 1, 3, 5, 17, 1.25f, 0),
    BINARY("huber to a vector", build_kinked, B(HUBER), 2, 3, 5, 5, 1, 1, 1, 5, 1.25f, 0),
    BINARY("bce, padding", build_logits, B(BCE), 1, 3, 5, 17, 1, 3, 5, 17, 0, 0),
    BINARY("bce, one channel", build_logits, B(BCE), 3, 7, 9, 1, 3, 7, 9, 1, 0, 0),
    BINARY("focal, padding", build_logits, B(FOCAL), 1, 3, 5, 17, 1, 3, 5, 17, 0.25f, 2),
    BINARY("focal, gamma 1.5", build_logits, B(FOCAL), 1, 7, 9, 1, 1, 7, 9, 1, 0.25f, 1.5f),
    BINARY("broadcast", build_broadcast, B(ADD), 2, 1, 1, 5, 2, 3, 4, 5, 0.5f, 0),
    BINARY("broadcast of a scalar", build_broadcast, B(ADD), 1, 1, 1, 1, 2, 3, 4, 5, -2, 0),
    BINARY("broadcast N,W", build_broadcast, B(ADD), 2, 1, 4, 1, 2, 3, 4, 5, 1, 0),
    {"x * x", build_square_by_mul, NULL, false, 0, 0},
};

/* student.md, section 4.2 */
static void focal_known_values(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    cairn_reference *r = NULL;
    assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
    cairn_tid z = cairn_graph_input(g, "z", (cairn_shape){1, 1, 1, 2});
    cairn_tid t = cairn_graph_input(g, "t", (cairn_shape){1, 1, 1, 2});
    cairn_tid y = cairn_op_focal_with_logits(g, z, t, 0.25f, 2);
    assert_int_equal(cairn_reference_create(&r, g), CAIRN_OK);
    cairn_reference_values(r, t)[1] = 1;
    assert_int_equal(cairn_reference_run(r), CAIRN_OK);
    assert_true(fabs(cairn_reference_values(r, y)[0] - 0.1300) < 5e-5);
    assert_true(fabs(cairn_reference_values(r, y)[1] - 0.0433) < 5e-5);
    cairn_reference_destroy(&r);
    cairn_graph_destroy(&g);
}

static cairn_graph *two_inputs(cairn_shape a, cairn_shape b, cairn_tid *ta, cairn_tid *tb)
{
    cairn_graph *g = NULL;
    assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
    *ta = cairn_graph_input(g, "a", a);
    *tb = cairn_graph_input(g, "b", b);
    return g;
}

static void refuses_sizes_that_do_not_broadcast(void **state)
{
    (void)state;
    cairn_tid a, b;
    cairn_graph *g = two_inputs((cairn_shape){1, 2, 3, 4}, (cairn_shape){1, 2, 2, 4}, &a, &b);
    assert_int_equal(cairn_op_add(g, a, b), CAIRN_NONE);
    op_case_refused(&g, "[1,2,3,4] and [1,2,2,4] do not broadcast");
    g = two_inputs((cairn_shape){1, 2, 3, 4}, (cairn_shape){1, 2, 2, 4}, &a, &b);
    assert_int_equal(cairn_op_broadcast(g, a, (cairn_shape){1, 2, 3, 8}), CAIRN_NONE);
    op_case_refused(&g, "does not broadcast to [1,2,3,8]");
}

static void refuses_bad_parameters(void **state)
{
    (void)state;
    cairn_tid a, b;
    cairn_graph *g = two_inputs(CAIRN_SCALAR, CAIRN_SCALAR, &a, &b);
    assert_int_equal(cairn_op_huber(g, a, b, 0), CAIRN_NONE);
    op_case_refused(&g, "delta 0 is not positive");
    g = two_inputs(CAIRN_SCALAR, CAIRN_SCALAR, &a, &b);
    assert_int_equal(cairn_op_unary(g, a, CAIRN_UNARY_COUNT, 0, 0), CAIRN_NONE);
    op_case_refused(&g, "no function");
}

int main(void)
{
    const struct CMUnitTest more[] = {
        cmocka_unit_test(focal_known_values),
        cmocka_unit_test(refuses_sizes_that_do_not_broadcast),
        cmocka_unit_test(refuses_bad_parameters),
    };
    return op_case_main("pointwise", cases, sizeof cases / sizeof *cases, more, sizeof more / sizeof *more);
}
