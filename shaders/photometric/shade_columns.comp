#version 450
// shade_columns.comp: the same along columns, and what is left of the light. A lane makes four rows of a block.
// computes  y[n,i,j] = 1 - tau norm * sum over |d| <= radius of exp(-scale d^2) x[n,mirror(i+d),j]
// bindings  0 x packed read | 1 rows [N,1,1,40] read | 2 y packed write
// push      h, blocks
// dispatch  threads ((h + 3) / 4 * blocks, N)
//           host: src/ops/image/photometric.c        reference: src/reference/image/photometric.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 64) in;
INPUT(0, x);
INPUT(1, rows);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint h, blocks; };
#include "photometric.glsl"

void main()
{
    uint i = gl_GlobalInvocationID.x, n = gl_GlobalInvocationID.y;
    if (i >= (h + 3u) / 4u * blocks) return;
    vec4 shade = parameters(n, 2u);
    float strength = shade.y * parameters(n, 3u).x;
    int radius = int(shade.z), first = int(i / blocks * 4u);
    uint column = n * h * blocks + i % blocks;
    vec4 sum[4] = vec4[](vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
    vec4 weight = vec4(0.0); // of the row at hand, for each of the four
    for (int d = -radius; d <= radius + 3; d++) {
        weight = vec4(d <= radius ? exp(-shade.w * float(d * d)) : 0.0, weight.xyz);
        vec4 v = LOAD(x, column + mirror(first + d, h) * blocks);
        sum[0] += weight.x * v;
        sum[1] += weight.y * v;
        sum[2] += weight.z * v;
        sum[3] += weight.w * v;
    }
    [[unroll]] for (uint k = 0u; k < 4u; k++)
        if (uint(first) + k < h) STORE(y, column + (uint(first) + k) * blocks, 1.0 - strength * sum[k]);
}
