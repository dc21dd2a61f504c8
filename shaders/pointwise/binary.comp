#version 450
// binary.comp: y = f(a, b), broadcasting on both sides.
// bindings  0 a read | 1 b read | 2 y [N,H,W,C] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2.. binary.glsl (KIND: enum cairn_binary)
// push      binary.glsl; parameters: huber delta; focal alpha, gamma; broadcast: factor
// dispatch  rows.glsl; z: planes          host: src/ops/pointwise.c          reference: src/reference/pointwise.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"
#include "binary.glsl"

INPUT(0, a);
INPUT(1, b);
OUTPUT(2, y);

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
vec4 apply(vec4 u, vec4 v)
{
    switch (KIND) {
    case 0u: return u + v;
    case 1u: return u - v;
    case 2u: return u * v;
    case 3u: return u / v;
    case 4u: return max(u, v);
    case 5u: return min(u, v);
    case 6u: return huber(u - v, parameter0);
    case 7u: return softplus(u) - u * v;
    case 8u: return focal(u, v, parameter0, parameter1);
    default: return u * parameter0; // broadcast of a alone
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
        vec4 w = apply(u, v);
        if (PADDED != 0u) w = zero_padding(w, column, c);
        STORE(y, y_base + r * columns, w);
    }
}
