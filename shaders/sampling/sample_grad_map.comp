#version 450
// sample_grad_map.comp: gradient of bilinear samples to the map; each cell adds up the points around it in their order.
// computes  dmap[b,r,s,:] = sum over points i of weight(i at (r,s)) * dy[b,i,:]
// bindings  0 list [B][H][N + 1] read (sample_rows.comp) | 1 dy [B,1,N,C] read | 2 dmap [B,H,W,C] write
// spec      1 BLOCK: channel groups of one lane, 1..4
// push      h, w, groups, points
// dispatch  threads (w, h, B * blocks)                 host: src/ops/sampling/sample.c
//                                                      reference: src/reference/sampling/sampling.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 32) in;
layout(constant_id = 1) const uint BLOCK = 1u;
INPUT(0, list);
INPUT(1, dy);
OUTPUT(2, dmap);
layout(push_constant) uniform Push { uint h, w, groups, count; };

void main()
{
    uint blocks = (groups + BLOCK - 1u) / BLOCK, b = gl_WorkGroupID.z / blocks;
    uint group = gl_WorkGroupID.z % blocks * BLOCK, column = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
    if (column >= w) return;
    vec4 sum[BLOCK];
    [[unroll]] for (uint k = 0u; k < BLOCK; k++) sum[k] = vec4(0.0);
    uint first = (b * h + row) * (count + 1u), last = first + uint(LOAD(list, first).x);
    for (uint i = first + 1u; i <= last; i++) {
        vec4 entry = LOAD(list, i);
        float right = float(column) - entry.y, weight = right == 0.0 ? entry.z : right == 1.0 ? entry.w : 0.0;
        if (weight == 0.0) continue;
        uint at = (b * count + uint(entry.x)) * groups;
        [[unroll]] for (uint k = 0u; k < BLOCK; k++) sum[k] += weight * LOAD(dy, at + min(group + k, groups - 1u));
    }
    [[unroll]] for (uint k = 0u; k < BLOCK; k++)
        if (group + k < groups) STORE(dmap, ((b * h + row) * w + column) * groups + group + k, sum[k]);
}
