#version 450
// scan.simt.comp: how many of each kind lie in earlier segments; a workgroup for a map, a lane for a run.
// bindings  0 parts [B*segments] read | 1 before [B*segments] write | 2 totals [B] write | 3 count [B,1,1,1] write
// push      segments, k
// dispatch  64 lanes for each batch element            host: src/ops/sampling/top.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 64) in;
INPUT(0, parts);
OUTPUT(1, before);
OUTPUT(2, totals);
OUTPUT(3, count);
layout(push_constant) uniform Push { uint segments, k; };
shared vec4 runs[64];

void main()
{
    uint b = gl_WorkGroupID.x, lane = gl_LocalInvocationID.x, run = (segments + 63u) / 64u;
    uint first = b * segments + min(lane * run, segments), end = b * segments + min((lane + 1u) * run, segments);
    vec4 sum = vec4(0.0);
    for (uint s = first; s < end; s++) sum += LOAD(parts, s);
    runs[lane] = sum;
    barrier();
    sum = vec4(0.0);
    for (uint i = 0u; i < lane; i++) sum += runs[i];
    for (uint s = first; s < end; s++) {
        STORE(before, s, sum);
        sum += LOAD(parts, s);
    }
    if (lane != 63u) return;
    STORE(totals, b, sum);
    STORE(count, b, vec4(min(sum.x + sum.y, float(k)), 0.0, 0.0, 0.0));
}
