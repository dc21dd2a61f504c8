/* Class texel (CPU drivers): which kernel computes a convolution, and how it is cut into lanes. */
#include "ops/conv/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXEL_ROWS = 8, TEXEL_LANES = 8, LONGEST_LINE = 32768, FEW_WORKGROUPS = 8 };
enum { ENOUGH_OUTPUTS = 3 /* groups */, ENOUGH_PIXELS = 256, FEW = 4 /* input channels */, FEW_OF_ONE = 48 };
/* Cycles for 8 lanes, roughly: a fetch, a multiplication with its addition, a store. */
static const double FETCH = 30, PRODUCT = 0.8, STORE = 80;

static bool is_pointwise(const cairn_conv__forward *f)
{
    return f->window.kernel == 1 && f->window.stride == 1;
}

static int used_channels(const cairn_conv__forward *f)
{
    return f->sx.c < 4 ? f->sx.c : 4;
}

/* Lanes along pixels. */
static cairn_status narrow(cairn_lowering *l, const cairn_conv__forward *f)
{
    const cairn_conv__window *w = &f->window;
    int in_groups = cairn_shape_groups(f->sx), out_groups = cairn_shape_groups(f->sy);
    int64_t pixels = (int64_t)f->sy.n * f->sy.h * f->sy.w;
    int n = f->sy.n, h = f->sx.h, width = f->sx.w, oh = f->sy.h, ow = f->sy.w;
    int rows = oh == 1 ? 1 : oh <= 4 ? 4 : TEXEL_ROWS;
    if (is_pointwise(f)) { /* a matrix product: any cut of the pixels into rows will do */
        rows = pixels <= 2 * TEXEL_LANES ? 1 : TEXEL_ROWS;
        n = 1, h = oh = rows;
        width = ow = cairn_conv__ceil_div(pixels, rows);
    }
    int row_blocks = cairn_conv__ceil_div(oh, rows);
    int groups = (w->kernel == 1 || in_groups == 1) && out_groups >= 4 ? 4 : out_groups > 1 ? 2 : 1;
    cairn_kernel_call call = {
        .kernel = "conv/conv2d",
        .constants = {(uint32_t)w->kernel, (uint32_t)w->stride, (uint32_t)groups, (uint32_t)used_channels(f),
                      f->sx.c > 4 && f->sx.c % 4 != 0, (uint32_t)rows},
        .constant_count = 6,
        .slots = {f->x, f->weight, f->bias == CAIRN_NONE ? f->weight : f->bias, f->y},
        .slot_count = 4,
        .written = 8,
        .push = {(uint32_t)h, (uint32_t)width, (uint32_t)oh, (uint32_t)ow, (uint32_t)f->sx.c, (uint32_t)in_groups,
                 (uint32_t)out_groups, (uint32_t)w->pad, (uint32_t)row_blocks, (uint32_t)pixels,
                 f->bias != CAIRN_NONE},
        .push_count = 11,
        .threads = {(uint32_t)ow, (uint32_t)(n * row_blocks), (uint32_t)cairn_conv__ceil_div(out_groups, groups)}};
    cairn_epilogue_call(&call, &f->epilogue, f->residual, f->x);
    int64_t quads = 2 * (int64_t)cairn_conv__ceil_div(ow, TEXEL_LANES) * n * row_blocks;
    cairn_conv__bind_moments(&call, f, cairn_conv__leave_moments(l, f, quads));
    return cairn_lower_call(l, &call);
}

