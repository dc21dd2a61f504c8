#version 450
// lse_grad.comp: gradient of the log of the sum of exp, along either axis.
// computes  dx = exp(x - y) * dy where the mask keeps x, else 0
// bindings  0 x [planes][rows][columns] read | 1 y, 2 dy read: [planes][rows] (AXIS 0) or [planes][columns] (AXIS 1)
//           3 mask read (anything where absent) | 4 dx write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 MASK: of rows (row_mask.glsl), or 1 with AXIS 0: of channels, 3 AXIS
// push      first, rows, columns, channels
// dispatch  rows.glsl; z: planes          host: src/ops/loss/log_sum_exp.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"
#include "row_mask.glsl"

layout(constant_id = 3) const uint AXIS = 0u;
INPUT(0, x);
INPUT(1, y);
INPUT(2, dy);
INPUT(3, mask);
OUTPUT(4, dx);
layout(push_constant) uniform Push { uint first, rows, columns, channels; };

void main()
{
    uint column = lane_column(), plane = gl_WorkGroupID.z;
    if (column >= columns) return;
    vec4 whole, d, kept = vec4(1.0);
    if (AXIS == 1u) {
        whole = LOAD(y, plane * columns + column);
        d = LOAD(dy, plane * columns + column);
    } else if (MASK != 0u) {
        kept = LOAD(mask, plane * columns + column);
    }
    FOR_ROWS(r, first, rows) {
        uint i = (plane * rows + r) * columns + column;
        if (AXIS == 0u) {
            whole = LOAD(y, plane * rows + r).xxxx;
            d = LOAD(dy, plane * rows + r).xxxx;
        } else if (MASK != 0u) {
            kept = vec4(ROW_KEPT(mask, plane, r, rows));
        }
        vec4 v = mix(vec4(0.0), exp(min(LOAD(x, i) - whole, 80.0)) * d, greaterThan(kept, vec4(0.5)));
        STORE(dx, i, zero_padding(v, column, channels));
    }
}
