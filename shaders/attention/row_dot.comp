#version 450
// row_dot.comp: products of the rows of two matrices, head by head.
// computes  d[b,h,n] = sum over the channels of head h of x[b,n,.] * y[b,n,.]
// bindings  0 x, 1 y [B,1,N,heads * D] read | 2 d [B,heads,N,1] write
// push      rows = B * heads * N, n = N, heads, head_groups = D / 4
// dispatch  a linear range of rows          host: src/ops/attention/attention.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, x);
INPUT(1, y);
OUTPUT(2, d);
layout(push_constant) uniform Push { uint rows, n, heads, head_groups; };

void main()
{
    uint r = linear_index();
    if (r >= rows) return;
    uint plane = r / n, row = r - plane * n, batch = plane / heads, head = plane - batch * heads;
    uint at = ((batch * n + row) * heads + head) * head_groups;
    float sum = 0.0;
    for (uint k = 0u; k < head_groups; k++) sum += dot(LOAD(x, at + k), LOAD(y, at + k));
    STORE(d, r, vec4(sum, 0.0, 0.0, 0.0));
}
