/* Memory planning: greedy by size, each block at the lowest offset where nothing alive at the same time overlaps. */
#include "graph/internal.h"

#include "base/half.h"
#include "base/log.h"

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

cairn_status cairn_plan__check(const cairn_program_stats *stats, const cairn_lowering *l)
{
    const cairn_gpu_info *info = cairn_gpu_get_info(l->gpu);
    uint64_t heap = info->heap_bytes, stored = 0, planned = stats->planned_bytes;
    const char *wish = getenv("CAIRN_HEAP_MB");
    double wished = wish ? strtod(wish, NULL) * 1e6 : 0;
    if (wished > 0 && wished < (double)heap) heap = (uint64_t)wished;
    for (int i = 0; i < cairn_graph_tensor_count(l->g); i++) {
        const cairn_tensor *t = cairn_graph_tensor(l->g, i);
        if (t->kind == CAIRN_TENSOR_STORED && t->joined == CAIRN_NONE)
            stored += 16 * (uint64_t)cairn_shape_vectors(t->shape);
    }
    uint64_t room = heap > stored ? heap - stored : 0;
    if (room > info->max_buffer_bytes) room = info->max_buffer_bytes;
    cairn_debug("plan: %.1f MB (%.1f MB without planning), %.1f MB stored, of %.1f MB on '%s'", (double)planned / 1e6,
                (double)stats->unplanned_bytes / 1e6, (double)stored / 1e6, (double)heap / 1e6, info->name);
    if (planned <= room) return CAIRN_OK;
    unsigned parts = room ? (unsigned)((planned + room - 1) / room) : 0;
    char batch[96] = "smaller images or a smaller network";
    if (parts && parts <= 1024) snprintf(batch, sizeof batch, "1/%u of the batch with accumulate %u", parts, parts);
    return cairn_error_set(CAIRN_E_NOMEM,
                           "the plan takes %.1f MB beside %.1f MB of stored tensors, and '%s' has %.1f MB: use %s%s",
                           (double)planned / 1e6, (double)stored / 1e6, info->name, (double)heap / 1e6, batch,
                           stats->half_tensors ? "" : ", or precision mixed");
}
