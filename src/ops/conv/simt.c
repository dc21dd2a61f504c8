/* Class simt (GPUs): which kernel computes a convolution, and how it is cut into workgroups. */
#include "ops/conv/internal.h"

enum { SIMT_PIXELS = 64, SIMT_ROW = 32768 };

cairn_status cairn_conv__forward_simt(cairn_lowering *l, const cairn_conv__forward *f)
{
    const cairn_conv__window *w = &f->window;
    int in_groups = cairn_shape_groups(f->sx), out_groups = cairn_shape_groups(f->sy);
    int64_t pixels = (int64_t)f->sy.n * f->sy.h * f->sy.w;
    int blocks = cairn_conv__ceil_div(pixels, SIMT_PIXELS); /* a device may limit each dimension to 65,535 groups */
    int row = blocks < SIMT_ROW ? blocks : SIMT_ROW;
    cairn_kernel_call call = {
        .kernel = "conv/conv2d",
        .constants = {(uint32_t)w->kernel, (uint32_t)w->stride},
        .constant_count = 2,
        .slots = {f->x, f->weight, f->bias == CAIRN_NONE ? f->weight : f->bias, f->y},
        .slot_count = 4,
        .written = 8,
        .push = {(uint32_t)f->sx.h, (uint32_t)f->sx.w, (uint32_t)f->sy.h, (uint32_t)f->sy.w, (uint32_t)f->sx.c,
                 (uint32_t)in_groups, (uint32_t)out_groups, (uint32_t)w->pad, (uint32_t)pixels, f->bias != CAIRN_NONE},
        .push_count = 10,
        .threads = {(uint32_t)(row * SIMT_PIXELS), (uint32_t)cairn_conv__ceil_div(out_groups, 16),
                    (uint32_t)cairn_conv__ceil_div(blocks, row)}};
    return cairn_lower_call(l, &call);
}
