#version 450
// product.texel.comp: one product of attention by whole matrices, for several heads, for CPU drivers: ROWS rows by
// GROUPS * 4 columns in a lane, lanes along columns, as matrix/matmul.texel.comp.
// computes  y = f(A B), A [M,K] = a or its transpose, B [K,P] = b or its transpose, for each batch element and head
//           MODE 0: s | 1: scale * s, -3e38 for keys that are left out | 2: exp(scale * s - row value), 0 for
//           such keys | 3: other * (s - row value) * scale | 4: s * row value
// bindings  0 a | 1 b | 2 row values, one vec4 for each row | 3 other (MODE 3: at the places of y) or the key mask
//           (MODE 1 and 2, [B,1,1,P]) | 4 y write
// spec      0 TRANSPOSE_A | 1 TRANSPOSE_B (not both) | 2 MODE | 3 HAS_MASK | 4 HEADS_IN_X | 5 ROWS of a lane: 4, 8 or
//           16 | 6 GROUPS of columns of a lane: 1 or 2
// push      sizes, blocks of columns, heads, then for a, b, y: offset, and strides of batch element, head, row, in vec4
// dispatch  threads (8 * blocks [* heads], ceil(M / ROWS), batch elements [* heads])
// note      Rows and columns past the edge read the last one and are not stored. The inner dimension: whole groups of
//           channels, or padding of a that is zero, or (TRANSPOSE_A) zeroed here.
//           host: src/ops/attention/matrices.c
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_quad : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const uint TRANSPOSE_A = 0u;
layout(constant_id = 1) const uint TRANSPOSE_B = 0u;
layout(constant_id = 2) const uint MODE = 0u;
layout(constant_id = 3) const uint HAS_MASK = 0u;
layout(constant_id = 4) const uint HEADS_IN_X = 0u;
layout(constant_id = 5) const int ROWS = 16;
layout(constant_id = 6) const int GROUPS = 1;
const int TERMS = 4; // of k in a step: a vec4
const int FETCHES = ROWS / 4;
INPUT(0, a);
INPUT(1, b);
INPUT(2, row_values);
INPUT(3, other);
OUTPUT(4, y);
layout(push_constant) uniform Push {
    int m, p, k, blocks, heads;
    int a_offset, a_batch, a_head, a_row;
    int b_offset, b_batch, b_head, b_row;
    int y_offset, y_batch, y_head, y_row;
    int value_offset, value_batch, value_head;
    int mask_offset, mask_batch;
    float scale;
};

vec4 sum[ROWS][GROUPS];

// Item i of a's part of a step is fetched by lane i % 4 of each quad in fetch i / 4, and all lanes get its elements by
// quad broadcasts. As stored, item i is row i; transposed, it is row group i % (ROWS / 4) of term i / (ROWS / 4).
void multiply(int a_first, int b_first, int row, int first_group)
{
    int quad_lane = int(gl_LocalInvocationID.x) & 3, last = k - 1, steps = (k + TERMS - 1) / TERMS;
    int at_a[FETCHES], term_a[FETCHES], at_b[GROUPS][4];
    [[unroll]] for (int f = 0; f < FETCHES; ++f) {
        int item = 4 * f + quad_lane;
        term_a[f] = item / (ROWS / 4);
        at_a[f] = a_first + (TRANSPOSE_A == 0u ? min(row + item, m - 1) * a_row
                                               : min(row / 4 + item % (ROWS / 4), (m + 3) / 4 - 1));
    }
    [[unroll]] for (int q = 0; q < GROUPS; ++q)
        [[unroll]] for (int i = 0; i < 4; ++i)
            at_b[q][i] = b_first + (TRANSPOSE_B == 0u ? min(first_group + 8 * q, (p + 3) / 4 - 1)
                                                      : min((first_group + 8 * q) * 4 + i, p - 1) * b_row);
    [[unroll]] for (int r = 0; r < ROWS; ++r)
        [[unroll]] for (int q = 0; q < GROUPS; ++q) sum[r][q] = vec4(0.0);
    for (int at = 0; at < steps; ++at) {
        vec4 av[FETCHES], bv[GROUPS][TERMS];
        [[unroll]] for (int f = 0; f < FETCHES; ++f) {
            int inner = at * TERMS + term_a[f];
            av[f] = LOAD(a, at_a[f] + (TRANSPOSE_A == 0u ? at : min(inner, last) * a_row));
            if (TRANSPOSE_A == 1u && inner > last) av[f] = vec4(0.0);
        }
        [[unroll]] for (int q = 0; q < GROUPS; ++q)
            [[unroll]] for (int i = 0; i < TERMS; ++i)
                bv[q][i] = LOAD(b, at_b[q][i] + (TRANSPOSE_B == 0u ? min(at * TERMS + i, last) * b_row : at));
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
}

// Which columns of a group are keys that count.
bvec4 keys_kept(int batch, int group)
{
    vec4 kept = vec4(1.0);
    if (HAS_MASK != 0u) kept = LOAD(other, mask_offset + batch * mask_batch + group);
    return greaterThan(zero_padding(kept, uint(group), uint(p)), vec4(0.5));
}

vec4 finish(vec4 v, bvec4 kept, float value, int at, int group)
{
    if (MODE == 1u) return mix(vec4(-3e38), v * scale, kept);
    if (MODE == 2u) v = value > 1e38 ? vec4(0.0) : mix(vec4(0.0), exp(v * scale - value), kept);
    if (MODE == 3u) v = LOAD(other, at) * (v - value) * scale;
    if (MODE == 4u) v *= value;
    return zero_padding(v, uint(group), uint(p));
}

void main()
{
    int block = int(gl_WorkGroupID.x), row = int(gl_WorkGroupID.y) * ROWS, batch = int(gl_WorkGroupID.z), head;
    if (HEADS_IN_X != 0u) {
        head = block / blocks;
        block -= head * blocks;
    } else {
        head = batch % heads;
        batch /= heads;
    }
    int first_group = block * 8 * GROUPS + int(gl_LocalInvocationID.x), groups = (p + 3) / 4;
    multiply(a_offset + batch * a_batch + head * a_head, b_offset + batch * b_batch + head * b_head, row, first_group);
    int y_first = y_offset + batch * y_batch + head * y_head;
    int value_first = value_offset + batch * value_batch + head * value_head;
    [[unroll]] for (int q = 0; q < GROUPS; ++q) {
        int group = first_group + 8 * q;
        if (group < groups) {
            bvec4 kept = bvec4(true);
            if (MODE == 1u || MODE == 2u) kept = keys_kept(batch, group);
            [[unroll]] for (int r = 0; r < ROWS; ++r)
                if (row + r < m) {
                    float value = MODE >= 2u ? LOAD(row_values, value_first + row + r).x : 0.0;
                    int at = y_first + (row + r) * y_row + group;
                    STORE(y, at, finish(sum[r][q], kept, value, at, group));
                }
        }
    }
}
