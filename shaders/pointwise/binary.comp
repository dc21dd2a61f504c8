#version 450
// binary.comp: y = f(a, b), broadcasting on both sides.
// bindings  0 a read | 1 b read | 2 y [N,H,W,C] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2.. binary.glsl (KIND: enum cairn_binary)
// push      binary.glsl; parameters: huber delta; focal alpha, gamma; broadcast: factor
// dispatch  rows.glsl; z: planes          host: src/ops/pointwise/pointwise.c
//           reference: src/reference/pointwise/pointwise.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"
#include "pointwise.glsl"
#include "binary.glsl"

INPUT(0, a);
INPUT(1, b);
OUTPUT(2, y);

void main()
{
    uint column = lane_column();
    if (column >= columns) return;
    uint a_base = operand_base(a_outer, a_plane, a_column, column);
    uint b_base = operand_base(b_outer, b_plane, b_column, column);
    uint y_base = gl_WorkGroupID.z * rows * columns + column;
    FOR_ROWS(r, first, rows) {
        vec4 u = LOAD(a, a_base + r * a_row), v = LOAD(b, b_base + r * b_row);
        if (SPLAT_A != 0u) u = u.xxxx;
        if (SPLAT_B != 0u) v = v.xxxx;
        vec4 w = binary_value(KIND, u, v, parameter0, parameter1);
        if (PADDED != 0u) w = zero_padding(w, column, c);
        STORE(y, y_base + r * columns, w);
    }
}
