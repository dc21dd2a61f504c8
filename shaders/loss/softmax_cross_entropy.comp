#version 450
// softmax_cross_entropy.comp: cross-entropy of a class index under the softmax of logits, for each cell.
// computes  loss = log(sum exp(x)) - x[label]; 0 where the label is no class
// bindings  0 x logits [N,H,W,C] read | 1 labels [N,H,W,1] read | 2 loss [N,H,W,1] write
// push      cells = N*H*W, groups = ceil(C/4), channels = C
// dispatch  a linear range of `cells` threads
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
INPUT(1, labels);
OUTPUT(2, loss);
layout(push_constant) uniform Push { uint cells, groups, channels; };
#include "softmax.glsl"

void main()
{
    uint cell = linear_index();
    if (cell >= cells) return;
    uint first = cell * groups;
    float label = LOAD(labels, cell).x;
    float result = 0.0;
    if (label >= 0.0 && label < float(channels)) {
        uint index = uint(label);
        vec2 statistics = softmax_statistics(first, 1.0);
        vec4 at = LOAD(x, first + index / 4u);
        uint k = index % 4u;
        float own = k == 0u ? at.x : k == 1u ? at.y : k == 2u ? at.z : at.w;
        result = log(statistics.y) + (statistics.x - own);
    }
    STORE(loss, cell, vec4(result, 0.0, 0.0, 0.0));
}
