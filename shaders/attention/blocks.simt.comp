#version 450
// blocks.simt.comp: attention, one block of queries against all keys, with a running softmax.
// computes  y = softmax over keys of (scale * q k^T) v, and the log of each softmax's sum (3e38 where there is no key)
// bindings  0 q [B,1,N,C], 1 k, 2 v [B,1,M,C] read | 3 key mask [B,1,1,M], 4 query mask [B,1,1,N] read (anything where
//           absent) | 5 y [B,1,N,C] write | 6 sums [B,heads,N,1] write
// spec      0..3 attention_blocks.glsl (HAS_MASK: 1 keys, 2 queries)
// push      n, m, heads, scale
// dispatch  groups (ceil(N / 32), B * heads)          host: src/ops/attention/blocks.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "attention_blocks.glsl"

INPUT(0, q);
INPUT(1, k);
INPUT(2, v);
INPUT(3, key_mask);
INPUT(4, query_mask);
OUTPUT(5, y);
OUTPUT(6, sums);
shared vec4 q_tile[TILE];
shared vec4 kv_tile[TILE];
shared float row_parts[256]; // [32][8]: each thread's share of a row

void main()
{
    uint first = gl_WorkGroupID.x * BLOCK;
    float top[4], total[4], s[4][4];
    vec4 sum[4][COLUMNS];
    CLEAR(sum);
    [[unroll]] for (int i = 0; i < 4; i++) {
        top[i] = -3e38;
        total[i] = 0.0;
    }
    FILL_TILE(q_tile, q, first, n);
    for (uint key = 0u; key < m; key += BLOCK) {
        barrier();
        FILL_TILE(kv_tile, k, key, m);
        barrier();
        BLOCK_PRODUCT(s, q_tile, kv_tile);
        [[unroll]] for (int j = 0; j < 4; j++) {
            uint at = key + TX + 8u * uint(j);
            bool kept = POINT_KEPT(key_mask, at, m, (HAS_MASK & 1u) != 0u);
            [[unroll]] for (int i = 0; i < 4; i++) s[i][j] = kept ? s[i][j] * scale : -3e38;
        }
        [[unroll]] for (int i = 0; i < 4; i++)
            row_parts[(TY + 8u * uint(i)) * 8u + TX] = max(max(s[i][0], s[i][1]), max(s[i][2], s[i][3]));
        barrier();
        FILL_TILE(kv_tile, v, key, m);
        [[unroll]] for (int i = 0; i < 4; i++) {
            float largest = top[i];
            for (uint x = 0u; x < 8u; x++) largest = max(largest, row_parts[(TY + 8u * uint(i)) * 8u + x]);
            float correction = exp(top[i] - largest);
            top[i] = largest;
            total[i] *= correction;
            [[unroll]] for (int c = 0; c < COLUMNS; c++) sum[i][c] *= correction;
            [[unroll]] for (int j = 0; j < 4; j++) {
                float p = s[i][j] > -1e38 ? exp(s[i][j] - largest) : 0.0;
                total[i] += p;
                SET_WEIGHT(i, j, p);
            }
        }
        barrier();
        ACCUMULATE(sum, kv_tile);
    }
    barrier();
    [[unroll]] for (int i = 0; i < 4; i++) row_parts[(TY + 8u * uint(i)) * 8u + TX] = total[i];
    barrier();
    float factor[4];
    [[unroll]] for (int i = 0; i < 4; i++) {
        uint row = first + TY + 8u * uint(i);
        bool any_key = top[i] > -1e38 && POINT_KEPT(query_mask, row, n, (HAS_MASK & 2u) != 0u);
        float whole = 0.0;
        for (uint x = 0u; x < 8u; x++) whole += row_parts[(TY + 8u * uint(i)) * 8u + x];
        factor[i] = any_key ? 1.0 / whole : 0.0;
        if (TX == 0u && row < n)
            STORE(sums, gl_WorkGroupID.y * n + row, vec4(any_key ? top[i] + log(whole) : 3e38, 0.0, 0.0, 0.0));
    }
    STORE_ROWS(y, first, n, sum, factor[i]);
}
