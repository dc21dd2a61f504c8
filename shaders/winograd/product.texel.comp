#version 450
// product.texel.comp: the products of a Winograd convolution, one matrix product for each plane, for CPU drivers.
// computes  sums[p][co][tile] = sum over c of planes[p][c][tile] * weight[p][c][co]
// bindings  0 planes [tiles/T][planes][in_groups*T+8] read, T = 8 * ROWS (input.texel.comp) | 1 weight
//           [planes][blocks*in_groups*4*GROUPS+8] read (weight.texel.comp) | 2 sums
//           [tiles/T][planes][blocks*GROUPS*T+8] write
// push      planes, in_groups, blocks
// spec      0 ROWS times 8 tiles of a lane, 1 GROUPS output groups of a lane: 1, 2 or 4
// dispatch  threads (8 * blocks, planes, tiles of the chunk / (8 * ROWS)), lanes over tiles
// Weights are fetched four at a time, one in each lane of a quad, and given to all lanes by quad broadcasts, which are
// one instruction each where a fetch is a call. Each output channel takes its four terms before the next, so that the
// four broadcasts live in registers.   host src/ops/conv/winograd.c
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_quad : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const int ROWS = 4;
layout(constant_id = 1) const int GROUPS = 4;
INPUT(0, planes);
INPUT(1, weight);
OUTPUT(2, sums);
layout(push_constant) uniform Push { int plane_count, in_groups, blocks; };

void main()
{
    int lane = int(gl_LocalInvocationID.x);
    int block = int(gl_WorkGroupID.x);
    int plane = int(gl_WorkGroupID.y);
    int slab = int(gl_WorkGroupID.z) * plane_count + plane;
    int count = in_groups;
    int at = slab * (count * ROWS * 8 + 8) + lane;
    int at_weight = plane * (blocks * count * 4 * GROUPS + 8) + block * count * 4 * GROUPS + (lane & 3);

    vec4 sum[ROWS][GROUPS];
    [[unroll]] for (int r = 0; r < ROWS; ++r)
        [[unroll]] for (int q = 0; q < GROUPS; ++q) sum[r][q] = vec4(0.0);
    for (int g = 0; g < count; ++g) {
        vec4 v[ROWS], k[GROUPS];
        [[unroll]] for (int r = 0; r < ROWS; ++r) v[r] = LOAD(planes, at + 8 * r);
        [[unroll]] for (int q = 0; q < GROUPS; ++q) k[q] = LOAD(weight, at_weight + 4 * q);
        at += 8 * ROWS;
        at_weight += 4 * GROUPS;
        [[unroll]] for (int q = 0; q < GROUPS; ++q)
            [[unroll]] for (int e = 0; e < 4; ++e) {
                float s[4];
                [[unroll]] for (int c = 0; c < 4; ++c)
                    s[c] = subgroupQuadBroadcast(k[(c * GROUPS + q) / 4][e], uint((c * GROUPS + q) % 4));
                [[unroll]] for (int r = 0; r < ROWS; ++r) {
                    float t = sum[r][q][e];
                    [[unroll]] for (int c = 0; c < 4; ++c) t += v[r][c] * s[c];
                    sum[r][q][e] = t;
                }
            }
    }
    int to = slab * (blocks * GROUPS * ROWS * 8 + 8) + block * GROUPS * ROWS * 8 + lane;
    [[unroll]] for (int r = 0; r < ROWS; ++r)
        [[unroll]] for (int q = 0; q < GROUPS; ++q) STORE(sums, to + (q * ROWS + r) * 8, sum[r][q]);
}
