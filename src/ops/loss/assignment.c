#include "ops/layout/cells.h"
#include "ops/reduce/chunks.h"
#include "ops/loss/likelihood.h"
#include "ops/loss/internal.h"
#include "reference/loss/likelihood.h"

static double ten_for_each(const cairn_node *node, const cairn_graph *g)
{
    return 10.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

/* Constants 4 and 5 of shaders/likelihood/assignment.glsl. */
static void set_masks(cairn_kernel_call *call, cairn_slot mask0, cairn_slot mask1)
{
    call->constants[4] = mask0 != CAIRN_NONE;
    call->constants[5] = mask1 != CAIRN_NONE;
    call->constant_count = 6;
}

static cairn_slot one_of(cairn_slot mask, cairn_slot otherwise)
{
    return mask != CAIRN_NONE ? mask : otherwise;
}

/* ---- gradient: inputs s, row sums, column sums, z0, z1, dP, mask0, mask1 ---- */
static cairn_status sum_rows(cairn_lowering *l, const cairn_node *node, cairn_slot totals)
{
    const cairn_tid *in = node->inputs;
    cairn_shape s = cairn_lower_shape(l, in[0]), y = cairn_lower_shape(l, in[5]);
    cairn_kernel_call call = {.kernel = "likelihood/assignment_rows",
                              .slots = {in[5], in[3], one_of(in[6], in[3]), one_of(in[7], in[3]), totals,
                                        node->outputs[1]},
                              .slot_count = 6,
                              .written = 0x30,
                              .push = {0, 0, (uint32_t)s.w, (uint32_t)s.c},
                              .push_count = 4};
    set_masks(&call, in[6], in[7]);
    return cairn_cells_call(l, &call, (int64_t)s.n * s.w, cairn_shape_groups(y));
}

static cairn_status sum_columns(cairn_lowering *l, const cairn_node *node, cairn_slot totals)
{
    cairn_status st = CAIRN_OK;
    const cairn_tid *in = node->inputs;
    cairn_shape s = cairn_lower_shape(l, in[0]);
    cairn_chunks cut = cairn_chunks_plan(l, s.w, cairn_shape_groups(s), s.n);
    cairn_slot parts = cut.chunks == 1 ? totals : cairn_lower_scratch(l, cairn_chunks_vectors(&cut));
    cairn_kernel_call call = {.kernel = "likelihood/assignment_columns",
                              .slots = {in[5], one_of(in[6], in[5]), parts},
                              .slot_count = 3,
                              .written = 1u << 2,
                              .push = {0, 0, 0, 0, (uint32_t)s.w, (uint32_t)s.c},
                              .push_count = 6};
    set_masks(&call, in[6], CAIRN_NONE);
    CAIRN_TRY(cairn_chunks_call(l, &call, &cut));
    if (cut.chunks > 1) CAIRN_TRY(cairn_chunks_finish(l, &cut, parts, totals, 1.0f));
done:
    return st;
}

static cairn_status lower_grad(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    const cairn_tid *in = node->inputs;
    cairn_shape s = cairn_lower_shape(l, in[0]);
    uint32_t n = (uint32_t)s.w, m = (uint32_t)s.c, points = (uint32_t)s.n * m;
    cairn_slot row_totals = cairn_lower_scratch(l, (int64_t)s.n * n);
    cairn_slot column_totals = cairn_lower_scratch(l, (int64_t)s.n * cairn_shape_groups(s));
    CAIRN_TRY(sum_rows(l, node, row_totals));
    CAIRN_TRY(sum_columns(l, node, column_totals));
    cairn_kernel_call z1 = {.kernel = "likelihood/assignment_points",
                            .slots = {in[5], column_totals, in[4], one_of(in[7], in[4]), node->outputs[2]},
                            .slot_count = 5,
                            .written = 1u << 4,
                            .push = {points, n, m},
                            .push_count = 3};
    set_masks(&z1, CAIRN_NONE, in[7]);
    cairn_lower_linear(&z1, points);
    CAIRN_TRY(cairn_lower_call(l, &z1));
    cairn_rows rows = cairn_rows_plan(n, cairn_shape_groups(s), s.n, CAIRN_ROWS_STEPS);
    cairn_kernel_call ds = {.kernel = "likelihood/assignment_grad",
                            .slots = {in[0], in[1], row_totals, in[2], column_totals, in[5], one_of(in[6], in[0]),
                                      one_of(in[7], in[0]), node->outputs[0]},
                            .slot_count = 9,
                            .written = 1u << 8,
                            .push = {0, 0, 0, n, m},
                            .push_count = 5};
    set_masks(&ds, in[6], in[7]);
    CAIRN_TRY(cairn_rows_call(l, &ds, &rows));
done:
    return st;
}

static const cairn_op grad_op = {.name = "log_assignment_grad",
                                 .lower = lower_grad,
                                 .reference = cairn_ref_log_assignment_grad,
                                 .operations = ten_for_each};

/* ---- forward: inputs s, z0, z1, mask0, mask1; outputs P, row sums, column sums ---- */
static cairn_status lower(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    const cairn_tid *in = node->inputs, *out = node->outputs;
    cairn_shape s = cairn_lower_shape(l, in[0]), y = cairn_lower_shape(l, out[0]);
    CAIRN_TRY(cairn_likelihood__channels(l, in[0], in[4], out[1]));
    CAIRN_TRY(cairn_likelihood__rows(l, in[0], in[3], true, out[2]));
    cairn_rows rows = cairn_rows_plan(y.w, cairn_shape_groups(y), y.n, CAIRN_ROWS_STEPS);
    cairn_kernel_call call = {.kernel = "likelihood/assignment",
                              .slots = {in[0], out[1], out[2], in[1], in[2], one_of(in[3], in[0]),
                                        one_of(in[4], in[0]), out[0]},
                              .slot_count = 8,
                              .written = 1u << 7,
                              .push = {0, 0, 0, (uint32_t)s.w, (uint32_t)s.c},
                              .push_count = 5};
    set_masks(&call, in[3], in[4]);
    CAIRN_TRY(cairn_rows_call(l, &call, &rows));
done:
    return st;
}

static void gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                     cairn_tid *dinputs)
{
    const cairn_tid *in = node->inputs, *out = node->outputs;
    cairn_tid inputs[8] = {in[0], out[1], out[2], in[1], in[2], doutputs[0], in[3], in[4]}, d[3];
    cairn_shape shapes[3] = {cairn_graph_shape(g, in[0]), cairn_graph_shape(g, in[1]), cairn_graph_shape(g, in[2])};
    if (doutputs[0] == CAIRN_NONE) return;
    cairn_graph_append(g, &grad_op, inputs, 8, 6, shapes, 3, d, NULL, 0);
    for (int i = 0; i < 3; i++)
        if (needs[i]) dinputs[i] = d[i];
}

