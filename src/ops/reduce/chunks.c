#include "ops/reduce/chunks.h"

static uint32_t divide_up(int64_t a, int64_t b)
{
    return (uint32_t)((a + b - 1) / b);
}

cairn_chunks cairn_chunks_last(int64_t rows, int64_t columns, int64_t planes)
{
    cairn_chunks k = {
        .lanes = {(uint32_t)rows, (uint32_t)columns, (uint32_t)planes, 6, 4, 1}, .blocks = 1, .chunks = 1};
    k.block_rows = divide_up(rows, k.lanes.steps) * k.lanes.steps;
    return k;
}

cairn_chunks cairn_chunks_plan(const cairn_lowering *l, int64_t rows, int64_t columns, int64_t planes)
{
    /* several workgroups for each core, or enough to fill a GPU */
    const bool texel = cairn_lower_class(l) == CAIRN_CLASS_TEXEL;
    const int64_t workgroups = texel ? 64 : 512, most_chunks = texel ? 256 : 4096;
    int64_t wide = planes * divide_up(columns, CAIRN_ROWS_LANES);
    if (rows <= CAIRN_ROWS_LANES || (wide >= workgroups && rows <= most_chunks))
        return cairn_chunks_last(rows, columns, planes);
    cairn_chunks k = {.lanes = cairn_rows_plan(rows, columns, planes, 4)};
    k.lanes.steps = 4;
    int64_t rows_per_step = CAIRN_ROWS_LANES >> k.lanes.columns_log2, round = rows_per_step * k.lanes.steps;
    int64_t blocks = divide_up(workgroups, planes * cairn_rows_column_blocks(&k.lanes));
    if (blocks * rows_per_step > most_chunks) blocks = most_chunks / rows_per_step;
    k.block_rows = divide_up(divide_up(rows, blocks), round) * (uint32_t)round;
    k.blocks = divide_up(rows, k.block_rows);
    k.chunks = k.blocks * (uint32_t)rows_per_step;
    return k;
}

int64_t cairn_chunks_vectors(const cairn_chunks *k)
{
    return (int64_t)k->lanes.planes * k->chunks * k->lanes.columns;
}

cairn_status cairn_chunks_call(cairn_lowering *l, cairn_kernel_call *call, const cairn_chunks *k)
{
    call->constants[0] = k->lanes.columns_log2;
    call->constants[1] = k->lanes.steps;
    if (call->constant_count < 2) call->constant_count = 2;
    if (call->push_count < 4) call->push_count = 4;
    call->push[0] = k->lanes.rows;
    call->push[1] = k->lanes.columns;
    call->push[2] = k->block_rows;
    call->push[3] = k->chunks;
    call->threads[0] = cairn_rows_column_blocks(&k->lanes) * CAIRN_ROWS_LANES;
    call->threads[1] = k->blocks;
    call->threads[2] = k->lanes.planes;
    return cairn_lower_call(l, call);
}

cairn_status cairn_chunks_finish(cairn_lowering *l, const cairn_chunks *k, cairn_slot x, cairn_slot y, float scale)
{
    cairn_kernel_call call = {.kernel = "reduce/rows", .slots = {x, y}, .slot_count = 2, .written = 2, .push_count = 5};
    cairn_chunks last = cairn_chunks_last(k->chunks, k->lanes.columns, k->lanes.planes);
    call.push[4] = cairn_float_bits(scale);
    if (cairn_lower_class(l) == CAIRN_CLASS_TEXEL) return cairn_chunks_call(l, &call, &last);
    call.kernel = "reduce/finish";
    call.push[0] = k->chunks;
    call.push[1] = k->lanes.columns;
    call.push[2] = call.push[4];
    call.push_count = 3;
    call.threads[0] = k->lanes.columns * CAIRN_ROWS_LANES;
    call.threads[2] = k->lanes.planes;
    return cairn_lower_call(l, &call);
}
