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

// (column, row) of a cell. The division in float, exact for these sizes: integer ones are slow on CPU drivers.
vec2 place(uint index)
{
    float row = floor((float(index) + 0.5) / float(columns));
    return vec2(float(index) - row * float(columns), row);
}

void main()
{
    uint group = gl_GlobalInvocationID.x, i = gl_GlobalInvocationID.y, n = gl_GlobalInvocationID.z;
    if (group >= groups) return;
    vec2 from = (place(i) + 0.5) * cell, middle = 0.5 * (place(cells - 1u) + 1.0) * cell;
    vec2 p = project(n, from.x, from.y, middle), at = place(group * 4u);
    vec4 v;
    [[unroll]] for (int k = 0; k < 4; k++) {
        vec2 d = (at + 0.5) * cell - p;
        v[k] = dot(d, d) <= distance * distance ? 1.0 : 0.0;
        at.x += 1.0;
        if (at.x >= float(columns)) at = vec2(0.0, at.y + 1.0);
    }
    STORE(s, (n * cells + i) * groups + group, zero_padding(v, group, cells));
}
