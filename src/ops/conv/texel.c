/* Class texel (CPU drivers): which kernel computes a convolution, and how it is cut into lanes. */
#include "ops/conv/internal.h"

#include <stdlib.h>
#include <string.h>

enum { TEXEL_ROWS = 8, TEXEL_LANES = 8 };

static cairn_status direct(cairn_lowering *l, const cairn_conv__forward *f)
{
    const cairn_conv__window *w = &f->window;
    int in_groups = cairn_shape_groups(f->sx), out_groups = cairn_shape_groups(f->sy);
    int64_t pixels = (int64_t)f->sy.n * f->sy.h * f->sy.w;
    int n = f->sy.n, h = f->sx.h, width = f->sx.w, oh = f->sy.h, ow = f->sy.w;
    int rows = oh == 1 ? 1 : oh <= 4 ? 4 : TEXEL_ROWS;
    if (w->kernel == 1 && w->stride == 1) { /* a matrix product: any cut of the pixels into rows will do */
        rows = pixels <= 2 * TEXEL_LANES ? 1 : TEXEL_ROWS;
        n = 1, h = oh = rows;
        width = ow = cairn_conv__ceil_div(pixels, rows);
    }
    int row_blocks = cairn_conv__ceil_div(oh, rows);
    int groups = (w->kernel == 1 || in_groups == 1) && out_groups >= 4 ? 4 : out_groups > 1 ? 2 : 1;
    cairn_kernel_call call = {
        .kernel = "conv/conv2d",
        .constants = {(uint32_t)w->kernel, (uint32_t)w->stride, (uint32_t)groups,
                      (uint32_t)(f->sx.c < 4 ? f->sx.c : 4), f->sx.c > 4 && f->sx.c % 4 != 0, (uint32_t)rows},
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
    return cairn_lower_call(l, &call);
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
    if (forced() >= 0) return choice.emit(l, choice.problem, (uint32_t)forced());
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

cairn_status cairn_conv__forward_texel(cairn_lowering *l, const cairn_conv__forward *f)
{
    if (f->window.kernel != 3 || f->window.stride != 1) return direct(l, f);
    const double costs[] = {direct_cost(f), cairn_conv__winograd_cost(f, 2), cairn_conv__winograd_cost(f, 4)};
    const uint32_t key[] = {(uint32_t)f->sx.n, (uint32_t)f->sx.h, (uint32_t)f->sx.w, (uint32_t)f->sx.c,
                            (uint32_t)f->sy.c, (uint32_t)f->window.pad};
    cairn_choice choice = {.name = "winograd/conv2d", .key = key, .key_count = 6, .emit = emit, .problem = f};
    return cairn_conv__choose(l, choice, costs);
}
