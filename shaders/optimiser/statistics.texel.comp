#version 450
// statistics.texel.comp: sum of squares of each chunk of a join, a lane for each chunk.
// bindings  0 grad read | 1 table | 2 parts [chunks] write: the sums of the four components
// push      chunks
// dispatch  a lane for each row of the table            host: src/ops/optimiser/clip.c
//                                                       reference: src/reference/optimiser/optimiser.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
layout(local_size_x = 8) in;
INPUT(0, grad);
INPUT(1, table);
OUTPUT(2, parts);
layout(push_constant) uniform Push { uint chunks; };

void main()
{
    uint row = gl_GlobalInvocationID.x;
    if (row >= chunks) return;
    vec4 t = LOAD(table, row), sum = vec4(0.0);
    uint first = uint(t.x), end = first + uint(t.y);
    for (uint i = first; i < end; i++) {
        vec4 x = LOAD(grad, i);
        sum += x * x;
    }
    STORE(parts, row, sum);
}
