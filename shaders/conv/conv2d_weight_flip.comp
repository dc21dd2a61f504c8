#version 450
// conv2d_weight_flip.comp: the weight of the convolution that computes an input's gradient: in and out channels
// exchanged, taps turned round.
// computes  flipped[taps-1-t, co, ci] = weight[t, ci, co]
// bindings  0 weight [taps,1,CI,CO] read | 1 flipped [taps,1,CO,CI] write
// push      taps, ci, co, in_groups = ceil(ci/4), out_groups = ceil(co/4)
// dispatch  a linear range of taps * co * in_groups threads
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, weight);
OUTPUT(1, flipped);
layout(push_constant) uniform Push { uint taps, ci, co, in_groups, out_groups; };

void main()
{
    uint i = linear_index();
    if (i >= taps * co * in_groups) return;
    uint group = i % in_groups;
    uint row = i / in_groups;
    uint o = row % co;
    uint tap = row / co;
    uint from = (taps - 1u - tap) * ci;
    vec4 v = vec4(0.0);
    [[unroll]] for (uint c = 0u; c < 4u; ++c) {
        uint channel = min(group * 4u + c, ci - 1u);
        v[c] = LOAD(weight, (from + channel) * out_groups + o / 4u)[o % 4u];
    }
    STORE(flipped, i, zero_padding(v, group, ci));
}
