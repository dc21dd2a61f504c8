#version 450
// stack.comp: the channels of a map and, behind them, those of a smaller one, each minus its mean.
// computes  y[n,h,w,c] = fine[n,h,w,c] - fine_mean[c] for c < A, else
//           coarse[n,h/FACTOR,w/FACTOR,c-A] - coarse_mean[c-A]
// bindings  0 fine [planes][rows][fine_columns] read | 1 fine_mean [fine_columns] read | 2 coarse [planes/FACTOR]
//           [rows/FACTOR][columns-fine_columns] read | 3 coarse_mean read | 4 y [planes][rows][columns] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 FACTOR
// push      first, rows (w), columns, fine_columns, first_plane; planes are n * h
// dispatch  rows.glsl; z: planes from first_plane on
//           host: src/ops/image/stack.c          reference: src/reference/image/stack.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"

layout(constant_id = 2) const uint FACTOR = 1u;
INPUT(0, fine);
INPUT(1, fine_mean);
INPUT(2, coarse);
INPUT(3, coarse_mean);
OUTPUT(4, y);
layout(push_constant) uniform Push { uint first, rows, columns, fine_columns, first_plane; };

void main()
{
    uint column = lane_column(), plane = gl_WorkGroupID.z + first_plane;
    if (column >= columns) return;
    uint to = plane * rows * columns + column;
    if (column < fine_columns) {
        vec4 mean = LOAD(fine_mean, column);
        uint from = plane * rows * fine_columns + column;
        FOR_ROWS(r, first, rows) STORE(y, to + r * columns, LOAD(fine, from + r * fine_columns) - mean);
    } else {
        uint part = column - fine_columns, coarse_columns = columns - fine_columns;
        vec4 mean = LOAD(coarse_mean, part);
        uint from = plane / FACTOR * (rows / FACTOR) * coarse_columns + part;
        FOR_ROWS(r, first, rows) STORE(y, to + r * columns, LOAD(coarse, from + r / FACTOR * coarse_columns) - mean);
    }
}
