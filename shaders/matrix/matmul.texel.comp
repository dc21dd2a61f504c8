#version 450
// matmul.texel.comp: batched matrix product, 8 rows x 8 columns in the registers of each lane.
// computes  y[n,0,m,p] = sum over k of A[m,k] * B[k,p], A = a or its transpose, B = b or its transpose
// bindings  0 a [N,1,M,K] or, transposed, [N,1,K,M] read | 1 b [N,1,K,P] or [N,1,P,K] read | 2 y [N,1,M,P] write
// push      m, p, k, a_groups, b_groups, y_groups (ceil of the last dimension / 4)
// spec      0 TRANSPOSE_A | 1 TRANSPOSE_B
// dispatch  threads (ceil(y_groups / 2), ceil(M / 8), N): lanes lie along columns, so that a's elements are uniform
// note      rows and columns past the edge read the last one and are not stored; k past the end meets the zero padding
//           channels of a or b, except when both are stored k by k
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const uint TRANSPOSE_A = 0u;
layout(constant_id = 1) const uint TRANSPOSE_B = 0u;
INPUT(0, a);
INPUT(1, b);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint m, p, k, a_groups, b_groups, y_groups; };

vec4 sum[8][2];

void outer_products(uint a_first, uint b_first, uint row, uint group)
{
    uint row_group = row / 4u;
    a_first += row_group;
    b_first += group;
    uint a_next = row_group + 1u < a_groups ? 1u : 0u, b_next = group + 1u < b_groups ? 1u : 0u;
    for (uint i = 0u; i < k; i++) {
        vec4 a0 = LOAD(a, a_first), a1 = LOAD(a, a_first + a_next);
        vec4 b0 = LOAD(b, b_first), b1 = LOAD(b, b_first + b_next);
        [[unroll]] for (int r = 0; r < 4; r++) {
            sum[r][0] += a0[r] * b0;
            sum[r][1] += a0[r] * b1;
            sum[r + 4][0] += a1[r] * b0;
            sum[r + 4][1] += a1[r] * b1;
        }
        a_first += a_groups;
        b_first += b_groups;
    }
}

void four_at_a_time(uint a_first, uint b_first, uint row, uint group)
{
    uint steps = (k + 3u) / 4u, last = k - 1u;
    for (uint step = 0u; step < steps; step++) {
        vec4 av[8], bv[8];
        [[unroll]] for (int i = 0; i < 8; i++) {
            uint at_k = min(step * 4u + uint(i / 2), last), half_tile = uint(i % 2);
            if (TRANSPOSE_A == 0u)
                av[i] = LOAD(a, a_first + min(row + uint(i), m - 1u) * a_groups + step);
            else
                av[i] = LOAD(a, a_first + at_k * a_groups + min(row / 4u + half_tile, a_groups - 1u));
            if (TRANSPOSE_B == 0u)
                bv[i] = LOAD(b, b_first + at_k * b_groups + min(group + half_tile, b_groups - 1u));
            else
                bv[i] = LOAD(b, b_first + min(group * 4u + uint(i), p - 1u) * b_groups + step);
        }
        if (TRANSPOSE_B == 0u) {
            [[unroll]] for (int r = 0; r < 8; r++)
                [[unroll]] for (int j = 0; j < 4; j++) {
                    sum[r][0] += av[r][j] * bv[2 * j];
                    sum[r][1] += av[r][j] * bv[2 * j + 1];
                }
        } else if (TRANSPOSE_A == 0u) {
            [[unroll]] for (int r = 0; r < 8; r++) {
                sum[r][0] += vec4(dot(av[r], bv[0]), dot(av[r], bv[1]), dot(av[r], bv[2]), dot(av[r], bv[3]));
                sum[r][1] += vec4(dot(av[r], bv[4]), dot(av[r], bv[5]), dot(av[r], bv[6]), dot(av[r], bv[7]));
            }
        } else {
            [[unroll]] for (int j = 0; j < 4; j++) {
                vec4 b0 = vec4(bv[0][j], bv[1][j], bv[2][j], bv[3][j]);
                vec4 b1 = vec4(bv[4][j], bv[5][j], bv[6][j], bv[7][j]);
                [[unroll]] for (int r = 0; r < 8; r++) {
                    sum[r][0] += av[2 * j + r / 4][r % 4] * b0;
                    sum[r][1] += av[2 * j + r / 4][r % 4] * b1;
                }
            }
        }
    }
}

void main()
{
    uint group = gl_GlobalInvocationID.x * 2u, row = gl_GlobalInvocationID.y * 8u, n = gl_GlobalInvocationID.z;
    if (group >= y_groups) return;
    [[unroll]] for (int r = 0; r < 8; r++) sum[r][0] = sum[r][1] = vec4(0.0);
    uint a_first = n * (TRANSPOSE_A == 0u ? m : k) * a_groups, b_first = n * (TRANSPOSE_B == 0u ? k : p) * b_groups;
    if (TRANSPOSE_A == 1u && TRANSPOSE_B == 0u)
        outer_products(a_first, b_first, row, group);
    else
        four_at_a_time(a_first, b_first, row, group);
    [[unroll]] for (int r = 0; r < 8; r++) {
        if (row + uint(r) < m) {
            uint at = (n * m + row + uint(r)) * y_groups + group;
            STORE(y, at, zero_padding(sum[r][0], group, p));
            if (group + 1u < y_groups) STORE(y, at + 1u, zero_padding(sum[r][1], group + 1u, p));
        }
    }
}
