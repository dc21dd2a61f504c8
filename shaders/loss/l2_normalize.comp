#version 450
// l2_normalize.comp: unit length over the channels of each cell.
// computes  y = x / sqrt(sum over channels of x^2 + eps)
// bindings  0 x [N,H,W,C] read | 1 y [N,H,W,C] write
// push      cells = N*H*W, groups = ceil(C/4), eps
// dispatch  a linear range of `cells` threads
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint cells, groups; float eps; };

void main()
{
    uint cell = linear_index();
    if (cell >= cells) return;
    uint first = cell * groups;
    float sum = eps;
    for (uint k = 0u; k < groups; k++) {
        vec4 v = LOAD(x, first + k);
        sum += dot(v, v);
    }
    float scale = 1.0 / sqrt(sum); /* inversesqrt is coarse on CPU drivers */
    for (uint k = 0u; k < groups; k++) STORE(y, first + k, LOAD(x, first + k) * scale);
}
