#version 450
// gather_buckets.comp: the places that took a row out of each 32, in their order, so that the gradient of a row looks
// at those of its 32 only.
// computes  list[b][k][0] = (how many, 0, 0, 0); list[b][k][1 + j] = (place, row, 0, 0)
// bindings  0 index [B,1,N,1] read | 1 list [B][buckets][N + 1] write
// push      rows, buckets, count (N)
// dispatch  threads (buckets, B)                       host: src/ops/sampling/gather.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
INPUT(0, index);
OUTPUT(1, list);
layout(push_constant) uniform Push { uint rows, buckets, count; };

void main()
{
    uint bucket = gl_GlobalInvocationID.x, b = gl_GlobalInvocationID.y, found = 0u;
    if (bucket >= buckets) return;
    uint first = (b * buckets + bucket) * (count + 1u);
    float low = float(bucket * 32u) - 0.5, high = float(min(bucket * 32u + 32u, rows)) - 0.5;
    for (uint i = 0u; i < count; i++) {
        float number = LOAD(index, b * count + i).x;
        if (!(number >= low && number < high)) continue;
        found++;
        STORE(list, first + found, vec4(float(i), floor(number + 0.5), 0.0, 0.0));
    }
    STORE(list, first, vec4(float(found), 0.0, 0.0, 0.0));
}
