#version 450
// row_sum.comp: sums of rows of vec4, all components together, in order: first of an image's rows, then of these sums.
// computes  y[r] = (sum over k < terms, and components, of x[r * terms + k], 0, 0, 0)
// bindings  0 x [count][terms] read | 1 y [count] write
// push      count, terms
// dispatch  a linear range: count
//           host: src/ops/image/photometric.c        reference: src/reference/image/photometric.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint count, terms; };

void main()
{
    uint r = linear_index();
    if (r >= count) return;
    vec4 sum = vec4(0.0);
    for (uint k = 0u; k < terms; k++) sum += LOAD(x, r * terms + k);
    STORE(y, r, vec4((sum.x + sum.y) + (sum.z + sum.w), 0.0, 0.0, 0.0));
}
