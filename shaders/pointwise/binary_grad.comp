#version 450
// binary_grad.comp: gradient of binary.comp with respect to the first operand (kinds max, min: of either), in the
// shape of the result; the sum down to the operand's shape is another op.
// bindings  0 a read | 1 b read | 2 dy [N,H,W,C] read | 3 da [N,H,W,C] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2.. binary.glsl; KIND: enum binary_grad of src/ops/pointwise/pointwise.c
// push      binary.glsl
// functions pointwise.glsl
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"
#include "pointwise.glsl"
#include "binary.glsl"

INPUT(0, a);
INPUT(1, b);
INPUT(2, dy);
OUTPUT(3, da);

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
        vec4 d = LOAD(dy, y_base + r * columns);
        STORE(da, y_base + r * columns, d * binary_slope(KIND, u, v, parameter0, parameter1));
    }
}
