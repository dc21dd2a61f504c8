#version 450
// assignment_rows.comp: gradient of the log-assignment: sums over rows, and the gradient to z0.
// computes  total_i = sum over counted columns j < M of dP_ij; dz0_i = sigmoid(-z0) total_i - sigmoid(z0) dP_iM; 0 for
//           points that the mask leaves out
// bindings  0 dP [B,1,N+1,M+1] | 1 z0 [B,1,N,1] | 2 mask0, 3 mask1 (anything where absent) | 4 totals, 5 dz0 [B,1,N,1]
//           write
// spec      0 TEAM_LOG2, 4 HAS_MASK_0, 5 HAS_MASK_1
// push      cells = B * N, groups of dP, n, m
// dispatch  team.glsl          host: src/ops/loss/assignment.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "team.glsl"

INPUT(0, dy);
INPUT(1, z0);
INPUT(2, mask0);
INPUT(3, mask1);
OUTPUT(4, totals);
OUTPUT(5, dz0);
layout(push_constant) uniform Push { uint cells, groups, n, m; };
#include "assignment.glsl"

void main()
{
    bool live = team_cell() < cells;
    uint cell = min(team_cell(), cells - 1u), batch = cell / n, row = cell - batch * n;
    uint at_first = (batch * (n + 1u) + row) * groups;
    vec4 sum = vec4(0.0);
    FOR_TEAM(k)
        if (k < S_GROUPS) sum += LOAD(dy, at_first + k) * COLUMNS_COUNT(mask1, batch, k);
    float total = team_sum(sum);
    if (!live || team_lane() != 0u) return;
    float z = LOAD(z0, cell).x, dust = component(LOAD(dy, at_first + m / 4u), m % 4u);
    bool counts = ROW_COUNTS(mask0, batch, row);
    STORE(totals, cell, vec4(counts ? total : 0.0, 0.0, 0.0, 0.0));
    STORE(dz0, cell, vec4(counts ? sigmoid_of(-z) * total - sigmoid_of(z) * dust : 0.0, 0.0, 0.0, 0.0));
}
