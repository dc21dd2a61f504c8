/* Classes simt and matrix (GPUs): kernels of a convolution and its gradients, and how they are cut into
 * workgroups. */
#include "ops/conv/internal.h"
#include "ops/product/tile.h"

enum { ROW_GROUPS = 32768, WANTED_GROUPS = 1024, UNIT = 64, MOST_CHUNKS = 256 };
#define PART_BYTES (64ll << 20) /* most scratch for partial sums */

/* The part of the output that one dispatch makes: all of it, or the pixels of one parity. */
typedef struct grid {
    int rows, columns;                               /* pixels of it */
    int first_y, first_x;                            /* input pixel of tap 0 for output pixel 0 */
    int taps_y, taps_x;
    int tap_first, tap_step_y, tap_step_x;           /* which rows of the weight these are */
    bool parity;                                     /* it stands at every second pixel from (out_y, out_x) */
    int out_y, out_x;
} grid;

typedef struct convolution {
    const cairn_conv__forward *f;
    const grid *g;
} convolution;

static bool is_pointwise(const convolution *c)
{
    return c->f->window.kernel == 1 && c->f->window.stride == 1 && !c->g->parity;
}

static cairn_status emit_convolution(cairn_lowering *l, const void *problem, const cairn_tile *tile)
{
    const convolution *c = problem;
    const cairn_conv__forward *f = c->f;
    const grid *g = c->g;
    int in_groups = cairn_shape_groups(f->sx), out_groups = cairn_shape_groups(f->sy);
    int64_t pixels = (int64_t)f->sy.n * g->rows * g->columns;
    cairn_kernel_call call = {
        .kernel = "conv/conv2d",
        .constants = {(uint32_t)f->window.stride, is_pointwise(c), g->parity},
        .slots = {f->x, f->weight, f->bias == CAIRN_NONE ? f->weight : f->bias, f->y},
        .slot_count = 4,
        .written = 8,
        .push = {(uint32_t)f->sx.h, (uint32_t)f->sx.w, (uint32_t)g->rows, (uint32_t)g->columns, (uint32_t)f->sx.c,
                 (uint32_t)in_groups, (uint32_t)out_groups, (uint32_t)pixels, f->bias != CAIRN_NONE,
                 (uint32_t)g->first_y, (uint32_t)g->first_x, (uint32_t)g->taps_x, (uint32_t)(g->taps_y * g->taps_x),
                 (uint32_t)g->tap_first, (uint32_t)g->tap_step_y, (uint32_t)g->tap_step_x, (uint32_t)f->sy.h,
                 (uint32_t)f->sy.w, (uint32_t)g->out_y, (uint32_t)g->out_x},
        .push_count = 20};
    int64_t blocks = cairn_tiles(pixels, tile->m); /* a device may limit each dimension to 65,535 groups */
    int64_t row = blocks < ROW_GROUPS ? blocks : ROW_GROUPS;
    cairn_tile_call(&call, tile, row, cairn_tiles(f->sy.c, tile->n), cairn_tiles(blocks, (int)row));
    cairn_epilogue_call(&call, &f->epilogue, f->residual, f->x);
    const int64_t chunks = cairn_tiles(pixels, tile->moment_rows);
    cairn_conv__bind_moments(&call, f, g->parity ? CAIRN_NONE : cairn_conv__leave_moments(l, f, chunks));
    return cairn_lower_call(l, &call);
}

static cairn_status convolve(cairn_lowering *l, const cairn_conv__forward *f, const grid *g)
{
    convolution c = {f, g};
    cairn_tile_product product = {
        .name = "conv/conv2d tile", .m = (int64_t)f->sy.n * g->rows * g->columns, .n = f->sy.c,
        .k = (int64_t)g->taps_y * g->taps_x * f->sx.c, .batches = 1, .a = f->x, .b = f->weight,
        .form = {(uint32_t)f->window.kernel, (uint32_t)f->window.stride, g->parity}, .emit = emit_convolution,
        .problem = &c};
    return product.m ? cairn_tile_lower(l, &product) : CAIRN_OK;
}

cairn_status cairn_conv__forward_simt(cairn_lowering *l, const cairn_conv__forward *f)
{
    int k = f->window.kernel, pad = f->window.pad;
    grid all = {.rows = f->sy.h, .columns = f->sy.w, .first_y = -pad, .first_x = -pad, .taps_y = k, .taps_x = k};
    return convolve(l, f, &all);
}

/* One axis of the pixels i of dx with i % 2 == parity: dx[2j + parity] gathers dy[j + first + t] for the taps t of the
 * turned weight that stand at tap_first + 2t. */
