/* Class texel: convolutions 3x3 at stride 1 by Winograd's minimal filtering (shaders/winograd/winograd.glsl). The image
 * is cut into tiles, and the tiles into chunks whose transformed input stays in the cache until it has been used. */
#include "ops/conv/internal.h"

#define CHUNK_BYTES (5 << 18) /* of transformed input: with the products, what the cores' own caches hold */
enum { LANES = 8, ROWS = 4, GROUPS = 4, GAP = 8 /* between the planes of a slab, shaders/winograd/input.texel.comp */ };

typedef struct winograd {
    const cairn_conv__forward *f;
    int size, planes; /* output pixels of a tile along each axis; (size + 2)^2 */
    int in_groups, out_groups, blocks;
    int tiles_y, tiles_x, tiles;
    cairn_slot weight, input, sums;
} winograd;

/* A weight of [9,1,CI,CO] into planes. */
static cairn_status transform_weight(cairn_lowering *l, const winograd *w)
{
    cairn_kernel_call call = {
        .kernel = "winograd/weight",
        .constants = {(uint32_t)w->size, GROUPS},
        .constant_count = 2,
        .slots = {w->f->weight, w->weight},
        .slot_count = 2,
        .written = 2,
        .push = {(uint32_t)w->f->sx.c, (uint32_t)w->in_groups, (uint32_t)w->out_groups, (uint32_t)w->blocks},
        .push_count = 4,
        .threads = {(uint32_t)(w->in_groups * 4 * GROUPS), (uint32_t)w->blocks}};
    return cairn_lower_call(l, &call);
}

static cairn_status transform_input(cairn_lowering *l, const winograd *w, int first, int capacity)
{
    cairn_kernel_call call = {.kernel = "winograd/input",
                              .constants = {(uint32_t)w->size, ROWS},
                              .constant_count = 2,
                              .slots = {w->f->x, w->input},
                              .slot_count = 2,
                              .written = 2,
                              .push = {(uint32_t)w->f->sx.h, (uint32_t)w->f->sx.w, (uint32_t)w->in_groups,
                                       (uint32_t)w->f->window.pad, (uint32_t)w->tiles_y, (uint32_t)w->tiles_x,
                                       (uint32_t)first, (uint32_t)w->tiles},
                              .push_count = 8,
                              .threads = {(uint32_t)capacity}};
    return cairn_lower_call(l, &call);
}

static cairn_status multiply(cairn_lowering *l, const winograd *w, int capacity)
{
    cairn_kernel_call call = {
        .kernel = "winograd/product",
        .constants = {ROWS, GROUPS},
        .constant_count = 2,
        .slots = {w->input, w->weight, w->sums},
        .slot_count = 3,
        .written = 4,
        .push = {(uint32_t)w->planes, (uint32_t)w->in_groups, (uint32_t)w->blocks},
        .push_count = 3,
        .threads = {(uint32_t)(LANES * w->blocks), (uint32_t)w->planes, (uint32_t)(capacity / (LANES * ROWS))}};
    return cairn_lower_call(l, &call);
}

static cairn_status transform_output(cairn_lowering *l, const winograd *w, int first, int capacity)
{
    const cairn_conv__forward *f = w->f;
    bool has_bias = f->bias != CAIRN_NONE;
    cairn_kernel_call call = {.kernel = "winograd/output",
                              .constants = {(uint32_t)w->size, ROWS},
                              .constant_count = 2,
                              .slots = {w->sums, has_bias ? f->bias : f->weight, f->y},
                              .slot_count = 3,
                              .written = 4,
                              .push = {(uint32_t)f->sy.h, (uint32_t)f->sy.w, (uint32_t)w->out_groups,
                                       (uint32_t)(w->blocks * GROUPS), (uint32_t)w->tiles_y, (uint32_t)w->tiles_x,
                                       (uint32_t)first, (uint32_t)w->tiles, has_bias},
                              .push_count = 9,
                              .threads = {(uint32_t)capacity}};
    cairn_epilogue_call(&call, &f->epilogue, f->residual, f->x);
    return cairn_lower_call(l, &call);
}

/* Measured for 64 channels and tiles of 4 (8 tiles at a time): 4900 cycles to transform a group of input channels, 2700
 * one of outputs, and 1.85 for a product of 8 lanes, its stores included; taken to be in proportion for tiles of 2. */
double cairn_conv__winograd_cost(const cairn_conv__forward *f, int size)
{
    double planes = (size + 2) * (size + 2);
    int in_groups = cairn_shape_groups(f->sx), blocks = cairn_conv__ceil_div(cairn_shape_groups(f->sy), GROUPS);
    int tiles = f->sy.n * cairn_conv__ceil_div(f->sy.h, size) * cairn_conv__ceil_div(f->sy.w, size);
    double each = planes / 36 * (4900.0 * in_groups + 2700.0 * cairn_shape_groups(f->sy)) +
                  1.85 * planes * in_groups * 4 * blocks * GROUPS * 4;
    return each * cairn_conv__ceil_div(tiles, ROWS * LANES) * ROWS;
}

/* vec4 of one slab: 8 * ROWS tiles, all planes. */
static int64_t slab_vectors(const winograd *w, int groups)
{
    return (int64_t)w->planes * (groups * ROWS * LANES + GAP);
}

cairn_status cairn_conv__forward_winograd(cairn_lowering *l, const cairn_conv__forward *f, int size)
{
    cairn_status st = CAIRN_OK;
    winograd w = {.f = f, .size = size, .planes = (size + 2) * (size + 2), .in_groups = cairn_shape_groups(f->sx),
                  .out_groups = cairn_shape_groups(f->sy), .tiles_y = cairn_conv__ceil_div(f->sy.h, size),
                  .tiles_x = cairn_conv__ceil_div(f->sy.w, size)};
    w.blocks = cairn_conv__ceil_div(w.out_groups, GROUPS);
    w.tiles = f->sy.n * w.tiles_y * w.tiles_x;
    int slabs = cairn_conv__ceil_div(w.tiles, ROWS * LANES);
    int wider = w.in_groups > w.out_groups ? w.in_groups : w.out_groups;
    int most = (int)(CHUNK_BYTES / (slab_vectors(&w, wider) * 16));
    int chunks = cairn_conv__ceil_div(slabs, most < 2 ? 2 : most), chunk = cairn_conv__ceil_div(slabs, chunks);
    w.weight = cairn_lower_scratch(l, (int64_t)w.planes * (w.blocks * GROUPS * w.in_groups * 4 + GAP));
    w.input = cairn_lower_scratch(l, slab_vectors(&w, w.in_groups) * chunk);
    w.sums = cairn_lower_scratch(l, slab_vectors(&w, w.blocks * GROUPS) * chunk);
    CAIRN_TRY(transform_weight(l, &w));
    for (int first = 0; first < slabs; first += chunk) {
        int capacity = (slabs - first < chunk ? slabs - first : chunk) * ROWS * LANES;
        CAIRN_TRY(transform_input(l, &w, first * ROWS * LANES, capacity));
        CAIRN_TRY(multiply(l, &w, capacity));
        CAIRN_TRY(transform_output(l, &w, first * ROWS * LANES, capacity));
    }
done:
    return st;
}
