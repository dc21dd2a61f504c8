/* Attention by whole matrices of scores [n][m], kept for a few heads at a time: five kinds of product and a softmax. */
#include "ops/attention/internal.h"

enum { TRANSPOSE_A = 1, TRANSPOSE_B = 2 }; /* of a product */
enum { PLAIN, SCORES, PROBABILITIES, SCORE_GRADIENT, TIMES_ROW_VALUE }; /* MODE of shaders/attention/product.*.comp */

/* Where a matrix of each batch element and head lies: strides in vec4. */
typedef struct operand {
    cairn_slot slot;
    uint32_t batch, head, row;
} operand;

/* The heads of one round: all heads of some batch elements, or some heads of one. */
typedef struct part {
    uint32_t first_batch, batches, first_head, heads;
} part;

static operand points(const cairn_attention__problem *p, cairn_slot slot, uint32_t count)
{
    uint32_t row = p->heads * p->head_groups;
    return (operand){slot, count * row, p->head_groups, row};
}

static operand scores_of(const cairn_attention__problem *p, const part *t, cairn_slot slot)
{
    uint32_t row = (p->m + 3) / 4, head = p->n * row;
    return (operand){slot, t->heads * head, head, row};
}

/* Push words of an operand: in scratch a part starts at zero, in a tensor at its first batch element and head. */
static void place(uint32_t *push, const operand *o, const part *t, bool scratch)
{
    push[0] = scratch ? 0 : t->first_batch * o->batch + t->first_head * o->head;
    push[1] = o->batch;
    push[2] = o->head;
    push[3] = o->row;
}

typedef struct product {
    int order, mode;
    operand a, b, y;
    bool scratch_a, scratch_y; /* b is a tensor always */
    uint32_t rows, columns, inner;
    cairn_slot values, other; /* CAIRN_NONE where the mode has none */
} product;

static cairn_status multiply(cairn_lowering *l, const cairn_attention__problem *p, const part *t, const product *x)
{
    const bool masked = (x->mode == SCORES || x->mode == PROBABILITIES) && p->key_mask != CAIRN_NONE;
    const bool heads_in_x = !x->scratch_y; /* narrow results: the heads lie side by side */
    const bool texel = cairn_lower_class(l) == CAIRN_CLASS_TEXEL;
    const uint32_t groups = (x->columns + 3) / 4, key_groups = (p->m + 3) / 4;
    /* class texel: eight lanes of `wide` groups and `tall` rows; else each lane has two groups and eight rows */
    const uint32_t wide = texel && groups > 8 ? 2 : 1;
    const uint32_t tall = !texel ? 8 : x->rows <= 4 ? 4 : x->rows <= 8 ? 8 : 16;
    const uint32_t blocks = texel ? (groups + 8 * wide - 1) / (8 * wide) : (groups + 1) / 2;
    const uint32_t lanes = texel ? 8 * blocks : blocks;
    cairn_slot other = masked ? p->key_mask : x->other;
    cairn_kernel_call call = {
        .kernel = "attention/product",
        .constants = {x->order == TRANSPOSE_A, x->order == TRANSPOSE_B, (uint32_t)x->mode, masked, heads_in_x, tall,
                      wide},
        .constant_count = texel ? 7 : 5,
        .slots = {x->a.slot, x->b.slot, x->values != CAIRN_NONE ? x->values : x->b.slot,
                  other != CAIRN_NONE ? other : x->b.slot, x->y.slot},
        .slot_count = 5,
        .written = 1u << 4,
        .push = {x->rows, x->columns, x->inner, blocks, t->heads},
        .push_count = 23};
    place(&call.push[5], &x->a, t, x->scratch_a);
    place(&call.push[9], &x->b, t, false);
    place(&call.push[13], &x->y, t, x->scratch_y);
    call.push[17] = (t->first_batch * p->heads + t->first_head) * p->n;
    call.push[18] = p->heads * p->n;
    call.push[19] = p->n;
    call.push[20] = t->first_batch * key_groups;
    call.push[21] = key_groups;
    call.push[22] = cairn_float_bits(p->scale);
    call.threads[0] = heads_in_x ? lanes * t->heads : lanes;
    call.threads[1] = (x->rows + tall - 1) / tall;
    call.threads[2] = heads_in_x ? t->batches : t->batches * t->heads;
    return cairn_lower_call(l, &call);
}

static cairn_status softmax(cairn_lowering *l, const cairn_attention__problem *p, const part *t, cairn_slot scores,
                            cairn_slot factors)
{
    const bool masked = p->query_mask != CAIRN_NONE;
    const uint32_t query_groups = (p->n + 3) / 4;
    cairn_kernel_call call = {
        .kernel = "attention/softmax", .light = true,
        .constants = {masked},
        .constant_count = 1,
        .slots = {scores, scores, masked ? p->query_mask : p->q, p->sums, factors},
        .slot_count = 5,
        .written = 0x1A,
        .push = {t->batches * t->heads * p->n, p->n, (p->m + 3) / 4, t->heads,
                 (t->first_batch * p->heads + t->first_head) * p->n, p->heads * p->n, p->n,
                 t->first_batch * query_groups, query_groups},
        .push_count = 9};
    cairn_lower_linear(&call, call.push[0]);
    return cairn_lower_call(l, &call);
}

