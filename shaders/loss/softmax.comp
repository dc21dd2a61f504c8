#version 450
// softmax.comp: softmax over the channels of each cell.
// computes  y[n,h,w,:] = exp(x - max x) / sum exp(x - max x)
// bindings  0 x [N,H,W,C] read | 1 y [N,H,W,C] write
// push      cells = N*H*W, groups = ceil(C/4), channels = C
// dispatch  a linear range of `cells` threads
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint cells, groups, channels; };
#include "softmax.glsl"

void main()
{
    uint cell = linear_index();
    if (cell >= cells) return;
    uint first = cell * groups;
    vec2 statistics = softmax_statistics(first, 1.0);
    float scale = 1.0 / statistics.y;
    for (uint k = 0u; k < groups; k++)
        STORE(y, first + k, zero_padding(exp(LOAD(x, first + k) - statistics.x) * scale, k, channels));
}
