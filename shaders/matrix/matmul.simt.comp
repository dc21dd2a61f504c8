#version 450
// matmul.simt.comp: batched matrix product, tiles of 64x64 in shared memory, 8x8 in the registers of each thread.
// computes  y[n,0,m,p] = sum over k of A[m,k] * B[k,p], A = a or its transpose, B = b or its transpose
// bindings  0 a [N,1,M,K] or, transposed, [N,1,K,M] read | 1 b [N,1,K,P] or [N,1,P,K] read | 2 y [N,1,M,P] write
// push      m, p, k, a_groups, b_groups, y_groups (ceil of the last dimension / 4)
// spec      0 TRANSPOSE_A | 1 TRANSPOSE_B
// dispatch  threads (64 * ceil(P / 64), ceil(M / 64), N): one group of 64 threads for each tile
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint TRANSPOSE_A = 0u;
layout(constant_id = 1) const uint TRANSPOSE_B = 0u;
INPUT(0, a);
INPUT(1, b);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint m, p, k, a_groups, b_groups, y_groups; };

const uint DEPTH = 16u, STRIDE = 17u; // vec4 in a row of a tile; one more than 16 spreads the banks
shared vec4 a_tile[DEPTH * STRIDE];   // [k][row / 4]
shared vec4 b_tile[DEPTH * STRIDE];   // [k][column / 4]

// Element `at` of 256: with k in rows, (k, group) = (at / 16, at % 16), else (group of k, row) = (at / 64, at % 64).
void fetch_a(uint at, uint first, uint row, uint k_first)
{
    vec4 v = vec4(0.0);
    if (TRANSPOSE_A == 1u) {
        uint kk = at / 16u, g = row / 4u + at % 16u;
        if (k_first + kk < k && g < a_groups) v = LOAD(a, first + (k_first + kk) * a_groups + g);
        a_tile[kk * STRIDE + at % 16u] = v;
    } else {
        uint kg = at / 64u, r = at % 64u;
        if (row + r < m && k_first / 4u + kg < a_groups) v = LOAD(a, first + (row + r) * a_groups + k_first / 4u + kg);
        for (uint j = 0u; j < 4u; j++) a_tile[(kg * 4u + j) * STRIDE + r / 4u][r % 4u] = v[j];
    }
}

void fetch_b(uint at, uint first, uint column, uint k_first)
{
    vec4 v = vec4(0.0);
    if (TRANSPOSE_B == 0u) {
        uint kk = at / 16u, g = column / 4u + at % 16u;
        if (k_first + kk < k && g < b_groups) v = LOAD(b, first + (k_first + kk) * b_groups + g);
        b_tile[kk * STRIDE + at % 16u] = v;
    } else {
        uint kg = at / 64u, r = at % 64u;
        if (column + r < p && k_first / 4u + kg < b_groups)
            v = LOAD(b, first + (column + r) * b_groups + k_first / 4u + kg);
        for (uint j = 0u; j < 4u; j++) b_tile[(kg * 4u + j) * STRIDE + r / 4u][r % 4u] = v[j];
    }
}

void main()
{
    uint thread = gl_LocalInvocationID.x, tx = thread % 8u, ty = thread / 8u;
    uint column = gl_WorkGroupID.x * 64u, row = gl_WorkGroupID.y * 64u, n = gl_WorkGroupID.z;
    uint a_first = n * (TRANSPOSE_A == 0u ? m : k) * a_groups, b_first = n * (TRANSPOSE_B == 0u ? k : p) * b_groups;
    vec4 sum[8][2]; // rows ty*4.. and 32 + ty*4.., column groups tx and 8 + tx
    [[unroll]] for (int r = 0; r < 8; r++) sum[r][0] = sum[r][1] = vec4(0.0);
    for (uint k_first = 0u; k_first < k; k_first += DEPTH) {
        barrier();
        for (uint i = 0u; i < 4u; i++) {
            fetch_a(thread + 64u * i, a_first, row, k_first);
            fetch_b(thread + 64u * i, b_first, column, k_first);
        }
        barrier();
        for (uint kk = 0u; kk < DEPTH; kk++) {
            vec4 a0 = a_tile[kk * STRIDE + ty], a1 = a_tile[kk * STRIDE + 8u + ty];
            vec4 b0 = b_tile[kk * STRIDE + tx], b1 = b_tile[kk * STRIDE + 8u + tx];
            [[unroll]] for (int r = 0; r < 4; r++) {
                sum[r][0] += a0[r] * b0;
                sum[r][1] += a0[r] * b1;
                sum[r + 4][0] += a1[r] * b0;
                sum[r + 4][1] += a1[r] * b1;
            }
        }
    }
    [[unroll]] for (int r = 0; r < 8; r++) {
        uint at_row = row + uint(r / 4) * 32u + ty * 4u + uint(r % 4);
        [[unroll]] for (int h = 0; h < 2; h++) {
            uint group = column / 4u + uint(h) * 8u + tx;
            if (at_row < m && group < y_groups)
                STORE(y, (n * m + at_row) * y_groups + group, zero_padding(sum[r][h], group, p));
        }
    }
}
