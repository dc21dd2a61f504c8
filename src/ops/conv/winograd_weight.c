/* Class texel: the weight gradient of convolutions 3x3 at stride 1 by Winograd's algorithm. Where there are many tiles
 * and a worker's sums fit a core's cache, workers take the tiles, and their sums are added in order. Else tiles are
 * taken in chunks; each chunk adds its products to those of the chunks before it, in order. */
#include "ops/conv/internal.h"

#define CHUNK_BYTES (5 << 19) /* of both transformed sides: what the cores' own caches hold */
/* GAP: between planes, which are else often 2^n bytes apart; INPUTS: groups of a lane's product */
enum { LANES = 8, SLAB = 32, GAP = 8, INPUTS = 4 };
/* Of workers: their tiles at a time, how many at least (the bits of the sum depend on it, so not on the cores), slabs
 * that each should have at least, bytes of its sums */
enum { WORKER_SLAB = 64, WORKERS = 12, WORKER_SLABS = 2, MOST_SUMS = 1 << 20 };

typedef struct winograd {
    const cairn_conv__grad_weight *g;
    int size, planes;
    int tiles_y, tiles_x, tiles, slabs, chunk; /* slabs: in all, of one chunk */
    int groups;                                /* output groups of a lane's product */
    int workers, worker_slabs;                 /* 0: by chunks; in all */
} winograd;

static winograd describe(const cairn_conv__grad_weight *g, int size)
{
    winograd w = {.g = g, .size = size, .planes = (size + 2) * (size + 2),
                  .tiles_y = cairn_conv__ceil_div(g->sy.h, size), .tiles_x = cairn_conv__ceil_div(g->sy.w, size),
                  .groups = g->out_groups > LANES ? 2 : 1};
    w.tiles = g->sy.n * w.tiles_y * w.tiles_x;
    w.slabs = cairn_conv__ceil_div(w.tiles, SLAB);
    int64_t slab_bytes = (int64_t)w.planes * SLAB * 16 * (g->in_groups + g->out_groups);
    int most = (int)(CHUNK_BYTES / slab_bytes), chunks = cairn_conv__ceil_div(w.slabs, most < 2 ? 2 : most);
    w.chunk = cairn_conv__ceil_div(w.slabs, chunks);
    w.worker_slabs = cairn_conv__ceil_div(w.tiles, WORKER_SLAB);
    int64_t products = (int64_t)w.planes * cairn_conv__ceil_div(g->out_groups, LANES * w.groups) *
                       (cairn_conv__ceil_div(g->in_groups, INPUTS) * (WORKER_SLAB / 8 + 1) + 1);
    int64_t loops = products + w.planes + WORKER_SLAB / LANES * (g->in_groups + g->out_groups) + 2;
    if (w.worker_slabs >= WORKERS * WORKER_SLABS && loops * WORKER_SLABS <= CAIRN_CONV__MOST_LOOPS &&
        (int64_t)w.planes * g->in_groups * 4 * g->out_groups * 16 <= MOST_SUMS) {
        w.workers = cairn_conv__ceil_div(w.worker_slabs * loops, CAIRN_CONV__MOST_LOOPS - loops);
        if (w.workers < WORKERS) w.workers = WORKERS;
    }
    return w;
}

/* Measured for 64 channels and tiles of 4, in cycles of one core and for 8 lanes: 4900 to transform a group of input
 * channels, 3500 one of outputs, 1.85 for a product, 110 to add what earlier chunks gave. */
double cairn_conv__winograd_weight_cost(const cairn_conv__grad_weight *g, int size)
{
    winograd w = describe(g, size);
    double share = w.planes / 36.0, tiles = (double)w.slabs * SLAB;
    double pairs = (double)cairn_conv__ceil_div(g->in_groups, INPUTS) * INPUTS * 4 *
                   cairn_conv__ceil_div(g->out_groups, LANES * w.groups) * w.groups * 4;
    double chunks = cairn_conv__ceil_div(w.slabs, w.chunk);
    return share * tiles / LANES * (4900.0 * g->in_groups + 3500.0 * g->out_groups) +
           w.planes * pairs / LANES * (1.85 * tiles + 110.0 / 4 * chunks);
}

static cairn_status transform(cairn_lowering *l, const winograd *w, cairn_slot from, cairn_slot rows, bool of_output,
                              int first, int slabs)
{
    cairn_shape s = of_output ? w->g->sy : w->g->sx;
    int groups = cairn_shape_groups(s);
    cairn_kernel_call call = {.kernel = "winograd/rows", .light = true,
                              .constants = {(uint32_t)w->size, of_output},
                              .constant_count = 2,
                              .slots = {from, rows},
                              .slot_count = 2,
                              .written = 2,
                              .push = {(uint32_t)s.h, (uint32_t)s.w, (uint32_t)groups,
                                       of_output ? 0 : (uint32_t)w->g->window.pad, (uint32_t)w->tiles_y,
                                       (uint32_t)w->tiles_x, (uint32_t)(first * SLAB), (uint32_t)w->tiles},
                              .push_count = 8,
                              .threads = {(uint32_t)(slabs * SLAB * groups)}};
    return cairn_lower_call(l, &call);
}

