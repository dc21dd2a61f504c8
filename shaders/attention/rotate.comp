#version 450
// rotate.comp: rotary position encoding: neighbouring channels of each head are turned by the angles of the place.
// computes  (y0, y1) = (x0 c - x1 s, x1 c + x0 s) for each pair, the same table for every head
// bindings  0 x [rows][heads * D] read | 1 table [rows or fewer][D] read: c, s, c, s, .. | 2 y write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 INVERSE (turns back)
// push      first, rows, columns, head_groups = D / 4, table_rows (the table repeats after them)
// dispatch  rows.glsl          host: src/ops/attention/rotary.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"

layout(constant_id = 2) const uint INVERSE = 0u;
INPUT(0, x);
INPUT(1, table);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint first, rows, columns, head_groups, table_rows; };

void main()
{
    uint column = lane_column();
    if (column >= columns) return;
    uint at = column % head_groups;
    FOR_ROWS(r, first, rows) {
        vec4 v = LOAD(x, r * columns + column), t = LOAD(table, (r % table_rows) * head_groups + at);
        vec2 s = INVERSE != 0u ? -t.yw : t.yw;
        STORE(y, r * columns + column, v * t.xxzz + vec4(-v.y, v.x, -v.w, v.z) * s.xxyy);
    }
}