static cairn_status forward_part(cairn_lowering *l, const cairn_attention__problem *p, const part *t, cairn_slot s,
                                 cairn_slot factors)
{
    cairn_status st = CAIRN_OK;
    const uint32_t d = 4 * p->head_groups;
    product scores = {.order = TRANSPOSE_B, .mode = SCORES, .scratch_y = true, .rows = p->n, .columns = p->m,
                      .inner = d, .values = CAIRN_NONE, .other = CAIRN_NONE};
    scores.a = points(p, p->q, p->n);
    scores.b = points(p, p->k, p->m);
    scores.y = scores_of(p, t, s);
    CAIRN_TRY(multiply(l, p, t, &scores));
    CAIRN_TRY(softmax(l, p, t, s, factors));
    product context = {.mode = TIMES_ROW_VALUE, .scratch_a = true, .rows = p->n, .columns = d, .inner = p->m,
                       .values = factors, .other = CAIRN_NONE};
    context.a = scores.y;
    context.b = points(p, p->v, p->m);
    context.y = points(p, p->y, p->n);
    CAIRN_TRY(multiply(l, p, t, &context));
done:
    return st;
}

static cairn_status grad_part(cairn_lowering *l, const cairn_attention__problem *p, const part *t, cairn_slot s,
                              cairn_slot unused)
{
    cairn_status st = CAIRN_OK;
    const uint32_t d = 4 * p->head_groups;
    const operand q = points(p, p->q, p->n), k = points(p, p->k, p->m), v = points(p, p->v, p->m);
    const operand dy = points(p, p->dy, p->n), dq = points(p, p->dq, p->n), dk = points(p, p->dk, p->m);
    const operand dv = points(p, p->dv, p->m), w = scores_of(p, t, s);
    (void)unused;
    /* in order: the probabilities again; dv = P^T dy; dS = P (dy v^T - along) scale in their place; dq = dS k;
     * dk = dS^T q, the scale being in dS */
    const product products[5] = {
        {TRANSPOSE_B, PROBABILITIES, q, k, w, false, true, p->n, p->m, d, p->sums, CAIRN_NONE},
        {TRANSPOSE_A, PLAIN, w, dy, dv, true, false, p->m, d, p->n, CAIRN_NONE, CAIRN_NONE},
        {TRANSPOSE_B, SCORE_GRADIENT, dy, v, w, false, true, p->n, p->m, d, p->along, s},
        {0, PLAIN, w, k, dq, true, false, p->n, d, p->m, CAIRN_NONE, CAIRN_NONE},
        {TRANSPOSE_A, PLAIN, w, q, dk, true, false, p->m, d, p->n, CAIRN_NONE, CAIRN_NONE},
    };
    for (int i = 0; i < 5; i++) CAIRN_TRY(multiply(l, p, t, &products[i]));
done:
    return st;
}

/* Scores of one round, 16 MiB. Measured on lavapipe, six runs forward and backward of 2048 points in 4 heads of 64: 7.1
 * and 7.7 s of processor time, with all heads at once 9.2 and 9.8 s. */
static const int64_t ROUND_VECTORS = 1 << 20;

static cairn_status each_part(cairn_lowering *l, const cairn_attention__problem *p, cairn_slot factors,
                              cairn_status (*run)(cairn_lowering *, const cairn_attention__problem *, const part *,
                                                  cairn_slot, cairn_slot))
{
    cairn_status st = CAIRN_OK;
    const int64_t head = (int64_t)p->n * ((p->m + 3) / 4);
    int64_t heads = ROUND_VECTORS / head < 1 ? 1 : ROUND_VECTORS / head;
    int64_t batches = heads / p->heads;
    if (heads > p->heads) heads = p->heads;
    if (batches < 1) batches = 1;
    if (batches > p->batch) batches = p->batch;
    cairn_slot scores = cairn_lower_scratch(l, batches * heads * head);
    for (uint32_t b = 0; b < p->batch; b += (uint32_t)batches)
        for (uint32_t h = 0; h < p->heads; h += (uint32_t)heads) {
            part t = {b, (uint32_t)batches, h, (uint32_t)heads};
            if (t.batches > p->batch - b) t.batches = p->batch - b;
            if (t.heads > p->heads - h) t.heads = p->heads - h;
            CAIRN_TRY(run(l, p, &t, scores, factors));
        }
done:
    return st;
}

cairn_status cairn_attention__matrices(cairn_lowering *l, const cairn_attention__problem *p)
{
    cairn_slot factors = cairn_lower_scratch(l, (int64_t)p->batch * p->heads * p->n);
    return each_part(l, p, factors, forward_part);
}

cairn_status cairn_attention__matrices_grad(cairn_lowering *l, const cairn_attention__problem *p)
{
    return each_part(l, p, CAIRN_NONE, grad_part);
}
