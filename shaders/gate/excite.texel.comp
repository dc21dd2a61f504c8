#version 450
// excite.texel.comp: second pass of squeeze-and-excite for CPU drivers: ends the first layer, does the second, scales.
// computes  h = max(0, first + sum over blocks and slabs of part[n]); g = hard sigmoid(second + h * weight)
//           y[n,p,c] = x[n,p,c] * g[n,c]; kept[n,d] = h; gate[n,c] = g
// backward  x is dy, first is h and second the gate of the forward pass: d = part's sum where h > 0, else 0
//           y[n,p,c] = dy[n,p,c] * gate[n,c] + 1/pixels * (d * weight transposed); kept[n,d] = d
// bindings  0 x [N,pixels,C] read | 1 part [N][blocks][slabs][hidden_groups] read | 2 first [1 or N,1,1,D] read
//           | 3 second [1 or N,1,1,C] read | 4 weight, see gate.glsl | 5 y as x, write | 6 kept [N,1,1,D] write
//           | 7 gate [N,1,1,C] write (anything if BACKWARD)
// spec      0 BACKWARD, 1 LANE_GROUPS: channel groups of a lane
// push      gate.glsl
// dispatch  a linear range of 4 lanes for each unit: a quad
//           host: src/ops/gate/squeeze_excite.c          reference: src/reference/gate/squeeze_excite.c
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_quad : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
INPUT(0, x);
INPUT(1, part);
INPUT(2, first);
INPUT(3, second);
INPUT(4, weight);
OUTPUT(5, y);
OUTPUT(6, kept);
OUTPUT(7, gate);
#include "gate.glsl"
layout(constant_id = 1) const int LANE_GROUPS = 1;

vec4 hidden_of(Unit u, int hidden)
{
    int parts = blocks * slabs, at = u.n * parts * hidden_groups + hidden;
    vec4 sum = BACKWARD == 0u ? LOAD(first, hidden) : vec4(0.0);
    for (int i = 0; i < parts; ++i, at += hidden_groups) sum += LOAD(part, at);
    if (BACKWARD == 0u) return max(sum, 0.0);
    return mix(vec4(0.0), sum, greaterThan(LOAD(first, u.n * hidden_groups + hidden), vec4(0.0)));
}

void scale_pixels(Unit u, int group, vec4 sum)
{
    vec4 scale, shift;
    if (BACKWARD == 0u) {
        scale = zero_padding(hard_sigmoid(LOAD(second, group) + sum), group, channels);
        if (u.block == 0) STORE(gate, u.n * groups + group, scale);
    } else {
        scale = LOAD(second, u.n * groups + group);
        shift = zero_padding(sum * (1.0 / float(pixels)), group, channels);
    }
    int at = (u.n * pixels + u.begin) * groups + group;
    for (int p = u.begin; p < u.end; ++p, at += groups) {
        vec4 v = LOAD(x, at) * scale;
        if (BACKWARD != 0u) v += shift;
        STORE(y, at, v);
    }
}

void main()
{
    int thread = int(linear_index()), lane = thread & 3;
    bool within = thread >> 2 < units;
    Unit u = unit_of(within ? thread >> 2 : 0);
    bool keeper = within && u.block == 0 && u.slab == 0;
    int group[LANE_GROUPS];
    vec4 sum[LANE_GROUPS];
    [[unroll]] for (int i = 0; i < LANE_GROUPS; ++i) {
        group[i] = (u.slab * LANE_GROUPS + i) * 4 + lane;
        sum[i] = vec4(0.0);
    }
    for (int begin = 0; begin < hidden_groups; begin += 4) {
        int hidden = begin + lane;
        vec4 h = hidden_of(u, min(hidden, hidden_groups - 1));
        if (hidden >= hidden_groups) h = vec4(0.0);
        if (keeper && hidden < hidden_groups) STORE(kept, u.n * hidden_groups + hidden, h);
        [[unroll]] for (int i = 0; i < LANE_GROUPS; ++i) {
            vec4 w[4][4];
            [[unroll]] for (int k = 0; k < 4; ++k)
                load_excite(w[k], min(begin + k, hidden_groups - 1), min(group[i], groups - 1));
            [[unroll]] for (int k = 0; k < 4; ++k) sum[i] += excited(subgroupQuadBroadcast(h, uint(k)), w[k]);
        }
    }
    if (!within) return;

    [[unroll]] for (int i = 0; i < LANE_GROUPS; ++i)
        if (group[i] < groups) scale_pixels(u, group[i], sum[i]);
}