static const cairn_op assignment_op = {.name = "log_assignment",
                                       .gradient = gradient,
                                       .lower = lower,
                                       .reference = cairn_ref_log_assignment,
                                       .operations = ten_for_each};

cairn_tid cairn_op_log_assignment(cairn_graph *g, cairn_tid s, cairn_tid z0, cairn_tid z1, cairn_tid mask0,
                                  cairn_tid mask1)
{
    cairn_shape t = cairn_graph_shape(g, s), y = {t.n, 1, t.w + 1, t.c + 1}, r = {t.n, 1, t.w, 1}, c = {t.n, 1, 1, t.c};
    cairn_shape wanted[4] = {r, {t.n, 1, t.c, 1}, {t.n, 1, 1, t.w}, c};
    static const char *const names[4] = {"z0", "z1", "mask0", "mask1"};
    cairn_tid inputs[5] = {s, z0, z1, mask0, mask1}, out[3] = {CAIRN_NONE, CAIRN_NONE, CAIRN_NONE};
    for (int i = 0; i < 4 && s != CAIRN_NONE; i++) {
        cairn_shape have = cairn_graph_shape(g, inputs[i + 1]);
        if (inputs[i + 1] != CAIRN_NONE && !cairn_shape_equal(have, wanted[i]))
            return cairn_graph_mistake(g, assignment_op.name, "%s is [%d,%d,%d,%d], not [%d,%d,%d,%d]", names[i],
                                       have.n, have.h, have.w, have.c, wanted[i].n, wanted[i].h, wanted[i].w,
                                       wanted[i].c);
    }
    if (s != CAIRN_NONE && t.h != 1)
        return cairn_graph_mistake(g, assignment_op.name, "scores [%d,%d,%d,%d] are no matrix", t.n, t.h, t.w, t.c);
    cairn_shape shapes[3] = {y, r, c};
    return cairn_graph_append(g, &assignment_op, inputs, 5, 3, shapes, 3, out, NULL, 0);
}
