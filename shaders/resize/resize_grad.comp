#version 450
// resize_grad.comp: transpose of resize.comp: each input position sums, in order, over the output positions that read
// it.
// bindings  0 dy [planes][out_length][columns] read | 1 dx [planes][rows][columns] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 MODE, 3 COLUMN_STEPS
// push      first, rows (the input's length), columns, out_length, reach: output positions to look at
// dispatch  rows.glsl; z: planes          host: src/ops/image/resize.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"
#include "resize.glsl"

INPUT(0, dy);
OUTPUT(1, dx);
layout(push_constant) uniform Push { uint first, rows, columns, out_length, reach; };

float weight_on(int position, Tap tap)
{
    float weight = 0.0;
    [[unroll]] for (uint i = 0u; i < TAPS; i++) {
        int at = clamp(tap.base + FIRST_TAP + int(i), 0, int(rows) - 1);
        weight += at == position ? tap.weight[i] : 0.0;
    }
    return weight;
}

void main()
{
    uint column = first_column(), plane = gl_WorkGroupID.z;
    if (column >= columns) return;
    uint base = plane * out_length * columns + column;
    // taps lie less than half_width from the source position; reach has room for rounding
    const float half_width = MODE == MODE_BICUBIC ? 2.0 : 1.0;
    float ratio = float(out_length) / float(rows);
    FOR_ROWS(r, first, rows) {
        int begin = max(int(floor((float(r) + 0.5 - half_width) * ratio - 0.5)), 0);
        vec4 sum[4] = vec4[](vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
        for (uint j = 0u; j < reach; j++) {
            uint position = uint(begin) + j;
            if (position < out_length) {
                float weight = weight_on(int(r), tap_of(position, rows, out_length));
                [[unroll]] for (uint k = 0u; k < COLUMN_STEPS; k++) {
                    uint offset = k * COLUMN_STRIDE;
                    if (column + offset < columns) sum[k] += weight * LOAD(dy, base + position * columns + offset);
                }
            }
        }
        [[unroll]] for (uint k = 0u; k < COLUMN_STEPS; k++) {
            uint offset = k * COLUMN_STRIDE;
            if (column + offset < columns) STORE(dx, (plane * rows + r) * columns + column + offset, sum[k]);
        }
    }
}
