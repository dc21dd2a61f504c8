#include "ops/tile.h"

#include <stdlib.h>

/* A thread makes 4*blocks_m by 4*blocks_n elements. Shared memory: 2 * slice * (m/4 + 1 + n/4 + 1) * 16 bytes, at most
 * 21.5 KB of the 32 KiB that every GPU offers. What a thread loads of a slice, m*slice/(4*threads) and
 * n*slice/(4*threads) vec4s, must be whole numbers.
 * speed: multiplications for each vec4 read from shared memory, against the first row. An assumption; the order that it
 * gives has not been measured on a GPU. */
typedef struct simt_tile {
    int m, n, slice, blocks_m, blocks_n;
    double speed;
} simt_tile;
static const simt_tile simt_tiles[] = {
    {128, 128, 8, 2, 2, 1.0}, {128, 64, 8, 2, 2, 0.95},  {64, 64, 16, 2, 2, 0.9},
    {128, 32, 16, 2, 1, 0.7}, {64, 32, 16, 2, 1, 0.65}, {32, 32, 16, 1, 1, 0.45},
};
enum { SIMT_TILES = sizeof simt_tiles / sizeof *simt_tiles };
enum { UNITS = 128 /* workgroups that a large GPU runs at once, one for each of its cores; Vulkan does not tell */ };
static const double CANDIDATE = 3; /* worth timing: up to so many times the least estimate */

/* Rounds of UNITS workgroups, each as long as a tile has elements. */
static double tile_time(const simt_tile *t, const cairn_tile_product *p)
{
    int64_t groups = cairn_tiles(p->m, t->m) * cairn_tiles(p->n, t->n) * p->batches;
    return (double)cairn_tiles(groups, UNITS) * t->m * t->n / t->speed;
}

static cairn_tile simt_tile_of(uint32_t variant)
{
    const simt_tile *t = &simt_tiles[variant % SIMT_TILES];
    int threads = t->m / (4 * t->blocks_m) * (t->n / (4 * t->blocks_n));
    return (cairn_tile){.m = t->m, .n = t->n, .threads = threads, .constant_count = 6,
                        .constants = {(uint32_t)threads, (uint32_t)t->m, (uint32_t)t->n, (uint32_t)t->slice,
                                      (uint32_t)t->blocks_m, (uint32_t)t->blocks_n}};
}

static cairn_status emit(cairn_lowering *l, const void *problem, uint32_t variant)
{
    const cairn_tile_product *p = problem;
    cairn_tile tile = simt_tile_of(variant);
    return p->emit(l, p->problem, &tile);
}

cairn_status cairn_tile_lower(cairn_lowering *l, const cairn_tile_product *p)
{
    const char *forced = getenv("CAIRN_TILE");
    uint32_t candidates[SIMT_TILES], best = 0;
    int count = 0;
    if (forced && *forced) return emit(l, p, (uint32_t)strtoul(forced, NULL, 10));
    for (uint32_t i = 1; i < SIMT_TILES; i++)
        if (tile_time(&simt_tiles[i], p) < tile_time(&simt_tiles[best], p)) best = i;
    for (uint32_t i = 0; i < SIMT_TILES; i++)
        if (tile_time(&simt_tiles[i], p) <= CANDIDATE * tile_time(&simt_tiles[best], p)) candidates[count++] = i;
    const uint32_t key[] = {(uint32_t)p->m, (uint32_t)p->n, (uint32_t)p->k, (uint32_t)p->batches, p->form[0],
                            p->form[1], p->form[2], p->form[3]};
    return cairn_lower_choose(l, &(cairn_choice){.name = p->name, .key = key, .key_count = 8, .candidates = candidates,
                                                 .candidate_count = count, .fallback = best, .emit = emit,
                                                 .problem = p});
}

void cairn_tile_call(cairn_kernel_call *call, const cairn_tile *tile, int64_t x, int64_t y, int64_t z)
{
    call->constant_count = CAIRN_TILE_CONSTANT + tile->constant_count;
    for (int i = 0; i < tile->constant_count; i++) call->constants[CAIRN_TILE_CONSTANT + i] = tile->constants[i];
    call->threads[0] = (uint32_t)(x * tile->threads);
    call->threads[1] = (uint32_t)y;
    call->threads[2] = (uint32_t)z;
}
