#include "ops/attention/attention.h"
#include "ops/attention/internal.h"
#include "reference/attention/attention.h"

#include <math.h>

/* Blocks never store the scores, but walk them with barriers and shared memory: on lavapipe, forward for 512 points in
 * 4 heads of 64, batch 2, 222 ms of processor time against 46 ms by matrices (`cairn benchmark ops --filter
 * "attention 2x"`, with CAIRN_KERNELS=simt and without). So class texel always works by matrices, class simt only for
 * heads too wide for its shared memory. */
static bool by_blocks(const cairn_lowering *l, const cairn_attention__problem *p)
{
    return cairn_lower_class(l) != CAIRN_CLASS_TEXEL && cairn_attention__blocks_fit(l, p);
}

static cairn_attention__problem problem_of(cairn_lowering *l, const cairn_node *node)
{
    const cairn_attention_attributes *at = cairn_node_attributes(node);
    cairn_shape q = cairn_lower_shape(l, node->inputs[0]), k = cairn_lower_shape(l, node->inputs[1]);
    return (cairn_attention__problem){.batch = (uint32_t)q.n,
                                      .heads = (uint32_t)at->heads,
                                      .n = (uint32_t)q.w,
                                      .m = (uint32_t)k.w,
                                      .head_groups = (uint32_t)(q.c / at->heads / 4),
                                      .scale = at->scale,
                                      .q = node->inputs[0],
                                      .k = node->inputs[1],
                                      .v = node->inputs[2],
                                      .key_mask = CAIRN_NONE,
                                      .query_mask = CAIRN_NONE};
}

static double pair_operations(const cairn_node *node, const cairn_graph *g, double products)
{
    cairn_shape q = cairn_graph_shape(g, node->inputs[0]), k = cairn_graph_shape(g, node->inputs[1]);
    return products * 2.0 * q.n * q.w * (double)k.w * q.c;
}

/* ---- gradient: inputs q, k, v, y, sums, dy, key mask ---- */
static cairn_status lower_grad(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    cairn_attention__problem p = problem_of(l, node);
    p.y = node->inputs[3];
    p.sums = node->inputs[4];
    p.dy = node->inputs[5];
    p.key_mask = node->inputs[6];
    p.dq = node->outputs[0];
    p.dk = node->outputs[1];
    p.dv = node->outputs[2];
    uint32_t rows = p.batch * p.heads * p.n;
    p.along = cairn_lower_scratch(l, rows);
    cairn_kernel_call call = {.kernel = "attention/row_dot", .light = true,
                              .slots = {p.y, p.dy, p.along},
                              .slot_count = 3,
                              .written = 1u << 2,
                              .push = {rows, p.n, p.heads, p.head_groups},
                              .push_count = 4};
    cairn_lower_linear(&call, rows);
    CAIRN_TRY(cairn_lower_call(l, &call));
    CAIRN_TRY(by_blocks(l, &p) ? cairn_attention__blocks_grad(l, &p) : cairn_attention__matrices_grad(l, &p));
done:
    return st;
}

static double grad_operations(const cairn_node *node, const cairn_graph *g)
{
    return pair_operations(node, g, 5);
}

static const cairn_op grad_op = {.name = "attention_grad",
                                 .lower = lower_grad,
                                 .reference = cairn_ref_attention_grad,
                                 .operations = grad_operations};

/* ---- forward ---- */
static cairn_status lower(cairn_lowering *l, const cairn_node *node)
{
    cairn_attention__problem p = problem_of(l, node);
    p.key_mask = node->inputs[3];
    p.query_mask = node->inputs[4];
    p.y = node->outputs[0];
    p.sums = node->outputs[1];
    return by_blocks(l, &p) ? cairn_attention__blocks(l, &p) : cairn_attention__matrices(l, &p);
}

static double operations(const cairn_node *node, const cairn_graph *g)
{
    return pair_operations(node, g, 2);
}

static void gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                     cairn_tid *dinputs)
{
    const cairn_tid *in = node->inputs;
    cairn_attention_attributes at = *(const cairn_attention_attributes *)cairn_node_attributes(node);
    cairn_tid inputs[7] = {in[0], in[1], in[2], node->outputs[0], node->outputs[1], doutputs[0], in[3]}, d[3];
    cairn_shape q = cairn_graph_shape(g, in[0]), k = cairn_graph_shape(g, in[1]), shapes[3] = {q, k, k};
    if (doutputs[0] == CAIRN_NONE) return;
    at.key_mask = in[3] != CAIRN_NONE;
    cairn_graph_append(g, &grad_op, inputs, 7, 6, shapes, 3, d, &at, sizeof at);
    for (int i = 0; i < 3; i++)
        if (needs[i]) dinputs[i] = d[i];
}

static const cairn_op attention_op = {.name = "attention",
                                      .gradient = gradient,
                                      .lower = lower,
                                      .reference = cairn_ref_attention,
                                      .operations = operations};

static bool mask_fits(cairn_graph *g, const char *name, cairn_tid mask, cairn_shape points)
{
    cairn_shape s = cairn_graph_shape(g, mask);
    if (mask == CAIRN_NONE || cairn_shape_equal(s, (cairn_shape){points.n, 1, 1, points.w})) return true;
    cairn_graph_mistake(g, attention_op.name, "%s mask [%d,%d,%d,%d], expected [%d,1,1,%d]", name, s.n, s.h, s.w, s.c,
                        points.n, points.w);
    return false;
}

cairn_tid cairn_op_attention(cairn_graph *g, cairn_tid q, cairn_tid k, cairn_tid v, cairn_tid key_mask,
                             cairn_tid query_mask, const cairn_attention_options *options)
{
    cairn_shape s = cairn_graph_shape(g, q), t = cairn_graph_shape(g, k), u = cairn_graph_shape(g, v);
    int heads = options && options->heads ? options->heads : 1;
    if (q == CAIRN_NONE || k == CAIRN_NONE || v == CAIRN_NONE)
        return cairn_graph_mistake(g, attention_op.name, "queries, keys or values are missing");
    if (s.h != 1 || t.h != 1 || s.n != t.n || s.c != t.c || !cairn_shape_equal(t, u))
        return cairn_graph_mistake(g, attention_op.name,
                                   "queries [%d,%d,%d,%d], keys [%d,%d,%d,%d], values [%d,%d,%d,%d] do not fit", s.n,
                                   s.h, s.w, s.c, t.n, t.h, t.w, t.c, u.n, u.h, u.w, u.c);
    if (heads < 1 || s.c % heads || s.c / heads % 4)
        return cairn_graph_mistake(g, attention_op.name,
                                   "%d channels in %d heads: a head needs a multiple of 4 channels", s.c, heads);
    if (!mask_fits(g, "key", key_mask, t) || !mask_fits(g, "query", query_mask, s)) return CAIRN_NONE;
    cairn_attention_attributes at = {heads, options ? options->scale : 0, 0};
    if (at.scale == 0) at.scale = (float)(1 / sqrt((double)s.c / heads));
    cairn_tid inputs[5] = {q, k, v, key_mask, query_mask}, out[2] = {CAIRN_NONE, CAIRN_NONE};
    cairn_shape shapes[2] = {s, {s.n, heads, s.w, 1}};
    return cairn_graph_append(g, &attention_op, inputs, 5, 3, shapes, 2, out, &at, sizeof at);
}
