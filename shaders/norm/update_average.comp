#version 450
// update_average.comp: running = (1 - weight) * running + weight * scale * value.
// bindings  0 running read and written | 1 value read
// push      vectors, weight, scale
// dispatch  a linear range of vectors          host: src/ops/norm/norm.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
UPDATE(0, running);
INPUT(1, value);
layout(push_constant) uniform Push { uint vectors; float weight, scale; };

void main()
{
    uint i = linear_index();
    if (i >= vectors) return;
    vec4 old = LOAD_UPDATE(running, i);
    STORE(running, i, old + weight * (scale * LOAD(value, i) - old));
}
