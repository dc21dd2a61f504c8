// The functions of single elements and of pairs, and their slopes: shared by the kernels of shaders/pointwise and by
// the kernels that src/graph/fuse writes at run time. Kinds are numbered as in src/ops/pointwise/pointwise.h.
#include "activation.glsl"
#include "gelu.glsl"

vec4 sigmoid(vec4 z)
{
    return 1.0 / (1.0 + exp(-z));
}
vec4 softplus(vec4 z)
{
    return max(z, 0.0) + log(1.0 + exp(-abs(z)));
}

// enum cairn_unary; a and b: parameters of affine and step
vec4 unary_value(uint kind, vec4 v, float a, float b)
{
    switch (kind) {
    case 0u: return max(v, 0.0);
    case 1u: return v * hsigmoid(v);
    case 2u: return hsigmoid(v);
    case 3u: return sigmoid(v);
    case 4u: return exp(v);
    case 5u: return log(max(v, 1e-30));
    case 6u: return sqrt(max(v, 0.0));
    case 7u: return v * v;
    case 8u: return abs(v);
    case 9u: return -v;
    case 10u: return v * a + b;
    case 11u: return mix(vec4(0.0), vec4(1.0), greaterThan(v, vec4(a)));
    case 12u: return softplus(v);
    case 14u: return gelu(v);
    case 15u: return gelu_tanh(v);
    default: return 1.0 / v;
    }
}
// The derivative; u is the argument or the result, as gradient_reads_result of src/ops/pointwise/pointwise.c says.
vec4 unary_slope(uint kind, vec4 u)
{
    switch (kind) {
    case 0u: return mix(vec4(0.0), vec4(1.0), greaterThan(u, vec4(0.0)));
    case 1u: return hswish_slope(u);
    case 2u: return mix(vec4(0.0), vec4(1.0 / 6.0), lessThan(abs(u), vec4(3.0)));
    case 3u: return u * (1.0 - u);
    case 4u: return u;
    case 5u: return mix(vec4(0.0), 1.0 / u, greaterThan(u, vec4(1e-30)));
    case 6u: return mix(vec4(0.0), 0.5 / u, greaterThan(u, vec4(0.0)));
    case 7u: return 2.0 * u;
    case 8u: return sign(u);
    case 12u: return 1.0 / (1.0 + exp(-u));
    case 14u: return gelu_slope(u);
    case 15u: return gelu_tanh_slope(u);
    default: return -u * u;
    }
}

vec4 huber(vec4 d, float delta)
{
    vec4 m = abs(d);
    return mix(delta * (m - 0.5 * delta), 0.5 * d * d, lessThanEqual(m, vec4(delta)));
}
vec4 focal(vec4 z, vec4 t, float alpha, float gamma)
{
    vec4 p = sigmoid(z);
    vec4 q = p * (1.0 - t) + sigmoid(-z) * t; // 1 - pt without cancellation
    vec4 at = alpha * t + (1.0 - alpha) * (1.0 - t);
    vec4 weight = gamma == 2.0 ? q * q : pow(max(q, 1e-30), vec4(gamma));
    return at * weight * (softplus(z) - t * z);
}
// with p = sigmoid(z), q = 1 - pt: at q^(gamma-1) (q (p - t) - gamma (2t - 1) p (1 - p) ce)
vec4 focal_slope(vec4 z, vec4 t, float alpha, float gamma)
{
    vec4 p = sigmoid(z), n = sigmoid(-z);
    vec4 q = p * (1.0 - t) + n * t;
    vec4 at = alpha * t + (1.0 - alpha) * (1.0 - t);
    vec4 weight = gamma == 2.0 ? q : pow(max(q, 1e-30), vec4(gamma - 1.0));
    vec4 residual = p * (1.0 - t) - n * t; // p - t
    return at * weight * (q * residual - gamma * (2.0 * t - 1.0) * p * n * (softplus(z) - t * z));
}
// enum cairn_binary; parameters: huber delta; focal alpha, gamma; behind the last kind: a alone times p0 (broadcast)
vec4 binary_value(uint kind, vec4 u, vec4 v, float p0, float p1)
{
    switch (kind) {
    case 0u: return u + v;
    case 1u: return u - v;
    case 2u: return u * v;
    case 3u: return u / v;
    case 4u: return max(u, v);
    case 5u: return min(u, v);
    case 6u: return huber(u - v, p0);
    case 7u: return softplus(u) - u * v;
    case 8u: return focal(u, v, p0, p1);
    default: return u * p0;
    }
}
// enum cairn_binary_grad: the derivative with respect to a (max, min: of either)
vec4 binary_slope(uint kind, vec4 u, vec4 v, float p0, float p1)
{
    const vec4 zero = vec4(0.0), one = vec4(1.0);
    switch (kind) {
    case 0u: return mix(zero, one, greaterThanEqual(u, v)); // max, a: a tie belongs to a
    case 1u: return mix(zero, one, lessThan(u, v));         // max, b
    case 2u: return mix(zero, one, lessThanEqual(u, v));    // min, a
    case 3u: return mix(zero, one, greaterThan(u, v));      // min, b
    case 4u: return clamp(u - v, -p0, p0);
    case 5u: return sigmoid(u) * (1.0 - v) - sigmoid(-u) * v;
    default: return focal_slope(u, v, p0, p1);
    }
}
