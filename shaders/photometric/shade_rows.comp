#version 450
// shade_rows.comp: masks blurred along rows by a Gaussian of each image's own width.
// computes  y[n,i,j] = norm * sum over |d| <= radius of exp(-scale d^2) masks[n,i,mirror(j+d),channel]
// bindings  0 masks [N,H,W,C] read | 1 rows [N,1,1,40] read | 2 y packed write
// push      h, w, blocks, groups, channel
// dispatch  threads (h * blocks, N)
//           host: src/ops/image/photometric.c        reference: src/reference/image/photometric.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 64) in;
INPUT(0, masks);
INPUT(1, rows);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint h, w, blocks, groups, channel; };
#include "photometric.glsl"

void main()
{
    uint i = gl_GlobalInvocationID.x, n = gl_GlobalInvocationID.y;
    if (i >= h * blocks) return;
    vec4 shade = parameters(n, 2u);
    int radius = int(shade.z), column = int(i % blocks * 4u);
    uint line = (n * h + i / blocks) * w;
    vec4 sum = vec4(0.0), weight = vec4(0.0); // of the element at hand, for each of the four
    for (int d = -radius; d <= radius + 3; d++) {
        weight = vec4(d <= radius ? exp(-shade.w * float(d * d)) : 0.0, weight.xyz);
        sum += weight * LOAD(masks, (line + mirror(column + d, w)) * groups + channel / 4u)[channel % 4u];
    }
    STORE(y, n * h * blocks + i, parameters(n, 3u).x * sum);
}
