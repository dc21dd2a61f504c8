#version 450
// count.comp: how many pixels of each segment reach each of 15 scores, to find the k-th best digit by digit.
// computes  part[s][j] = pixels of segment s whose key is at least prefix + j * 2^shift, j = 1..15
// bindings  0 scores [B,H,W,1] read | 1 state [B] read: the prefix in two halves (not read with shift 28: it is 0)
//           2 parts [B*segments][4] write
// push      h, w, border, segments, threshold (top.glsl), total (segments of all), shift
// dispatch  a linear range of `total` threads          host: src/ops/sampling/top.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "top.glsl"

layout(local_size_x = 32) in;
INPUT(0, scores);
INPUT(1, state);
OUTPUT(2, parts);
layout(push_constant) uniform Push { TOP_PUSH; uint total, shift; };
#include "pixels.glsl"

void main()
{
    uint segment = gl_GlobalInvocationID.x;
    if (segment >= total) return;
    uint base = shift == 28u ? 0u : join_halves(LOAD(state, segment / segments)) >> shift;
    vec4 counts[4] = vec4[](vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
    FOR_SEGMENT(at, segment) {
        uint high = key_of(SCORE(segment, at), at) >> shift;
        float steps = high < base ? -1.0 : float(min(high - base, 15u));
        [[unroll]] for (uint k = 0u; k < 4u; k++)
            counts[k] += vec4(greaterThanEqual(vec4(steps), vec4(0.0, 1.0, 2.0, 3.0) + 4.0 * float(k)));
    }
    [[unroll]] for (uint k = 0u; k < 4u; k++) STORE(parts, segment * 4u + k, counts[k]);
}
