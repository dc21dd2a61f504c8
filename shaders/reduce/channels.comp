#version 450
// channels.comp: sums over channels.
// computes  y[p, 0] = scale * sum over c of x[p, c]; padding channels of x are zero
// bindings  0 x [pixels][groups] read | 1 y [pixels] write
// push      pixels, groups, scale
// dispatch  a linear range of pixels          host: src/ops/reduce/reduce.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint pixels, groups; float scale; };

void main()
{
    uint p = linear_index();
    if (p >= pixels) return;
    vec4 sum = vec4(0.0);
    for (uint g = 0u; g < groups; g++) sum += LOAD(x, p * groups + g);
    STORE(y, p, vec4(scale * ((sum.x + sum.y) + (sum.z + sum.w)), 0.0, 0.0, 0.0));
}
