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
#include "pointwise.glsl"

layout(constant_id = 2) const uint KIND = 0u;
INPUT(0, v);
INPUT(1, dy);
OUTPUT(2, dx);
layout(push_constant) uniform Push { uint first, rows, columns; };

void main()
{
    uint column = lane_column();
    if (column >= columns) return;
    FOR_ROWS(r, first, rows) {
        uint i = r * columns + column;
        STORE(dx, i, LOAD(dy, i) * unary_slope(KIND, LOAD(v, i)));
    }
}
