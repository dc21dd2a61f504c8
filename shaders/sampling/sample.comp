#version 450
// sample.comp: bilinear samples of a map at points.
// computes  y[b,i,:] = sum of the four taps around (points[b,i] + 0.5) / stride - 0.5 of map[b]
// bindings  0 map [B,H,W,C] read | 1 points [B,1,N,2] read | 2 y [B,1,N,C] write
// spec      0 CLAMP (sample.glsl)
// push      total (vec4 of y), h, w, groups, points, inverse_stride
// dispatch  a linear range of `total` threads          host: src/ops/sampling/sample.c
//                                                      reference: src/reference/sampling/sampling.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "sample.glsl"

LINEAR_KERNEL;
INPUT(0, map);
INPUT(1, points);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint total, h, w, groups, count; float inverse_stride; };

void main()
{
    uint i = linear_index();
    if (i >= total) return;
    uint point = i / groups, group = i % groups, first = point / count * h;
    vec4 p = LOAD(points, point);
    Axis ax = axis_of(p.x, w, inverse_stride), ay = axis_of(p.y, h, inverse_stride);
    uvec2 column = taps_of(ax, w), row = taps_of(ay, h) + first;
    uvec4 at = uvec4(row.x * w + column.x, row.x * w + column.y, row.y * w + column.x, row.y * w + column.y) * groups;
    vec4 v00 = LOAD(map, at.x + group), v01 = LOAD(map, at.y + group);
    vec4 v10 = LOAD(map, at.z + group), v11 = LOAD(map, at.w + group);
    vec4 top = v00 * ax.weight.x + v01 * ax.weight.y, bottom = v10 * ax.weight.x + v11 * ax.weight.y;
    STORE(y, i, top * ay.weight.x + bottom * ay.weight.y);
}
