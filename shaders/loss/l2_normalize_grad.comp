#version 450
// l2_normalize_grad.comp: gradient of l2_normalize.
// computes  dx = (dy - y * sum over channels of dy * y) * r, r = 1 / sqrt(sum x^2 + eps), y = x * r
// bindings  0 x [N,H,W,C] read | 1 dy [N,H,W,C] read | 2 dx [N,H,W,C] write
// push      cells = N*H*W, groups = ceil(C/4), eps
// dispatch  a linear range of `cells` threads
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
INPUT(1, dy);
OUTPUT(2, dx);
layout(push_constant) uniform Push { uint cells, groups; float eps; };

void main()
{
    uint cell = linear_index();
    if (cell >= cells) return;
    uint first = cell * groups;
    float sum = eps, along = 0.0;
    for (uint k = 0u; k < groups; k++) {
        vec4 v = LOAD(x, first + k);
        sum += dot(v, v);
        along += dot(v, LOAD(dy, first + k));
    }
    float r = 1.0 / sqrt(sum), factor = along * r * r;
    for (uint k = 0u; k < groups; k++)
        STORE(dx, first + k, (LOAD(dy, first + k) - LOAD(x, first + k) * factor) * r);
}
