#ifndef CAIRN_OPS_ATTENTION_H
#define CAIRN_OPS_ATTENTION_H
/* Attention between points, and the encoding of their positions. Shaders in shaders/attention.
 *
 * Points are rows: [B,1,N,C]. Channels are `heads` contiguous runs of D = C / heads, D a multiple of 4. */
#include "graph/graph.h"

typedef struct cairn_attention_options {
    int heads;   /* 0: 1 */
    float scale; /* of the products q k; 0: 1 / sqrt(D) */
} cairn_attention_options;

/* For each head: y = softmax over keys of (scale * q k^T) v. q [B,1,N,C]; k, v [B,1,M,C] -> [B,1,N,C]. Gradients to q,
 * k and v.
 * key_mask    [B,1,1,M] or CAIRN_NONE: keys with 0 (at most 0.5) are left out
 * query_mask  [B,1,1,N] or CAIRN_NONE: queries with 0 give 0 and have no gradient, as do queries without any key
 * Class simt walks over blocks of keys and keeps the log of each softmax's sum for the backward pass, so that no N x M
 * matrix is ever stored; class texel stores the matrix for a few heads at a time, because that is faster there (the
 * comment of src/ops/attention/attention.c). No atomics: the same bits in every run.
 * source  Vaswani et al. 2017; blocks: Dao et al. 2022 (FlashAttention) */
cairn_tid cairn_op_attention(cairn_graph *g, cairn_tid q, cairn_tid k, cairn_tid v, cairn_tid key_mask,
                             cairn_tid query_mask, const cairn_attention_options *options);

/* Cosines and sines side by side: [N,H,W,P] angles -> [N,H,W,2P]: cos x0, sin x0, cos x1, sin x1, .. Meant for
 * |angle| < 8000. Gradient to the angles. */
cairn_tid cairn_op_cos_sin(cairn_graph *g, cairn_tid angles);
/* Rotary position encoding: channels 2p and 2p+1 of every head are turned by the angle p of their point:
 * (x0 cos - x1 sin, x1 cos + x0 sin). x [B,1,N,heads*D], table [B or 1,1,N,D] from cairn_op_cos_sin. Gradients to both.
 * source  Su et al. 2021; LightGlue (matching.md 2.2): angles = keypoints times a learned [2,D/2] matrix */
cairn_tid cairn_op_rotate(cairn_graph *g, cairn_tid x, cairn_tid table, int heads);
#endif
