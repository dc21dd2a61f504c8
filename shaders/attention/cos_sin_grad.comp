#version 450
// cos_sin_grad.comp: gradient of cos_sin to the angles.
// computes  dx[.., p] = cos * dsin - sin * dcos
// bindings  0 y, 1 dy [cells][2P] read | 2 dx [cells][P] write
// push      vectors (of x), x_groups, y_groups
// dispatch  a linear range of `vectors`          host: src/ops/attention/rotary.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, y);
INPUT(1, dy);
OUTPUT(2, dx);
layout(push_constant) uniform Push { uint vectors, x_groups, y_groups; };

void main()
{
    uint i = linear_index();
    if (i >= vectors) return;
    uint cell = i / x_groups, k = i % x_groups;
    uint first = cell * y_groups + 2u * k, next = cell * y_groups + min(2u * k + 1u, y_groups - 1u);
    vec4 t0 = LOAD(y, first), t1 = LOAD(y, next), d0 = LOAD(dy, first), d1 = LOAD(dy, next);
    if (2u * k + 1u >= y_groups) d1 = vec4(0.0);
    STORE(dx, i, vec4(t0.xz, t1.xz) * vec4(d0.yw, d1.yw) - vec4(t0.yw, t1.yw) * vec4(d0.xz, d1.xz)); // padding: 0 - 0
}
