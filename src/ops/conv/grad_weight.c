/* Kernels of the convolution's weight and bias gradients: long sums over pixels, cut into chunks whose partial sums are
 * added in order by a second pass. The cuts depend on shapes only, so results do not depend on the machine. */
#include "ops/conv/internal.h"

#define CHUNK_BYTES (1 << 20)   /* of x and dy together: what one core's cache holds */
#define PART_BYTES (64ll << 20) /* most scratch for partial sums */
enum { LANES = 8, NARROW_ROWS = 4 /* ROWS of conv2d_grad_weight_narrow */, MATRIX_WIDTH = 64, ENOUGH_GROUPS = 32 };

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* Units (rows, blocks of rows, ...) of one chunk: as many as the cache holds, yet enough chunks to busy all cores and
 * not too many for the scratch. */
static int chunk_units(int units, int64_t unit_bytes, int tiles, int64_t part_bytes)
{
    int chunk = clamp((int)(CHUNK_BYTES / unit_bytes), 1, units);
    int enough = cairn_conv__ceil_div(ENOUGH_GROUPS, tiles);
    chunk = clamp(chunk, 1, cairn_conv__ceil_div(units, enough < units ? enough : units));
    int most = clamp((int)(PART_BYTES / part_bytes), 1, 256);
    if (cairn_conv__ceil_div(units, chunk) > most) chunk = cairn_conv__ceil_div(units, most);
    return chunk;
}

cairn_status cairn_conv__reduce_with(cairn_lowering *l, const cairn_conv__grad_weight *g, cairn_kernel_call *call,
                                     int parts)
{
    cairn_status st = CAIRN_OK;
    cairn_slot part = parts > 1 ? cairn_lower_scratch(l, g->vectors * parts) : g->dw;
    call->slots[0] = g->x, call->slots[1] = g->dy, call->slots[2] = part;
    call->slot_count = call->slot_count > 3 ? call->slot_count : 3; /* it may bind more behind them */
    call->written = 4;
    CAIRN_TRY(cairn_lower_call(l, call));
    if (parts > 1) CAIRN_TRY(cairn_conv__sum_parts(l, part, g->dw, g->vectors, parts));
done:
    return st;
}

static cairn_status texel_wide(cairn_lowering *l, const cairn_conv__grad_weight *g)
{
    const cairn_conv__window *w = &g->window;
    bool matrix = w->kernel == 1 && w->stride == 1;
    int groups = g->out_groups > LANES ? 2 : 1;
    int tile = matrix ? 4 : groups == 1 && w->kernel == 3 ? 2 : 1;
    int h = g->sx.h, width = g->sx.w, oh = g->sy.h, ow = g->sy.w, rows = g->sy.n * oh;
    if (matrix) h = oh = rows = cairn_conv__ceil_div(g->pixels, MATRIX_WIDTH), width = ow = MATRIX_WIDTH;
    int tiles_x = cairn_conv__ceil_div(g->out_groups, LANES * groups);
    int tiles_y = w->kernel * cairn_conv__ceil_div(g->in_groups, tile);
    int64_t row_bytes = ((int64_t)ow * g->out_groups + (int64_t)width * w->stride * g->in_groups) * 16;
    int chunk = chunk_units(rows, row_bytes, tiles_x * tiles_y, g->vectors * 16);
    int chunks = cairn_conv__ceil_div(rows, chunk);
    cairn_kernel_call call = {
        .kernel = "conv/conv2d_grad_weight_wide",
        .constants = {(uint32_t)w->kernel, (uint32_t)w->stride, (uint32_t)groups, (uint32_t)tile},
        .constant_count = 4,
        .push = {(uint32_t)h, (uint32_t)width, (uint32_t)oh, (uint32_t)ow, (uint32_t)g->sx.c, (uint32_t)g->in_groups,
                 (uint32_t)g->out_groups, (uint32_t)w->pad, (uint32_t)rows, (uint32_t)chunk, (uint32_t)g->pixels},
        .push_count = 11,
        .threads = {(uint32_t)(tiles_x * LANES), (uint32_t)tiles_y, (uint32_t)chunks}};
    return cairn_conv__reduce_with(l, g, &call, chunks);
}

