#version 450
// softmax_grad.comp: gradient of softmax over channels.
// computes  dx = y * (dy - sum over channels of dy * y)
// bindings  0 y [N,H,W,C] read | 1 dy [N,H,W,C] read | 2 dx [N,H,W,C] write
// push      cells = N*H*W, groups = ceil(C/4)
// dispatch  a linear range of `cells` threads
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, y);
INPUT(1, dy);
OUTPUT(2, dx);
layout(push_constant) uniform Push { uint cells, groups; };

void main()
{
    uint cell = linear_index();
    if (cell >= cells) return;
    uint first = cell * groups;
    float sum = 0.0;
    for (uint k = 0u; k < groups; k++) sum += dot(LOAD(dy, first + k), LOAD(y, first + k));
    for (uint k = 0u; k < groups; k++) STORE(dx, first + k, LOAD(y, first + k) * (LOAD(dy, first + k) - sum));
}
