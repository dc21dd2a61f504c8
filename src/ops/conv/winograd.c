/* Class texel: convolutions 3x3 at stride 1 by Winograd's minimal filtering (shaders/winograd/winograd.glsl). The image
 * is cut into tiles, and the tiles into slabs, which workers take one after the other. */
#include "ops/conv/internal.h"

#include "system/parallel.h"

#include <math.h>

/* GAP: between the planes of a slab, which are else often 2^n bytes apart */
enum { LANES = 8, MOST_GROUPS = 8, GAP = 8 };

typedef struct winograd {
    const cairn_conv__forward *f;
    int size, planes; /* output pixels of a tile along each axis, 1: a pixel that is enlarged; (size + 2)^2 */
    int places;       /* of planes in memory: an even number in each column of them */
    int in_groups, out_groups;
    int groups, blocks; /* output groups of a product; products that make all of them */
    int tiles_y, tiles_x, tiles;
    int rows; /* times LANES tiles make a slab: 4, or less where there are few tiles */
    int slabs, workers;
} winograd;

/* Rounds of all loops for one slab. */
static int64_t slab_loops(const winograd *w)
{
    return (int64_t)w->rows * (w->in_groups + w->out_groups + 1 + w->blocks) +
           (int64_t)w->blocks * (w->planes * (w->in_groups + 1) + 2) + 2;
}

/* A core's time for a row of tiles in a slab of `rows` against one of 4, measured with 128 to 256 channels. */
static double row_cost(int rows)
{
    return rows == 4 ? 1.0 : rows == 2 ? 1.1 : 1.4;
}

static winograd describe(const cairn_conv__forward *f, int size)
{
    winograd w = {.f = f, .size = size, .planes = (size + 2) * (size + 2), .in_groups = cairn_shape_groups(f->sx),
                  .out_groups = cairn_shape_groups(f->sy)};
    w.places = (size + 2) * (size + 2 + size % 2);
    w.tiles_y = cairn_conv__ceil_div(f->enlarged ? f->sx.h : f->sy.h, size);
    w.tiles_x = cairn_conv__ceil_div(f->enlarged ? f->sx.w : f->sy.w, size);
    int quads = cairn_conv__ceil_div(w.out_groups, 4);
    w.groups = quads % 2 ? 4 : MOST_GROUPS; /* a wide product is faster, but not if a half of it is for nothing */
    w.blocks = cairn_conv__ceil_div(w.out_groups, w.groups);
    w.tiles = f->sy.n * w.tiles_y * w.tiles_x;
    int cores = cairn_cores();
    double best = INFINITY;
    for (int rows = 4; rows; rows /= 2) { /* the bits of a sum do not depend on it */
        int slabs = cairn_conv__ceil_div(w.tiles, rows * LANES);
        double cost = cairn_conv__ceil_div(slabs, cores) * rows * row_cost(rows);
        if (cost < best) best = cost, w.rows = rows, w.slabs = slabs;
    }
    int shares = cairn_conv__ceil_div(w.slabs * slab_loops(&w), (int64_t)cores * CAIRN_CONV__MOST_LOOPS);
    w.workers = cores * shares < w.slabs ? cores * shares : w.slabs;
    return w;
}

/* A weight of [9,1,CI,CO], or the turned one of an input's gradient, into planes. */
static cairn_status transform_weight(cairn_lowering *l, const winograd *w, cairn_slot planes)
{
    cairn_kernel_call call = {
        .kernel = "winograd/weight", .light = true,
        .constants = {(uint32_t)w->size, (uint32_t)w->groups, w->f->weight_turned},
        .constant_count = 3,
        .slots = {w->f->weight, planes},
        .slot_count = 2,
        .written = 2,
        .push = {(uint32_t)w->f->sx.c, (uint32_t)w->in_groups, (uint32_t)w->out_groups, (uint32_t)w->blocks,
                 (uint32_t)w->f->sy.c},
        .push_count = 5,
        .threads = {(uint32_t)(w->in_groups * 4 * w->groups), (uint32_t)w->blocks}};
    return cairn_lower_call(l, &call);
}

/* Measured for 64 channels and tiles of 4 (8 tiles at a time): 4900 cycles to transform a group of input channels, 2700
 * one of outputs, and 1.4 for a product of 8 lanes, stores included (1.38 with 64 channels, 1.46 with 128); taken to be
 * in proportion for tiles of 2. */
double cairn_conv__winograd_cost(const cairn_conv__forward *f, int size)
{
    winograd w = describe(f, size);
    if (slab_loops(&w) > CAIRN_CONV__MOST_LOOPS) return INFINITY;
    double each = w.planes / 36.0 * (4900.0 * w.in_groups + 2700.0 * w.out_groups) +
                  1.4 * w.planes * w.in_groups * 4 * w.blocks * w.groups * 4;
    return each * w.slabs * w.rows * row_cost(w.rows);
}

/* vec4 of one slab. */
static int64_t slab_vectors(const winograd *w)
{
    return (int64_t)w->places * (w->in_groups * w->rows * LANES + GAP) +
           (int64_t)w->planes * (w->groups * w->rows * LANES + GAP);
}

cairn_status cairn_conv__forward_winograd(cairn_lowering *l, const cairn_conv__forward *f, int size)
{
    cairn_status st = CAIRN_OK;
    winograd w = describe(f, size);
    bool has_bias = f->bias != CAIRN_NONE;
    if (slab_loops(&w) > CAIRN_CONV__MOST_LOOPS)
        return cairn_error_set(CAIRN_E_UNSUPPORTED, "too many channels for Winograd");
    cairn_slot weight = cairn_lower_scratch(l, (int64_t)w.planes * (w.blocks * w.groups * w.in_groups * 4 + GAP));
    cairn_slot work = cairn_lower_scratch(l, w.workers * slab_vectors(&w));
    CAIRN_TRY(transform_weight(l, &w, weight));
    cairn_kernel_call call = {
        .kernel = "winograd/convolve",
        .constants = {(uint32_t)w.size, (uint32_t)w.rows, (uint32_t)w.groups, 0, 0, (uint32_t)f->enlarged},
        .constant_count = 6,
        .slots = {f->x, weight, has_bias ? f->bias : f->weight, f->y, work, work},
        .slot_count = 6,
        .written = 1 << 3 | 1 << 5,
        .push = {(uint32_t)f->sx.h, (uint32_t)f->sx.w, (uint32_t)w.in_groups, (uint32_t)f->window.pad,
                 (uint32_t)f->sy.h, (uint32_t)f->sy.w, (uint32_t)w.out_groups, (uint32_t)w.blocks,
                 (uint32_t)w.tiles_y, (uint32_t)w.tiles_x, (uint32_t)w.tiles, (uint32_t)w.slabs, (uint32_t)w.workers,
                 has_bias, 0},
        .push_count = 15,
        .threads = {(uint32_t)(LANES * w.workers)}};
    cairn_epilogue_call(&call, &f->epilogue, f->residual, f->x);
    cairn_slot moments = f->enlarged ? CAIRN_NONE : cairn_conv__leave_moments(l, f, cairn_conv__ceil_div(w.tiles, 4));
    cairn_conv__bind_moments(&call, f, moments);
    CAIRN_TRY(cairn_lower_call(l, &call));
done:
    return st;
}
