#version 450
// gather_grad.comp: each row adds up the gradients of the places that took it, in their order.
// computes  dx[b,r,:] = sum over i with index[b,i] == r of dy[b,i,:]
// bindings  0 list [B][buckets][N + 1] read (gather_buckets.comp) | 1 dy [B,1,N,C] read | 2 dx [B,1,R,C] write
// spec      1 BLOCK: channel groups of one lane, 1..4
// push      rows, buckets, groups, count (N)
// dispatch  threads (rows, 1, B * blocks): a workgroup is a bucket    host: src/ops/sampling/gather.c
//                                                      reference: src/reference/sampling/sampling.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 32) in;
layout(constant_id = 1) const uint BLOCK = 1u;
INPUT(0, list);
INPUT(1, dy);
OUTPUT(2, dx);
layout(push_constant) uniform Push { uint rows, buckets, groups, count; };

void main()
{
    uint blocks = (groups + BLOCK - 1u) / BLOCK, b = gl_WorkGroupID.z / blocks;
    uint group = gl_WorkGroupID.z % blocks * BLOCK, row = gl_GlobalInvocationID.x;
    if (row >= rows) return;
    vec4 sum[BLOCK];
    [[unroll]] for (uint k = 0u; k < BLOCK; k++) sum[k] = vec4(0.0);
    uint first = (b * buckets + gl_WorkGroupID.x) * (count + 1u), last = first + uint(LOAD(list, first).x);
    for (uint i = first + 1u; i <= last; i++) {
        vec4 entry = LOAD(list, i);
        if (uint(entry.y) != row) continue;
        uint at = (b * count + uint(entry.x)) * groups;
        [[unroll]] for (uint k = 0u; k < BLOCK; k++) sum[k] += LOAD(dy, at + min(group + k, groups - 1u));
    }
    [[unroll]] for (uint k = 0u; k < BLOCK; k++)
        if (group + k < groups) STORE(dx, (b * rows + row) * groups + group + k, sum[k]);
}
