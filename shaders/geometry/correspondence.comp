#version 450
// correspondence.comp: which cells of two views see the same place.
// computes  s[n,0,i,j] = 1 where |matrix[n] centre(i) - centre(j)| <= distance, else 0;
//           centre of cell (r, c) = (cell*c + cell/2, cell*r + cell/2)
// bindings  0 matrices [N,1,1,9] read | 1 s [N,1,cells,cells] write
// push      cells, columns (of cells), groups = ceil(cells/4), cell, distance
// dispatch  threads (groups, cells, N)
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 32) in;
INPUT(0, matrices);
OUTPUT(1, s);
layout(push_constant) uniform Push { uint cells, columns, groups; float cell, distance; };
#include "homography.glsl"

vec2 centre(uint index)
{
    uint row = index / columns;
    return (vec2(index - row * columns, row) + 0.5) * cell;
}

void main()
{
    uint group = gl_GlobalInvocationID.x, i = gl_GlobalInvocationID.y, n = gl_GlobalInvocationID.z;
    if (group >= groups) return;
    vec2 from = centre(i), p = project(n, from.x, from.y, 0.5 * (centre(0u) + centre(cells - 1u)));
    vec4 v;
    [[unroll]] for (uint k = 0u; k < 4u; k++) {
        vec2 d = centre(group * 4u + k) - p;
        v[k] = dot(d, d) <= distance * distance ? 1.0 : 0.0;
    }
    STORE(s, (n * cells + i) * groups + group, zero_padding(v, group, cells));
}
