#include "ops/layout/cells.h"
#include "ops/reduce/chunks.h"
#include "ops/loss/likelihood.h"
#include "ops/loss/internal.h"
#include "ops/pointwise/pointwise.h"
#include "reference/loss/likelihood.h"

enum { NO_MASK, MASK_CELLS, MASK_PACKED }; /* MASK of shaders/likelihood/row_mask.glsl */

static double ten_for_each(const cairn_node *node, const cairn_graph *g)
{
    return 10.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

cairn_status cairn_likelihood__channels(cairn_lowering *l, cairn_slot x, cairn_slot mask, cairn_slot y)
{
    cairn_shape s = cairn_lower_shape(l, x);
    cairn_kernel_call call = {.kernel = "likelihood/lse_channels",
                              .constants = {0, mask != CAIRN_NONE},
                              .constant_count = 2,
                              .slots = {x, mask != CAIRN_NONE ? mask : x, y},
                              .slot_count = 3,
                              .written = 1u << 2,
                              .push = {0, 0, (uint32_t)s.c, (uint32_t)(s.h * s.w)},
                              .push_count = 4};
    return cairn_cells_call(l, &call, cairn_cells_of(s), cairn_shape_groups(s));
}

cairn_status cairn_likelihood__rows(cairn_lowering *l, cairn_slot x, cairn_slot mask, bool packed, cairn_slot y)
{
    cairn_status st = CAIRN_OK;
    cairn_shape s = cairn_lower_shape(l, x);
    uint32_t columns = (uint32_t)cairn_shape_groups(s), vectors = (uint32_t)s.n * columns;
    cairn_chunks cut = cairn_chunks_plan(l, (int64_t)s.h * s.w, columns, s.n);
    cairn_slot top = cairn_lower_scratch(l, cairn_chunks_vectors(&cut));
    cairn_slot sum = cairn_lower_scratch(l, cairn_chunks_vectors(&cut));
    cairn_kernel_call first = {.kernel = "likelihood/lse_rows",
                               .constants = {0, 0, mask == CAIRN_NONE ? NO_MASK : packed ? MASK_PACKED : MASK_CELLS},
                               .constant_count = 3,
                               .slots = {x, mask != CAIRN_NONE ? mask : x, top, sum},
                               .slot_count = 4,
                               .written = 0xC};
    cairn_kernel_call second = {.kernel = "likelihood/lse_rows_finish",
                                .slots = {top, sum, y},
                                .slot_count = 3,
                                .written = 1u << 2,
                                .push = {vectors, columns, cut.chunks, (uint32_t)s.c},
                                .push_count = 4};
    CAIRN_TRY(cairn_chunks_call(l, &first, &cut));
    cairn_lower_linear(&second, vectors);
    CAIRN_TRY(cairn_lower_call(l, &second));
done:
    return st;
}

/* ---- gradient: inputs x, y, dy, mask ---- */
static cairn_status lower_grad(cairn_lowering *l, const cairn_node *node)
{
    const cairn_lse_attributes *at = cairn_node_attributes(node);
    const cairn_tid *in = node->inputs;
    cairn_shape s = cairn_lower_shape(l, in[0]);
    cairn_rows rows = cairn_rows_plan((int64_t)s.h * s.w, cairn_shape_groups(s), s.n, CAIRN_ROWS_STEPS);
    cairn_kernel_call call = {.kernel = "likelihood/lse_grad",
                              .constants = {0, 0, NO_MASK, (uint32_t)at->rows},
                              .constant_count = 4,
                              .slots = {in[0], in[1], in[2], in[3] != CAIRN_NONE ? in[3] : in[0], node->outputs[0]},
                              .slot_count = 5,
                              .written = 1u << 4,
                              .push = {0, 0, 0, (uint32_t)s.c},
                              .push_count = 4};
    if (in[3] != CAIRN_NONE) call.constants[2] = at->packed ? MASK_PACKED : MASK_CELLS;
    return cairn_rows_call(l, &call, &rows);
}

static const cairn_op grad_op = {.name = "log_sum_exp_grad",
                                 .lower = lower_grad,
                                 .reference = cairn_ref_log_sum_exp_grad,
                                 .operations = ten_for_each};

/* ---- forward ---- */
static cairn_status lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_lse_attributes *at = cairn_node_attributes(node);
    return at->rows ? cairn_likelihood__rows(l, node->inputs[0], node->inputs[1], at->packed, node->outputs[0])
                    : cairn_likelihood__channels(l, node->inputs[0], node->inputs[1], node->outputs[0]);
}

static void gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                     cairn_tid *dinputs)
{
    const cairn_lse_attributes *at = cairn_node_attributes(node);
    cairn_tid inputs[4] = {node->inputs[0], node->outputs[0], doutputs[0], node->inputs[1]};
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    if (needs[0]) cairn_graph_append(g, &grad_op, inputs, 4, 3, &s, 1, &dinputs[0], at, sizeof *at);
}

static const cairn_op lse_op = {.name = "log_sum_exp",
                                .gradient = gradient,
                                .lower = lower,
                                .reference = cairn_ref_log_sum_exp,
                                .operations = ten_for_each};

cairn_tid cairn_op_log_sum_exp_channels(cairn_graph *g, cairn_tid x, cairn_tid mask)
{
    cairn_shape s = cairn_graph_shape(g, x), m = cairn_graph_shape(g, mask), y = {s.n, s.h, s.w, 1};
    if (mask != CAIRN_NONE && !cairn_shape_equal(m, (cairn_shape){s.n, 1, 1, s.c}))
        return cairn_graph_mistake(g, lse_op.name, "mask [%d,%d,%d,%d] of channels, expected [%d,1,1,%d]", m.n, m.h,
                                   m.w, m.c, s.n, s.c);
    cairn_lse_attributes at = {0, 0};
    cairn_tid inputs[2] = {x, mask};
    return cairn_graph_append(g, &lse_op, inputs, 2, 1, &y, 1, NULL, &at, sizeof at);
}

cairn_tid cairn_op_log_sum_exp_rows(cairn_graph *g, cairn_tid x, cairn_tid mask)
{
    cairn_shape s = cairn_graph_shape(g, x), m = cairn_graph_shape(g, mask), y = {s.n, 1, 1, s.c};
    bool cells = cairn_shape_equal(m, (cairn_shape){s.n, s.h, s.w, 1});
    bool packed = cairn_shape_equal(m, (cairn_shape){s.n, 1, 1, s.h * s.w});
    if (mask != CAIRN_NONE && !cells && !packed)
        return cairn_graph_mistake(g, lse_op.name,
                                   "mask [%d,%d,%d,%d] of rows, expected [%d,%d,%d,1] or [%d,1,1,%d]", m.n, m.h, m.w,
                                   m.c, s.n, s.h, s.w, s.n, s.h * s.w);
    cairn_lse_attributes at = {1, !cells};
    cairn_tid inputs[2] = {x, mask};
    return cairn_graph_append(g, &lse_op, inputs, 2, 1, &y, 1, NULL, &at, sizeof at);
}

cairn_tid cairn_op_log_softmax_channels(cairn_graph *g, cairn_tid x, cairn_tid mask)
{
    return cairn_op_sub(g, x, cairn_op_log_sum_exp_channels(g, x, mask));
}

cairn_tid cairn_op_log_softmax_rows(cairn_graph *g, cairn_tid x, cairn_tid mask)
{
    return cairn_op_sub(g, x, cairn_op_log_sum_exp_rows(g, x, mask));
}
