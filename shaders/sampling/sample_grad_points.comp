#version 450
// sample_grad_points.comp: gradient of bilinear samples to the points.
// computes  dpoints[b,i] = sum over c of dy[b,i,c] * d sample / d (x, y)
// bindings  0 map [B,H,W,C] read | 1 points [B,1,N,2] read | 2 dy [B,1,N,C] read | 3 dpoints [B,1,N,2] write
// spec      0 CLAMP (sample.glsl)
// push      total (points of all maps), h, w, groups, points, inverse_stride
// dispatch  a linear range of `total` threads          host: src/ops/sampling/sample.c
//                                                      reference: src/reference/sampling/sampling.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "sample.glsl"

LINEAR_KERNEL;
INPUT(0, map);
INPUT(1, points);
INPUT(2, dy);
OUTPUT(3, dpoints);
layout(push_constant) uniform Push { uint total, h, w, groups, count; float inverse_stride; };

void main()
{
    uint point = linear_index();
    if (point >= total) return;
    vec4 p = LOAD(points, point), sums = vec4(0.0); // of dy times each tap: 00 01 10 11
    Axis ax = axis_of(p.x, w, inverse_stride), ay = axis_of(p.y, h, inverse_stride);
    uvec2 column = taps_of(ax, w), row = taps_of(ay, h) + point / count * h;
    uvec4 at = uvec4(row.x * w + column.x, row.x * w + column.y, row.y * w + column.x, row.y * w + column.y) * groups;
    for (uint k = 0u; k < groups; k++) {
        vec4 d = LOAD(dy, point * groups + k);
        vec4 v00 = LOAD(map, at.x + k), v01 = LOAD(map, at.y + k), v10 = LOAD(map, at.z + k), v11 = LOAD(map, at.w + k);
        sums += vec4(dot(v00, d), dot(v01, d), dot(v10, d), dot(v11, d));
    }
    // a tap outside counts as zero
    vec2 inside_x = vec2(ax.low >= 0 && ax.low < int(w), ax.low >= -1 && ax.low < int(w) - 1);
    vec2 inside_y = vec2(ay.low >= 0 && ay.low < int(h), ay.low >= -1 && ay.low < int(h) - 1);
    sums *= vec4(inside_x * inside_y.x, inside_x * inside_y.y);
    vec2 slope_x = vec2(-ax.slope, ax.slope), slope_y = vec2(-ay.slope, ay.slope);
    float dx = ay.weight.x * dot(slope_x, sums.xy) + ay.weight.y * dot(slope_x, sums.zw);
    float dv = ax.weight.x * dot(slope_y, sums.xz) + ax.weight.y * dot(slope_y, sums.yw);
    STORE(dpoints, point, vec4(dx, dv, 0.0, 0.0));
}
