#version 450
// channels.comp: the largest and second largest channel of each row; a lane for a run of channels of a row.
// computes  y = (largest, second, index of the largest, 0) of the channels of the run that are below the count
// bindings  0 x [B,1,R,C] read | 1 count [B,1,1,1] read | 2 y [B*R][runs] write
// push      total = B * R * runs, rows, groups of C, runs, run (groups), channels = C
// dispatch  a linear range of `total` threads          host: src/ops/sampling/best.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "best.glsl"

LINEAR_KERNEL;
INPUT(0, x);
INPUT(1, count);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint total, rows, groups, runs, run, channels; };

void main()
{
    uint i = linear_index();
    if (i >= total) return;
    uint line = i / runs, first = (i % runs) * run, end = min(first + run, groups);
    float limit = min(min(LOAD(count, line / rows).x, float(channels)), float(end * 4u)) - 0.5;
    Best best = best_none(); // of the channels 4g, 4g + 1, 4g + 2 and 4g + 3 by themselves
    for (uint g = first; g < end; g += 4u) {
        vec4 v[4];
        [[unroll]] for (uint k = 0u; k < 4u; k++) v[k] = LOAD(x, line * groups + min(g + k, end - 1u));
        [[unroll]] for (uint k = 0u; k < 4u; k++)
            offer(best, v[k], vec4(0.0, 1.0, 2.0, 3.0) + float((g + k) * 4u), limit);
    }
    vec3 all = vec3(best.most.x, best.second.x, best.index.x);
    [[unroll]] for (uint c = 1u; c < 4u; c++) {
        vec3 other = vec3(best.most[c], best.second[c], best.index[c]);
        bool more = other.x > all.x || (other.x == all.x && other.z < all.z && other.z >= 0.0);
        float second = max(min(all.x, other.x), max(all.y, other.y));
        all = more ? other : all;
        all.y = second;
    }
    STORE(y, i, vec4(all, 0.0));
}
