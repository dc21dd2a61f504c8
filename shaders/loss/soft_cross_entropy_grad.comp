#version 450
// soft_cross_entropy_grad.comp: gradient of the cross-entropy of a distribution to the logits.
// computes  dx = (softmax(s x) * sum target - target) * s * dloss, s = 1 / temperature
// bindings  0 x logits [N,H,W,C] read | 1 target [N,H,W,C] read | 2 dloss [N,H,W,1] read | 3 dx [N,H,W,C] write
// push      cells = N*H*W, groups = ceil(C/4), channels = C, scale = 1 / temperature
// dispatch  a linear range of `cells` threads
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
INPUT(1, target);
INPUT(2, dloss);
OUTPUT(3, dx);
layout(push_constant) uniform Push { uint cells, groups, channels; float scale; };
#include "softmax.glsl"

void main()
{
    uint cell = linear_index();
    if (cell >= cells) return;
    uint first = cell * groups;
    float weight = LOAD(dloss, cell).x * scale, mass = 0.0;
    vec2 statistics = softmax_statistics(first, scale);
    for (uint k = 0u; k < groups; k++) mass += sum_of(LOAD(target, first + k));
    float factor = mass / statistics.y;
    for (uint k = 0u; k < groups; k++) {
        vec4 p = zero_padding(exp(LOAD(x, first + k) * scale - statistics.x) * factor, k, channels);
        STORE(dx, first + k, (p - LOAD(target, first + k)) * weight);
    }
}
