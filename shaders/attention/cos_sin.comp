#version 450
// cos_sin.comp: a table of cosines and sines side by side.
// computes  y[.., 2p] = cos(x[.., p]), y[.., 2p+1] = sin(x[.., p])
// bindings  0 x [cells][P] read | 1 y [cells][2P] write
// push      vectors (of y), y_groups, x_groups, y_channels = 2P
// dispatch  a linear range of `vectors`          host: src/ops/attention/rotary.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "sincos.glsl"

LINEAR_KERNEL;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint vectors, y_groups, x_groups, y_channels; };

void main()
{
    uint i = linear_index();
    if (i >= vectors) return;
    uint cell = i / y_groups, k = i % y_groups;
    vec4 angle = LOAD(x, cell * x_groups + k / 2u), c, s;
    cos_sin(k % 2u == 0u ? angle.xxyy : angle.zzww, c, s);
    STORE(y, i, zero_padding(vec4(c.x, s.y, c.z, s.w), k, y_channels));
}