typedef struct parity_axis {
    int count, taps, first, tap_first;
} parity_axis;

static parity_axis along(int size, int parity, const cairn_conv__window *w)
{
    int odd = (parity + w->pad) & 1; /* first tap of the weight, as stored, that meets these pixels */
    int taps = odd < w->kernel ? (w->kernel - odd + 1) / 2 : 0;
    return (parity_axis){.count = (size - parity + 1) / 2, .taps = taps,
                         .first = (parity + w->pad - odd) / 2 - (taps - 1),
                         .tap_first = w->kernel - 1 - odd - 2 * (taps - 1)};
}

/* f: x is dy, weight the turned one, y is dx; the window is that of the forward pass, at stride 2. */
cairn_status cairn_conv__grad_input_strided_simt(cairn_lowering *l, const cairn_conv__forward *f)
{
    cairn_status st = CAIRN_OK;
    cairn_conv__forward part = *f;
    part.window.stride = 1;
    for (int p = 0; p < 4; p++) {
        parity_axis y = along(f->sy.h, p / 2, &f->window), x = along(f->sy.w, p % 2, &f->window);
        grid g = {.rows = y.count, .columns = x.count, .first_y = y.first, .first_x = x.first, .taps_y = y.taps,
                  .taps_x = x.taps, .tap_first = y.tap_first * f->window.kernel + x.tap_first,
                  .tap_step_y = 2 * f->window.kernel, .tap_step_x = 2, .parity = true, .out_y = p / 2, .out_x = p % 2};
        if (g.taps_x == 0 || g.taps_y == 0) g.taps_y = 0, g.taps_x = 1; /* no tap meets them: zeros */
        CAIRN_TRY(convolve(l, &part, &g));
    }
done:
    return st;
}

/* Chunks of pixels: enough that all of a large GPU has work, by the weight's size alone, so that the order of the sums
 * does not depend on the machine, nor on the tile. */
static int chunk_count(int rows, int columns, int pixels, int64_t vectors)
{
    int64_t units = cairn_tiles(rows, UNIT) * cairn_tiles(columns, UNIT), most = PART_BYTES / (vectors * 16);
    int64_t chunks = cairn_tiles(WANTED_GROUPS, (int)units), longest = cairn_tiles(pixels, UNIT);
    if (most > MOST_CHUNKS) most = MOST_CHUNKS;
    if (chunks > longest) chunks = longest;
    return (int)(chunks > most ? most : chunks < 1 ? 1 : chunks);
}

typedef struct weight_gradient {
    const cairn_conv__grad_weight *g;
    int rows, chunk, chunks;
} weight_gradient;

static cairn_status emit_weight(cairn_lowering *l, const void *problem, const cairn_tile *tile)
{
    const weight_gradient *c = problem;
    const cairn_conv__grad_weight *g = c->g;
    const cairn_conv__window *w = &g->window;
    cairn_kernel_call call = {
        .kernel = "conv/conv2d_grad_weight",
        .constants = {(uint32_t)w->kernel, (uint32_t)w->stride},
        .push = {(uint32_t)g->sx.h, (uint32_t)g->sx.w, (uint32_t)g->sy.h, (uint32_t)g->sy.w, (uint32_t)g->sx.c,
                 (uint32_t)g->in_groups, (uint32_t)g->out_groups, (uint32_t)w->pad, (uint32_t)g->pixels,
                 (uint32_t)c->chunk},
        .push_count = 10,
        .slot_count = 3};
    cairn_tile_call(&call, tile, cairn_tiles(c->rows, tile->m), cairn_tiles(g->sy.c, tile->n), c->chunks);
    return cairn_conv__reduce_with(l, g, &call, c->chunks);
}

cairn_status cairn_conv__grad_weight_simt(cairn_lowering *l, const cairn_conv__grad_weight *g)
{
    int rows = g->window.kernel * g->window.kernel * g->in_groups * 4;
    int chunk = (int)cairn_tiles(g->pixels, chunk_count(rows, g->sy.c, g->pixels, g->vectors));
    weight_gradient c = {g, rows, chunk, (int)cairn_tiles(g->pixels, chunk)};
    cairn_tile_product product = {.name = "conv/conv2d_grad_weight tile", .m = rows, .n = g->sy.c, .k = chunk,
                                  .batches = c.chunks, .a = g->x, .b = g->dy,
                                  .form = {(uint32_t)g->window.kernel, (uint32_t)g->window.stride},
                                  .emit = emit_weight, .problem = &c};
    return cairn_tile_lower(l, &product);
}
