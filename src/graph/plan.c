/* Memory planning: greedy by size, each block at the lowest offset where nothing alive at the same time overlaps. */
#include "graph/internal.h"

#include "base/half.h"

#include <string.h>

static int by_size(const void *a, const void *b)
{
    const cairn_block *x = *(cairn_block *const *)a, *y = *(cairn_block *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : 1;
}

static int by_offset(const void *a, const void *b)
{
    const cairn_block *x = *(cairn_block *const *)a, *y = *(cairn_block *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static uint64_t place(const cairn_block *block, cairn_block **placed, int count, uint64_t gap, cairn_block **overlap)
{
    int n = 0;
    for (int i = 0; i < count; i++)
        if (placed[i]->first <= block->last && block->first <= placed[i]->last) overlap[n++] = placed[i];
    qsort(overlap, (size_t)n, sizeof *overlap, by_offset);
    uint64_t offset = 0;
    for (int i = 0; i < n; i++) {
        if (overlap[i]->offset >= offset + block->bytes + gap) break;
        uint64_t end = overlap[i]->offset + overlap[i]->bytes + gap;
        if (end > offset) offset = end;
    }
    return offset;
}

uint64_t cairn_plan__pack(cairn_block *blocks, int count, uint64_t alignment, bool aliasing, uint64_t gap)
{
    cairn_block **order = malloc(2 * sizeof *order * (size_t)(count ? count : 1));
    CAIRN_ASSERT(order);
    cairn_block **overlap = order + count;
    uint64_t total = 0;
    gap = (gap + alignment - 1) / alignment * alignment;
    for (int i = 0; i < count; i++) {
        blocks[i].bytes = (blocks[i].bytes + alignment - 1) / alignment * alignment;
        if (!aliasing) blocks[i].first = 0, blocks[i].last = INT32_MAX;
        order[i] = &blocks[i];
    }
    qsort(order, (size_t)count, sizeof *order, by_size);
    for (int i = 0; i < count; i++) {
        order[i]->offset = aliasing ? place(order[i], order, i, gap, overlap) : total;
        uint64_t end = order[i]->offset + order[i]->bytes + gap;
        if (end > total) total = end;
    }
    free(order);
    return total;
}

void cairn_pad__pack(float *storage, const float *dense, cairn_shape s)
{
    int64_t rows = (int64_t)s.n * s.h * s.w;
    int stride = cairn_shape_groups(s) * 4;
    if (stride == s.c) {
        memcpy(storage, dense, sizeof *dense * (size_t)(rows * s.c));
        return;
    }
    for (int64_t r = 0; r < rows; r++)
        for (int c = 0; c < stride; c++) storage[r * stride + c] = c < s.c ? dense[r * s.c + c] : 0.0f;
}

void cairn_pad__unpack(float *dense, const float *storage, cairn_shape s)
{
    int64_t rows = (int64_t)s.n * s.h * s.w;
    int stride = cairn_shape_groups(s) * 4;
    if (stride == s.c) {
        memcpy(dense, storage, sizeof *dense * (size_t)(rows * s.c));
        return;
    }
    for (int64_t r = 0; r < rows; r++)
        for (int c = 0; c < s.c; c++) dense[r * s.c + c] = storage[r * stride + c];
}

void cairn_pad__pack_half(uint16_t *storage, const float *dense, cairn_shape s)
{
    int64_t rows = (int64_t)s.n * s.h * s.w;
    int stride = cairn_shape_groups(s) * 4;
    for (int64_t r = 0; r < rows; r++)
        for (int c = 0; c < stride; c++)
            storage[r * stride + c] = c < s.c ? cairn_half_from_float(dense[r * s.c + c]) : 0;
}

void cairn_pad__unpack_half(float *dense, const uint16_t *storage, cairn_shape s)
{
    int64_t rows = (int64_t)s.n * s.h * s.w;
    int stride = cairn_shape_groups(s) * 4;
    for (int64_t r = 0; r < rows; r++)
        for (int c = 0; c < s.c; c++) dense[r * s.c + c] = cairn_half_to_float(storage[r * stride + c]);
}
