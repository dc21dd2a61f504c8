#version 450
// lse_channels.comp: log of the sum of exp over the channels of each cell.
// computes  y = log(sum of exp(x) over the channels that the mask keeps); 0 where it keeps none
// bindings  0 x [N,H,W,C] read | 1 mask [N,1,1,C] read (anything where absent) | 2 y [N,H,W,1] write
// spec      0 TEAM_LOG2, 1 HAS_MASK
// push      cells, groups, channels, cells of one batch element
// dispatch  team.glsl          host: src/ops/loss/log_sum_exp.c          reference: src/reference/loss/likelihood.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "team.glsl"

layout(constant_id = 1) const uint HAS_MASK = 0u;
INPUT(0, x);
INPUT(1, mask);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint cells, groups, channels, per_sample; };

vec4 kept_value(uint cell, uint at_first, uint k)
{
    vec4 v = LOAD(x, at_first + k);
    if (HAS_MASK != 0u)
        v = mix(vec4(-3e38), v, greaterThan(LOAD(mask, cell / per_sample * groups + k), vec4(0.5)));
    return fill_padding(v, k, channels, -3e38);
}

void main()
{
    TEAM_BEGIN;
    vec4 top = vec4(-3e38), sum = vec4(0.0);
    FOR_TEAM(k) top = max(top, kept_value(cell, at_first, k));
    float largest = team_largest(top);
    FOR_TEAM(k) {
        vec4 v = kept_value(cell, at_first, k);
        sum += mix(vec4(0.0), exp(v - largest), greaterThan(v, vec4(-1e38)));
    }
    float total = team_sum(sum);
    if (live && team_lane() == 0u)
        STORE(y, cell, vec4(largest > -1e38 ? largest + log(total) : 0.0, 0.0, 0.0, 0.0));
}
