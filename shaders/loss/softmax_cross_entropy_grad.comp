#version 450
// softmax_cross_entropy_grad.comp: gradient of the cross-entropy of a class index to the logits.
// computes  dx = (softmax(x) - onehot(label)) * dloss; 0 where the label is no class
// bindings  0 x logits [N,H,W,C] read | 1 labels [N,H,W,1] read | 2 dloss [N,H,W,1] read | 3 dx [N,H,W,C] write
// push      cells = N*H*W, groups = ceil(C/4), channels = C
// dispatch  a linear range of `cells` threads
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
INPUT(1, labels);
INPUT(2, dloss);
OUTPUT(3, dx);
layout(push_constant) uniform Push { uint cells, groups, channels; };
#include "softmax.glsl"

void main()
{
    uint cell = linear_index();
    if (cell >= cells) return;
    uint first = cell * groups;
    float label = LOAD(labels, cell).x;
    bool is_class = label >= 0.0 && label < float(channels);
    uint index = is_class ? uint(label) : 0u;
    float weight = is_class ? LOAD(dloss, cell).x : 0.0;
    vec2 statistics = softmax_statistics(first, 1.0);
    float scale = 1.0 / statistics.y;
    for (uint k = 0u; k < groups; k++) {
        vec4 p = zero_padding(exp(LOAD(x, first + k) - statistics.x) * scale, k, channels);
        uvec4 channel = uvec4(0u, 1u, 2u, 3u) + k * 4u;
        vec4 own = mix(vec4(0.0), vec4(1.0), equal(channel, uvec4(index)));
        STORE(dx, first + k, (p - own) * weight);
    }
}
