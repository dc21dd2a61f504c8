#version 450
// grad_input.comp: gradient of layer_norm to x.
// computes  dx = inverse * (d - mean of d - xhat * mean of d * xhat), d = dy * gamma, xhat = (x - mean) * inverse
// bindings  0 x, 1 dy [N,H,W,C] read | 2 statistics [N,H,W,2] read | 3 gamma [1,1,1,C] read (anything where absent)
//           4 dx write
// spec      0 TEAM_LOG2, 1 HAS_GAMMA
// push      cells = N*H*W, groups = ceil(C/4), channels
// dispatch  team.glsl          host: src/ops/norm/layer_norm.c          reference: src/reference/norm/layer_norm.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "team.glsl"

layout(constant_id = 1) const uint HAS_GAMMA = 0u;
INPUT(0, x);
INPUT(1, dy);
INPUT(2, statistics);
INPUT(3, gamma);
OUTPUT(4, dx);
layout(push_constant) uniform Push { uint cells, groups, channels; };

void main()
{
    TEAM_BEGIN;
    vec2 s = LOAD(statistics, cell).xy;
    vec4 sum = vec4(0.0), along = vec4(0.0);
    FOR_TEAM(k) { // dy's padding is zero
        vec4 v = LOAD(x, at_first + k), d = LOAD(dy, at_first + k);
        if (HAS_GAMMA != 0u) d *= LOAD(gamma, k);
        sum += d;
        along += d * ((v - s.x) * s.y);
    }
    float mean = team_sum(sum) / float(channels), slope = team_sum(along) / float(channels);
    if (!live) return;
    FOR_TEAM(k) {
        vec4 v = LOAD(x, at_first + k), d = LOAD(dy, at_first + k);
        if (HAS_GAMMA != 0u) d *= LOAD(gamma, k);
        STORE(dx, at_first + k, zero_padding(s.y * (d - mean - (v - s.x) * s.y * slope), k, channels));
    }
}
