#include "ops/gate/squeeze_excite.h"

#include "graph/lower.h"
#include "reference/gate/squeeze_excite.h"

/* Inputs and outputs by name; hidden, gate, pooled, dz1 and dz2 are kept for the gradients only. */
enum { X, WEIGHT1, BIAS1, WEIGHT2, BIAS2 };
enum { Y, HIDDEN, GATE, POOLED };
enum { GRAD_X, GRAD_DY, GRAD_WEIGHT1, GRAD_WEIGHT2, GRAD_HIDDEN, GRAD_GATE };
enum { DX, DZ1, DZ2 };

/* A sample's pixels are pooled in that many blocks. It depends on sizes only, so that the order of sums does: enough
 * units for a large GPU, but each of them repeats the small second layer for its channels, so not too short. */
static int32_t blocks_of(cairn_shape x)
{
    enum { LEAST_PIXELS = 512, WANTED_UNITS = 256, SLAB = 32 };
    int64_t units = (int64_t)x.n * ((x.c + SLAB - 1) / SLAB), pixels = (int64_t)x.h * x.w;
    int64_t blocks = (WANTED_UNITS + units - 1) / units, most = pixels / LEAST_PIXELS;
    if (blocks > most) blocks = most;
    return blocks < 1 ? 1 : (int32_t)blocks;
}

static cairn_shape vector_of(int32_t c)
{
    return (cairn_shape){1, 1, 1, c};
}

/* Channel groups of a lane in class texel: 1, 2 or 4. Every unit of the second pass adds the parts of all units of its
 * sample, so few and wide ones, as long as there are enough for the cores. */
static int lane_groups_of(cairn_shape x, int32_t blocks)
{
    enum { WANTED_UNITS = 32, MOST = 4 };
    int lane_groups = MOST, groups = cairn_shape_groups(x);
    for (; lane_groups > 1; lane_groups /= 2) {
        int slab = 4 * lane_groups;
        if ((int64_t)x.n * blocks * ((groups + slab - 1) / slab) >= WANTED_UNITS) break;
    }
    return lane_groups;
}

/* One pass; the slots are the call's, constants and push are set here. */
static cairn_status call_pass(cairn_lowering *l, cairn_kernel_call *call, cairn_shape x, int32_t d, int32_t blocks,
                              bool backward)
{
    const bool texel = cairn_lower_class(l) == CAIRN_CLASS_TEXEL;
    const int groups = cairn_shape_groups(x), lane_groups = texel ? lane_groups_of(x, blocks) : 2;
    const int slab = 4 * lane_groups, slabs = (groups + slab - 1) / slab;
    const int64_t units = (int64_t)x.n * blocks * slabs;
    const uint32_t push[] = {(uint32_t)units, (uint32_t)(x.h * x.w), (uint32_t)groups, (uint32_t)(d + 3) / 4,
                             (uint32_t)x.c,   (uint32_t)d,           (uint32_t)blocks, (uint32_t)slabs};
    call->constants[0] = backward;
    call->constants[1] = (uint32_t)lane_groups;
    call->constant_count = texel ? 2 : 1;
    call->push_count = sizeof push / sizeof *push;
    for (int i = 0; i < call->push_count; i++) call->push[i] = push[i];
    cairn_lower_linear(call, units * (texel ? 4 : 64));
    return cairn_lower_call(l, call);
}

/* What the first pass leaves for the second: [N][blocks][slabs][hidden groups]. */
static cairn_slot scratch_for_parts(cairn_lowering *l, cairn_shape x, int32_t d, int32_t blocks)
{
    return cairn_lower_scratch(l, (int64_t)x.n * blocks * ((cairn_shape_groups(x) + 3) / 4) * ((d + 3) / 4));
}