/* One group of input channels. */
static cairn_status texel_few(cairn_lowering *l, const cairn_conv__grad_weight *g)
{
    const cairn_conv__window *w = &g->window;
    int rows = g->sy.n * g->sy.h, groups = g->out_groups > LANES ? 2 : 1;
    int tiles = cairn_conv__ceil_div(g->out_groups, LANES * groups);
    int64_t row_bytes = ((int64_t)g->sy.w * g->out_groups + (int64_t)g->sx.w * w->stride) * 16;
    int chunk = chunk_units(rows, row_bytes, tiles, g->vectors * 16);
    int chunks = cairn_conv__ceil_div(rows, chunk);
    cairn_kernel_call call = {
        .kernel = "conv/conv2d_grad_weight_few",
        .constants = {(uint32_t)w->kernel, (uint32_t)w->stride, (uint32_t)groups, (uint32_t)g->sx.c},
        .constant_count = 4,
        .push = {(uint32_t)g->sx.h, (uint32_t)g->sx.w, (uint32_t)g->sy.h, (uint32_t)g->sy.w, (uint32_t)g->out_groups,
                 (uint32_t)w->pad, (uint32_t)rows, (uint32_t)chunk},
        .push_count = 8,
        .threads = {(uint32_t)(tiles * LANES), 1, (uint32_t)chunks}};
    return cairn_conv__reduce_with(l, g, &call, chunks);
}

static cairn_status texel_narrow(cairn_lowering *l, const cairn_conv__grad_weight *g)
{
    const cairn_conv__window *w = &g->window;
    int groups = clamp(g->out_groups, 1, 4), channels = clamp(g->sx.c, 1, 4);
    int row_blocks = cairn_conv__ceil_div(g->sy.h, NARROW_ROWS), blocks = g->sy.n * row_blocks;
    int tiles_x = cairn_conv__ceil_div(g->out_groups, groups), tiles_y = w->kernel * g->in_groups;
    int64_t block_bytes =
        ((int64_t)g->sy.w * g->out_groups + (int64_t)g->sx.w * w->stride * g->in_groups) * 16 * NARROW_ROWS;
    int chunk = chunk_units(blocks, block_bytes, tiles_x * tiles_y, g->vectors * 16 * LANES);
    int chunks = cairn_conv__ceil_div(blocks, chunk);
    cairn_kernel_call call = {
        .kernel = "conv/conv2d_grad_weight_narrow",
        .constants = {(uint32_t)w->kernel, (uint32_t)w->stride, (uint32_t)groups, (uint32_t)channels},
        .constant_count = 4,
        .push = {(uint32_t)g->sx.h, (uint32_t)g->sx.w, (uint32_t)g->sy.h, (uint32_t)g->sy.w, (uint32_t)g->sx.c,
                 (uint32_t)g->in_groups, (uint32_t)g->out_groups, (uint32_t)w->pad, (uint32_t)row_blocks,
                 (uint32_t)blocks, (uint32_t)chunk},
        .push_count = 11,
        .threads = {(uint32_t)(tiles_x * LANES), (uint32_t)tiles_y, (uint32_t)chunks}};
    return cairn_conv__reduce_with(l, g, &call, chunks * LANES);
}

static cairn_status direct(cairn_lowering *l, const cairn_conv__grad_weight *g)
{
    if (g->out_groups <= 4) return texel_narrow(l, g);
    return g->in_groups == 1 ? texel_few(l, g) : texel_wide(l, g);
}

static cairn_status emit_texel(cairn_lowering *l, const void *problem, uint32_t variant)
{
    return variant == CAIRN_CONV__DIRECT ? direct(l, problem)
                                         : cairn_conv__grad_weight_winograd(l, problem, (int)variant);
}

