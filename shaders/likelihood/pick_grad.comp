#version 450
// pick_grad.comp: gradient of pick.
// computes  dx[c] = dy where c is the index, else 0
// bindings  0 index, 1 dy [rows] read | 2 dx [rows][columns] write
// spec      0 COLUMNS_LOG2, 1 STEPS
// push      first, rows, columns, channels
// dispatch  rows.glsl          host: src/ops/loss/pick.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"

INPUT(0, index);
INPUT(1, dy);
OUTPUT(2, dx);
layout(push_constant) uniform Push { uint first, rows, columns, channels; };

void main()
{
    uint column = lane_column();
    if (column >= columns) return;
    FOR_ROWS(r, first, rows) {
        float at = LOAD(index, r).x, d = LOAD(dy, r).x;
        int own = at >= 0.0 && at < float(channels) ? int(at) - int(column * 4u) : -1;
        STORE(dx, r * columns + column, mix(vec4(0.0), vec4(d), equal(ivec4(0, 1, 2, 3), ivec4(own))));
    }
}
