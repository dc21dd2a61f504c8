#version 450
// rows_finish.comp: merges what earlier rows left and the runs, in order; a lane for four channels.
// bindings  0 parts [B][runs][groups of C][3] read | 1 before [B,1,C,3] read (anything where absent) | 2 y [B,1,C,3]
//           write
// push      total = B * groups, groups, runs, channels = C, has_before
// dispatch  a linear range of `total` threads          host: src/ops/sampling/best.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "best.glsl"

LINEAR_KERNEL;
INPUT(0, parts);
INPUT(1, before);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint total, groups, runs, channels, has_before; };

void main()
{
    uint i = linear_index();
    if (i >= total) return;
    uint group = i % groups, b = i / groups;
    Best best = best_none();
    if (has_before != 0u) {
        [[unroll]] for (uint c = 0u; c < 4u; c++) {
            vec4 v = LOAD(before, b * channels + min(group * 4u + c, channels - 1u));
            best.most[c] = v.x;
            best.second[c] = v.y;
            best.index[c] = v.z;
        }
    }
    for (uint r = 0u; r < runs; r++) {
        uint at = 3u * ((b * runs + r) * groups + group);
        merge(best, LOAD(parts, at), LOAD(parts, at + 1u), LOAD(parts, at + 2u));
    }
    [[unroll]] for (uint c = 0u; c < 4u; c++)
        if (group * 4u + c < channels)
            STORE(y, b * channels + group * 4u + c, vec4(best.most[c], best.second[c], best.index[c], 0.0));
}