static cairn_status multiply(cairn_lowering *l, const winograd *w, cairn_slot x, cairn_slot dy, cairn_slot sums,
                             int slabs, bool more)
{
    const cairn_conv__grad_weight *g = w->g;
    cairn_kernel_call call = {.kernel = "winograd/row_product",
                              .constants = {(uint32_t)w->groups},
                              .constant_count = 1,
                              .slots = {x, dy, more ? sums : x, sums},
                              .slot_count = 4,
                              .written = 8,
                              .push = {(uint32_t)w->planes, (uint32_t)g->in_groups, (uint32_t)g->out_groups,
                                       (uint32_t)slabs, more},
                              .push_count = 5,
                              .threads = {(uint32_t)(LANES * cairn_conv__ceil_div(g->out_groups, LANES * w->groups)),
                                          (uint32_t)cairn_conv__ceil_div(g->in_groups, INPUTS), (uint32_t)w->planes}};
    return cairn_lower_call(l, &call);
}

static cairn_status by_workers(cairn_lowering *l, const winograd *w, cairn_slot sums)
{
    cairn_status st = CAIRN_OK;
    const cairn_conv__grad_weight *g = w->g;
    int64_t vectors = (int64_t)w->planes * (g->in_groups * 4 * g->out_groups + GAP);
    int64_t planes = (int64_t)w->planes * (WORKER_SLAB * (g->in_groups + g->out_groups) + 2 * GAP);
    cairn_slot work = cairn_lower_scratch(l, w->workers * planes), parts = cairn_lower_scratch(l, w->workers * vectors);
    cairn_kernel_call call = {.kernel = "winograd/row_sums",
                              .constants = {(uint32_t)w->size, (uint32_t)w->groups},
                              .constant_count = 2,
                              .slots = {g->x, g->dy, work, work, parts, parts},
                              .slot_count = 6,
                              .written = 1 << 3 | 1 << 5,
                              .push = {(uint32_t)g->sx.h, (uint32_t)g->sx.w, (uint32_t)g->in_groups,
                                       (uint32_t)g->window.pad, (uint32_t)g->sy.h, (uint32_t)g->sy.w,
                                       (uint32_t)g->out_groups, (uint32_t)w->tiles_y, (uint32_t)w->tiles_x,
                                       (uint32_t)w->tiles, (uint32_t)w->worker_slabs, (uint32_t)w->workers},
                              .push_count = 12,
                              .threads = {(uint32_t)(LANES * w->workers)}};
    CAIRN_TRY(cairn_lower_call(l, &call));
    CAIRN_TRY(cairn_conv__sum_parts(l, parts, sums, vectors, w->workers));
done:
    return st;
}

static cairn_status by_chunks(cairn_lowering *l, const winograd *w, cairn_slot sums)
{
    cairn_status st = CAIRN_OK;
    const cairn_conv__grad_weight *g = w->g;
    cairn_slot x = cairn_lower_scratch(l, (int64_t)w->chunk * w->planes * (SLAB * g->in_groups + GAP));
    cairn_slot dy = cairn_lower_scratch(l, (int64_t)w->chunk * w->planes * (SLAB * g->out_groups + GAP));
    for (int first = 0; first < w->slabs; first += w->chunk) {
        int slabs = w->slabs - first < w->chunk ? w->slabs - first : w->chunk;
        CAIRN_TRY(transform(l, w, g->x, x, false, first, slabs));
        CAIRN_TRY(transform(l, w, g->dy, dy, true, first, slabs));
        CAIRN_TRY(multiply(l, w, x, dy, sums, slabs, first > 0));
    }
done:
    return st;
}

cairn_status cairn_conv__grad_weight_winograd(cairn_lowering *l, const cairn_conv__grad_weight *g, int size)
{
    cairn_status st = CAIRN_OK;
    winograd w = describe(g, size);
    cairn_slot sums = cairn_lower_scratch(l, (int64_t)w.planes * (g->in_groups * 4 * g->out_groups + GAP));
    CAIRN_TRY(w.workers ? by_workers(l, &w, sums) : by_chunks(l, &w, sums));
    cairn_kernel_call call = {.kernel = "winograd/weight_back", .light = true,
                              .constants = {(uint32_t)size},
                              .constant_count = 1,
                              .slots = {sums, g->dw},
                              .slot_count = 2,
                              .written = 2,
                              .push = {(uint32_t)g->sx.c, (uint32_t)g->in_groups, (uint32_t)g->out_groups},
                              .push_count = 3,
                              .threads = {(uint32_t)(g->sx.c * g->out_groups)}};
    CAIRN_TRY(cairn_lower_call(l, &call));
done:
    return st;
}
