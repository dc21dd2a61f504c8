#version 450
// resize.comp: interpolation along one axis (twice for an image).
// bindings  0 x [planes][in_length][columns] read | 1 y [planes][rows][columns] write | 2 addend as y, read (anything
//           where absent)
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 MODE, 3 COLUMN_STEPS, 4 HAS_ADDEND
// push      first, rows (the output's length), columns, in_length
// dispatch  rows.glsl; z: planes          host: src/ops/image/resize.c          reference: src/reference/image/resize.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"
#include "resize.glsl"

layout(constant_id = 4) const uint HAS_ADDEND = 0u;
INPUT(0, x);
OUTPUT(1, y);
INPUT(2, addend);
layout(push_constant) uniform Push { uint first, rows, columns, in_length; };

void main()
{
    uint column = first_column(), plane = gl_WorkGroupID.z;
    if (column >= columns) return;
    uint base = plane * in_length * columns + column;
    FOR_ROWS(r, first, rows) {
        Tap tap = tap_of(r, in_length, rows);
        [[unroll]] for (uint k = 0u; k < COLUMN_STEPS; k++) {
            uint offset = k * COLUMN_STRIDE;
            if (column + offset < columns) {
                uint to = (plane * rows + r) * columns + column + offset;
                vec4 sum = vec4(0.0);
                if (HAS_ADDEND != 0u) sum = LOAD(addend, to);
                [[unroll]] for (uint i = 0u; i < TAPS; i++) {
                    int at = clamp(tap.base + FIRST_TAP + int(i), 0, int(in_length) - 1);
                    sum += tap.weight[i] * LOAD(x, base + uint(at) * columns + offset);
                }
                STORE(y, to, sum);
            }
        }
    }
}
