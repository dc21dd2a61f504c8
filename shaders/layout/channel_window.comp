#version 450
// channel_window.comp: a range of channels at another place; zero outside the range.
// computes  y[n,h,w,c] = x[n,h,w,c + offset] where 0 <= c + offset < x_channels, else 0
// bindings  0 x [N,H,W,X] read | 1 y [N,H,W,C] write
// push      vectors (of y), x_groups, y_groups, x_channels, y_channels, offset (signed)
// dispatch  a linear range of `vectors` threads
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint vectors, x_groups, y_groups, x_channels, y_channels; int offset; };

void main()
{
    uint i = linear_index();
    if (i >= vectors) return;
    uint cell = i / y_groups, group = i % y_groups;
    int channel = int(group) * 4 + offset;           // of x, for this vec4's first component
    int low = channel >> 2, within = channel & 3;    // arithmetic: rounds down for negative channels too
    int most = int(x_groups) - 1;
    uint first = cell * x_groups;
    vec4 v0 = LOAD(x, first + uint(clamp(low, 0, most))), v1 = LOAD(x, first + uint(clamp(low + 1, 0, most)));
    vec4 v = within == 0 ? v0
             : within == 1 ? vec4(v0.yzw, v1.x)
             : within == 2 ? vec4(v0.zw, v1.xy)
                           : vec4(v0.w, v1.xyz);
    ivec4 channels = ivec4(0, 1, 2, 3) + channel;
    uvec4 above = uvec4(greaterThanEqual(channels, ivec4(0)));
    bvec4 inside = bvec4(above * uvec4(lessThan(channels, ivec4(int(x_channels)))));
    STORE(y, i, zero_padding(mix(vec4(0.0), v, inside), group, y_channels));
}
