#version 450
// assignment.comp: LightGlue's log-assignment from scores, their logs of sums, and matchability logits.
// computes  P_ij = 2 s_ij - row_i - column_j + log sigmoid(z0_i) + log sigmoid(z1_j); P_iM = log sigmoid(-z0_i);
//           P_Nj = log sigmoid(-z1_j); P_NM = 0; -1e4 in rows and columns of points that the masks leave out
// bindings  0 s [B,1,N,M] | 1 row sums [B,1,N,1] | 2 column sums [B,1,1,M] | 3 z0 [B,1,N,1] | 4 z1 [B,1,M,1]
//           5 mask0, 6 mask1 (anything where absent) | 7 P [B,1,N+1,M+1] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 4 HAS_MASK_0, 5 HAS_MASK_1
// push      first, rows = N + 1, columns = groups of P, n, m
// dispatch  rows.glsl; z: batch elements          host: src/ops/loss/assignment.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"

INPUT(0, s);
INPUT(1, row_sums);
INPUT(2, column_sums);
INPUT(3, z0);
INPUT(4, z1);
INPUT(5, mask0);
INPUT(6, mask1);
OUTPUT(7, y);
layout(push_constant) uniform Push { uint first, rows, columns, n, m; };
#include "assignment.glsl"

void main()
{
    uint column = lane_column(), batch = gl_WorkGroupID.z;
    if (column >= columns) return;
    uint group = min(column, S_GROUPS - 1u); // the last column may have a group of its own
    vec4 own = vec4(0.0), none = vec4(0.0), counts = vec4(0.0), sums = LOAD(column_sums, batch * S_GROUPS + group);
    [[unroll]] for (uint i = 0u; i < 4u; i++) {
        float z = LOAD(z1, batch * m + min(column * 4u + i, m - 1u)).x;
        own[i] = log_sigmoid(z);
        none[i] = log_sigmoid(-z);
    }
    if (column < S_GROUPS) counts = COLUMNS_COUNT(mask1, batch, column);
    bvec4 dust = equal(ivec4(0, 1, 2, 3) + int(column * 4u), ivec4(int(m)));
    FOR_ROWS(r, first, rows) {
        uint row = min(r, n - 1u);
        vec4 v = none;
        float corner = 0.0;
        bool row_counts = true;
        if (r < n) {
            float z = LOAD(z0, batch * n + row).x;
            v = 2.0 * LOAD(s, (batch * n + row) * S_GROUPS + group) - LOAD(row_sums, batch * n + row).x - sums +
                log_sigmoid(z) + own;
            corner = log_sigmoid(-z);
            row_counts = ROW_COUNTS(mask0, batch, row);
        }
        v = mix(vec4(-1e4), v, greaterThan(counts, vec4(0.5)));
        v = mix(v, vec4(corner), dust);
        if (!row_counts) v = vec4(-1e4);
        STORE(y, (batch * rows + r) * columns + column, zero_padding(v, column, m + 1u));
    }
}