static cairn_status lower_forward(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    const cairn_tid *in = node->inputs, *out = node->outputs;
    cairn_shape x = cairn_lower_shape(l, in[X]);
    int32_t d = cairn_lower_shape(l, out[HIDDEN]).c, blocks = cairn_lower_shape(l, out[POOLED]).w;
    cairn_slot part = scratch_for_parts(l, x, d, blocks);
    cairn_kernel_call squeeze = {.kernel = "gate/squeeze",
                                 .slots = {in[X], in[X], in[X], in[WEIGHT1], out[POOLED], part},
                                 .slot_count = 6,
                                 .written = 3 << 4};
    cairn_kernel_call excite = {
        .kernel = "gate/excite",
        .slots = {in[X], part, in[BIAS1], in[BIAS2], in[WEIGHT2], out[Y], out[HIDDEN], out[GATE]},
        .slot_count = 8,
        .written = 7 << 5};
    CAIRN_TRY(call_pass(l, &squeeze, x, d, blocks, false));
    CAIRN_TRY(call_pass(l, &excite, x, d, blocks, false));
done:
    return st;
}

static cairn_status lower_grad(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    const cairn_tid *in = node->inputs, *out = node->outputs;
    cairn_shape x = cairn_lower_shape(l, in[GRAD_X]);
    int32_t d = cairn_lower_shape(l, out[DZ1]).c, blocks = cairn_lower_shape(l, out[DZ2]).w;
    cairn_slot part = scratch_for_parts(l, x, d, blocks);
    cairn_kernel_call squeeze = {.kernel = "gate/squeeze",
                                 .slots = {in[GRAD_X], in[GRAD_DY], in[GRAD_GATE], in[GRAD_WEIGHT2], out[DZ2], part},
                                 .slot_count = 6,
                                 .written = 3 << 4};
    cairn_kernel_call excite = {.kernel = "gate/excite",
                                .slots = {in[GRAD_DY], part, in[GRAD_HIDDEN], in[GRAD_GATE], in[GRAD_WEIGHT1], out[DX],
                                          out[DZ1], cairn_lower_scratch(l, 1)},
                                .slot_count = 8,
                                .written = 7 << 5};
    CAIRN_TRY(call_pass(l, &squeeze, x, d, blocks, true));
    CAIRN_TRY(call_pass(l, &excite, x, d, blocks, true));
done:
    return st;
}

static cairn_status lower_grad_weight(cairn_lowering *l, const cairn_node *node)
{
    const cairn_tid *in = node->inputs, *out = node->outputs;
    cairn_shape pooled = cairn_lower_shape(l, in[0]);
    int32_t d = cairn_lower_shape(l, in[1]).c;
    int groups = cairn_shape_groups(pooled), hidden_groups = (d + 3) / 4;
    cairn_kernel_call call = {.kernel = "gate/gate_grad_weight",
                              .slots = {in[0], in[1], in[2], in[3], out[0], out[1], out[2], out[3]},
                              .slot_count = 8,
                              .written = 15 << 4,
                              .push = {(uint32_t)pooled.n, (uint32_t)groups, (uint32_t)hidden_groups,
                                       (uint32_t)pooled.c, (uint32_t)d, (uint32_t)pooled.w},
                              .push_count = 6};
    cairn_lower_linear(&call, (int64_t)groups * hidden_groups);
    return cairn_lower_call(l, &call);
}

/* Pooling and scaling; the two layers are small beside them. */
static double operations(const cairn_node *node, const cairn_graph *g)
{
    cairn_shape x = cairn_graph_shape(g, node->inputs[0]), hidden = cairn_graph_shape(g, node->outputs[1]);
    return 2.0 * (double)cairn_shape_count(x) + 4.0 * x.n * x.c * hidden.c;
}

static double operations_of_weights(const cairn_node *node, const cairn_graph *g)
{
    cairn_shape pooled = cairn_graph_shape(g, node->inputs[0]), dz1 = cairn_graph_shape(g, node->inputs[1]);
    return 4.0 * pooled.n * pooled.c * dz1.c;
}

