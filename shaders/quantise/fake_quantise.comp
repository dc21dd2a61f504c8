#version 450
// fake_quantise.comp: values rounded to what integers with a scale can hold.
// computes  y = s * (clamp(roundEven(x / s) + z, low, high) - z)
// bindings  0 x [N,H,W,C] read | 1 parameters [1,1,2,1 or C] read: s, z | 2 y write
// spec      0 PER_TENSOR
// push      vectors, groups, c, low, high
// dispatch  a linear range of `vectors` threads        host: src/ops/quantise/fake.c
//                                                      reference: src/reference/quantise/quantise.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
INPUT(1, parameters);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint vectors, groups, c; float low, high; };
#include "quantise.glsl"

void main()
{
    uint i = linear_index();
    if (i >= vectors) return;
    uint group = i % groups;
    vec4 s = positive_scale(parameter(0u, group, groups)), z = parameter(1u, group, groups);
    vec4 q = clamp(roundEven(LOAD(x, i) / s) + z, low, high);
    STORE(y, i, zero_padding(s * (q - z), group, c));
}
