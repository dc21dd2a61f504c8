#version 450
// statistics.simt.comp: sum of squares of each chunk of a join, a workgroup for each chunk.
// bindings  0 grad read | 1 table | 2 parts [chunks] write: the sums of the four components
// push      chunks
// dispatch  64 lanes for each row of the table          host: src/ops/optimiser/clip.c
//                                                       reference: src/reference/optimiser/optimiser.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "tree.glsl"
INPUT(0, grad);
INPUT(1, table);
OUTPUT(2, parts);
#include "parameters.glsl"
layout(push_constant) uniform Push { uint chunks; };

void main()
{
    Chunk chunk = chunk_of(gl_WorkGroupID.x);
    vec4 sum = vec4(0.0);
    FOR_CHUNK(i, chunk) {
        vec4 x = LOAD(grad, i);
        sum += x * x;
    }
    sum = tree_sum(sum);
    if (gl_LocalInvocationID.x == 0u && gl_WorkGroupID.x < chunks) STORE(parts, gl_WorkGroupID.x, sum);
}
