#include "ops/sampling/best.h"

#include "graph/lower.h"
#include "reference/sampling/best.h"

/* Groups of channels, or rows, that one lane looks through: short enough for many lanes, long enough that the second
 * pass is cheap. */
enum { RUN_GROUPS = 32, RUN_ROWS = 64, MOST = 1 << 18 };

static uint32_t parts_of(int64_t size, int run)
{
    return (uint32_t)((size + run - 1) / run);
}

static cairn_status channels_lower(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    cairn_shape x = cairn_lower_shape(l, node->inputs[0]);
    const uint32_t groups = (uint32_t)cairn_shape_groups(x), runs = parts_of(groups, RUN_GROUPS);
    const int64_t lines = (int64_t)x.n * x.w, total = lines * runs;
    cairn_slot parts = runs > 1 ? cairn_lower_scratch(l, total) : node->outputs[0];
    cairn_kernel_call call = {.kernel = "best/channels",
                              .slots = {node->inputs[0], node->inputs[1], parts},
                              .slot_count = 3,
                              .written = 1u << 2,
                              .push = {(uint32_t)total, (uint32_t)x.w, groups, runs, RUN_GROUPS, (uint32_t)x.c},
                              .push_count = 6};
    cairn_lower_linear(&call, total);
    CAIRN_TRY(cairn_lower_call(l, &call));
    if (runs == 1) goto done;
    call = (cairn_kernel_call){.kernel = "best/channels_finish",
                               .slots = {parts, node->outputs[0]},
                               .slot_count = 2,
                               .written = 1u << 1,
                               .push = {(uint32_t)lines, runs},
                               .push_count = 2};
    cairn_lower_linear(&call, lines);
    CAIRN_TRY(cairn_lower_call(l, &call));
done:
    return st;
}

static cairn_status rows_lower(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    const cairn_best_rows_attributes *a = cairn_node_attributes(node);
    cairn_shape x = cairn_lower_shape(l, node->inputs[0]);
    const bool has_before = node->input_count > 2 && node->inputs[2] != CAIRN_NONE;
    const uint32_t groups = (uint32_t)cairn_shape_groups(x), runs = parts_of(x.w, RUN_ROWS);
    const int64_t columns = (int64_t)x.n * groups, total = columns * runs;
    cairn_slot parts = cairn_lower_scratch(l, 3 * total);
    cairn_kernel_call call = {.kernel = "best/rows",
                              .slots = {node->inputs[0], node->inputs[1], parts},
                              .slot_count = 3,
                              .written = 1u << 2,
                              .push = {(uint32_t)total, (uint32_t)x.w, groups, runs, RUN_ROWS, (uint32_t)a->offset},
                              .push_count = 6};
    cairn_lower_linear(&call, total);
    CAIRN_TRY(cairn_lower_call(l, &call));
    call = (cairn_kernel_call){.kernel = "best/rows_finish",
                               .slots = {parts, has_before ? node->inputs[2] : node->inputs[1], node->outputs[0]},
                               .slot_count = 3,
                               .written = 1u << 2,
                               .push = {(uint32_t)columns, groups, runs, (uint32_t)x.c, has_before},
                               .push_count = 5};
    cairn_lower_linear(&call, columns);
    CAIRN_TRY(cairn_lower_call(l, &call));
done:
    return st;
}

static double operations(const cairn_node *node, const cairn_graph *g)
{
    return 3.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

static const cairn_op channels_op = {.name = "best_channels",
                                     .lower = channels_lower,
                                     .reference = cairn_reference_best_channels,
                                     .operations = operations};
static const cairn_op rows_op = {
    .name = "best_rows", .lower = rows_lower, .reference = cairn_reference_best_rows, .operations = operations};

/* Whether x and count have the shapes that both ops ask for; a missing one was a mistake before. */
static bool fit(cairn_graph *g, const cairn_op *op, cairn_tid x, cairn_tid count, int along)
{
    cairn_shape s = cairn_graph_shape(g, x), n = cairn_graph_shape(g, count);
    if (x == CAIRN_NONE || count == CAIRN_NONE) return true;
    if (s.h == 1 && n.n == s.n && n.h == 1 && n.w == 1 && n.c == 1 && along <= MOST) return true;
    cairn_graph_mistake(g, op->name,
                        "matrices [%d,%d,%d,%d] with counts [%d,%d,%d,%d], expected [B,1,R,C] and "
                        "[B,1,1,1], at most %d numbers each",
                        s.n, s.h, s.w, s.c, n.n, n.h, n.w, n.c, MOST);
    return false;
}

cairn_tid cairn_op_best_channels(cairn_graph *g, cairn_tid x, cairn_tid count)
{
    cairn_shape s = cairn_graph_shape(g, x), y = {s.n, 1, s.w, 3};
    if (!fit(g, &channels_op, x, count, s.c)) return CAIRN_NONE;
    return cairn_graph_append(g, &channels_op, (const cairn_tid[]){x, count}, 2, 2, &y, 1, NULL, NULL, 0);
}

cairn_tid cairn_op_best_rows(cairn_graph *g, cairn_tid x, cairn_tid count, int offset, cairn_tid before)
{
    cairn_shape s = cairn_graph_shape(g, x), y = {s.n, 1, s.c, 3};
    const cairn_best_rows_attributes a = {offset};
    if (!fit(g, &rows_op, x, count, s.w)) return CAIRN_NONE;
    if (offset < 0 || offset > MOST || (before != CAIRN_NONE && !cairn_shape_equal(cairn_graph_shape(g, before), y)))
        return cairn_graph_mistake(g, rows_op.name, "rows from %d on (0..%d), results before them [%d,1,%d,3] or none",
                                   offset, MOST, y.n, y.w);
    return cairn_graph_append(g, &rows_op, (const cairn_tid[]){x, count, before}, 3, 2, &y, 1, NULL, &a, sizeof a);
}
