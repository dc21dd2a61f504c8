#version 450
// rotate_grad.comp: gradient of rotate to the table.
// computes  dc = sum over heads of dy0 x0 + dy1 x1, ds = sum over heads of dy1 x0 - dy0 x1
// bindings  0 x, 1 dy [rows][heads * D] read | 2 dtable [rows][D] write
// spec      0 COLUMNS_LOG2, 1 STEPS
// push      first, rows, columns = D / 4, heads
// dispatch  rows.glsl          host: src/ops/attention/rotary.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"

INPUT(0, x);
INPUT(1, dy);
OUTPUT(2, dtable);
layout(push_constant) uniform Push { uint first, rows, columns, heads; };

void main()
{
    uint column = lane_column();
    if (column >= columns) return;
    FOR_ROWS(r, first, rows) {
        vec4 sum = vec4(0.0);
        for (uint h = 0u; h < heads; h++) {
            uint i = (r * heads + h) * columns + column;
            vec4 v = LOAD(x, i), d = LOAD(dy, i);
            sum += d * v.xxzz + vec4(d.y, -d.x, d.w, -d.z) * v.yyww;
        }
        STORE(dtable, r * columns + column, sum);
    }
}