static const cairn_op grad_op = {.name = "squeeze_excite_grad",
                                 .lower = lower_grad,
                                 .reference = cairn_ref_squeeze_excite_grad,
                                 .operations = operations};
static const cairn_op grad_weight_op = {.name = "squeeze_excite_grad_weight",
                                        .lower = lower_grad_weight,
                                        .reference = cairn_ref_squeeze_excite_grad_weight,
                                        .operations = operations_of_weights};

static void gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                     cairn_tid *dinputs)
{
    const cairn_tid *in = node->inputs, *out = node->outputs;
    cairn_tid d[3], dw[4];
    if (doutputs[Y] == CAIRN_NONE) return; /* the other outputs are nobody's */
    const cairn_shape shapes[3] = {cairn_graph_shape(g, in[X]), cairn_graph_shape(g, out[HIDDEN]),
                                   cairn_graph_shape(g, out[POOLED])};
    const cairn_shape weights[4] = {cairn_graph_shape(g, in[WEIGHT1]), cairn_graph_shape(g, in[BIAS1]),
                                    cairn_graph_shape(g, in[WEIGHT2]), cairn_graph_shape(g, in[BIAS2])};
    cairn_tid inputs[] = {in[X], doutputs[Y], in[WEIGHT1], in[WEIGHT2], out[HIDDEN], out[GATE]};
    if (cairn_graph_append(g, &grad_op, inputs, 6, 6, shapes, 3, d, NULL, 0) == CAIRN_NONE) return;
    dinputs[X] = d[DX];
    if (!needs[WEIGHT1] && !needs[BIAS1] && !needs[WEIGHT2] && !needs[BIAS2]) return;
    cairn_tid from[] = {out[POOLED], d[DZ1], out[HIDDEN], d[DZ2]};
    if (cairn_graph_append(g, &grad_weight_op, from, 4, 4, weights, 4, dw, NULL, 0) == CAIRN_NONE) return;
    for (int i = 0; i < 4; i++) dinputs[WEIGHT1 + i] = dw[i];
}

static const cairn_op squeeze_excite_op = {.name = "squeeze_excite",
                                           .gradient = gradient,
                                           .lower = lower_forward,
                                           .reference = cairn_ref_squeeze_excite,
                                           .operations = operations};

cairn_tid cairn_op_squeeze_excite(cairn_graph *g, cairn_tid x, cairn_tid weight1, cairn_tid bias1, cairn_tid weight2,
                                  cairn_tid bias2)
{
    cairn_shape s = cairn_graph_shape(g, x), w = cairn_graph_shape(g, weight1);
    cairn_tid inputs[] = {x, weight1, bias1, weight2, bias2}, out[4];
    for (int i = 0; i < 5; i++)
        if (inputs[i] == CAIRN_NONE) return CAIRN_NONE;
    const cairn_shape wanted[] = {{1, 1, s.c, w.c}, vector_of(w.c), {1, 1, w.c, s.c}, vector_of(s.c)};
    for (int i = 0; i < 4; i++) {
        cairn_shape have = cairn_graph_shape(g, inputs[WEIGHT1 + i]);
        if (cairn_shape_equal(have, wanted[i])) continue;
        return cairn_graph_mistake(g, squeeze_excite_op.name,
                                   "input %d is [%d,%d,%d,%d]; it must be [%d,%d,%d,%d] for x [%d,%d,%d,%d]",
                                   WEIGHT1 + i, have.n, have.h, have.w, have.c, wanted[i].n, wanted[i].h, wanted[i].w,
                                   wanted[i].c, s.n, s.h, s.w, s.c);
    }
    const cairn_shape shapes[] = {s, {s.n, 1, 1, w.c}, {s.n, 1, 1, s.c}, {s.n, 1, blocks_of(s), s.c}};
    return cairn_graph_append(g, &squeeze_excite_op, inputs, 5, 5, shapes, 4, out, NULL, 0);
}
