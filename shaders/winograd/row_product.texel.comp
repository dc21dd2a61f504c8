#version 450
// row_product.texel.comp: the products of a Winograd weight gradient, one matrix product for each plane, for CPU
// drivers.
// computes  sums[p][c][o] = before[p][c][o] + sum over the chunk's tiles of x[tile][p][c] * dy[tile][p][o]
// bindings  0 x [slabs][planes][32*in_groups+8] read (rows.texel.comp) | 1 dy [slabs][planes][32*out_groups+8] read
//           | 2 before [planes][in_groups*4*out_groups+8] read (anything if !more) | 3 sums, of the same shape, write
// push      planes, in_groups, out_groups, slabs of 32 tiles, more = there is something before
// spec      0 GROUPS output groups of a lane: 1 or 2
// dispatch  threads (8 * ceil(out_groups / (8 * GROUPS)), ceil(in_groups / 4), planes)
// Lanes lie along output groups: dy's loads run on; each lane of a quad fetches one of the four input groups and all
// get it by quad broadcasts. Eight tiles at a time, so that each sum takes eight terms.
//           host src/ops/conv/winograd_weight.c
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_quad : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const int GROUPS = 1;
const int TILES = 32; // of a slab
const int RUN = 8;    // tiles taken at a time
INPUT(0, x);
INPUT(1, dy);
INPUT(2, before);
OUTPUT(3, sums);
layout(push_constant) uniform Push { int plane_count, in_groups, out_groups, slabs, more; };

void main()
{
    int lane = int(gl_LocalInvocationID.x);
    int first_group = int(gl_WorkGroupID.x) * 8 * GROUPS + lane;
    int first_in = int(gl_WorkGroupID.y) * 4;
    int plane = int(gl_WorkGroupID.z);
    int inputs = in_groups, outputs = out_groups, slab_count = slabs;
    int x_slab = plane_count * (TILES * inputs + 8), dy_slab = plane_count * (TILES * outputs + 8);
    int at_x = plane * (TILES * inputs + 8) + min(first_in + (lane & 3), inputs - 1);
    int dy_plane = plane * (TILES * outputs + 8), at_dy[GROUPS];
    [[unroll]] for (int q = 0; q < GROUPS; ++q) at_dy[q] = dy_plane + min(first_group + 8 * q, outputs - 1);

    vec4 sum[16][GROUPS];
    [[unroll]] for (int c = 0; c < 16; ++c)
        [[unroll]] for (int q = 0; q < GROUPS; ++q) sum[c][q] = vec4(0.0);
    for (int s = 0; s < slab_count; ++s) {
        for (int tile = 0; tile < TILES; tile += RUN) {
            vec4 v[RUN], d[GROUPS][RUN];
            [[unroll]] for (int t = 0; t < RUN; ++t) v[t] = LOAD(x, at_x + (tile + t) * inputs);
            [[unroll]] for (int q = 0; q < GROUPS; ++q)
                [[unroll]] for (int t = 0; t < RUN; ++t) d[q][t] = LOAD(dy, at_dy[q] + (tile + t) * outputs);
            [[unroll]] for (int c = 0; c < 16; ++c) {
                float k[RUN];
                [[unroll]] for (int t = 0; t < RUN; ++t) k[t] = subgroupQuadBroadcast(v[t][c % 4], uint(c / 4));
                [[unroll]] for (int q = 0; q < GROUPS; ++q)
                    [[unroll]] for (int e = 0; e < 4; ++e) {
                        float total = sum[c][q][e];
                        [[unroll]] for (int t = 0; t < RUN; ++t) total += k[t] * d[q][t][e];
                        sum[c][q][e] = total;
                    }
            }
        }
        at_x += x_slab;
        [[unroll]] for (int q = 0; q < GROUPS; ++q) at_dy[q] += dy_slab;
    }
    [[unroll]] for (int q = 0; q < GROUPS; ++q) {
        int group = first_group + 8 * q;
        if (group < outputs) {
            [[unroll]] for (int c = 0; c < 16; ++c)
                if (first_in + c / 4 < inputs) {
                    int to = plane * (inputs * 4 * outputs + 8) + (first_in * 4 + c) * outputs + group;
                    vec4 earlier = more != 0 ? LOAD(before, to) : vec4(0.0);
                    STORE(sums, to, earlier + sum[c][q]);
                }
        }
    }
}
