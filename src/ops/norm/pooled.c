/* Normalisation, activation and 2x2 maximum in one pass, and its gradient without the one between: nodes that fusion
 * made of a normalisation and a pooling. Traffic in sizes of x, unfused and fused: forward 2 + 1.25 and 1.25 (x read,
 * the result read and written), backward 2.25 + 5 and 3.5 (both passes read x; dy is a quarter; dx is written). */
#include "ops/norm/internal.h"
#include "ops/image/pool.h"
#include "ops/reduce/chunks.h"

enum { COLUMN_STEPS = 6, ODD = 7 /* specialization constants */ };

static void set_odd(cairn_kernel_call *call, cairn_shape s)
{
    call->constants[ODD] = s.h % 2;
    call->constant_count = ODD + 1;
}

cairn_status cairn_norm__pooled(cairn_lowering *l, const cairn_norm__problem *n, cairn_slot y)
{
    cairn_shape s = cairn_lower_shape(l, n->x);
    cairn_kernel_call call = {.kernel = "norm/normalize_pool2", .slot_count = 6, .written = 32, .push_count = 6};
    cairn_norm__set_channels(&call, n, 1);
    cairn_rows rows = cairn_rows_plan_runs(l, s.w / 2, cairn_shape_groups(s), (int64_t)s.n * (s.h / 2));
    call.constants[COLUMN_STEPS] = rows.column_steps;
    set_odd(&call, s);
    call.slots[0] = n->x;
    call.slots[5] = y;
    call.push[3] = cairn_float_bits(n->at->eps);
    call.push[4] = (uint32_t)s.w, call.push[5] = (uint32_t)s.h / 2;
    return cairn_rows_call(l, &call, &rows);
}

static cairn_status call_sums(cairn_lowering *l, const cairn_norm__problem *n, cairn_slot dy, cairn_slot sum0,
                              cairn_slot sum1)
{
    cairn_status st = CAIRN_OK;
    cairn_shape s = cairn_lower_shape(l, n->x);
    uint32_t lines = (uint32_t)s.n * (uint32_t)(s.h / 2);
    cairn_chunks cut = cairn_chunks_plan(l, (int64_t)lines * (s.w / 2), cairn_shape_groups(s), 1);
    cut.lanes.rows = lines; /* blocks of whole lines: a lane then needs no division to find its windows */
    cut.block_rows = (lines + cut.blocks - 1) / cut.blocks;
    cut.blocks = (lines + cut.block_rows - 1) / cut.block_rows;
    cut.chunks = cut.blocks * ((uint32_t)CAIRN_ROWS_LANES >> cut.lanes.columns_log2);
    cairn_slot target[2] = {sum0, sum1};
    cairn_kernel_call call = {.kernel = "norm/grad_sums_pool2", .slot_count = 8, .written = 0xC0, .push_count = 7};
    cairn_norm__set_channels(&call, n, 2);
    set_odd(&call, s);
    call.slots[0] = n->x;
    call.slots[1] = dy;
    for (int i = 0; i < 2; i++)
        call.slots[6 + i] = cut.chunks == 1 ? target[i] : cairn_lower_scratch(l, cairn_chunks_vectors(&cut));
    call.push[4] = cairn_float_bits(n->at->eps);
    call.push[5] = (uint32_t)s.w, call.push[6] = (uint32_t)s.h / 2;
    CAIRN_TRY(cairn_chunks_call(l, &call, &cut));
    for (int i = 0; i < 2 && cut.chunks > 1; i++)
        CAIRN_TRY(cairn_chunks_finish(l, &cut, call.slots[6 + i], target[i], 1.0f));
done:
    return st;
}

cairn_status cairn_norm__pooled_grad(cairn_lowering *l, const cairn_norm__problem *n, cairn_slot dy, cairn_slot dx,
                                     cairn_slot sum0, cairn_slot sum1)
{
    cairn_status st = CAIRN_OK;
    cairn_shape s = cairn_lower_shape(l, n->x);
    CAIRN_TRY(call_sums(l, n, dy, sum0, sum1));
    cairn_kernel_call call = {.kernel = "norm/grad_input_pool2", .slot_count = 9, .written = 1 << 8, .push_count = 7};
    cairn_norm__set_channels(&call, n, 2);
    cairn_rows rows = cairn_rows_plan_runs(l, (s.w + 1) / 2, cairn_shape_groups(s), (int64_t)s.n * ((s.h + 1) / 2));
    call.constants[COLUMN_STEPS] = rows.column_steps;
    set_odd(&call, s);
    call.slots[0] = n->x;
    call.slots[1] = dy;
    call.slots[6] = sum0;
    call.slots[7] = sum1;
    call.slots[8] = dx;
    call.push[3] = cairn_float_bits(n->at->eps);
    call.push[4] = (uint32_t)s.w, call.push[5] = (uint32_t)s.h;
    call.push[6] = cairn_float_bits(n->at->frozen ? 0.0f : (float)(1.0 / ((double)s.n * s.h * s.w)));
    CAIRN_TRY(cairn_rows_call(l, &call, &rows));
done:
    return st;
}

bool cairn_norm__absorb_pool(cairn_node *node, const cairn_graph *g, const cairn_node *next)
{
    cairn_norm_attributes *at = (cairn_norm_attributes *)node->attributes;
    cairn_tid operands[5];
    if (!cairn_pool_is_max2(next) || at->pooled || !cairn_norm__operands(node, operands)) return false;
    if (cairn_graph_shape(g, operands[1]).n > 1) return false; /* a mean for each sample */
    at->pooled = true;
    return true;
}

/* The winners are found again from x, so the pooled tensor must be this very normalisation of it. */
bool cairn_norm__absorb_pool_grad(cairn_node *node, const cairn_graph *g, const cairn_node *source)
{
    enum { X, MEAN, VARIANCE, DY, GAMMA, BETA };
    cairn_norm_attributes *at = (cairn_norm_attributes *)node->attributes;
    const cairn_tid mine[5] = {node->inputs[X], node->inputs[MEAN], node->inputs[VARIANCE], node->inputs[GAMMA],
                               node->inputs[BETA]};
    cairn_tid operands[5];
    if (!cairn_pool_is_max2_grad(source) || source->outputs[0] != node->inputs[DY] || at->pooled) return false;
    if (cairn_graph_shape(g, node->inputs[MEAN]).n > 1) return false;
    int producer = cairn_graph_tensor(g, source->inputs[0])->producer;
    const cairn_node *forward = producer < 0 ? NULL : cairn_graph_node(g, producer);
    if (!forward || !cairn_norm__operands(forward, operands)) return false;
    const cairn_norm_attributes *its = cairn_node_attributes(forward);
    for (int i = 0; i < 5; i++)
        if (operands[i] != mine[i]) return false;
    if (its->pooled || its->eps != at->eps || its->activation != at->activation) return false;
    node->inputs[DY] = source->inputs[1];
    at->pooled = true;
    return true;
}
