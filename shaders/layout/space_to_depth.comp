#version 450
// space_to_depth.comp: the pixels of each block become the channels of a cell; further channels are zero.
// computes  y[n, r, s, dy*b + dx] = x[n, r*b + dy, s*b + dx, 0]
// bindings  0 x [N,H*b,W*b,1] read | 1 y [N,H,W,C >= b*b] write
// push      h, w, groups (of y), block
// dispatch  threads (w * groups, h, N)
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 64) in;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint h, w, groups, block; };

void main()
{
    uint at = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y, n = gl_GlobalInvocationID.z;
    if (at >= w * groups || row >= h) return;
    uint column = at / groups, group = at % groups;
    vec4 v = vec4(0.0);
    [[unroll]] for (uint j = 0u; j < 4u; j++) {
        uint channel = group * 4u + j, dy = channel / block, dx = channel % block;
        if (dy < block)
            v[j] = LOAD(x, ((n * h + row) * block + dy) * (w * block) + column * block + dx).x;
    }
    STORE(y, ((n * h + row) * w) * groups + at, v);
}
