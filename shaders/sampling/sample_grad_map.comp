#version 450
// sample_grad_map.comp: gradient of bilinear samples to the map; each cell adds up the points around it in their order.
// computes  dmap[b,r,s,:] = sum over points i of weight(i at (r,s)) * dy[b,i,:]
// bindings  0 points [B,1,N,2] read | 1 dy [B,1,N,C] read | 2 dmap [B,H,W,C] write
// spec      0 CLAMP (sample.glsl) | 1 BLOCK: channel groups of one lane, 1..4
// push      h, w, groups, points, inverse_stride
// dispatch  threads (w, h, B * blocks)                 host: src/ops/sampling/sample.c
//                                                      reference: src/reference/sampling.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "sample.glsl"

layout(local_size_x = 32) in;
layout(constant_id = 1) const uint BLOCK = 1u;
INPUT(0, points);
INPUT(1, dy);
OUTPUT(2, dmap);
layout(push_constant) uniform Push { uint h, w, groups, count; float inverse_stride; };

void main()
{
    uint blocks = (groups + BLOCK - 1u) / BLOCK, b = gl_WorkGroupID.z / blocks;
    uint group = gl_WorkGroupID.z % blocks * BLOCK, column = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
    if (column >= w) return;
    vec4 sum[BLOCK];
    [[unroll]] for (uint k = 0u; k < BLOCK; k++) sum[k] = vec4(0.0);
    for (uint i = b * count; i < (b + 1u) * count; i++) {
        vec4 p = LOAD(points, i);
        Axis ax = axis_of(p.x, w, inverse_stride), ay = axis_of(p.y, h, inverse_stride);
        int dx = int(column) - ax.low, dv = int(row) - ay.low;
        float wx = dx == 0 ? ax.weight.x : dx == 1 ? ax.weight.y : 0.0;
        float wy = dv == 0 ? ay.weight.x : dv == 1 ? ay.weight.y : 0.0;
        if (wx * wy == 0.0) continue;
        [[unroll]] for (uint k = 0u; k < BLOCK; k++)
            sum[k] += wx * wy * LOAD(dy, i * groups + min(group + k, groups - 1u));
    }
    [[unroll]] for (uint k = 0u; k < BLOCK; k++)
        if (group + k < groups) STORE(dmap, ((b * h + row) * w + column) * groups + group + k, sum[k]);
}
