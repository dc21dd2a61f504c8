#version 450
// transpose.comp: rows and columns of each matrix exchanged; a lane turns a block of four by four.
// computes  y[p, c, r] = x[p, r, c]
// bindings  0 x [P][R][C] read | 1 y [P][C][R] write
// push      rows, columns (of x)
// dispatch  threads (row blocks, column blocks, P)     host: src/ops/layout/axes.c
//           reference: src/reference/layout/layout.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 32) in;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint rows, columns; };

void main()
{
    uint row_group = gl_GlobalInvocationID.x, column_group = gl_GlobalInvocationID.y, plane = gl_GlobalInvocationID.z;
    uint row_groups = (rows + 3u) / 4u, column_groups = (columns + 3u) / 4u, row = row_group * 4u;
    if (row >= rows) return;
    mat4 block = mat4(0.0);
    [[unroll]] for (uint k = 0u; k < 4u; k++) {
        vec4 v = LOAD(x, (plane * rows + min(row + k, rows - 1u)) * column_groups + column_group);
        block[k] = row + k < rows ? v : vec4(0.0);
    }
    block = transpose(block);
    [[unroll]] for (uint k = 0u; k < 4u; k++) {
        uint column = column_group * 4u + k;
        if (column < columns) STORE(y, (plane * columns + column) * row_groups + row_group, block[k]);
    }
}
