#include "reference/pointwise/pointwise.h"

#include <math.h>

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}
static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}
static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static const double SQRT_2_PI = 0.79788456080286535588; /* sqrt(2 / pi) */
static double normal(double x)
{
    return erfc(-x * 0.70710678118654752440) / 2;
}

static double unary(const cairn_unary_attributes *at, double x)
{
    switch (at->kind) {
    case CAIRN_UNARY_RELU:
        return fmax(x, 0);
    case CAIRN_UNARY_HSWISH:
        return x * clamp(x + 3, 0, 6) / 6;
    case CAIRN_UNARY_HSIGMOID:
        return clamp(x + 3, 0, 6) / 6;
    case CAIRN_UNARY_SIGMOID:
        return sigmoid(x);
    case CAIRN_UNARY_EXP:
        return exp(x);
    case CAIRN_UNARY_LOG:
        return log(fmax(x, 1e-30));
    case CAIRN_UNARY_SQRT:
        return sqrt(fmax(x, 0));
    case CAIRN_UNARY_SQUARE:
        return x * x;
    case CAIRN_UNARY_ABS:
        return fabs(x);
    case CAIRN_UNARY_NEG:
        return -x;
    case CAIRN_UNARY_AFFINE:
        return at->a * x + at->b;
    case CAIRN_UNARY_STEP:
        return x > at->a;
    case CAIRN_UNARY_SOFTPLUS:
        return softplus(x);
    case CAIRN_UNARY_GELU:
        return x * normal(x);
    case CAIRN_UNARY_GELU_TANH:
        return x / 2 * (1 + tanh(SQRT_2_PI * (x + 0.044715 * x * x * x)));
    default:
        return 1 / x;
    }
}

/* v is the argument or the result, as the gradient node was given it */
static double unary_slope(cairn_unary kind, double v)
{
    switch (kind) {
    case CAIRN_UNARY_RELU:
        return v > 0;
    case CAIRN_UNARY_HSWISH:
        return v <= -3 ? 0 : v >= 3 ? 1 : (2 * v + 3) / 6;
    case CAIRN_UNARY_HSIGMOID:
        return fabs(v) < 3 ? 1.0 / 6 : 0;
    case CAIRN_UNARY_SIGMOID:
        return v * (1 - v);
    case CAIRN_UNARY_EXP:
        return v;
    case CAIRN_UNARY_LOG:
        return v > 1e-30 ? 1 / v : 0;
    case CAIRN_UNARY_SQRT:
        return v > 0 ? 0.5 / v : 0;
    case CAIRN_UNARY_SQUARE:
        return 2 * v;
    case CAIRN_UNARY_ABS:
        return (v > 0) - (v < 0);
    case CAIRN_UNARY_SOFTPLUS:
        return sigmoid(v);
    case CAIRN_UNARY_GELU:
        return normal(v) + v * exp(-v * v / 2) * SQRT_2_PI / 2;
    case CAIRN_UNARY_GELU_TANH: {
        double t = tanh(SQRT_2_PI * (v + 0.044715 * v * v * v));
        return (1 + t) / 2 + v / 2 * (1 - t * t) * SQRT_2_PI * (1 + 3 * 0.044715 * v * v);
    }
    default:
        return -v * v;
    }
}

void cairn_ref_unary(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    int64_t count = cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
    for (int64_t i = 0; i < count; i++) out[0][i] = unary(cairn_node_attributes(node), in[0][i]);
}

void cairn_ref_unary_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_unary_attributes *at = cairn_node_attributes(node);
    int64_t count = cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
    for (int64_t i = 0; i < count; i++) out[0][i] = in[1][i] * unary_slope(at->kind, in[0][i]);
}

static double binary(const cairn_binary_attributes *at, double a, double b)
{
    double d = fabs(a - b), p = sigmoid(a), bce = softplus(a) - a * b;
    switch (at->kind) {
    case CAIRN_BINARY_ADD:
        return a + b;
    case CAIRN_BINARY_SUB:
        return a - b;
    case CAIRN_BINARY_MUL:
        return a * b;
    case CAIRN_BINARY_DIV:
        return a / b;
    case CAIRN_BINARY_MAX:
        return fmax(a, b);
    case CAIRN_BINARY_MIN:
        return fmin(a, b);
    case CAIRN_BINARY_HUBER:
        return d <= at->p0 ? d * d / 2 : at->p0 * (d - at->p0 / 2.0);
    case CAIRN_BINARY_BCE:
        return bce;
    default:
        return (at->p0 * b + (1.0 - at->p0) * (1 - b)) * pow(p * (1 - b) + (1 - p) * b, at->p1) * bce;
    }
}

static double focal_slope(const cairn_binary_attributes *at, double z, double t)
{
    double p = sigmoid(z), pt = p * t + (1 - p) * (1 - t), weight = at->p0 * t + (1.0 - at->p0) * (1 - t);
    double bce = softplus(z) - z * t, dpt = (2 * t - 1) * p * (1 - p);
    return weight * (pow(1 - pt, at->p1) * (p - t) - at->p1 * pow(1 - pt, at->p1 - 1.0) * dpt * bce);
}

static double binary_slope(const cairn_binary_attributes *at, double a, double b)
{
    switch (at->grad) {
    case CAIRN_BINARY_GRAD_MAX_A:
        return a >= b;
    case CAIRN_BINARY_GRAD_MAX_B:
        return a < b;
    case CAIRN_BINARY_GRAD_MIN_A:
        return a <= b;
    case CAIRN_BINARY_GRAD_MIN_B:
        return a > b;
    case CAIRN_BINARY_GRAD_HUBER:
        return clamp(a - b, -at->p0, at->p0);
    case CAIRN_BINARY_GRAD_BCE:
        return sigmoid(a) - b;
    default:
        return focal_slope(at, a, b);
    }
}

static void each_pair(const cairn_node *node, const cairn_graph *g, double *const *in, double *out, bool gradient)
{
    const cairn_binary_attributes *at = cairn_node_attributes(node);
    cairn_shape a = cairn_graph_shape(g, node->inputs[0]), b = cairn_graph_shape(g, node->inputs[1]);
    cairn_shape s = cairn_graph_shape(g, node->outputs[0]);
    int64_t i = 0;
    for (int32_t n = 0; n < s.n; n++)
        for (int32_t y = 0; y < s.h; y++)
            for (int32_t x = 0; x < s.w; x++)
                for (int32_t c = 0; c < s.c; c++, i++) {
                    double u = in[0][cairn_ref_broadcast_index(a, n, y, x, c)];
                    double v = in[1][cairn_ref_broadcast_index(b, n, y, x, c)];
                    out[i] = gradient ? in[2][i] * binary_slope(at, u, v) : binary(at, u, v);
                }
}

void cairn_ref_binary(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    each_pair(node, g, in, out[0], false);
}

void cairn_ref_binary_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    each_pair(node, g, in, out[0], true);
}

void cairn_ref_broadcast(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_binary_attributes *at = cairn_node_attributes(node);
    cairn_shape x = cairn_graph_shape(g, node->inputs[0]), s = cairn_graph_shape(g, node->outputs[0]);
    int64_t i = 0;
    for (int32_t n = 0; n < s.n; n++)
        for (int32_t h = 0; h < s.h; h++)
            for (int32_t w = 0; w < s.w; w++)
                for (int32_t c = 0; c < s.c; c++, i++)
                    out[0][i] = at->p0 * in[0][cairn_ref_broadcast_index(x, n, h, w, c)];
}
