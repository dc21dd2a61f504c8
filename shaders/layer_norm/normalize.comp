#version 450
// normalize.comp: normalisation over the channels of each cell.
// computes  y = (x - mean) * inverse * gamma + beta, inverse = 1 / sqrt(variance + eps), the variance divided by C
// bindings  0 x [N,H,W,C] read | 1 gamma, 2 beta [1,1,1,C] read (anything where absent) | 3 y write
//           4 statistics [N,H,W,2] write: mean, inverse
// spec      0 TEAM_LOG2, 1 HAS_GAMMA, 2 HAS_BETA
// push      cells = N*H*W, groups = ceil(C/4), channels, eps
// dispatch  team.glsl          host: src/ops/norm/layer_norm.c          reference: src/reference/norm/layer_norm.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "team.glsl"

layout(constant_id = 1) const uint HAS_GAMMA = 0u;
layout(constant_id = 2) const uint HAS_BETA = 0u;
INPUT(0, x);
INPUT(1, gamma);
INPUT(2, beta);
OUTPUT(3, y);
OUTPUT(4, statistics);
layout(push_constant) uniform Push { uint cells, groups, channels; float eps; };

void main()
{
    TEAM_BEGIN;
    vec4 sum = vec4(0.0), square = vec4(0.0);
    FOR_TEAM(k) sum += LOAD(x, at_first + k);
    float mean = team_sum(sum) / float(channels);
    FOR_TEAM(k) {
        vec4 d = zero_padding(LOAD(x, at_first + k) - mean, k, channels);
        square += d * d;
    }
    float inverse = 1.0 / sqrt(team_sum(square) / float(channels) + eps);
    if (!live) return;
    FOR_TEAM(k) {
        vec4 v = (LOAD(x, at_first + k) - mean) * inverse;
        if (HAS_GAMMA != 0u) v *= LOAD(gamma, k);
        if (HAS_BETA != 0u) v += LOAD(beta, k);
        STORE(y, at_first + k, zero_padding(v, k, channels));
    }
    if (team_lane() == 0u) STORE(statistics, cell, vec4(mean, inverse, 0.0, 0.0));
}
