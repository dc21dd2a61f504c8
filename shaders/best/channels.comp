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
    float limit = min(LOAD(count, line / rows).x, float(channels)) - 0.5; // padding channels hold zeros
    Best best = Best(BEST_NONE, BEST_NONE, -1.0);
    for (uint g = first; g < end; g += 4u) {
        vec4 v[4];
        [[unroll]] for (uint k = 0u; k < 4u; k++) v[k] = LOAD(x, line * groups + min(g + k, end - 1u));
        [[unroll]] for (uint k = 0u; k < 4u; k++) {
            [[unroll]] for (uint c = 0u; c < 4u; c++) {
                float index = float((g + k) * 4u + c);
                offer(best, g + k < end && index < limit ? v[k][c] : BEST_NONE, index);
            }
        }
    }
    STORE(y, i, vec4(best.most, best.second, best.index, 0.0));
}
