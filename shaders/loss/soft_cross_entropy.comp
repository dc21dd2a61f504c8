#version 450
// soft_cross_entropy.comp: cross-entropy of a distribution under the softmax of scaled logits, for each cell.
// computes  loss = sum over channels of target * (log(sum exp(s x)) - s x), s = 1 / temperature
// bindings  0 x logits [N,H,W,C] read | 1 target [N,H,W,C] read | 2 loss [N,H,W,1] write
// push      cells = N*H*W, groups = ceil(C/4), channels = C, scale = 1 / temperature
// dispatch  a linear range of `cells` threads
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
INPUT(1, target);
OUTPUT(2, loss);
layout(push_constant) uniform Push { uint cells, groups, channels; float scale; };
#include "softmax.glsl"

void main()
{
    uint cell = linear_index();
    if (cell >= cells) return;
    uint first = cell * groups;
    vec2 statistics = softmax_statistics(first, scale);
    float logarithm = log(statistics.y), result = 0.0;
    for (uint k = 0u; k < groups; k++) /* the target's padding is zero */
        result += dot(LOAD(target, first + k), logarithm + (statistics.x - LOAD(x, first + k) * scale));
    STORE(loss, cell, vec4(result, 0.0, 0.0, 0.0));
}
