#include "ops/product/tile.h"

#include <stdlib.h>

/* One way to cut a product. What the numbers of the last columns mean differs by class. */
typedef struct shape {
    int m, n, slice;
    int across_m, across_n; /* simt: blocks of 4x4 in a thread; matrix: subgroups over the tile */
    int narrow_slice;       /* matrix: of split factors, which need twice the memory */
    double speed;           /* relative, of a large product. An assumption: multiplications for each read of shared
                               memory, against the first row; the order has not been measured on a GPU */
} shape;

/* A thread makes 4*across_m by 4*across_n elements. Shared memory: 2 * slice * (m/4 + 1 + n/4 + 1) * 16 bytes, at most
 * 21.5 KB of the 32 KiB that every GPU offers. What a thread loads of a slice, m*slice/(4*threads) and
 * n*slice/(4*threads) vec4s, must be whole numbers. */
static const shape simt_shapes[] = {
    {128, 128, 8, 2, 2, 0, 1.0}, {128, 64, 8, 2, 2, 0, 0.95},  {64, 64, 16, 2, 2, 0, 0.9},
    {128, 32, 16, 2, 1, 0, 0.7}, {64, 32, 16, 2, 1, 0, 0.65}, {32, 32, 16, 1, 1, 0, 0.45},
};
/* A subgroup makes m/across_m by n/across_n, multiples of 32 (the largest matrix). Shared memory at most 26 KB. */
static const shape matrix_shapes[] = {
    {128, 128, 32, 2, 4, 16, 1.0}, {128, 64, 32, 2, 2, 16, 0.9}, {128, 64, 32, 4, 2, 16, 0.8},
    {64, 64, 32, 2, 2, 16, 0.7},   {128, 32, 32, 4, 1, 32, 0.6}, {32, 32, 32, 1, 1, 32, 0.4},
};
enum {
    SHAPES = sizeof simt_shapes / sizeof *simt_shapes,
    UNITS = 128,      /* workgroups that a large GPU runs at once, one for each of its cores; Vulkan does not tell */
    RANGE_GROUPS = 256, RANGE_THREADS = 256
};
_Static_assert(sizeof matrix_shapes == sizeof simt_shapes, "one count of shapes");
static const double CANDIDATE = 3; /* worth timing: up to so many times the least estimate */

/* Rounds of UNITS workgroups, each as long as a tile has elements. */
static double tile_time(const shape *t, const cairn_tile_product *p)
{
    int64_t groups = cairn_tiles(p->m, t->m) * cairn_tiles(p->n, t->n) * p->batches;
    return (double)cairn_tiles(groups, UNITS) * t->m * t->n / t->speed;
}

