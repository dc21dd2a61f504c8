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

/* What the heap has, and what of it can still be had: other programs and other tensors of this one take their part. */
typedef struct heap_room {
    uint64_t heap, stored, free; /* free: UINT64_MAX where the device does not say */
} heap_room;

static uint64_t stored_bytes(const cairn_graph *g)
{
    uint64_t bytes = 0;
    for (int i = 0; i < cairn_graph_tensor_count(g); i++) {
        const cairn_tensor *t = cairn_graph_tensor(g, i);
        if (t->kind == CAIRN_TENSOR_STORED && t->joined == CAIRN_NONE)
            bytes += 16 * (uint64_t)cairn_shape_vectors(t->shape);
    }
    return bytes;
}

static heap_room find_room(const cairn_lowering *l)
{
    heap_room r = {cairn_gpu_get_info(l->gpu)->heap_bytes, stored_bytes(l->g), cairn_gpu_free_bytes(l->gpu)};
    const char *wish = getenv("CAIRN_HEAP_MB");
    double wished = wish ? strtod(wish, NULL) * 1e6 : 0;
    if (wished > 0 && wished < (double)r.heap) r.heap = (uint64_t)wished;
    return r;
}

/* What would make the plan smaller and has not been done, as the end of a sentence. */
static void suggest(char *out, size_t size, uint64_t planned, uint64_t room, const cairn_program_stats *stats,
                    const cairn_lowering *l, const cairn_program_options *options, bool recompute)
{
    const char *items[3];
    char batch[96] = "smaller images or a smaller network";
    unsigned parts = room ? (unsigned)((planned + room - 1) / room) : 0;
    int count = 0, at = 0;
    bool learns = cairn_graph__forward_nodes(l->g) < cairn_graph_node_count(l->g);
    if (parts && parts <= 1024) snprintf(batch, sizeof batch, "1/%u of the batch with accumulate %u", parts, parts);
    items[count++] = batch;
    if (recompute && learns && options->recompute == CAIRN_RECOMPUTE_NONE) items[count++] = "recompute cheap";
    if (!stats->half_tensors) items[count++] = "precision mixed";
    for (int i = 0; i < count && at < (int)size; i++)
        at += snprintf(out + at, size - (size_t)at, "%s%s", !i ? "" : i + 1 < count ? ", " : " or ", items[i]);
}

/* The largest tensor of all dispatches must be within reach of the kernels. */
static cairn_status check_ranges(const cairn_program_stats *stats, const cairn_lowering *l,
                                 const cairn_program_options *options)
{
    const cairn_gpu_info *info = cairn_gpu_get_info(l->gpu);
    const bool texel = info->kernel_class == CAIRN_CLASS_TEXEL;
    uint64_t over = 0, limit = 0;
    char text[224];
    for (int c = 0; c < l->call_count && !info->any_size; c++)
        for (int k = 0; k < l->calls[c].slot_count; k++) {
            uint64_t vectors = (uint64_t)cairn_lower_vectors(l, l->calls[c].slots[k]);
            uint64_t element = cairn_lower_half(l, l->calls[c].slots[k]) ? 8 : 16;
            uint64_t most = texel ? info->max_texel_elements * element : info->max_storage_range;
            if (vectors * element <= most || vectors * element <= over) continue;
            over = vectors * element;
            limit = most;
        }
    if (!over) return CAIRN_OK;
    suggest(text, sizeof text, over, limit, stats, l, options, false);
    return cairn_error_set(CAIRN_E_UNSUPPORTED,
                           "the plan has a tensor of %.1f MB, and kernels on '%s' reach %.1f MB of "
                           "one (it offers no buffer addresses): use %s",
                           (double)over / 1e6, info->name, (double)limit / 1e6, text);
}

cairn_status cairn_plan__check(const cairn_program_stats *stats, const cairn_lowering *l,
                               const cairn_program_options *options)
{
    const cairn_gpu_info *info = cairn_gpu_get_info(l->gpu);
    const heap_room r = find_room(l);
    uint64_t planned = stats->planned_bytes, room = r.heap > r.stored ? r.heap - r.stored : 0;
    char text[224], has[96];
    bool taken = r.free < room; /* the stored tensors have their memory already */
    if (taken) room = r.free;
    if (room > info->max_buffer_bytes) room = info->max_buffer_bytes;
    snprintf(has, sizeof has, taken ? "%.1f MB left of %.1f MB" : "%.1f MB", (double)(taken ? room : r.heap) / 1e6,
             (double)r.heap / 1e6);
    cairn_debug("plan: %.1f MB (%.1f MB without planning), %.1f MB stored, of %s on '%s'", (double)planned / 1e6,
                (double)stats->unplanned_bytes / 1e6, (double)r.stored / 1e6, has, info->name);
    if (planned <= room) return check_ranges(stats, l, options);
    suggest(text, sizeof text, planned, room, stats, l, options, true);
    return cairn_error_set(CAIRN_E_NOMEM,
                           "the plan takes %.1f MB beside %.1f MB of stored tensors, and '%s' has %s: use %s%s",
                           (double)planned / 1e6, (double)r.stored / 1e6, info->name, has, text,
                           taken ? ", or close other programs that use the device" : "");
}
