#version 450
// conv2d_grad_bias.comp: sums over pixels, one part for each chunk of pixels; sum_parts adds the parts in order.
// computes  part[chunk][c] = sum over the chunk's pixels of dy[pixel,c]
// bindings  0 dy [N,OH,OW,CO] read | 1 part [chunks][1,1,1,CO] write
// push      groups = ceil(CO/4), pixels = n*oh*ow, chunk = pixels of one chunk, chunks
// dispatch  a linear range of chunks * groups threads
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, dy);
OUTPUT(1, part);
layout(push_constant) uniform Push { uint groups, pixels, chunk, chunks; };

void main()
{
    uint i = linear_index();
    if (i >= chunks * groups) return;
    uint group = i % groups;
    uint first = i / groups * chunk;
    uint end = min(first + chunk, pixels);
    vec4 sum = vec4(0.0);
    for (uint p = first; p < end; ++p) sum += LOAD(dy, p * groups + group);
    STORE(part, i, sum);
}
