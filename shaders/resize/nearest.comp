#version 450
// nearest.comp: both axes of a nearest-neighbour resize in one pass, with an optional addend.
// computes  y[n,oy,ox,c] = x[n, floor(oy*h/oh), floor(ox*w/ow), c] (+ addend[n,oy,ox,c])
// bindings  0 x [n*h][w][columns] read | 1 addend as y, read (anything where absent) | 2 y [n*oh][rows][columns] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 HAS_ADDEND, 3 COLUMN_STEPS: columns of one lane, 2^COLUMNS_LOG2 apart
// push      first, rows (ow), columns, h, w, oh
// dispatch  rows.glsl; z: n * oh          host: src/ops/image/resize.c          reference: src/reference/image/resize.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"

layout(constant_id = 2) const uint HAS_ADDEND = 0u;
layout(constant_id = 3) const uint COLUMN_STEPS = 1u;
INPUT(0, x);
INPUT(1, addend);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint first, rows, columns, h, w, oh; };

void main()
{
    uint begin = ((gl_WorkGroupID.x * COLUMN_STEPS) << COLUMNS_LOG2) +
                 (gl_LocalInvocationID.x & ((1u << COLUMNS_LOG2) - 1u));
    if (begin >= columns) return;
    uint n = gl_WorkGroupID.z / oh, oy = gl_WorkGroupID.z - n * oh;
    uint line = n * h + oy * h / oh, out_line = gl_WorkGroupID.z * rows;
    FOR_ROWS(r, first, rows) {
        uint from = (line * w + r * w / rows) * columns, to = (out_line + r) * columns;
        [[unroll]] for (uint k = 0u; k < COLUMN_STEPS; k++) {
            uint column = begin + (k << COLUMNS_LOG2);
            if (column < columns) {
                vec4 v = LOAD(x, from + column);
                if (HAS_ADDEND != 0u) v += LOAD(addend, to + column);
                STORE(y, to + column, v);
            }
        }
    }
}
