/* Attention by blocks of queries and keys in shared memory: shaders/attention/attention_blocks.glsl. */
#include "ops/attention/internal.h"

enum { BLOCK = 32, MOST_TILES = 3, OTHER_BYTES = 288 * 16 };

bool cairn_attention__blocks_fit(const cairn_lowering *l, const cairn_attention__problem *p)
{
    uint64_t bytes = MOST_TILES * BLOCK * (p->head_groups + 1) * 16 + OTHER_BYTES;
    return bytes <= cairn_lower_info(l)->max_shared_bytes && (uint64_t)p->batch * p->heads <= 65535;
}

/* Constants, push block and threads; kernel and bindings are the caller's. */
static cairn_status dispatch(cairn_lowering *l, const cairn_attention__problem *p, cairn_kernel_call *call, int masks,
                             uint32_t rows)
{
    call->constants[0] = p->head_groups;
    call->constants[1] = BLOCK * (p->head_groups + 1);
    call->constants[2] = (uint32_t)masks;
    call->constants[3] = (p->head_groups + 7) / 8;
    call->constant_count = 4;
    call->push[0] = p->n;
    call->push[1] = p->m;
    call->push[2] = p->heads;
    call->push[3] = cairn_float_bits(p->scale);
    call->push_count = 4;
    call->threads[0] = (rows + BLOCK - 1) / BLOCK * 64;
    call->threads[1] = p->batch * p->heads;
    return cairn_lower_call(l, call);
}

static cairn_slot or_queries(const cairn_attention__problem *p, cairn_slot mask)
{
    return mask != CAIRN_NONE ? mask : p->q;
}

cairn_status cairn_attention__blocks(cairn_lowering *l, const cairn_attention__problem *p)
{
    cairn_kernel_call call = {.kernel = "attention/blocks",
                              .slots = {p->q, p->k, p->v, or_queries(p, p->key_mask), or_queries(p, p->query_mask),
                                        p->y, p->sums},
                              .slot_count = 7,
                              .written = 3u << 5};
    int masks = (p->key_mask != CAIRN_NONE) + 2 * (p->query_mask != CAIRN_NONE);
    return dispatch(l, p, &call, masks, p->n);
}

cairn_status cairn_attention__blocks_grad(cairn_lowering *l, const cairn_attention__problem *p)
{
    cairn_status st = CAIRN_OK;
    cairn_slot mask = or_queries(p, p->key_mask);
    cairn_kernel_call query = {.kernel = "attention/blocks_grad_query",
                               .slots = {p->q, p->k, p->v, p->dy, p->sums, p->along, mask, p->dq},
                               .slot_count = 8,
                               .written = 1u << 7};
    cairn_kernel_call key = {.kernel = "attention/blocks_grad_key",
                             .slots = {p->q, p->k, p->v, p->dy, p->sums, p->along, mask, p->dk, p->dv},
                             .slot_count = 9,
                             .written = 3u << 7};
    CAIRN_TRY(dispatch(l, p, &query, p->key_mask != CAIRN_NONE, p->n));
    CAIRN_TRY(dispatch(l, p, &key, p->key_mask != CAIRN_NONE, p->m));
done:
    return st;
}