static cairn_tile simt_tile(const shape *t)
{
    int threads = t->m / (4 * t->across_m) * (t->n / (4 * t->across_n));
    return (cairn_tile){.m = t->m, .n = t->n, .moment_rows = t->m, .threads = threads, .constant_count = 6,
                        .constants = {(uint32_t)threads, (uint32_t)t->m, (uint32_t)t->n, (uint32_t)t->slice,
                                      (uint32_t)t->across_m, (uint32_t)t->across_n}};
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* uvec4s of shared memory, whichever way the operands run: the slices, or the sums on their way out, or two for each
 * thread, of the statistics that it leaves. */
static uint32_t matrix_area(const shape *t, const cairn_gpu_matrix *unit, int slice, bool split)
{
    uint32_t k = (uint32_t)slice, m = (uint32_t)t->m, n = (uint32_t)t->n;
    uint32_t a = larger(m * (k / 8 + 1), k * (m / 8 + 1)), b = larger(n * (k / 8 + 1), k * (n / 8 + 1));
    uint32_t stage = (uint32_t)(t->across_m * t->across_n) * unit->m * (n / (uint32_t)t->across_n / 4 + 1);
    uint32_t moments = 2 * (uint32_t)(t->across_m * t->across_n) * unit->subgroup_size; /* tile/conv.glsl */
    return larger(larger((a + b) * (split ? 2 : 1), stage), moments);
}

static cairn_tile matrix_tile(const shape *t, const cairn_gpu_matrix *unit, bool split)
{
    int slice = split ? t->narrow_slice : t->slice;
    int threads = t->across_m * t->across_n * (int)unit->subgroup_size;
    return (cairn_tile){.m = t->m, .n = t->n, .moment_rows = t->m / t->across_m, .threads = threads,
                        .constant_count = 9,
                        .constants = {(uint32_t)threads, (uint32_t)t->m, (uint32_t)t->n, (uint32_t)slice,
                                      (uint32_t)t->across_m, (uint32_t)t->across_n, unit->subgroup_size, split,
                                      matrix_area(t, unit, slice, split)},
                        .range_count = 2};
}

/* A product with what is the same for all of its tiles. */
typedef struct candidate_product {
    const cairn_tile_product *p;
    bool matrix, split;
    cairn_slot ranges[2];
} candidate_product;

static cairn_status emit(cairn_lowering *l, const void *problem, uint32_t variant)
{
    const candidate_product *c = problem;
    const cairn_gpu_info *info = cairn_lower_info(l);
    uint32_t i = variant % SHAPES;
    cairn_tile tile =
        c->matrix ? matrix_tile(&matrix_shapes[i], &info->matrix, c->split) : simt_tile(&simt_shapes[i]);
    for (int r = 0; r < tile.range_count; r++) tile.ranges[r] = c->ranges[r];
    return c->p->emit(l, c->p->problem, &tile);
}

/* The largest magnitude of a tensor, in one vec4. */
static cairn_status emit_range(cairn_lowering *l, cairn_slot x, cairn_slot *range)
{
    cairn_status st = CAIRN_OK;
    int64_t vectors = cairn_lower_vectors(l, x), groups = cairn_tiles(vectors, RANGE_THREADS);
    if (groups > RANGE_GROUPS) groups = RANGE_GROUPS;
    cairn_slot part = cairn_lower_scratch(l, groups);
    cairn_kernel_call call = {.kernel = "matrix/range", .light = true, .slots = {x, part}, .slot_count = 2,
                              .written = 2, .push = {(uint32_t)vectors}, .push_count = 1,
                              .threads = {(uint32_t)groups * RANGE_THREADS}};
    CAIRN_TRY(cairn_lower_call(l, &call));
    *range = part;
    if (groups == 1) goto done;
    *range = cairn_lower_scratch(l, 1);
    call.slots[0] = part, call.slots[1] = *range;
    call.push[0] = (uint32_t)groups;
    call.threads[0] = RANGE_THREADS;
    CAIRN_TRY(cairn_lower_call(l, &call));
done:
    return st;
}

static bool fits(const shape *t, const cairn_gpu_info *info, const candidate_product *c)
{
    cairn_tile tile = c->matrix ? matrix_tile(t, &info->matrix, c->split) : simt_tile(t);
    uint32_t bytes = c->matrix ? tile.constants[8] * 16 : (uint32_t)(2 * t->slice * (t->m / 4 + t->n / 4 + 2) * 16);
    return (uint32_t)tile.threads <= info->max_group_threads && bytes <= info->max_shared_bytes;
}

cairn_status cairn_tile_lower(cairn_lowering *l, const cairn_tile_product *p)
{
    cairn_status st = CAIRN_OK;
    const cairn_gpu_info *info = cairn_lower_info(l);
    const char *forced = getenv("CAIRN_TILE"), *split = getenv("CAIRN_MATRIX_SPLIT");
    candidate_product c = {.p = p, .matrix = cairn_lower_class(l) == CAIRN_CLASS_MATRIX, .ranges = {p->a, p->b}};
    const shape *shapes = c.matrix ? matrix_shapes : simt_shapes;
    uint32_t candidates[SHAPES], best = SHAPES - 1; /* the smallest fits everywhere */
    int count = 0;
    /* A tensor that is stored in fp16 says that its precision is enough. */
    c.split = c.matrix && !(split && split[0] == '0') && !cairn_lower_half(l, p->a) && !cairn_lower_half(l, p->b);
    if (c.split) {
        CAIRN_TRY(emit_range(l, p->a, &c.ranges[0]));
        CAIRN_TRY(emit_range(l, p->b, &c.ranges[1]));
    }
    if (forced && *forced) return emit(l, &c, (uint32_t)strtoul(forced, NULL, 10));
    for (uint32_t i = 0; i < SHAPES; i++)
        if (fits(&shapes[i], info, &c) && tile_time(&shapes[i], p) < tile_time(&shapes[best], p)) best = i;
    for (uint32_t i = 0; i < SHAPES; i++)
        if (fits(&shapes[i], info, &c) && tile_time(&shapes[i], p) <= CANDIDATE * tile_time(&shapes[best], p))
            candidates[count++] = i;
    const uint32_t key[] = {(uint32_t)p->m, (uint32_t)p->n, (uint32_t)p->k, (uint32_t)p->batches, p->form[0],
                            p->form[1], p->form[2], p->form[3], c.split, (uint32_t)info->matrix.form};
    CAIRN_TRY(cairn_lower_choose(l, &(cairn_choice){.name = p->name, .key = key, .key_count = 10,
                                                    .candidates = candidates, .candidate_count = count,
                                                    .fallback = best, .emit = emit, .problem = &c}));
done:
    return st;
}

void cairn_tile_call(cairn_kernel_call *call, const cairn_tile *tile, int64_t x, int64_t y, int64_t z)
{
    call->constant_count = CAIRN_TILE_CONSTANT + tile->constant_count;
    for (int i = 0; i < tile->constant_count; i++) call->constants[CAIRN_TILE_CONSTANT + i] = tile->constants[i];
    for (int i = 0; i < tile->range_count; i++) call->slots[call->slot_count++] = tile->ranges[i];
    call->threads[0] = (uint32_t)(x * tile->threads);
    call->threads[1] = (uint32_t)y;
    call->threads[2] = (uint32_t)z;
}
