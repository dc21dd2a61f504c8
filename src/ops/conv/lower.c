/* Kernels of the convolution's forward pass and input gradient. */
#include "ops/conv/internal.h"

#include "ops/image/resize_lower.h"

cairn_status cairn_conv__sum_parts(cairn_lowering *l, cairn_slot part, cairn_slot y, int64_t vectors, int parts)
{
    cairn_kernel_call call = {.kernel = "conv/sum_parts", .light = true, .slots = {part, y}, .slot_count = 2,
                              .written = 2, .push = {(uint32_t)vectors, (uint32_t)parts}, .push_count = 2};
    cairn_lower_linear(&call, vectors);
    return cairn_lower_call(l, &call);
}

void cairn_conv__bind_moments(cairn_kernel_call *call, const cairn_conv__forward *f, cairn_slot moments)
{
    if (moments == CAIRN_NONE) { /* the shader asks for a buffer all the same */
        call->slots[call->slot_count++] = f->y;
        return;
    }
    call->written |= 1u << call->slot_count;
    call->slots[call->slot_count++] = moments;
    call->constants[20] = 1;
    if (call->constant_count < 21) call->constant_count = 21;
}

cairn_slot cairn_conv__leave_moments(cairn_lowering *l, const cairn_conv__forward *f, int64_t chunks)
{
    return cairn_lower_moments_wanted(l, f->y) ? cairn_lower_moments_leave(l, f->y, chunks) : CAIRN_NONE;
}

static cairn_status enlarge(cairn_lowering *l, cairn_conv__forward *f)
{
    cairn_shape s = f->sx;
    cairn_slot from = f->x;
    f->sx.h *= f->enlarged, f->sx.w *= f->enlarged;
    f->enlarged = 0;
    f->x = cairn_lower_scratch(l, cairn_shape_vectors(f->sx));
    return cairn_resize_lower_nearest(l, from, CAIRN_NONE, f->x, s, f->sx);
}

static cairn_status forward(cairn_lowering *l, const cairn_conv__forward *f)
{
    return cairn_lower_class(l) == CAIRN_CLASS_TEXEL ? cairn_conv__forward_texel(l, f) : cairn_conv__forward_simt(l, f);
}

/* The channels of a spread input into scratch. */
static cairn_status spread(cairn_lowering *l, cairn_conv__forward *f)
{
    cairn_conv__forward before = {.x = f->x, .weight = f->spread_weight, .bias = f->spread_bias, .sx = f->sx,
                                  .sy = f->sx, .window = {.kernel = 1, .stride = 1}, .residual = CAIRN_NONE};
    before.sy.c = f->spread;
    before.y = cairn_lower_scratch(l, cairn_shape_vectors(before.sy));
    f->x = before.y;
    f->sx = before.sy;
    f->spread = 0;
    return forward(l, &before);
}

/* Weight and bias with the normalisation in them. */
static cairn_status take_norm(cairn_lowering *l, cairn_conv__forward *f, const cairn_node *node)
{
    int out_groups = cairn_shape_groups(f->sy);
    bool has_bias = f->bias != CAIRN_NONE;
    cairn_slot weight = cairn_lower_scratch(l, (int64_t)f->sx.c * out_groups);
    cairn_slot bias = cairn_lower_scratch(l, out_groups);
    cairn_kernel_call call = {
        .kernel = "conv/normed_weight",
        .slots = {f->weight, has_bias ? f->bias : f->weight, node->inputs[CAIRN_CONV_MEAN],
                  node->inputs[CAIRN_CONV_VARIANCE], weight, bias},
        .slot_count = 6,
        .written = 1 << 4 | 1 << 5,
        .push = {(uint32_t)f->sx.c, (uint32_t)out_groups, has_bias,
                 cairn_float_bits(cairn_conv__attributes_of(node)->normed)},
        .push_count = 4};
    cairn_lower_linear(&call, out_groups);
    f->weight = weight;
    f->bias = bias;
    return cairn_lower_call(l, &call);
}

