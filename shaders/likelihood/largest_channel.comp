#version 450
// largest_channel.comp: the number of the largest channel of each cell, the lowest one of equals.
// computes  y = argmax over channels of x
// bindings  0 x [N,H,W,C] read | 1 y [N,H,W,1] write
// spec      0 TEAM_LOG2
// push      cells, groups, channels
// dispatch  team.glsl          host: src/ops/loss/pick.c          reference: src/reference/loss/likelihood.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "team.glsl"

INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint cells, groups, channels; };

void main()
{
    TEAM_BEGIN;
    vec4 top = vec4(-3e38);
    FOR_TEAM(k) top = max(top, fill_padding(LOAD(x, at_first + k), k, channels, -3e38));
    float largest = team_largest(top);
    // A number is exact up to 2^24; the lowest one is the largest of the negative ones.
    vec4 number = vec4(-3e38);
    FOR_TEAM(k) {
        vec4 v = fill_padding(LOAD(x, at_first + k), k, channels, -3e38);
        vec4 own = -float(4u * k) - vec4(0.0, 1.0, 2.0, 3.0);
        number = max(number, mix(vec4(-3e38), own, equal(v, vec4(largest))));
    }
    float best = -team_largest(number);
    if (live && team_lane() == 0u) STORE(y, cell, vec4(best < 3e38 ? best : 0.0, 0.0, 0.0, 0.0));
}
