#version 450
// fake_quantise_grad.comp: straight-through gradient of fake_quantise.
// computes  dx = dy where low <= roundEven(x / s) + z <= high, else 0
// bindings  0 x [N,H,W,C] read | 1 parameters [1,1,2,1 or C] read: s, z | 2 dy read | 3 dx write
// spec      0 PER_TENSOR
// push      vectors, groups, c, low, high
// dispatch  a linear range of `vectors` threads        host: src/ops/quantise/fake.c
//                                                      reference: src/reference/quantise/quantise.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
INPUT(1, parameters);
INPUT(2, dy);
OUTPUT(3, dx);
layout(push_constant) uniform Push { uint vectors, groups, c; float low, high; };
#include "quantise.glsl"

void main()
{
    uint i = linear_index();
    if (i >= vectors) return;
    uint group = i % groups;
    vec4 q = roundEven(LOAD(x, i) / positive_scale(parameter(0u, group, groups))) + parameter(1u, group, groups);
    STORE(dx, i, mix(LOAD(dy, i), vec4(0.0), notEqual(q, clamp(q, low, high)))); // dy's padding is zero
}
