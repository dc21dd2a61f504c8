#version 450
// window.comp: a range of one tensor at another place; zero outside the range.
// computes  y[i] = x[i + offset] where 0 <= i + offset < from, else 0; i counts vec4 elements
// bindings  0 x read | 1 y write
// push      vectors (of y), from (vectors of x), offset (signed)
// dispatch  a linear range of `vectors` threads
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint vectors, from; int offset; };

void main()
{
    uint i = linear_index();
    if (i >= vectors) return;
    int at = int(i) + offset;
    bool inside = at >= 0 && at < int(from);
    vec4 v = LOAD(x, clamp(at, 0, int(from) - 1));
    STORE(y, i, inside ? v : vec4(0.0));
}
