#version 450
// statistics_finish.texel.comp: sums the chunks' squares in two dispatches, because there is no barrier: first 64
// lanes, each a run of chunks, then one lane their sums.
// bindings  0 parts [count] read | 1 y write: [64] sums, or with LAST the statistics [1,1,1,4]
// spec      0 LAST
// push      count
// dispatch  64 lanes, or with LAST one                  host: src/ops/optimiser/clip.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "statistics.glsl"
layout(local_size_x = 8) in;
layout(constant_id = 0) const uint LAST = 0u;
INPUT(0, parts);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint count; };

void main()
{
    uint lane = gl_GlobalInvocationID.x, run = LAST != 0u ? count : (count + 63u) / 64u;
    if (lane >= (LAST != 0u ? 1u : 64u)) return;
    vec4 sum = vec4(0.0);
    for (uint i = min(lane * run, count), end = min(i + run, count); i < end; i++) sum += LOAD(parts, i);
    STORE(y, lane, LAST != 0u ? statistics_of(sum) : sum);
}
