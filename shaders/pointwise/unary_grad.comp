#version 450
// unary_grad.comp: gradient of unary.comp.
// computes  dx = dy * f'(x), from x or from y as the kind says
// bindings  0 v: x (hswish, hsigmoid, log, square, abs, softplus, gelu) or y (the others) read | 1 dy read | 2 dx write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 KIND (enum cairn_unary)
// push      first, rows, columns: matrix of vec4
// padding   dy is zero there; where f' is not finite the result is defined as zero
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"
#include "activation.glsl"
#include "gelu.glsl"

layout(constant_id = 2) const uint KIND = 0u;
INPUT(0, v);
INPUT(1, dy);
OUTPUT(2, dx);
layout(push_constant) uniform Push { uint first, rows, columns; };

vec4 slope(vec4 u)
{
    switch (KIND) {
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

void main()
{
    uint column = lane_column();
    if (column >= columns) return;
    FOR_ROWS(r, first, rows) {
        uint i = r * columns + column;
        STORE(dx, i, LOAD(dy, i) * slope(LOAD(v, i)));
    }
}
