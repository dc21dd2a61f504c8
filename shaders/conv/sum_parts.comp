#version 450
// sum_parts.comp: the second pass of a reduction: adds partial tensors in their order.
// computes  y[i] = part[0][i] + part[1][i] + ... (vec4 elements)
// bindings  0 part [parts][vectors] read | 1 y [vectors] write
// push      vectors, parts
// dispatch  a linear range of `vectors` threads
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, part);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint vectors, parts; };

void main()
{
    uint i = linear_index();
    if (i >= vectors) return;
    vec4 sum = vec4(0.0);
    for (uint p = 0u; p < parts; ++p) sum += LOAD(part, p * vectors + i);
    STORE(y, i, sum);
}
