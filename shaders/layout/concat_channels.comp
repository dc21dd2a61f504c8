#version 450
// concat_channels.comp: the channels of b behind those of a.
// bindings  0 a [N,H,W,A] read | 1 b [N,H,W,B] read | 2 y [N,H,W,A+B] write
// push      vectors (of y), a_channels, b_channels
// dispatch  a linear range of `vectors` threads        host: src/ops/layout/axes.c
//           reference: src/reference/layout/layout.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, a);
INPUT(1, b);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint vectors, a_channels, b_channels; };

void main()
{
    uint i = linear_index();
    if (i >= vectors) return;
    uint a_groups = (a_channels + 3u) / 4u, b_groups = (b_channels + 3u) / 4u;
    uint groups = (a_channels + b_channels + 3u) / 4u, cell = i / groups, group = i % groups;
    int channel = int(group * 4u) - int(a_channels); // of b, for this vec4's first component
    int low = channel >> 2, within = channel & 3, most = int(b_groups) - 1;
    vec4 from_a = LOAD(a, cell * a_groups + min(group, a_groups - 1u));
    vec4 v0 = LOAD(b, cell * b_groups + uint(clamp(low, 0, most)));
    vec4 v1 = LOAD(b, cell * b_groups + uint(clamp(low + 1, 0, most)));
    vec4 from_b = within == 0 ? v0
                  : within == 1 ? vec4(v0.yzw, v1.x)
                  : within == 2 ? vec4(v0.zw, v1.xy)
                                : vec4(v0.w, v1.xyz);
    bvec4 is_b = greaterThanEqual(ivec4(0, 1, 2, 3) + channel, ivec4(0));
    STORE(y, i, zero_padding(mix(from_a, from_b, is_b), group, a_channels + b_channels));
}
