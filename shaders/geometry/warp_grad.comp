#version 450
// warp_grad.comp: gradient of warp.comp to the images; each input pixel adds up the output pixels that read it, in their
// order, so that the same inputs give the same bits.
// computes  dx[m,iy,ix,:] = sum over n, i, j of weight(n,i,j at (ix,iy)) * dy[n,i,j,:], weight = (1-|px-ix|)(1-|py-iy|)
//           where both are positive, (px,py) = matrix[n] (j,i)
// bindings  0 dy [N,h,w,C] read | 1 matrices [N or 1,1,1,9] read | 2 dx [N or 1,H,W,C] write
// push      in_h, in_w, out_h, out_w, groups, batch (N), one_image (0, 1), one_matrix (0, 1)
// dispatch  threads (in_w, in_h, (N or 1) * groups)
// The output pixels that can read (ix,iy) lie in the image of the square of two pixels' side around it under the inverse
// matrix. A square that meets the line of points which no output pixel at a finite distance shows gets no gradient.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 32) in;
INPUT(0, dy);
INPUT(1, matrices);
OUTPUT(2, dx);
layout(push_constant) uniform Push { uint in_h, in_w, out_h, out_w, groups, batch, one_image, one_matrix; };

// Output pixels that a square may be seen from; empty where none is.
void bounds(vec3 a, vec3 b, vec3 c, float side, vec2 at, out ivec2 low, out ivec2 high)
{
    // rows of the adjugate, the inverse up to a factor whose sign is that of the determinant
    vec3 r0 = vec3(b.y * c.z - b.z * c.y, a.z * c.y - a.y * c.z, a.y * b.z - a.z * b.y);
    vec3 r1 = vec3(b.z * c.x - b.x * c.z, a.x * c.z - a.z * c.x, a.z * b.x - a.x * b.z);
    vec3 r2 = vec3(b.x * c.y - b.y * c.x, a.y * c.x - a.x * c.y, a.x * b.y - a.y * b.x);
    float sign = dot(a, vec3(r0.x, r1.x, r2.x)) < 0.0 ? -side : side;
    vec2 least = vec2(1e9), most = vec2(-1e9);
    bool seen = true;
    for (int k = 0; k < 4; k++) {
        vec3 p = vec3(at + vec2((k & 1) * 2 - 1, (k >> 1) * 2 - 1), 1.0);
        float w = dot(r2, p);
        vec2 q = vec2(dot(r0, p), dot(r1, p)) / w;
        seen = seen && w * sign > 0.0;
        least = min(least, q);
        most = max(most, q);
    }
    seen = seen && most.x > -1.5 && most.y > -1.5 && least.x < float(out_w) && least.y < float(out_h);
    low = seen ? ivec2(max(floor(least - 0.5), 0.0)) : ivec2(0);
    high = seen ? min(ivec2(min(ceil(most + 0.5), 1e6)), ivec2(out_w, out_h) - 1) : ivec2(-1);
}

void main()
{
    uint column = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
    uint image = gl_GlobalInvocationID.z / groups, group = gl_GlobalInvocationID.z % groups;
    if (column >= in_w || row >= in_h) return;
    vec2 at = vec2(column, row), centre = vec2(out_w - 1u, out_h - 1u) * 0.5;
    vec4 sum = vec4(0.0);
    uint first = one_image != 0u ? 0u : image, last = one_image != 0u ? batch - 1u : image;
    for (uint n = first; n <= last; n++) {
        uint matrix = (one_matrix != 0u ? 0u : n) * 3u;
        vec4 m0 = LOAD(matrices, matrix), m1 = LOAD(matrices, matrix + 1u), m2 = LOAD(matrices, matrix + 2u);
        vec3 a = m0.xyz, b = vec3(m0.w, m1.xy), c = vec3(m1.zw, m2.x);
        float side = c.x * centre.x + c.y * centre.y + c.z < 0.0 ? -1.0 : 1.0;
        ivec2 low, high;
        bounds(a, b, c, side, at, low, high);
        for (int i = low.y; i <= high.y; i++)
            for (int j = low.x; j <= high.x; j++) {
                float x = float(j), y = float(i), w = c.x * x + c.y * y + c.z;
                vec2 p = vec2(a.x * x + a.y * y + a.z, b.x * x + b.y * y + b.z) / w;
                vec2 weight = max(1.0 - abs(p - at), 0.0);
                float product = w * side > 0.0 ? weight.x * weight.y : 0.0;
                if (product > 0.0)
                    sum += product * LOAD(dy, ((n * out_h + uint(i)) * out_w + uint(j)) * groups + group);
            }
    }
    STORE(dx, ((image * in_h + row) * in_w + column) * groups + group, sum);
}
