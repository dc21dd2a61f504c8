#version 450
// warp.comp: images sampled bilinearly through homographies; each tap outside an image reads 0.
// computes  y[n,i,j,:] = x[n] at matrix[n] (j, i)
// bindings  0 x [N or 1,H,W,C] read | 1 matrices [N or 1,1,1,9] read | 2 y [N,h,w,C] write
// push      in_h, in_w, out_h, out_w, groups, one_image (0, 1), one_matrix (0, 1)
// dispatch  threads (out_w, out_h, N)
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 32) in;
INPUT(0, x);
INPUT(1, matrices);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint in_h, in_w, out_h, out_w, groups, one_image, one_matrix; };
#include "homography.glsl"

void main()
{
    uint column = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y, n = gl_GlobalInvocationID.z;
    if (column >= out_w || row >= out_h) return;
    vec2 p = project(one_matrix != 0u ? 0u : n, float(column), float(row), vec2(out_w - 1u, out_h - 1u) * 0.5);
    vec2 low = floor(p), t = p - low;
    ivec2 at = ivec2(low), last = ivec2(in_w, in_h) - 1;
    vec2 inside_low = vec2(at.x >= 0 && at.x <= last.x, at.y >= 0 && at.y <= last.y);
    vec2 inside_high = vec2(at.x >= -1 && at.x < last.x, at.y >= -1 && at.y < last.y);
    vec2 weight_low = (1.0 - t) * inside_low, weight_high = t * inside_high;
    uvec2 a = uvec2(clamp(at, ivec2(0), last)), b = uvec2(clamp(at + 1, ivec2(0), last));
    uint image = one_image != 0u ? 0u : n * in_h;
    uint i00 = ((image + a.y) * in_w + a.x) * groups, i01 = ((image + a.y) * in_w + b.x) * groups;
    uint i10 = ((image + b.y) * in_w + a.x) * groups, i11 = ((image + b.y) * in_w + b.x) * groups;
    uint out_at = ((n * out_h + row) * out_w + column) * groups;
    for (uint k = 0u; k < groups; k++) {
        vec4 top = LOAD(x, i00 + k) * weight_low.x + LOAD(x, i01 + k) * weight_high.x;
        vec4 bottom = LOAD(x, i10 + k) * weight_low.x + LOAD(x, i11 + k) * weight_high.x;
        STORE(y, out_at + k, top * weight_low.y + bottom * weight_high.y);
    }
}
