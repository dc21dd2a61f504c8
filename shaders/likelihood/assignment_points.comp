#version 450
// assignment_points.comp: gradient of the log-assignment to z1.
// computes  dz1_j = sigmoid(-z1_j) total_j - sigmoid(z1_j) dP_Nj; 0 for points that the mask leaves out
// bindings  0 dP [B,1,N+1,M+1] | 1 totals [B,1,1,M] | 2 z1 [B,1,M,1] | 3 mask1 (anything where absent) | 4 dz1 write
// spec      5 HAS_MASK_1
// push      points = B * M, n, m
// dispatch  a linear range of points          host: src/ops/loss/assignment.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, dy);
INPUT(1, totals);
INPUT(2, z1);
INPUT(3, mask1);
OUTPUT(4, dz1);
layout(push_constant) uniform Push { uint points, n, m; };
#include "assignment.glsl"

void main()
{
    uint i = linear_index();
    if (i >= points) return;
    uint batch = i / m, j = i - batch * m, k = j % 4u;
    float z = LOAD(z1, i).x, total = component(LOAD(totals, batch * S_GROUPS + j / 4u), k);
    float dust = component(LOAD(dy, (batch * (n + 1u) + n) * Y_GROUPS + j / 4u), k);
    float counts = component(COLUMNS_COUNT(mask1, batch, j / 4u), k);
    STORE(dz1, i, vec4(counts * (sigmoid_of(-z) * total - sigmoid_of(z) * dust), 0.0, 0.0, 0.0));
}
