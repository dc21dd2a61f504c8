#version 450
// kl.comp: divergence of softmax(x / T) from softmax(teacher / T), and its gradient, for each cell.
// computes  loss = sum of q (log q - log p), q = softmax(scale * teacher), p = softmax(scale * x);
//           GRADIENT: dx = (p - q) * scale * dloss
// bindings  0 x, 1 teacher [N,H,W,C], 2 dloss [N,H,W,1] read (anything without GRADIENT) | 3 loss [N,H,W,1] or dx write
// spec      0 TEAM_LOG2, 1 GRADIENT
// push      cells, groups, channels, scale = 1 / temperature
// dispatch  team.glsl          host: src/ops/loss/losses.c          reference: src/reference/loss/likelihood.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "team.glsl"

layout(constant_id = 1) const uint GRADIENT = 0u;
INPUT(0, x);
INPUT(1, teacher);
INPUT(2, dloss);
OUTPUT(3, y);
layout(push_constant) uniform Push { uint cells, groups, channels; float scale; };

void main()
{
    TEAM_BEGIN;
    vec4 x_top = vec4(-3e38), t_top = vec4(-3e38), x_sum = vec4(0.0), t_sum = vec4(0.0), along = vec4(0.0);
    FOR_TEAM(k) {
        x_top = max(x_top, fill_padding(LOAD(x, at_first + k) * scale, k, channels, -3e38));
        t_top = max(t_top, fill_padding(LOAD(teacher, at_first + k) * scale, k, channels, -3e38));
    }
    float x_largest = team_largest(x_top), t_largest = team_largest(t_top);
    FOR_TEAM(k) {
        vec4 u = LOAD(x, at_first + k) * scale - x_largest, v = LOAD(teacher, at_first + k) * scale - t_largest;
        vec4 e = zero_padding(exp(v), k, channels);
        x_sum += zero_padding(exp(u), k, channels);
        t_sum += e;
        along += e * (v - u);
    }
    float x_total = team_sum(x_sum), t_total = team_sum(t_sum), apart = 0.0;
    if (GRADIENT == 0u) apart = team_sum(along);
    if (!live) return;
    if (GRADIENT == 0u) {
        if (team_lane() == 0u)
            STORE(y, cell, vec4(apart / t_total + (log(x_total) - log(t_total)), 0.0, 0.0, 0.0));
        return;
    }
    float d = LOAD(dloss, cell).x * scale;
    FOR_TEAM(k) {
        vec4 p = exp(LOAD(x, at_first + k) * scale - x_largest) / x_total;
        vec4 q = exp(LOAD(teacher, at_first + k) * scale - t_largest) / t_total;
        STORE(y, at_first + k, zero_padding((p - q) * d, k, channels));
    }
}
