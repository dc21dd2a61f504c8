#version 450
// channels_finish.comp: merges the runs of each row in order.
// bindings  0 parts [B*R][runs] read | 1 y [B,1,R,3] write
// push      total = B * R, runs
// dispatch  a linear range of `total` threads          host: src/ops/sampling/best.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "best.glsl"

LINEAR_KERNEL;
INPUT(0, parts);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint total, runs; };

void main()
{
    uint i = linear_index();
    if (i >= total) return;
    vec3 best = vec3(BEST_NONE, BEST_NONE, -1.0);
    for (uint r = 0u; r < runs; r++) {
        vec3 v = LOAD(parts, i * runs + r).xyz;
        bool more = v.x > best.x;
        float second = more ? max(best.x, v.y) : max(best.y, v.x);
        best = more ? v : best;
        best.y = second;
    }
    STORE(y, i, vec4(best, 0.0));
}
