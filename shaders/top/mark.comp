#version 450
// mark.comp: pixels of each segment that are better than the k-th best key, and as good.
// computes  part[s] = (pixels above it, pixels equal to it, 0, 0)
// bindings  0 scores [B,H,W,1] read | 1 state [B] read: the key in two halves | 2 parts [B*segments] write
// push      h, w, border, segments, threshold (top.glsl), total (segments of all)
// dispatch  `total` threads                            host: src/ops/sampling/top.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "top.glsl"

layout(local_size_x = 32) in;
INPUT(0, scores);
INPUT(1, state);
OUTPUT(2, parts);
layout(push_constant) uniform Push { TOP_PUSH; uint total; };
#include "pixels.glsl"

void main()
{
    uint segment = gl_GlobalInvocationID.x;
    if (segment >= total) return;
    uint least = max(join_halves(LOAD(state, segment / segments)), 1u);
    vec4 counts = vec4(0.0);
    FOR_SEGMENT(at, segment) {
        uint key = key_of(SCORE(segment, at), at);
        counts.xy += vec2(key > least ? 1.0 : 0.0, key == least ? 1.0 : 0.0);
    }
    STORE(parts, segment, counts);
}
