#version 450
// smoothed.comp: cross-entropy of a class index with label smoothing, and its gradient, for each cell.
// computes  loss = sum of w (log sum exp(x) - x), w = smoothing / C, and 1 - smoothing more at the label;
//           GRADIENT: dx = (softmax(x) - w) * dloss. 0 where the label is no class
// bindings  0 x [N,H,W,C], 1 labels, 2 dloss [N,H,W,1] read (anything without GRADIENT) | 3 loss [N,H,W,1] or dx write
// spec      0 TEAM_LOG2, 1 GRADIENT
// push      cells, groups, channels, smoothing
// dispatch  team.glsl          host: src/ops/loss/losses.c          reference: src/reference/loss/likelihood.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "team.glsl"

layout(constant_id = 1) const uint GRADIENT = 0u;
INPUT(0, x);
INPUT(1, labels);
INPUT(2, dloss);
OUTPUT(3, y);
layout(push_constant) uniform Push { uint cells, groups, channels; float smoothing; };

vec4 weight_of(float label, uint k)
{
    vec4 own = mix(vec4(0.0), vec4(1.0 - smoothing), equal(ivec4(0, 1, 2, 3) + int(k * 4u), ivec4(int(label))));
    return zero_padding(own + smoothing / float(channels), k, channels);
}

void main()
{
    TEAM_BEGIN;
    float label = LOAD(labels, cell).x;
    bool is_class = label >= 0.0 && label < float(channels);
    vec4 top = vec4(-3e38), sum = vec4(0.0), loss = vec4(0.0);
    FOR_TEAM(k) top = max(top, fill_padding(LOAD(x, at_first + k), k, channels, -3e38));
    float largest = team_largest(top);
    FOR_TEAM(k) {
        vec4 v = LOAD(x, at_first + k) - largest;
        sum += zero_padding(exp(v), k, channels);
        if (GRADIENT == 0u) loss -= weight_of(label, k) * v;
    }
    float total = team_sum(sum), apart = 0.0;
    if (GRADIENT == 0u) apart = team_sum(loss);
    if (!live) return;
    if (GRADIENT == 0u) {
        if (team_lane() == 0u) STORE(y, cell, vec4(is_class ? log(total) + apart : 0.0, 0.0, 0.0, 0.0));
        return;
    }
    float d = is_class ? LOAD(dloss, cell).x : 0.0, scale = 1.0 / total;
    FOR_TEAM(k) {
        vec4 p = zero_padding(exp(LOAD(x, at_first + k) - largest) * scale, k, channels);
        STORE(y, at_first + k, (p - weight_of(label, k)) * d);
    }
}
