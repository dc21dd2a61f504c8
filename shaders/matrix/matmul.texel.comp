#version 450
// matmul.texel.comp: batched matrix product for CPU drivers: ROWS rows by GROUPS * 4 columns in a lane.
// computes  y[n,0,m,p] = bias[p] + sum over k of A[m,k] * B[k,p], A = a or its transpose, B = b or its transpose
// bindings  0 a [N,1,M,K] or, transposed, [N,1,K,M] read | 1 b [N,1,K,P] or [N,1,P,K] read | 2 y [N,1,M,P] write
//           | 3 bias [1,1,1,P] read (anything if !has_bias) | 4 epilogue.glsl
// push      m, p, k, a_groups, b_groups, y_groups (ceil of the last dimension / 4), has_bias
// spec      0 TRANSPOSE_A | 1 TRANSPOSE_B | 2 ROWS of a lane: 4, 8 or 16 | 3 GROUPS of columns of a lane: 1 or 2
// dispatch  threads (8 * ceil(y_groups / (8 * GROUPS)), ceil(M / ROWS), N)
// Lanes lie along columns. a is fetched four vec4s at a time, one in each lane of a quad, and its elements are given to
// all lanes by quad broadcasts, which are one instruction each where a fetch is a call. Each sum takes all terms of a
// step in one go.
// note      rows and columns past the edge read the last one and are not stored; k past the end meets the zero padding
//           channels of a or b, except when both are stored k by k   host src/ops/product/matrix.c
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_quad : require
#include "tensor.glsl"
#include "epilogue.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const uint TRANSPOSE_A = 0u;
layout(constant_id = 1) const uint TRANSPOSE_B = 0u;
layout(constant_id = 2) const int ROWS = 16;
layout(constant_id = 3) const int GROUPS = 1;
const int TERMS = 4; // of k in a step: a vec4
const int FETCHES = ROWS / 4;
INPUT(0, a);
INPUT(1, b);
OUTPUT(2, y);
INPUT(3, bias);
EPILOGUE(4);
layout(push_constant) uniform Push { int m, p, k, a_groups, b_groups, y_groups, has_bias; };

void main()
{
    int lane = int(gl_LocalInvocationID.x), quad_lane = lane & 3;
    int first_group = int(gl_WorkGroupID.x) * 8 * GROUPS + lane;
    int row = int(gl_WorkGroupID.y) * ROWS;
    int n = int(gl_WorkGroupID.z);
    int last = k - 1, a_width = a_groups, b_width = b_groups, steps = (k + TERMS - 1) / TERMS;
    int a_first = n * (TRANSPOSE_A == 0u ? m : k) * a_width, b_first = n * (TRANSPOSE_B == 0u ? k : p) * b_width;

    // Item i of a's part of a step is fetched by lane i % 4 in fetch i / 4. As stored, item i is row i; transposed, it
    // is the row group i % (ROWS / 4) of term i / (ROWS / 4).
    int at_a[FETCHES], term_a[FETCHES];
    [[unroll]] for (int f = 0; f < FETCHES; ++f) {
        int item = 4 * f + quad_lane;
        term_a[f] = item / (ROWS / 4);
        at_a[f] = a_first + (TRANSPOSE_A == 0u ? min(row + item, m - 1) * a_width
                                               : min(row / 4 + item % (ROWS / 4), a_width - 1));
    }
    int at_b[GROUPS][4];
    [[unroll]] for (int q = 0; q < GROUPS; ++q)
        [[unroll]] for (int i = 0; i < 4; ++i)
            at_b[q][i] = b_first + (TRANSPOSE_B == 0u ? min(first_group + 8 * q, b_width - 1)
                                                      : min((first_group + 8 * q) * 4 + i, p - 1) * b_width);

    vec4 sum[ROWS][GROUPS];
    [[unroll]] for (int r = 0; r < ROWS; ++r)
        [[unroll]] for (int q = 0; q < GROUPS; ++q) sum[r][q] = vec4(0.0);
    for (int step = 0; step < steps; ++step) {
        vec4 av[FETCHES], bv[GROUPS][TERMS];
        [[unroll]] for (int f = 0; f < FETCHES; ++f) {
            int at_k = step * TERMS + term_a[f];
            av[f] = LOAD(a, at_a[f] + (TRANSPOSE_A == 0u ? step : min(at_k, last) * a_width));
            if (TRANSPOSE_A == 1u && TRANSPOSE_B == 0u && at_k > last) av[f] = vec4(0.0);
        }
        [[unroll]] for (int q = 0; q < GROUPS; ++q)
            [[unroll]] for (int i = 0; i < TERMS; ++i)
                bv[q][i] = LOAD(b, at_b[q][i] + (TRANSPOSE_B == 0u ? min(step * TERMS + i, last) * b_width : step));
        [[unroll]] for (int r = 0; r < ROWS; ++r) {
            float s[TERMS];
            [[unroll]] for (int j = 0; j < TERMS; ++j) {
                int item = TRANSPOSE_A == 0u ? r : j * (ROWS / 4) + r / 4;
                s[j] = subgroupQuadBroadcast(av[item / 4][TRANSPOSE_A == 0u ? j : r % 4], uint(item % 4));
            }
            [[unroll]] for (int q = 0; q < GROUPS; ++q)
                [[unroll]] for (int e = 0; e < 4; ++e) {
                    float t = sum[r][q][e];
                    [[unroll]] for (int j = 0; j < TERMS; ++j)
                        t += s[j] * (TRANSPOSE_B == 0u ? bv[q][j][e] : bv[q][e][j]);
                    sum[r][q][e] = t;
                }
        }
    }
    [[unroll]] for (int q = 0; q < GROUPS; ++q) {
        int group = first_group + 8 * q;
        if (group < y_groups) {
            vec4 first = has_bias != 0 ? LOAD(bias, group) : vec4(0.0);
            [[unroll]] for (int r = 0; r < ROWS; ++r)
                if (row + r < m) {
                    int i = (n * m + row + r) * y_groups + group;
                    STORE(y, i, epilogue(zero_padding(sum[r][q], uint(group), uint(p)) + first, i));
                }
        }
    }
}
