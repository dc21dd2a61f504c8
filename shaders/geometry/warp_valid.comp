#version 450
// warp_valid.comp: where a warp has an input pixel.
// computes  y[n,i,j,0] = 1 where the pixel nearest to matrix[n] (j, i) lies inside the input image, else 0
// bindings  0 matrices [N,1,1,9] read | 1 y [N,h,w,1] write
// push      in_h, in_w, out_h, out_w
// dispatch  threads (out_w, out_h, N)
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 32) in;
INPUT(0, matrices);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint in_h, in_w, out_h, out_w; };
#include "homography.glsl"

void main()
{
    uint column = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y, n = gl_GlobalInvocationID.z;
    if (column >= out_w || row >= out_h) return;
    vec2 p = roundEven(project(n, float(column), float(row), vec2(out_w - 1u, out_h - 1u) * 0.5));
    bool inside = p.x >= 0.0 && p.y >= 0.0 && p.x < float(in_w) && p.y < float(in_h);
    STORE(y, (n * out_h + row) * out_w + column, vec4(inside ? 1.0 : 0.0, 0.0, 0.0, 0.0));
}
