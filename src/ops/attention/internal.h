#ifndef CAIRN_OPS_ATTENTION_INTERNAL_H
#define CAIRN_OPS_ATTENTION_INTERNAL_H
/* Shared by the files of src/ops/attention; private to them. */
#include "graph/lower.h"

/* One attention and its gradient: sizes and tensors. Row values (sums, along) are [B,heads,N,1]. */
typedef struct cairn_attention__problem {
    uint32_t batch, heads, n, m; /* n queries, m keys */
    uint32_t head_groups;        /* vec4 of one head's channels */
    float scale;
    cairn_slot q, k, v, y, sums;     /* sums: log of each softmax's sum */
    cairn_slot key_mask, query_mask; /* or CAIRN_NONE */
    cairn_slot dy, along, dq, dk, dv; /* gradient only; along: dy * y summed over each head's channels */
} cairn_attention__problem;

/* By whole matrices of scores, for as many heads at a time as fit a budget. */
cairn_status cairn_attention__matrices(cairn_lowering *l, const cairn_attention__problem *p);
cairn_status cairn_attention__matrices_grad(cairn_lowering *l, const cairn_attention__problem *p);
/* By blocks of keys and queries in shared memory; whether the device has room for blocks of this head size. */
bool cairn_attention__blocks_fit(const cairn_lowering *l, const cairn_attention__problem *p);
cairn_status cairn_attention__blocks(cairn_lowering *l, const cairn_attention__problem *p);
cairn_status cairn_attention__blocks_grad(cairn_lowering *l, const cairn_attention__problem *p);
#endif
