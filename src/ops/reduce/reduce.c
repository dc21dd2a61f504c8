#include "ops/reduce/reduce.h"

#include "ops/reduce/chunks.h"
#include "ops/pointwise/pointwise.h"
#include "reference/reduce/reduce.h"

/* [planes][rows][columns] to [planes][columns]: one pass, or two with partial rows between. */
static cairn_status sum_rows(cairn_lowering *l, cairn_slot x, cairn_slot y, cairn_chunks cut, float scale)
{
    cairn_status st = CAIRN_OK;
    bool whole = cut.chunks == 1;
    cairn_slot target = whole ? y : cairn_lower_scratch(l, cairn_chunks_vectors(&cut));
    cairn_kernel_call call = {
        .kernel = "reduce/rows", .slots = {x, target}, .slot_count = 2, .written = 2, .push_count = 5};
    call.push[4] = cairn_float_bits(whole ? scale : 1.0f);
    CAIRN_TRY(cairn_chunks_call(l, &call, &cut));
    if (!whole) CAIRN_TRY(cairn_chunks_finish(l, &cut, target, y, scale));
done:
    return st;
}

static cairn_status lower_rows(cairn_lowering *l, const cairn_node *node)
{
    const cairn_reduce_attributes *at = cairn_node_attributes(node);
    cairn_shape x = cairn_lower_shape(l, node->inputs[0]), y = cairn_lower_shape(l, node->outputs[0]);
    const int32_t from[3] = {x.n, x.h, x.w}, to[3] = {y.n, y.h, y.w};
    int64_t planes = 1, rows = 1, columns = cairn_shape_groups(x);
    int first = 0, last = 2; /* the builder made sure that what is summed lies side by side */
    while (first < 2 && from[first] == to[first]) first++;
    while (last > first && from[last] == to[last]) last--;
    for (int i = 0; i < 3; i++) {
        if (i < first)
            planes *= from[i];
        else if (i > last)
            columns *= from[i];
        else
            rows *= from[i];
    }
    return sum_rows(l, node->inputs[0], node->outputs[0], cairn_chunks_plan(l, rows, columns, planes), at->scale);
}

static cairn_status lower_channels(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    const cairn_reduce_attributes *at = cairn_node_attributes(node);
    cairn_shape x = cairn_lower_shape(l, node->inputs[0]);
    int64_t pixels = (int64_t)x.n * x.h * x.w;
    int groups = cairn_shape_groups(x);
    cairn_slot source = node->inputs[0];
    if (groups > 256 && pixels < 64) { /* long vectors: many lanes for each */
        cairn_slot sums = cairn_lower_scratch(l, pixels);
        CAIRN_TRY(sum_rows(l, source, sums, cairn_chunks_plan(l, groups, 1, pixels), 1.0f));
        source = sums;
        groups = 1;
    }
    cairn_kernel_call call = {.kernel = "reduce/channels",
                              .slots = {source, node->outputs[0]},
                              .slot_count = 2,
                              .written = 2,
                              .push = {(uint32_t)pixels, (uint32_t)groups, cairn_float_bits(at->scale)},
                              .push_count = 3};
    cairn_lower_linear(&call, pixels);
    CAIRN_TRY(cairn_lower_call(l, &call));
done:
    return st;
}

static void reduce_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                            cairn_tid *dinputs)
{
    const cairn_reduce_attributes *at = cairn_node_attributes(node);
    (void)needs;
    dinputs[0] = cairn_op_broadcast_scaled(g, doutputs[0], cairn_graph_shape(g, node->inputs[0]), at->scale);
}

static double operations(const cairn_node *node, const cairn_graph *g)
{
    return (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

static const cairn_op rows_op = {.name = "reduce_rows",
                                 .gradient = reduce_gradient,
                                 .lower = lower_rows,
                                 .reference = cairn_ref_reduce,
                                 .operations = operations};
static const cairn_op channels_op = {.name = "reduce_channels",
                                     .gradient = reduce_gradient,
                                     .lower = lower_channels,
                                     .reference = cairn_ref_reduce,
                                     .operations = operations};

static cairn_tid append(cairn_graph *g, const cairn_op *op, cairn_tid x, cairn_shape y, float scale)
{
    cairn_reduce_attributes at = {.scale = scale};
    cairn_tid out = CAIRN_NONE;
    return cairn_graph_append(g, op, &x, 1, 1, &y, 1, &out, &at, sizeof at);
}

/* Sums down to `to`: W first if N is summed and H is not, then the rest of N, H, W, then the channels. */
static cairn_tid reduce(cairn_graph *g, cairn_tid x, cairn_shape to, float scale)
{
    cairn_shape s = cairn_graph_shape(g, x);
    if (cairn_shape_equal(s, to)) return scale == 1.0f ? x : cairn_op_scale(g, x, scale);
    bool channels = s.c != to.c;
    if (s.n != to.n && s.h == to.h && s.h > 1 && s.w != to.w) {
        s.w = to.w;
        x = append(g, &rows_op, x, s, 1.0f);
    }
    if (s.n != to.n || s.h != to.h || s.w != to.w) {
        s = (cairn_shape){to.n, to.h, to.w, s.c};
        x = append(g, &rows_op, x, s, channels ? 1.0f : scale);
    }
    return channels ? append(g, &channels_op, x, to, scale) : x;
}

static cairn_tid reduce_axes(cairn_graph *g, cairn_tid x, int axes, bool mean)
{
    cairn_shape s = cairn_graph_shape(g, x), to = s;
    if (axes & ~CAIRN_AXES_ALL) return cairn_graph_mistake(g, "reduce", "no such dimensions: mask %d", axes);
    if (axes & CAIRN_AXIS_N) to.n = 1;
    if (axes & CAIRN_AXIS_H) to.h = 1;
    if (axes & CAIRN_AXIS_W) to.w = 1;
    if (axes & CAIRN_AXIS_C) to.c = 1;
    double ratio = (double)cairn_shape_count(to) / (double)cairn_shape_count(s);
    return reduce(g, x, to, mean ? (float)ratio : 1.0f);
}

cairn_tid cairn_op_reduce_sum(cairn_graph *g, cairn_tid x, int axes)
{
    return reduce_axes(g, x, axes, false);
}
cairn_tid cairn_op_reduce_mean(cairn_graph *g, cairn_tid x, int axes)
{
    return reduce_axes(g, x, axes, true);
}

cairn_tid cairn_op_reduce_to(cairn_graph *g, cairn_tid x, cairn_shape shape)
{
    cairn_shape s = cairn_graph_shape(g, x);
    if ((shape.n != 1 && s.n != shape.n) || (shape.h != 1 && s.h != shape.h) || (shape.w != 1 && s.w != shape.w) ||
        (shape.c != 1 && s.c != shape.c))
        return cairn_graph_mistake(g, "reduce_to", "[%d,%d,%d,%d] does not sum to [%d,%d,%d,%d]", s.n, s.h, s.w, s.c,
                                   shape.n, shape.h, shape.w, shape.c);
    return reduce(g, x, shape, 1.0f);
}
