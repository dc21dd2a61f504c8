#version 450
// gather.comp: rows by number; zero where there is no such row.
// computes  y[b,i,:] = x[b,index[b,i],:]
// bindings  0 x [B,1,R,C] read | 1 index [B,1,N,1] read | 2 y [B,1,N,C] write
// push      total (vec4 of y), rows, groups, count (N)
// dispatch  a linear range of `total` threads          host: src/ops/sampling/gather.c
//                                                      reference: src/reference/sampling/sampling.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
INPUT(1, index);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint total, rows, groups, count; };

void main()
{
    uint i = linear_index();
    if (i >= total) return;
    uint line = i / groups;
    float number = LOAD(index, line).x;
    bool inside = number >= -0.5 && number < float(rows) - 0.5; // false for NaN
    uint row = inside ? min(uint(number + 0.5), rows - 1u) : 0u;
    vec4 v = LOAD(x, (line / count * rows + row) * groups + i % groups);
    STORE(y, i, inside ? v : vec4(0.0));
}
