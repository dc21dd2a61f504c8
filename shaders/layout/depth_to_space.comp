#version 450
// depth_to_space.comp: the channels of each cell become a block of pixels.
// computes  y[n, r*b + dy, s*b + dx, 0] = x[n, r, s, dy*b + dx]
// bindings  0 x [N,H,W,C >= b*b] read | 1 y [N,H*b,W*b,1] write
// push      h, w (of y), block, x_w, x_groups
// dispatch  threads (w, h, N)
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 64) in;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint h, w, block, x_w, x_groups; };

void main()
{
    uint at_x = gl_GlobalInvocationID.x, at_y = gl_GlobalInvocationID.y, n = gl_GlobalInvocationID.z;
    if (at_x >= w || at_y >= h) return;
    uint cell_x = at_x / block, cell_y = at_y / block;
    uint channel = (at_y - cell_y * block) * block + (at_x - cell_x * block);
    vec4 v = LOAD(x, ((n * (h / block) + cell_y) * x_w + cell_x) * x_groups + channel / 4u);
    uint k = channel % 4u;
    STORE(y, (n * h + at_y) * w + at_x, vec4(k == 0u ? v.x : k == 1u ? v.y : k == 2u ? v.z : v.w, 0.0, 0.0, 0.0));
}
