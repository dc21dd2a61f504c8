#version 450
// binary_grad.comp: gradient of binary.comp with respect to the first operand (kinds max, min: of either), in the
// shape of the result; the sum down to the operand's shape is another op.
// bindings  0 a read | 1 b read | 2 dy [N,H,W,C] read | 3 da [N,H,W,C] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2.. binary.glsl; KIND: enum binary_grad of src/ops/pointwise.c
// push      binary.glsl
// source    max, min: a tie belongs to a. focal: with p = sigmoid(z), q = 1 - pt,
//           dL/dz = at q^(gamma-1) (q (p - t) - gamma (2t - 1) p (1 - p) ce)
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"
#include "binary.glsl"

INPUT(0, a);
INPUT(1, b);
INPUT(2, dy);
OUTPUT(3, da);

vec4 focal_slope(vec4 z, vec4 t, float alpha, float gamma)
{
    vec4 p = sigmoid(z), n = sigmoid(-z);
    vec4 q = p * (1.0 - t) + n * t;
    vec4 at = alpha * t + (1.0 - alpha) * (1.0 - t);
    vec4 weight = gamma == 2.0 ? q : pow(max(q, 1e-30), vec4(gamma - 1.0));
    vec4 residual = p * (1.0 - t) - n * t; // p - t
    return at * weight * (q * residual - gamma * (2.0 * t - 1.0) * p * n * (softplus(z) - t * z));
}
vec4 slope(vec4 u, vec4 v)
{
    const vec4 zero = vec4(0.0), one = vec4(1.0);
    switch (KIND) {
    case 0u: return mix(zero, one, greaterThanEqual(u, v)); // max, a
    case 1u: return mix(zero, one, lessThan(u, v));         // max, b
    case 2u: return mix(zero, one, lessThanEqual(u, v));    // min, a
    case 3u: return mix(zero, one, greaterThan(u, v));      // min, b
    case 4u: return clamp(u - v, -parameter0, parameter0);
    case 5u: return sigmoid(u) * (1.0 - v) - sigmoid(-u) * v;
    default: return focal_slope(u, v, parameter0, parameter1);
    }
}

void main()
{
    uint column = lane_column();
    if (column >= columns) return;
    uint a_base = operand_base(a_outer, a_plane, a_column, column);
    uint b_base = operand_base(b_outer, b_plane, b_column, column);
    uint y_base = gl_WorkGroupID.z * rows * columns + column;
    FOR_ROWS(r, first, rows) {
        vec4 u = LOAD(a, a_base + r * a_row), v = LOAD(b, b_base + r * b_row);
        if (SPLAT_A != 0u) u = u.xxxx;
        if (SPLAT_B != 0u) v = v.xxxx;
        STORE(da, y_base + r * columns, LOAD(dy, y_base + r * columns) * slope(u, v));
    }
}
