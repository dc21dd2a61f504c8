#version 450
// finish.simt.comp: last pass of a sum over rows, with a workgroup for each column.
// computes  y[plane, column] = scale * sum over rows of x[plane, row, column]
// bindings  0 x read | 1 y write
// push      rows, columns, scale
// dispatch  x: 64 lanes for each column, z: planes          host: src/ops/reduce/chunks.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "tree.glsl"

layout(local_size_x = 64) in;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint rows, columns; float scale; };

void main()
{
    uint column = gl_WorkGroupID.x, plane = gl_WorkGroupID.z, lane = gl_LocalInvocationID.x;
    vec4 sum = vec4(0.0);
    for (uint r = lane; r < rows; r += 64u) sum += LOAD(x, (plane * rows + r) * columns + column);
    sum = tree_sum(sum);
    if (lane == 0u) STORE(y, plane * columns + column, sum * scale);
}
