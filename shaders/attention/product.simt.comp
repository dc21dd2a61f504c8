#version 450
// product.simt.comp: one product of attention by whole matrices, for several heads: 8 rows x 8 columns in each lane.
// computes  y = f(A B), A [M,K] = a or its transpose, B [K,P] = b or its transpose, for each batch element and head
//           MODE 0: s | 1: scale * s, -3e38 for keys that are left out | 2: exp(scale * s - row value), 0 for
//           such keys | 3: other * (s - row value) * scale | 4: s * row value
// bindings  0 a | 1 b | 2 row values, one vec4 for each row | 3 other (MODE 3: at the places of y) or the key mask
//           (MODE 1 and 2, [B,1,1,P]) | 4 y write
// spec      0 TRANSPOSE_A | 1 TRANSPOSE_B (not both) | 2 MODE | 3 HAS_MASK | 4 HEADS_IN_X
// push      sizes, then for a, b, y: offset, and strides of batch element, head, row, all in vec4
// dispatch  threads (pairs of column groups [* heads], ceil(M / 8), batch elements [* heads])
// note      rows and columns past the edge read the last one and are not stored. The inner
//           dimension: whole groups of channels, or padding of a that is zero, or (TRANSPOSE_A) zeroed here.
//           host: src/ops/attention/matrices.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const uint TRANSPOSE_A = 0u;
layout(constant_id = 1) const uint TRANSPOSE_B = 0u;
layout(constant_id = 2) const uint MODE = 0u;
layout(constant_id = 3) const uint HAS_MASK = 0u;
layout(constant_id = 4) const uint HEADS_IN_X = 0u;
INPUT(0, a);
INPUT(1, b);
INPUT(2, row_values);
INPUT(3, other);
OUTPUT(4, y);
layout(push_constant) uniform Push {
    uint m, p, k, pairs, heads;
    uint a_offset, a_batch, a_head, a_row;
    uint b_offset, b_batch, b_head, b_row;
    uint y_offset, y_batch, y_head, y_row;
    uint value_offset, value_batch, value_head;
    uint mask_offset, mask_batch;
    float scale;
};

vec4 sum[8][2];

void multiply(uint a_first, uint b_first, uint row, uint group)
{
    uint steps = (k + 3u) / 4u, last = k - 1u, a_last = (m + 3u) / 4u - 1u, b_last = (p + 3u) / 4u - 1u;
    for (uint at = 0u; at < steps; at++) {
        vec4 av[8], bv[8];
        [[unroll]] for (int i = 0; i < 8; i++) {
            uint half_tile = uint(i & 1), inner = min(at * 4u + uint(i / 2), last);
            if (TRANSPOSE_A == 0u)
                av[i] = LOAD(a, a_first + min(row + uint(i), m - 1u) * a_row + at);
            else
                av[i] = LOAD(a, a_first + inner * a_row + min(row / 4u + half_tile, a_last));
            if (TRANSPOSE_B == 0u)
                bv[i] = LOAD(b, b_first + inner * b_row + min(group + half_tile, b_last));
            else
                bv[i] = LOAD(b, b_first + min(group * 4u + uint(i), p - 1u) * b_row + at);
        }
        if (TRANSPOSE_A == 1u) {
            [[unroll]] for (int i = 0; i < 8; i++)
                if (at * 4u + uint(i / 2) > last) av[i] = vec4(0.0);
            [[unroll]] for (int r = 0; r < 8; r++)
                [[unroll]] for (int j = 0; j < 4; j++) {
                    sum[r][0] += av[2 * j + r / 4][r % 4] * bv[2 * j];
                    sum[r][1] += av[2 * j + r / 4][r % 4] * bv[2 * j + 1];
                }
        } else if (TRANSPOSE_B == 0u) {
            [[unroll]] for (int r = 0; r < 8; r++)
                [[unroll]] for (int j = 0; j < 4; j++) {
                    sum[r][0] += av[r][j] * bv[2 * j];
                    sum[r][1] += av[r][j] * bv[2 * j + 1];
                }
        } else {
            [[unroll]] for (int r = 0; r < 8; r++) {
                sum[r][0] += vec4(dot(av[r], bv[0]), dot(av[r], bv[1]), dot(av[r], bv[2]), dot(av[r], bv[3]));
                sum[r][1] += vec4(dot(av[r], bv[4]), dot(av[r], bv[5]), dot(av[r], bv[6]), dot(av[r], bv[7]));
            }
        }
    }
}

// Which columns of a group are keys that count.
bvec4 keys_kept(uint batch, uint group)
{
    vec4 kept = vec4(1.0);
    if (HAS_MASK != 0u) kept = LOAD(other, mask_offset + batch * mask_batch + group);
    return greaterThan(zero_padding(kept, group, p), vec4(0.5));
}

void main()
{
    uint x = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y * 8u, batch = gl_GlobalInvocationID.z, head;
    if (HEADS_IN_X != 0u) {
        head = x / pairs;
        x -= head * pairs;
    } else {
        head = batch % heads;
        batch /= heads;
    }
    if (x >= pairs || head >= heads) return;
    uint group = x * 2u, groups = (p + 3u) / 4u;
    [[unroll]] for (int r = 0; r < 8; r++) sum[r][0] = sum[r][1] = vec4(0.0);
    multiply(a_offset + batch * a_batch + head * a_head, b_offset + batch * b_batch + head * b_head, row, group);
    uint y_first = y_offset + batch * y_batch + head * y_head + group;
    uint value_first = value_offset + batch * value_batch + head * value_head;
    bvec4 kept[2];
    if (MODE == 1u || MODE == 2u) {
        kept[0] = keys_kept(batch, group);
        kept[1] = keys_kept(batch, min(group + 1u, groups - 1u));
    }
    [[unroll]] for (int r = 0; r < 8; r++) {
        if (row + uint(r) < m) {
            float value = 0.0;
            if (MODE >= 2u) value = LOAD(row_values, value_first + row + uint(r)).x;
            [[unroll]] for (int h = 0; h < 2; h++) {
                uint at = y_first + (row + uint(r)) * y_row + uint(h);
                if (group + uint(h) < groups) {
                    vec4 v = sum[r][h];
                    if (MODE == 1u) v = mix(vec4(-3e38), v * scale, kept[h]);
                    if (MODE == 2u) {
                        v = mix(vec4(0.0), exp(v * scale - value), kept[h]);
                        if (value > 1e38) v = vec4(0.0);
                    }
                    if (MODE == 3u) v = LOAD(other, at) * (v - value) * scale;
                    if (MODE == 4u) v *= value;
                    if (MODE != 1u) v = zero_padding(v, group + uint(h), p);
                    STORE(y, at, v);
                }
            }
        }
    }
}
