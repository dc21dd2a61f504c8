#version 450
// assignment_grad.comp: gradient of the log-assignment to the scores.
// computes  ds_ij = 2 dP_ij - exp(s_ij - row_i) * row total_i - exp(s_ij - column_j) * column total_j; 0 where the
//           masks leave a point out
// bindings  0 s [B,1,N,M] | 1 row sums, 2 row totals [B,1,N,1] | 3 column sums, 4 column totals [B,1,1,M]
//           5 dP [B,1,N+1,M+1] | 6 mask0, 7 mask1 (anything where absent) | 8 ds write
// spec      0 COLUMNS_LOG2, 1 STEPS, 4 HAS_MASK_0, 5 HAS_MASK_1
// push      first, rows = N, columns, n, m
// dispatch  rows.glsl; z: batch elements          host: src/ops/loss/assignment.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"

INPUT(0, s);
INPUT(1, row_sums);
INPUT(2, row_totals);
INPUT(3, column_sums);
INPUT(4, column_totals);
INPUT(5, dy);
INPUT(6, mask0);
INPUT(7, mask1);
OUTPUT(8, ds);
layout(push_constant) uniform Push { uint first, rows, columns, n, m; };
#include "assignment.glsl"

void main()
{
    uint column = lane_column(), batch = gl_WorkGroupID.z;
    if (column >= columns) return;
    vec4 sums = LOAD(column_sums, batch * columns + column), totals = LOAD(column_totals, batch * columns + column);
    vec4 counts = COLUMNS_COUNT(mask1, batch, column);
    FOR_ROWS(r, first, rows) {
        uint cell = batch * rows + r;
        vec4 v = LOAD(s, cell * columns + column), d = LOAD(dy, (batch * (n + 1u) + r) * Y_GROUPS + column);
        float sum = LOAD(row_sums, cell).x, total = LOAD(row_totals, cell).x;
        v = 2.0 * d - exp(min(v - sum, 80.0)) * total - exp(min(v - sums, 80.0)) * totals;
        if (!ROW_COUNTS(mask0, batch, r)) v = vec4(0.0);
        STORE(ds, cell * columns + column, mix(vec4(0.0), v, greaterThan(counts, vec4(0.5))));
    }
}