cairn_status cairn_conv__lower_forward(cairn_lowering *l, const cairn_node *node)
{
    cairn_conv__forward f = {.x = node->inputs[0], .weight = node->inputs[1], .bias = node->inputs[2],
                             .y = node->outputs[0], .sx = cairn_lower_shape(l, node->inputs[0]),
                             .sy = cairn_lower_shape(l, node->outputs[0]),
                             .window = *(const cairn_conv__window *)cairn_node_attributes(node),
                             .epilogue = *cairn_conv__epilogue(node),
                             .residual = node->inputs[CAIRN_CONV_RESIDUAL],
                             .enlarged = cairn_conv__attributes_of(node)->enlarged,
                             .spread = cairn_conv__attributes_of(node)->spread,
                             .spread_weight = node->inputs[CAIRN_CONV_SPREAD],
                             .spread_bias = node->inputs[CAIRN_CONV_SPREAD + 1]};
    cairn_status st = CAIRN_OK;
    if (cairn_conv__attributes_of(node)->normed > 0) CAIRN_TRY(take_norm(l, &f, node));
    if (f.spread && !cairn_conv__takes_spread(l, &f)) CAIRN_TRY(spread(l, &f));
    if (f.enlarged && !cairn_conv__takes_enlarged(l, &f)) CAIRN_TRY(enlarge(l, &f));
    CAIRN_TRY(forward(l, &f));
done:
    return st;
}

enum { STRIDED_COLUMNS = 2, STRIDED_ROWS = 8 }; /* a thread's tile in conv2d_grad_input_strided */

static cairn_status grad_input_strided(cairn_lowering *l, const cairn_node *node, cairn_slot flipped)
{
    const cairn_conv__window *w = cairn_node_attributes(node);
    cairn_shape sx = cairn_lower_shape(l, node->outputs[0]), sy = cairn_lower_shape(l, node->inputs[0]);
    int in_groups = cairn_shape_groups(sx), row_blocks = cairn_conv__ceil_div(sx.h, STRIDED_ROWS);
    cairn_kernel_call call = {
        .kernel = "conv/conv2d_grad_input_strided",
        .constants = {(uint32_t)w->kernel, (uint32_t)w->stride, (uint32_t)w->pad},
        .constant_count = 3,
        .slots = {node->inputs[0], flipped, node->outputs[0]},
        .slot_count = 3,
        .written = 4,
        .push = {(uint32_t)sx.h, (uint32_t)sx.w, (uint32_t)sy.h, (uint32_t)sy.w, (uint32_t)sy.c, (uint32_t)in_groups,
                 (uint32_t)cairn_shape_groups(sy), (uint32_t)row_blocks},
        .push_count = 8,
        .threads = {(uint32_t)cairn_conv__ceil_div(sx.w, STRIDED_COLUMNS), (uint32_t)(sx.n * row_blocks),
                    (uint32_t)in_groups}};
    return cairn_lower_call(l, &call);
}

cairn_status cairn_conv__turn_weight(cairn_lowering *l, cairn_conv__forward *f)
{
    int taps = f->window.kernel * f->window.kernel, out_groups = cairn_shape_groups(f->sy);
    int64_t vectors = (int64_t)taps * f->sx.c * out_groups;
    cairn_slot turned = cairn_lower_scratch(l, vectors);
    cairn_kernel_call flip = {.kernel = "conv/conv2d_weight_flip", .light = true, .slots = {f->weight, turned},
                              .slot_count = 2, .written = 2,
                              .push = {(uint32_t)taps, (uint32_t)f->sy.c, (uint32_t)f->sx.c, (uint32_t)out_groups,
                                       (uint32_t)cairn_shape_groups(f->sx)},
                              .push_count = 5};
    cairn_lower_linear(&flip, vectors);
    f->weight = turned;
    f->weight_turned = false;
    return cairn_lower_call(l, &flip);
}

/* At stride 1 the gradient of the input is a convolution of dy with the weight turned round. */
cairn_status cairn_conv__lower_grad_input(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    const cairn_conv__window *w = cairn_node_attributes(node);
    bool texel = cairn_lower_class(l) == CAIRN_CLASS_TEXEL;
    cairn_conv__forward f = {.x = node->inputs[0], .weight = node->inputs[1], .bias = CAIRN_NONE,
                             .y = node->outputs[0], .sx = cairn_lower_shape(l, node->inputs[0]),
                             .sy = cairn_lower_shape(l, node->outputs[0]), .window = *w,
                             .epilogue = *cairn_conv__epilogue(node),
                             .residual = node->inputs[CAIRN_CONV_GRAD_RESIDUAL], .weight_turned = true};
    if (w->stride != 1) {
        CAIRN_TRY(cairn_conv__turn_weight(l, &f));
        return texel ? grad_input_strided(l, node, f.weight) : cairn_conv__grad_input_strided_simt(l, &f);
    }
    if (!texel) CAIRN_TRY(cairn_conv__turn_weight(l, &f));
    f.window.pad = w->kernel - 1 - w->pad;
    CAIRN_TRY(forward(l, &f));
done:
    return st;
}
