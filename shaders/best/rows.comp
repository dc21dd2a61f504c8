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
    float limit = LOAD(count, b).x - 0.5;
    Best best[4];
    [[unroll]] for (uint c = 0u; c < 4u; c++) best[c] = Best(BEST_NONE, BEST_NONE, -1.0);
    for (uint r = first; r < end; r += 4u) {
        vec4 v[4];
        [[unroll]] for (uint k = 0u; k < 4u; k++) v[k] = LOAD(x, (b * rows + min(r + k, end - 1u)) * groups + group);
        [[unroll]] for (uint k = 0u; k < 4u; k++) {
            float number = float(offset + r + k);
            bool there = r + k < end && number < limit;
            [[unroll]] for (uint c = 0u; c < 4u; c++) offer(best[c], there ? v[k][c] : BEST_NONE, number);
        }
    }
    STORE(parts, 3u * i, vec4(best[0].most, best[1].most, best[2].most, best[3].most));
    STORE(parts, 3u * i + 1u, vec4(best[0].second, best[1].second, best[2].second, best[3].second));
    STORE(parts, 3u * i + 2u, vec4(best[0].index, best[1].index, best[2].index, best[3].index));
}
