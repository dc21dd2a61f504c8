#version 450
// squeeze.texel.comp: first pass of squeeze-and-excite for CPU drivers: pools, and starts the first layer.
// computes  sums[n,block,c] = 1/pixels * sum over the block's pixels of x[n,p,c]
//           part[n,block,slab,d] = sum over the slab's channels of sums[n,block,c] * weight[c,d]
// backward  sums = slope of the gate * sum of x * dy; part = the same with the second layer's weight, transposed
// bindings  0 x [N,pixels,C] read | 1 dy as x, read (anything if !BACKWARD) | 2 gate [N,1,1,C] read (likewise)
//           | 3 weight, see gate.glsl | 4 sums [N,1,blocks,C] write | 5 part [N][blocks][slabs][hidden_groups] write
// spec      0 BACKWARD, 1 LANE_GROUPS: channel groups of a lane
// push      gate.glsl
// dispatch  a linear range of 4 lanes for each unit: a quad
//           host: src/ops/gate/squeeze_excite.c          reference: src/reference/gate/squeeze_excite.c
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_quad : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
INPUT(0, x);
INPUT(1, dy);
INPUT(2, gate);
INPUT(3, weight);
OUTPUT(4, sums);
OUTPUT(5, part);
#include "gate.glsl"
layout(constant_id = 1) const int LANE_GROUPS = 1;

vec4 pool(Unit u, int group)
{
    vec4 sum[4] = vec4[](vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
    int at = (u.n * pixels + u.begin) * groups + group, step = 4 * groups;
    int count = max(u.end - u.begin, 0), p = 0;
    for (; p + 4 <= count; p += 4, at += step) {
        vec4 v[4];
        [[unroll]] for (int k = 0; k < 4; ++k) v[k] = LOAD(x, at + k * groups);
        if (BACKWARD != 0u) {
            vec4 d[4];
            [[unroll]] for (int k = 0; k < 4; ++k) d[k] = LOAD(dy, at + k * groups);
            [[unroll]] for (int k = 0; k < 4; ++k) v[k] *= d[k];
        }
        [[unroll]] for (int k = 0; k < 4; ++k) sum[k] += v[k];
    }
    for (; p < count; ++p, at += groups) {
        vec4 v = LOAD(x, at);
        if (BACKWARD != 0u) v *= LOAD(dy, at);
        sum[0] += v;
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

void main()
{
    int thread = int(linear_index()), lane = thread & 3;
    bool within = thread >> 2 < units;
    Unit u = unit_of(within ? thread >> 2 : 0);
    vec4 sum[LANE_GROUPS];
    int group[LANE_GROUPS];
    [[unroll]] for (int i = 0; i < LANE_GROUPS; ++i) {
        int own = (u.slab * LANE_GROUPS + i) * 4 + lane, at = min(own, groups - 1);
        group[i] = at;
        sum[i] = pool(u, at) *
                 (BACKWARD == 0u ? vec4(1.0 / float(pixels)) : hard_sigmoid_slope_at(LOAD(gate, u.n * groups + at)));
        if (own >= groups) sum[i] = vec4(0.0);
        if (within && own < groups) STORE(sums, u.part * groups + own, sum[i]);
    }

    int to = (u.part * slabs + u.slab) * hidden_groups;
    for (int first = 0; first < hidden_groups; first += 4) {
        vec4 keep = vec4(0.0), v[4];
        [[unroll]] for (int k = 0; k < 4; ++k) v[k] = vec4(0.0);
        [[unroll]] for (int i = 0; i < LANE_GROUPS; ++i) {
            vec4 w[4][4];
            [[unroll]] for (int k = 0; k < 4; ++k) load_squeeze(w[k], group[i], min(first + k, hidden_groups - 1));
            [[unroll]] for (int k = 0; k < 4; ++k) v[k] += squeezed(sum[i], w[k]);
        }
        [[unroll]] for (int k = 0; k < 4; ++k) {
            vec4 total = (subgroupQuadBroadcast(v[k], 0u) + subgroupQuadBroadcast(v[k], 1u)) +
                         (subgroupQuadBroadcast(v[k], 2u) + subgroupQuadBroadcast(v[k], 3u));
            if (lane == k) keep = total;
        }
        if (within && first + lane < hidden_groups) STORE(part, to + first + lane, keep);
    }
}
