#version 450
// pick.comp: the channel of each cell that an index names.
// computes  y = x[index]; 0 where the index is no channel
// bindings  0 x [N,H,W,C], 1 index [N,H,W,1] read | 2 y [N,H,W,1] write
// push      cells, groups, channels
// dispatch  a linear range of cells          host: src/ops/loss/pick.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
INPUT(1, index);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint cells, groups, channels; };

void main()
{
    uint cell = linear_index();
    if (cell >= cells) return;
    float at = LOAD(index, cell).x;
    bool there = at >= 0.0 && at < float(channels);
    uint i = there ? uint(at) : 0u, k = i % 4u;
    vec4 v = LOAD(x, cell * groups + i / 4u);
    float own = k == 0u ? v.x : k == 1u ? v.y : k == 2u ? v.z : v.w;
    STORE(y, cell, vec4(there ? own : 0.0, 0.0, 0.0, 0.0));
}
