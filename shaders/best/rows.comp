#version 450
// rows.comp: the largest and second largest row of each channel; a lane for a run of rows of four channels.
// computes  part = largest, second, number of the largest, over the rows of the run whose number, offset + row, is
//           below the count
// bindings  0 x [B,1,R,C] read | 1 count [B,1,1,1] read | 2 parts [B][runs][groups of C][3] write
// push      total = B * runs * groups, rows, groups, runs, run (rows), offset
// dispatch  a linear range of `total` threads          host: src/ops/sampling/best.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "best.glsl"

LINEAR_KERNEL;
INPUT(0, x);
INPUT(1, count);
OUTPUT(2, parts);
layout(push_constant) uniform Push { uint total, rows, groups, runs, run, offset; };

void main()
{
    uint i = linear_index();
    if (i >= total) return;
    uint group = i % groups, b = i / groups / runs, first = (i / groups % runs) * run, end = min(first + run, rows);
    float limit = min(LOAD(count, b).x, float(offset + end)) - 0.5;
    Best best = best_none();
    for (uint r = first; r < end; r += 4u) {
        vec4 v[4];
        [[unroll]] for (uint k = 0u; k < 4u; k++) v[k] = LOAD(x, (b * rows + min(r + k, end - 1u)) * groups + group);
        [[unroll]] for (uint k = 0u; k < 4u; k++) offer(best, v[k], vec4(float(offset + r + k)), limit);
    }
    STORE(parts, 3u * i, best.most);
    STORE(parts, 3u * i + 1u, best.second);
    STORE(parts, 3u * i + 2u, best.index);
}