/* Few input channels: all weights of a lane stay in it. */
static cairn_status few(cairn_lowering *l, const cairn_conv__forward *f)
{
    int out_groups = cairn_shape_groups(f->sy), pixels = f->sy.n * f->sy.h * f->sy.w;
    int lanes = out_groups >= TEXEL_LANES ? TEXEL_LANES : 4, groups = out_groups > lanes ? 2 : 1;
    int n = f->sy.n, h = f->sx.h, w = f->sx.w, oh = f->sy.h, ow = f->sy.w;
    if (is_pointwise(f)) n = 1, w = ow = cairn_conv__ceil_div(pixels, 64), h = oh = cairn_conv__ceil_div(pixels, ow);
    cairn_kernel_call call = {
        .kernel = "conv/conv2d_few",
        .constants = {(uint32_t)f->window.kernel, (uint32_t)f->window.stride, (uint32_t)groups,
                      (uint32_t)cairn_conv__in_channels(f), (uint32_t)lanes, f->weight_turned,
                      f->spread ? 1 + (f->spread_bias != CAIRN_NONE) : 0},
        .constant_count = 7,
        .slots = {f->x, f->weight, f->bias == CAIRN_NONE ? f->weight : f->bias, f->y},
        .slot_count = 4,
        .written = 8,
        .push = {(uint32_t)h, (uint32_t)w, (uint32_t)oh, (uint32_t)ow, (uint32_t)f->sy.c, (uint32_t)out_groups,
                 (uint32_t)f->window.pad, (uint32_t)pixels, f->bias != CAIRN_NONE},
        .push_count = 9,
        .threads = {(uint32_t)(TEXEL_LANES * cairn_conv__ceil_div(out_groups, lanes * groups)), (uint32_t)oh,
                    (uint32_t)n}};
    cairn_epilogue_call(&call, &f->epilogue, f->residual, f->x);
    cairn_conv__bind_moments(&call, f, cairn_conv__leave_moments(l, f, (int64_t)n * oh * (TEXEL_LANES / lanes)));
    call.slots[call.slot_count++] = f->spread ? f->spread_weight : f->x;
    call.slots[call.slot_count++] = f->spread && f->spread_bias != CAIRN_NONE ? f->spread_bias : f->x;
    return cairn_lower_call(l, &call);
}

/* How conv2d_pointwise is cut. */
typedef struct cut {
    int rows, lanes, groups;
    int64_t blocks; /* of pixels */
    int columns;    /* blocks of channels */
    double cost;    /* estimated cycles */
} cut;

static cut cut_of(const cairn_conv__forward *f, int rows, int lanes, int groups)
{
    const int pixels_of_block = rows * (TEXEL_LANES / lanes);
    cut c = {rows, lanes, groups, ((int64_t)f->sy.n * f->sy.h * f->sy.w + pixels_of_block - 1) / pixels_of_block,
             cairn_conv__ceil_div(cairn_shape_groups(f->sy), lanes * groups), 0};
    double step = FETCH * (rows / 4 + 4 * groups) + PRODUCT * 16 * rows * groups;
    double workgroups = (double)c.blocks * c.columns;
    c.cost = (cairn_shape_groups(f->sx) * step + STORE * rows * groups) *
             (workgroups < FEW_WORKGROUPS ? FEW_WORKGROUPS : workgroups);
    return c;
}

static cut best_cut(const cairn_conv__forward *f)
{
    cut best = cut_of(f, 4, 4, 1);
    for (int rows = 4; rows <= 16; rows *= 2)
        for (int lanes = 4; lanes <= TEXEL_LANES; lanes *= 2)
            for (int groups = 1; groups <= 3; groups++) {
                cut c = cut_of(f, rows, lanes, groups);
                if (c.cost < best.cost) best = c;
            }
    return best;
}

static cairn_status pointwise(cairn_lowering *l, const cairn_conv__forward *f)
{
    const cut c = best_cut(f);
    int64_t line = c.blocks < LONGEST_LINE ? c.blocks : LONGEST_LINE;
    cairn_kernel_call call = {
        .kernel = "conv/conv2d_pointwise",
        .constants = {(uint32_t)c.groups, f->weight_turned, (uint32_t)c.rows, (uint32_t)c.lanes},
        .constant_count = 4,
        .slots = {f->x, f->weight, f->bias == CAIRN_NONE ? f->weight : f->bias, f->y},
        .slot_count = 4,
        .written = 8,
        .push = {(uint32_t)f->sx.c, (uint32_t)f->sy.c, (uint32_t)cairn_shape_groups(f->sx),
                 (uint32_t)cairn_shape_groups(f->sy), (uint32_t)(f->sy.n * f->sy.h * f->sy.w), (uint32_t)c.blocks,
                 f->bias != CAIRN_NONE},
        .push_count = 7,
        .threads = {(uint32_t)(TEXEL_LANES * line), (uint32_t)c.columns,
                    (uint32_t)cairn_conv__ceil_div(c.blocks, line)}};
    cairn_epilogue_call(&call, &f->epilogue, f->residual, f->x);
    const int64_t chunks = ((int64_t)f->sy.n * f->sy.h * f->sy.w + c.rows - 1) / c.rows;
    cairn_conv__bind_moments(&call, f, cairn_conv__leave_moments(l, f, chunks));
    return cairn_lower_call(l, &call);
}

