#version 450
// fill.comp: the same value in every element, padding channels zero.
// computes  y[...] = value
// bindings  0 y [N,H,W,C] write
// push      vectors = N*H*W*groups, groups = ceil(C/4), c = C, value
// dispatch  a linear range of `vectors` threads
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
OUTPUT(0, y);
layout(push_constant) uniform Push { uint vectors, groups, c; float value; };

void main()
{
    uint i = linear_index();
    if (i >= vectors) return;
    STORE(y, i, zero_padding(vec4(value), i % groups, c));
}
