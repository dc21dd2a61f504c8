#version 450
// blocks_grad_query.simt.comp: gradient of attention to the queries, one block of queries against all keys.
// computes  dq = sum over keys of dS k, dS = P * (dy v^T - along) * scale, P = exp(scale * q k^T - sums)
// bindings  0 q [B,1,N,C], 1 k, 2 v [B,1,M,C], 3 dy [B,1,N,C] read | 4 sums, 5 along [B,heads,N,1] read | 6 key mask
//           [B,1,1,M] read (anything where absent) | 7 dq write
// spec      0..3 attention_blocks.glsl
// push      n, m, heads, scale
// dispatch  groups (ceil(N / 32), B * heads)          host: src/ops/attention/blocks.c
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
OUTPUT(7, dq);
shared vec4 q_tile[TILE];
shared vec4 dy_tile[TILE];
shared vec4 kv_tile[TILE];

void main()
{
    uint first = gl_WorkGroupID.x * BLOCK;
    float whole[4], part[4], p[4][4], s[4][4];
    vec4 sum[4][COLUMNS];
    CLEAR(sum);
    FILL_TILE(q_tile, q, first, n);
    FILL_TILE(dy_tile, dy, first, n);
    [[unroll]] for (int i = 0; i < 4; i++) {
        uint row = min(first + TY + 8u * uint(i), n - 1u);
        whole[i] = LOAD(sums, gl_WorkGroupID.y * n + row).x;
        part[i] = LOAD(along, gl_WorkGroupID.y * n + row).x;
    }
    for (uint key = 0u; key < m; key += BLOCK) {
        barrier();
        FILL_TILE(kv_tile, k, key, m);
        barrier();
        BLOCK_PRODUCT(p, q_tile, kv_tile);
        [[unroll]] for (int j = 0; j < 4; j++) {
            uint at = key + TX + 8u * uint(j);
            bool kept = POINT_KEPT(key_mask, at, m, HAS_MASK != 0u);
            [[unroll]] for (int i = 0; i < 4; i++)
                p[i][j] = kept && whole[i] < 1e38 ? exp(p[i][j] * scale - whole[i]) : 0.0;
        }
        barrier();
        FILL_TILE(kv_tile, v, key, m);
        barrier();
        BLOCK_PRODUCT(s, dy_tile, kv_tile);
        [[unroll]] for (int i = 0; i < 4; i++)
            [[unroll]] for (int j = 0; j < 4; j++) SET_WEIGHT(i, j, p[i][j] * (s[i][j] - part[i]) * scale);
        barrier();
        FILL_TILE(kv_tile, k, key, m);
        barrier();
        ACCUMULATE(sum, kv_tile);
    }
    STORE_ROWS(dq, first, n, sum, 1.0);
}
