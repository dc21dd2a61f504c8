#version 450
// axis_window.comp: a range along an axis other than the channels, at another place; zero outside the range.
// computes  y[o][i] = x[o][i + offset] where 0 <= i + offset < x_row, else 0; i counts vec4 of a row around the axis
// bindings  0 x read | 1 y write
// push      vectors (of y), y_row, x_row, offset (signed)
// dispatch  a linear range of `vectors` threads        host: src/ops/layout/axes.c
//           reference: src/reference/layout/layout.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint vectors, y_row, x_row; int offset; };

void main()
{
    uint i = linear_index();
    if (i >= vectors) return;
    int at = int(i % y_row) + offset;
    vec4 v = LOAD(x, i / y_row * x_row + uint(clamp(at, 0, int(x_row) - 1)));
    STORE(y, i, at >= 0 && at < int(x_row) ? v : vec4(0.0));
}
