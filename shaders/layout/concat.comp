#version 450
// concat.comp: one tensor behind another.
// computes  y[i] = i < split ? a[i] : b[i - split]; i counts vec4 elements
// bindings  0 a read | 1 b read | 2 y write
// push      vectors (of y), split (vectors of a)
// dispatch  a linear range of `vectors` threads
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, a);
INPUT(1, b);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint vectors, split; };

void main()
{
    uint i = linear_index();
    if (i >= vectors) return;
    vec4 v;
    if (i < split)
        v = LOAD(a, i);
    else
        v = LOAD(b, i - split);
    STORE(y, i, v);
}
