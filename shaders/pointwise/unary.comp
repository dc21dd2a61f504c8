#version 450
// unary.comp: one function of every element.
// bindings  0 x [N,H,W,C] read | 1 y [N,H,W,C] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 KIND (enum cairn_unary), 3 PADDED: the function does not map zero to zero and
//           C is no multiple of four
// push      first, rows, columns: matrix of vec4 (columns = groups where PADDED), c, parameters a and b
// dispatch  rows.glsl          host: src/ops/pointwise.c          reference: src/reference/pointwise.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"
#include "activation.glsl"
#include "gelu.glsl"

layout(constant_id = 2) const uint KIND = 0u;
layout(constant_id = 3) const uint PADDED = 0u;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint first, rows, columns, c; float a, b; };

vec4 apply(vec4 v)
{
    switch (KIND) {
    case 0u: return max(v, 0.0);
    case 1u: return v * hsigmoid(v);
    case 2u: return hsigmoid(v);
    case 3u: return 1.0 / (1.0 + exp(-v));
    case 4u: return exp(v);
    case 5u: return log(max(v, 1e-30));
    case 6u: return sqrt(max(v, 0.0));
    case 7u: return v * v;
    case 8u: return abs(v);
    case 9u: return -v;
    case 10u: return v * a + b;
    case 11u: return mix(vec4(0.0), vec4(1.0), greaterThan(v, vec4(a)));
    case 12u: return max(v, 0.0) + log(1.0 + exp(-abs(v)));
    case 14u: return gelu(v);
    case 15u: return gelu_tanh(v);
    default: return 1.0 / v;
    }
}

void main()
{
    uint column = lane_column();
    if (column >= columns) return;
    FOR_ROWS(r, first, rows) {
        uint i = r * columns + column;
        vec4 v = apply(LOAD(x, i));
        if (PADDED != 0u) v = zero_padding(v, column, c);
        STORE(y, i, v);
    }
}
