/* The k best pixels: the k-th best key is found four bits at a time by counting, then what reaches it is listed in
 * raster order and ranked by counting. Integers only, so that nothing depends on how the work is cut. */
#include "ops/sampling/sampling.h"

#include "graph/lower.h"
#include "reference/sampling/sampling.h"

enum { SEGMENT = 128, DIGIT_BITS = 4, KEY_BITS = 32, MOST_POINTS = 4096, MOST_PIXELS = 1 << 24 };

typedef struct top { /* a lowering under way */
    cairn_lowering *l;
    const cairn_node *node;
    uint32_t batch, segments, k;
    cairn_kernel_call pixels; /* slots, push and threads that all kernels over segments begin with */
    bool texel;
} top;

static cairn_status over_segments(top *t, const char *kernel, const cairn_slot *slots, int count, uint32_t extra,
                                  bool has_extra)
{
    cairn_kernel_call call = t->pixels;
    call.kernel = kernel;
    for (int i = 0; i < count; i++) call.slots[call.slot_count++] = slots[i];
    call.written = 1u << (call.slot_count - 1);
    if (has_extra) call.push[call.push_count++] = extra;
    return cairn_lower_call(t->l, &call);
}

/* One lane, or one workgroup, for each map. */
static cairn_status over_maps(top *t, const char *kernel, const cairn_slot *slots, int count, uint32_t written,
                              const uint32_t *push, int push_count)
{
    cairn_kernel_call call = {.kernel = kernel, .slot_count = count, .written = written, .push_count = push_count,
                              .threads = {t->texel ? t->batch : 64 * t->batch}};
    for (int i = 0; i < count; i++) call.slots[i] = slots[i];
    for (int i = 0; i < push_count; i++) call.push[i] = push[i];
    return cairn_lower_call(t->l, &call);
}

/* *key receives the slot with each map's k-th best key, 0 where there are fewer candidates. */
static cairn_status find_key(top *t, cairn_slot *key)
{
    cairn_status st = CAIRN_OK;
    cairn_slot states[2] = {cairn_lower_scratch(t->l, t->batch), cairn_lower_scratch(t->l, t->batch)};
    cairn_slot parts = cairn_lower_scratch(t->l, (int64_t)t->batch * t->segments * 4);
    int now = 0;
    for (int shift = KEY_BITS - DIGIT_BITS; shift >= 0; shift -= DIGIT_BITS, now = !now) {
        /* with the first digit the state is not read, but a binding must be there: the map */
        cairn_slot state = shift == KEY_BITS - DIGIT_BITS ? t->node->inputs[0] : states[now];
        CAIRN_TRY(over_segments(t, "top/count", (const cairn_slot[]){state, parts}, 2, (uint32_t)shift, true));
        CAIRN_TRY(over_maps(t, "top/narrow", (const cairn_slot[]){parts, state, states[!now]}, 3, 1u << 2,
                            (const uint32_t[]){t->segments, t->k, (uint32_t)shift}, 3));
    }
    *key = states[now];
done:
    return st;
}

static cairn_status top_lower(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    const cairn_top_attributes *a = cairn_node_attributes(node);
    cairn_shape s = cairn_lower_shape(l, node->inputs[0]);
    top t = {.l = l, .node = node, .batch = (uint32_t)s.n, .k = (uint32_t)cairn_lower_shape(l, node->outputs[0]).w,
             .texel = cairn_lower_class(l) == CAIRN_CLASS_TEXEL};
    t.segments = (uint32_t)(((int64_t)s.h * s.w + SEGMENT - 1) / SEGMENT);
    uint32_t total = t.batch * t.segments;
    t.pixels = (cairn_kernel_call){.slots = {node->inputs[0]}, .slot_count = 1, .push_count = 6, .threads = {total},
                                   .push = {(uint32_t)s.h, (uint32_t)s.w, (uint32_t)a->border, t.segments,
                                            cairn_float_bits(a->threshold), total}};
    cairn_slot key, parts = cairn_lower_scratch(l, total), before = cairn_lower_scratch(l, total);
    cairn_slot totals = cairn_lower_scratch(l, t.batch), list = cairn_lower_scratch(l, (int64_t)t.batch * t.k);
    CAIRN_TRY(find_key(&t, &key));
    CAIRN_TRY(over_segments(&t, "top/mark", (const cairn_slot[]){key, parts}, 2, 0, false));
    CAIRN_TRY(over_maps(&t, "top/scan", (const cairn_slot[]){parts, before, totals, node->outputs[2]}, 4,
                        1u << 1 | 1u << 2 | 1u << 3, (const uint32_t[]){t.segments, t.k}, 2));
    CAIRN_TRY(over_segments(&t, "top/write", (const cairn_slot[]){key, before, totals, list}, 4, t.k, true));
    cairn_kernel_call rank = {.kernel = "top/rank",
                              .slots = {list, node->outputs[2], node->outputs[0], node->outputs[1]},
                              .slot_count = 4, .written = 1u << 2 | 1u << 3, .push = {t.k}, .push_count = 1,
                              .threads = {t.k, t.batch}};
    CAIRN_TRY(cairn_lower_call(l, &rank));
done:
    return st;
}

static double top_operations(const cairn_node *node, const cairn_graph *g)
{
    double k = cairn_graph_shape(g, node->outputs[0]).w;
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    return 16.0 * 10 * (double)cairn_shape_count(s) + 3 * k * k * s.n;
}

static const cairn_op top_op = {.name = "top_points",
                                .lower = top_lower,
                                .reference = cairn_reference_top_points,
                                .operations = top_operations};

cairn_top_points cairn_op_top_points(cairn_graph *g, cairn_tid scores, int k, float threshold, int border)
{
    cairn_top_points none = {CAIRN_NONE, CAIRN_NONE, CAIRN_NONE};
    cairn_shape s = cairn_graph_shape(g, scores);
    if (scores != CAIRN_NONE && (s.c != 1 || k < 1 || k > MOST_POINTS || border < 0 || border > 1 << 15 ||
                                 (int64_t)s.h * s.w > MOST_PIXELS)) {
        cairn_graph_mistake(g, top_op.name, "the %d best of [%d,%d,%d,%d] with a border of %d; expected 1..%d, one "
                            "channel, at most %d pixels and a border of 0 or more", k, s.n, s.h, s.w, s.c, border,
                            MOST_POINTS, MOST_PIXELS);
        return none;
    }
    const cairn_shape shapes[3] = {{s.n, 1, k, 2}, {s.n, 1, k, 1}, {s.n, 1, 1, 1}};
    cairn_tid outputs[3];
    cairn_top_attributes a = {threshold, border};
    if (cairn_graph_append(g, &top_op, &scores, 1, 1, shapes, 3, outputs, &a, sizeof a) == CAIRN_NONE) return none;
    return (cairn_top_points){outputs[0], outputs[1], outputs[2]};
}
