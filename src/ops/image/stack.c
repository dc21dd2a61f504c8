#include "ops/image/stack.h"

#include "ops/norm/rows.h"
#include "reference/image/stack.h"

enum { FINE, FINE_MEAN, COARSE, COARSE_MEAN, INPUTS };

static cairn_status lower(cairn_lowering *l, const cairn_node *node)
{
    enum { MOST_PLANES = 65535 };
    const cairn_tid *in = node->inputs;
    cairn_shape a = cairn_lower_shape(l, in[FINE]), b = cairn_lower_shape(l, in[COARSE]);
    cairn_shape y = cairn_lower_shape(l, node->outputs[0]);
    const int64_t planes = (int64_t)y.n * y.h;
    cairn_status st = CAIRN_OK;
    for (int64_t first = 0; first < planes; first += MOST_PLANES) {
        cairn_rows rows = cairn_rows_plan(y.w, cairn_shape_groups(y),
                                          planes - first < MOST_PLANES ? planes - first : MOST_PLANES,
                                          CAIRN_ROWS_STEPS);
        cairn_kernel_call call = {.kernel = "resize/stack",
                                  .constants = {0, 0, (uint32_t)(a.h / b.h)},
                                  .constant_count = 3,
                                  .slots = {in[FINE], in[FINE_MEAN], in[COARSE], in[COARSE_MEAN], node->outputs[0]},
                                  .slot_count = 5,
                                  .written = 1 << 4,
                                  .push = {0, 0, 0, (uint32_t)cairn_shape_groups(a), (uint32_t)first},
                                  .push_count = 5};
        CAIRN_TRY(cairn_rows_call(l, &call, &rows));
    }
done:
    return st;
}

static const cairn_op stack_op = {.name = "stack_centred", .lower = lower, .reference = cairn_ref_stack_centred};

static bool is_vector(cairn_shape s, int c)
{
    return cairn_shape_equal(s, (cairn_shape){1, 1, 1, c});
}

cairn_tid cairn_op_stack_centred(cairn_graph *g, cairn_tid fine, cairn_tid fine_mean, cairn_tid coarse,
                                 cairn_tid coarse_mean)
{
    cairn_shape a = cairn_graph_shape(g, fine), b = cairn_graph_shape(g, coarse), y = {a.n, a.h, a.w, a.c + b.c};
    cairn_tid inputs[INPUTS] = {fine, fine_mean, coarse, coarse_mean}, out = CAIRN_NONE;
    const int factor = a.h / b.h;
    if (a.n != b.n || a.c % 4 || a.h != factor * b.h || a.w != factor * b.w)
        return cairn_graph_mistake(g, stack_op.name,
                                   "[%d,%d,%d,%d] on [%d,%d,%d,%d]: sizes must differ by a whole factor, and the "
                                   "first's channels be a multiple of 4", b.n, b.h, b.w, b.c, a.n, a.h, a.w, a.c);
    if (!is_vector(cairn_graph_shape(g, fine_mean), a.c) || !is_vector(cairn_graph_shape(g, coarse_mean), b.c))
        return cairn_graph_mistake(g, stack_op.name, "the means must be [1,1,1,%d] and [1,1,1,%d]", a.c, b.c);
    return cairn_graph_append(g, &stack_op, inputs, INPUTS, INPUTS, &y, 1, &out, NULL, 0);
}
