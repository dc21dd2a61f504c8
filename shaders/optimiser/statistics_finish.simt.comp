#version 450
// statistics_finish.simt.comp: sums the chunks' squares, one workgroup.
// bindings  0 parts [count] read | 1 y [1,1,1,4] write
// push      count
// dispatch  64 lanes                                    host: src/ops/optimiser/clip.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "tree.glsl"
#include "statistics.glsl"
layout(local_size_x = 64) in;
INPUT(0, parts);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint count; };

void main()
{
    vec4 sum = vec4(0.0);
    for (uint i = gl_LocalInvocationID.x; i < count; i += 64u) sum += LOAD(parts, i);
    sum = tree_sum(sum);
    if (gl_LocalInvocationID.x == 0u) STORE(y, 0u, statistics_of(sum));
}