/* Enough outputs, else most lanes along them would idle. */
static bool is_few(const cairn_conv__forward *f)
{
    return cairn_shape_groups(f->sy) >= ENOUGH_OUTPUTS && (int64_t)f->sy.n * f->sy.h * f->sy.w >= ENOUGH_PIXELS &&
           cairn_conv__in_channels(f) <= (f->window.kernel == 1 ? FEW_OF_ONE : FEW);
}

bool cairn_conv__takes_spread(const cairn_lowering *l, const cairn_conv__forward *f)
{
    return cairn_lower_class(l) == CAIRN_CLASS_TEXEL && is_few(f);
}

static cairn_status direct(cairn_lowering *l, const cairn_conv__forward *forward)
{
    cairn_status st = CAIRN_OK;
    cairn_conv__forward f = *forward;
    bool enough_outputs = cairn_shape_groups(f.sy) >= ENOUGH_OUTPUTS;
    if (f.weight_turned && !(enough_outputs && is_pointwise(&f))) CAIRN_TRY(cairn_conv__turn_weight(l, &f));
    if (is_few(&f)) return few(l, &f);
    return enough_outputs && is_pointwise(&f) ? pointwise(l, &f) : narrow(l, &f);
done:
    return st;
}

/* In cycles of one core, measured for 64 channels: 1.84 for a product of 8 lanes. */
static double direct_cost(const cairn_conv__forward *f)
{
    double pixels = (double)f->sy.n * f->sy.h * f->sy.w;
    return 1.84 / 8 * pixels * 9 * f->sx.c * 4 * cairn_shape_groups(f->sy);
}

static int forced(void)
{
    const char *name = getenv("CAIRN_CONV");
    if (!name) return -1;
    return !strcmp(name, "direct")      ? CAIRN_CONV__DIRECT
           : !strcmp(name, "winograd2") ? CAIRN_CONV__WINOGRAD2
           : !strcmp(name, "winograd4") ? CAIRN_CONV__WINOGRAD4
                                        : -1;
}

cairn_status cairn_conv__choose(cairn_lowering *l, cairn_choice choice, const double costs[3])
{
    static const uint32_t candidates[] = {CAIRN_CONV__DIRECT, CAIRN_CONV__WINOGRAD2, CAIRN_CONV__WINOGRAD4};
    int best = 0;
    int wanted = forced();
    if (wanted >= 0 && isinf(costs[wanted / 2])) wanted = CAIRN_CONV__DIRECT;
    if (wanted >= 0) return choice.emit(l, choice.problem, (uint32_t)wanted);
    for (int i = 1; i < 3; i++)
        if (costs[i] < costs[best]) best = i;
    choice.candidates = candidates;
    choice.candidate_count = 3;
    choice.fallback = candidates[best];
    return cairn_lower_choose(l, &choice);
}

static cairn_status emit(cairn_lowering *l, const void *problem, uint32_t variant)
{
    return variant == CAIRN_CONV__DIRECT ? direct(l, problem)
                                         : cairn_conv__forward_winograd(l, problem, (int)variant);
}

bool cairn_conv__takes_enlarged(const cairn_lowering *l, const cairn_conv__forward *f)
{
    return cairn_lower_class(l) == CAIRN_CLASS_TEXEL && forced() != CAIRN_CONV__DIRECT &&
           !isinf(cairn_conv__winograd_cost(f, 1));
}

cairn_status cairn_conv__forward_texel(cairn_lowering *l, const cairn_conv__forward *f)
{
    if (f->enlarged) return cairn_conv__forward_winograd(l, f, 1);
    if (f->window.kernel != 3 || f->window.stride != 1 || f->spread) return direct(l, f);
    const double costs[] = {direct_cost(f), cairn_conv__winograd_cost(f, 2), cairn_conv__winograd_cost(f, 4)};
    const uint32_t key[] = {(uint32_t)f->sx.n, (uint32_t)f->sx.h, (uint32_t)f->sx.w, (uint32_t)f->sx.c,
                            (uint32_t)f->sy.c, (uint32_t)f->window.pad};
    cairn_choice choice = {.name = "winograd/conv2d", .key = key, .key_count = 6, .emit = emit, .problem = f};
    return cairn_conv__choose(l, choice, costs);
}