static cairn_status texel(cairn_lowering *l, const cairn_conv__grad_weight *g)
{
    if (g->window.kernel != 3 || g->window.stride != 1) return direct(l, g);
    int lanes = g->out_groups > 4 ? LANES : 1; /* along output groups: multiples of them */
    double wide = (double)cairn_conv__ceil_div(g->out_groups, lanes) * lanes * 4;
    double plain = 1.67 / LANES * g->pixels * 9 * g->sx.c * wide; /* measured for 64 channels: 1.67 cycles a product */
    const double costs[] = {plain, cairn_conv__winograd_weight_cost(g, 2), cairn_conv__winograd_weight_cost(g, 4)};
    const uint32_t key[] = {(uint32_t)g->sx.n, (uint32_t)g->sx.h, (uint32_t)g->sx.w, (uint32_t)g->sx.c,
                            (uint32_t)g->sy.c, (uint32_t)g->window.pad};
    cairn_choice choice = {
        .name = "winograd/conv2d_grad_weight", .key = key, .key_count = 6, .emit = emit_texel, .problem = g};
    return cairn_conv__choose(l, choice, costs);
}

cairn_status cairn_conv__lower_grad_weight(cairn_lowering *l, const cairn_node *node)
{
    cairn_shape sx = cairn_lower_shape(l, node->inputs[0]), sy = cairn_lower_shape(l, node->inputs[1]);
    cairn_conv__grad_weight g = {.x = node->inputs[0], .dy = node->inputs[1], .dw = node->outputs[0],
                                 .sx = sx, .sy = sy, .window = *(const cairn_conv__window *)cairn_node_attributes(node),
                                 .in_groups = cairn_shape_groups(sx), .out_groups = cairn_shape_groups(sy),
                                 .pixels = sy.n * sy.h * sy.w,
                                 .vectors = cairn_shape_vectors(cairn_lower_shape(l, node->outputs[0]))};
    if (cairn_lower_class(l) != CAIRN_CLASS_TEXEL) return cairn_conv__grad_weight_simt(l, &g);
    return texel(l, &g);
}

typedef struct grad_bias_problem {
    cairn_slot dy, db;
    int groups, pixels;
} grad_bias_problem;

/* variant: wanted number of chunks */
static cairn_status emit_grad_bias(cairn_lowering *l, const void *problem, uint32_t variant)
{
    cairn_status st = CAIRN_OK;
    const grad_bias_problem *b = problem;
    int chunk = clamp(cairn_conv__ceil_div(b->pixels, variant), 16, b->pixels > 16 ? b->pixels : 16);
    int chunks = cairn_conv__ceil_div(b->pixels, chunk);
    cairn_slot part = chunks > 1 ? cairn_lower_scratch(l, (int64_t)chunks * b->groups) : b->db;
    cairn_kernel_call call = {.kernel = "conv/conv2d_grad_bias", .slots = {b->dy, part}, .slot_count = 2, .written = 2,
                              .push = {(uint32_t)b->groups, (uint32_t)b->pixels, (uint32_t)chunk, (uint32_t)chunks},
                              .push_count = 4};
    cairn_lower_linear(&call, (int64_t)chunks * b->groups);
    CAIRN_TRY(cairn_lower_call(l, &call));
    if (chunks > 1) CAIRN_TRY(cairn_conv__sum_parts(l, part, b->db, b->groups, chunks));
done:
    return st;
}

cairn_status cairn_conv__lower_grad_bias(cairn_lowering *l, const cairn_node *node)
{
    static const uint32_t chunks[] = {16, 64, 256, 1024};
    cairn_shape s = cairn_lower_shape(l, node->inputs[0]);
    const grad_bias_problem problem = {node->inputs[0], node->outputs[0], cairn_shape_groups(s), s.n * s.h * s.w};
    const uint32_t key[] = {(uint32_t)problem.groups, (uint32_t)problem.pixels};
    return cairn_lower_choose(l, &(cairn_choice){.name = "conv/conv2d_grad_bias",
                                                 .key = key,
                                                 .key_count = 2,
                                                 .candidates = chunks,
                                                 .candidate_count = 4,
                                                 .fallback = 256,
                                                 .emit = emit_grad_bias,
                                                 .problem = &problem});
}
