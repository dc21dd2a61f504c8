/* Ranges of values, and the scales that follow from them. */
#include "graph/lower.h"
#include "ops/quantise/internal.h"

bool cairn_quantise__integers(cairn_graph *g, const char *op, int bits, bool symmetric, cairn_quantise_attributes *a)
{
    if (bits < 2 || bits > 16) return cairn_graph_mistake(g, op, "%d bits, expected 2 to 16", bits), false;
    *a = symmetric ? (cairn_quantise_attributes){.low = 1 - (float)(1 << (bits - 1)),
                                                 .high = (float)(1 << (bits - 1)) - 1}
                   : (cairn_quantise_attributes){.low = 0, .high = (float)(1 << bits) - 1};
    return true;
}

static cairn_status observe_lower(cairn_lowering *l, const cairn_node *node)
{
    enum { MOST_CHUNKS = 256, LEAST_ROWS = 16 };
    cairn_status st = CAIRN_OK;
    const cairn_quantise_attributes *a = cairn_node_attributes(node);
    cairn_shape x = cairn_lower_shape(l, node->inputs[0]), range = cairn_lower_shape(l, node->inputs[1]);
    bool per_tensor = range.c == 1;
    uint32_t groups = (uint32_t)cairn_shape_groups(x), columns = per_tensor ? 1 : groups;
    uint32_t rows = (uint32_t)(cairn_shape_vectors(x) / columns), chunk_rows = (rows + MOST_CHUNKS - 1) / MOST_CHUNKS;
    if (chunk_rows < LEAST_ROWS) chunk_rows = LEAST_ROWS;
    uint32_t chunks = (rows + chunk_rows - 1) / chunk_rows;
    cairn_slot parts = cairn_lower_scratch(l, 2 * (int64_t)chunks * columns);
    cairn_kernel_call call = {.kernel = "quantise/range_parts",
                              .constants = {per_tensor},
                              .constant_count = 1,
                              .slots = {node->inputs[0], parts},
                              .slot_count = 2,
                              .written = 1u << 1,
                              .push = {rows, columns, chunk_rows, chunks, groups, (uint32_t)x.c},
                              .push_count = 6};
    cairn_lower_linear(&call, (int64_t)chunks * columns);
    CAIRN_TRY(cairn_lower_call(l, &call));
    call = (cairn_kernel_call){.kernel = "quantise/range_update",
                               .constants = {per_tensor},
                               .constant_count = 1,
                               .slots = {parts, node->inputs[1]},
                               .slot_count = 2,
                               .written = 1u << 1,
                               .push = {columns, chunks, (uint32_t)range.c, cairn_float_bits(a->share)},
                               .push_count = 4,
                               .threads = {columns}};
    CAIRN_TRY(cairn_lower_call(l, &call));
done:
    return st;
}

static double observe_operations(const cairn_node *node, const cairn_graph *g)
{
    return 2.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

static const cairn_op observe_op = {.name = "observe_range",
                                    .lower = observe_lower,
                                    .reference = cairn_reference_observe_range,
                                    .operations = observe_operations,
                                    .updates = 1u << 1};

void cairn_op_observe_range(cairn_graph *g, cairn_tid x, cairn_tid range, float share)
{
    cairn_shape s = cairn_graph_shape(g, x), r = cairn_graph_shape(g, range);
    if (x != CAIRN_NONE && range != CAIRN_NONE && (r.n != 1 || r.h != 1 || r.w != 3 || (r.c != 1 && r.c != s.c)))
        cairn_graph_mistake(g, observe_op.name, "range [%d,%d,%d,%d] of [%d,%d,%d,%d], expected [1,1,3,1] or "
                            "[1,1,3,%d]", r.n, r.h, r.w, r.c, s.n, s.h, s.w, s.c, s.c);
    if (!(share >= 0 && share <= 1)) cairn_graph_mistake(g, observe_op.name, "a share of %g", (double)share);
    cairn_quantise_attributes a = {.share = share};
    cairn_graph_append(g, &observe_op, (const cairn_tid[]){x, range}, 2, 2, NULL, 0, NULL, &a, sizeof a);
}

static cairn_status quantisation_lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_quantise_attributes *a = cairn_node_attributes(node);
    cairn_shape range = cairn_lower_shape(l, node->inputs[0]);
    cairn_kernel_call call = {.kernel = "quantise/quantisation",
                              .slots = {node->inputs[0], node->outputs[0]},
                              .slot_count = 2,
                              .written = 1u << 1,
                              .push = {(uint32_t)cairn_shape_groups(range), (uint32_t)range.c, cairn_float_bits(a->low),
                                       cairn_float_bits(a->high)},
                              .push_count = 4,
                              .threads = {(uint32_t)cairn_shape_groups(range)}};
    return cairn_lower_call(l, &call);
}

static const cairn_op quantisation_op = {
    .name = "quantisation", .lower = quantisation_lower, .reference = cairn_reference_quantisation};

cairn_tid cairn_op_quantisation(cairn_graph *g, cairn_tid range, int bits, bool symmetric)
{
    cairn_shape r = cairn_graph_shape(g, range), y = {1, 1, 2, r.c};
    cairn_quantise_attributes a;
    if (!cairn_quantise__integers(g, quantisation_op.name, bits, symmetric, &a)) return CAIRN_NONE;
    if (range != CAIRN_NONE && (r.n != 1 || r.h != 1 || r.w != 3))
        return cairn_graph_mistake(g, quantisation_op.name, "range [%d,%d,%d,%d], expected [1,1,3,C]", r.n, r.h, r.w,
                                   r.c);
    return cairn_graph_append(g, &quantisation_op, &range, 1, 1, &y, 1, NULL, &a, sizeof a);
}
