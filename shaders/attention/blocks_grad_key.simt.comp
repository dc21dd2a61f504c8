#version 450
// blocks_grad_key.simt.comp: gradient of attention to keys and values, one block of keys against all queries.
// computes  dv = sum over queries of P dy, dk = sum over queries of dS q, dS = P * (dy v^T - along) * scale,
//           P = exp(scale * q k^T - sums)
// bindings  0 q [B,1,N,C], 1 k, 2 v [B,1,M,C], 3 dy [B,1,N,C] read | 4 sums, 5 along [B,heads,N,1] read | 6 key mask
//           [B,1,1,M] read (anything where absent) | 7 dk, 8 dv write
// spec      0..3 attention_blocks.glsl
// push      n, m, heads, scale
// dispatch  groups (ceil(M / 32), B * heads)          host: src/ops/attention/blocks.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "attention_blocks.glsl"

INPUT(0, q);
INPUT(1, k);
INPUT(2, v);
INPUT(3, dy);
INPUT(4, sums);
INPUT(5, along);
INPUT(6, key_mask);
OUTPUT(7, dk);
OUTPUT(8, dv);
shared vec4 k_tile[TILE];
shared vec4 v_tile[TILE];
shared vec4 query_tile[TILE]; // q or dy

void main()
{
    uint first = gl_WorkGroupID.x * BLOCK;
    float p[4][4], s[4][4];
    vec4 key_sum[4][COLUMNS], value_sum[4][COLUMNS];
    bool kept[4];
    CLEAR(key_sum);
    CLEAR(value_sum);
    FILL_TILE(k_tile, k, first, m);
    FILL_TILE(v_tile, v, first, m);
    [[unroll]] for (int i = 0; i < 4; i++) {
        uint at = first + TY + 8u * uint(i);
        kept[i] = POINT_KEPT(key_mask, at, m, HAS_MASK != 0u);
    }
    for (uint query = 0u; query < n; query += BLOCK) {
        float part[4];
        barrier();
        FILL_TILE(query_tile, q, query, n);
        barrier();
        BLOCK_PRODUCT(p, k_tile, query_tile);
        [[unroll]] for (int j = 0; j < 4; j++) {
            uint row = query + TX + 8u * uint(j), value = gl_WorkGroupID.y * n + min(row, n - 1u);
            float whole = row < n ? LOAD(sums, value).x : 3e38;
            part[j] = LOAD(along, value).x;
            [[unroll]] for (int i = 0; i < 4; i++) {
                p[i][j] = kept[i] && whole < 1e38 ? exp(p[i][j] * scale - whole) : 0.0;
                SET_WEIGHT(i, j, p[i][j]);
            }
        }
        barrier();
        FILL_TILE(query_tile, dy, query, n);
        barrier();
        ACCUMULATE(value_sum, query_tile);
        BLOCK_PRODUCT(s, v_tile, query_tile);
        barrier();
        [[unroll]] for (int i = 0; i < 4; i++)
            [[unroll]] for (int j = 0; j < 4; j++) SET_WEIGHT(i, j, p[i][j] * (s[i][j] - part[j]) * scale);
        FILL_TILE(query_tile, q, query, n);
        barrier();
        ACCUMULATE(key_sum, query_tile);
    }
    STORE_ROWS(dk, first, m, key_sum, 1.0);
    STORE_ROWS(dv, first, m, value_sum, 1.0);
}
