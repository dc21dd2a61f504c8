#version 450
// write.comp: lists the chosen pixels: those better than the k-th best key, then as many that equal it as there is
// room for, both in raster order.
// bindings  0 scores [B,H,W,1] read | 1 state [B] read | 2 before [B*segments] read | 3 totals [B] read
//           4 list [B][k] write: (x, y, score, raster index)
// push      h, w, border, segments, threshold (top.glsl), total (segments of all), k
// dispatch  `total` threads                            host: src/ops/sampling/top.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "top.glsl"

layout(local_size_x = 32) in;
INPUT(0, scores);
INPUT(1, state);
INPUT(2, before);
INPUT(3, totals);
OUTPUT(4, list);
layout(push_constant) uniform Push { TOP_PUSH; uint total, k; };
#include "pixels.glsl"

void main()
{
    uint segment = gl_GlobalInvocationID.x;
    if (segment >= total) return;
    uint b = segment / segments, least = max(join_halves(LOAD(state, b)), 1u);
    vec4 earlier = LOAD(before, segment), all = LOAD(totals, b);
    uint better = uint(earlier.x), equal = uint(all.x) + uint(earlier.y);
    FOR_SEGMENT(at, segment) {
        float score = SCORE(segment, at);
        uint key = key_of(score, at), slot = key > least ? better++ : key == least ? equal++ : k;
        if (slot < k) STORE(list, b * k + slot, vec4(float(at % w), float(at / w), score, float(at)));
    }
}
