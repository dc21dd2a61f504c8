#version 450
// unary.comp: one function of every element.
// bindings  0 x [N,H,W,C] read | 1 y [N,H,W,C] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 KIND (enum cairn_unary), 3 PADDED: the function does not map zero to zero and
//           C is no multiple of four
// push      first, rows, columns: matrix of vec4 (columns = groups where PADDED), c, parameters a and b
// dispatch  rows.glsl          host: src/ops/pointwise/pointwise.c
//           reference: src/reference/pointwise/pointwise.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"
#include "pointwise.glsl"

layout(constant_id = 2) const uint KIND = 0u;
layout(constant_id = 3) const uint PADDED = 0u;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint first, rows, columns, c; float a, b; };

void main()
{
    uint column = lane_column();
    if (column >= columns) return;
    FOR_ROWS(r, first, rows) {
        uint i = r * columns + column;
        vec4 v = unary_value(KIND, LOAD(x, i), a, b);
        if (PADDED != 0u) v = zero_padding(v, column, c);
        STORE(y, i, v);
    }
}
