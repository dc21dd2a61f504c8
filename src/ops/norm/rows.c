#include "ops/norm/rows.h"

cairn_rows cairn_rows_plan(int64_t rows, int64_t columns, int64_t planes, int most_steps)
{
    enum { WORKGROUPS = 64 }; /* enough for every core to have several */
    cairn_rows r = {.rows = (uint32_t)rows,
                    .columns = (uint32_t)columns,
                    .planes = (uint32_t)planes,
                    .steps = 1,
                    .column_steps = 1};
    /* the widest power of two that leaves at most a fifth of the lanes idle */
    for (uint32_t log2 = 0; log2 <= 6; log2++) {
        int64_t width = (int64_t)1 << log2, covered = (columns + width - 1) / width * width;
        if (5 * columns >= 4 * covered) r.columns_log2 = log2;
    }
    int64_t workgroups = planes * cairn_rows_column_blocks(&r) * rows / (CAIRN_ROWS_LANES >> r.columns_log2);
    while (r.steps < (uint32_t)most_steps && workgroups >= 2 * WORKGROUPS * (int64_t)r.steps) r.steps *= 2;
    return r;
}

cairn_rows cairn_rows_plan_runs(const cairn_lowering *l, int64_t rows, int64_t columns, int64_t planes)
{
    enum { LOG2 = 3, MOST_COLUMN_STEPS = 4 };
    cairn_rows r = cairn_rows_plan(rows, columns, planes, CAIRN_ROWS_STEPS);
    int64_t blocks = (columns + (1 << LOG2) - 1) >> LOG2;
    int64_t wide = (blocks + MOST_COLUMN_STEPS - 1) / MOST_COLUMN_STEPS, steps = (blocks + wide - 1) / wide;
    if (cairn_lower_class(l) != CAIRN_CLASS_TEXEL || steps == 1 || 5 * columns < 4 * ((wide * steps) << LOG2)) return r;
    int64_t workgroups = planes * wide * rows / (CAIRN_ROWS_LANES >> LOG2);
    r.columns_log2 = LOG2;
    r.column_steps = (uint32_t)steps;
    r.steps = 1;
    while (r.steps < CAIRN_ROWS_STEPS / 2 && workgroups >= 128 * (int64_t)r.steps) r.steps *= 2;
    return r;
}

uint32_t cairn_rows_column_blocks(const cairn_rows *r)
{
    uint32_t width = r->column_steps << r->columns_log2;
    return (r->columns + width - 1) / width;
}

cairn_status cairn_rows_call(cairn_lowering *l, cairn_kernel_call *call, const cairn_rows *r)
{
    cairn_status st = CAIRN_OK;
    const uint32_t limit = 65535, block = (CAIRN_ROWS_LANES >> r->columns_log2) * r->steps;
    call->constants[0] = r->columns_log2;
    call->constants[1] = r->steps;
    if (call->constant_count < 2) call->constant_count = 2;
    if (call->push_count < 3) call->push_count = 3;
    call->push[1] = r->rows;
    call->push[2] = r->columns;
    call->threads[0] = cairn_rows_column_blocks(r) * CAIRN_ROWS_LANES;
    call->threads[2] = r->planes;
    for (uint32_t first = 0; first < r->rows; first += limit * block) {
        uint32_t blocks = (r->rows - first + block - 1) / block;
        call->push[0] = first;
        call->threads[1] = blocks < limit ? blocks : limit;
        CAIRN_TRY(cairn_lower_call(l, call));
        if (blocks <= limit) break;
    }
done:
    return st;
}
