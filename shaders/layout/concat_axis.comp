#version 450
// concat_axis.comp: rows of b behind rows of a, along an axis other than the channels.
// bindings  0 a read | 1 b read | 2 y write
// push      vectors (of y), a_row, b_row: vec4 of a row around the axis
// dispatch  a linear range of `vectors` threads        host: src/ops/layout/axes.c
//           reference: src/reference/layout/layout.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, a);
INPUT(1, b);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint vectors, a_row, b_row; };

void main()
{
    uint i = linear_index();
    if (i >= vectors) return;
    uint row = i / (a_row + b_row), at = i - row * (a_row + b_row);
    vec4 v;
    if (at < a_row)
        v = LOAD(a, row * a_row + at);
    else
        v = LOAD(b, row * b_row + at - a_row);
    STORE(y, i, v);
}
