#version 450
// max_pool2.comp: maximum over 2x2 windows with stride 2; a last odd row or column is left out.
// bindings  0 x [N,H,W,C] read | 1 y [N,H/2,W/2,C] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 ODD: H is odd
// push      first, rows = W/2, columns = groups, width = W, height = H/2
// dispatch  rows.glsl; z: N * H/2          host: src/ops/image/pool.c          reference: src/reference/image/pool.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"

layout(constant_id = 2) const uint ODD = 0u;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint first, rows, columns, width, height; };

void main()
{
    uint column = lane_column(), plane = gl_WorkGroupID.z;
    if (column >= columns) return;
    uint line = 2u * plane;
    if (ODD != 0u) line += plane / height; // each earlier sample has one line more
    uint upper = line * width * columns + column, below = width * columns;
    FOR_ROWS(r, first, rows) {
        uint i = upper + 2u * r * columns;
        vec4 top = max(LOAD(x, i), LOAD(x, i + columns));
        vec4 bottom = max(LOAD(x, i + below), LOAD(x, i + below + columns));
        STORE(y, (plane * rows + r) * columns + column, max(top, bottom));
    }
}
