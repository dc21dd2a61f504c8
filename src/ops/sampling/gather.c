#include "ops/sampling/sampling.h"

#include "graph/lower.h"
#include "reference/sampling/sampling.h"

static cairn_status gather_lower(cairn_lowering *l, const cairn_node *node)
{
    cairn_shape x = cairn_lower_shape(l, node->inputs[0]), y = cairn_lower_shape(l, node->outputs[0]);
    int64_t total = cairn_shape_vectors(y);
    cairn_kernel_call call = {
        .kernel = "sampling/gather",
        .slots = {node->inputs[0], node->inputs[1], node->outputs[0]},
        .slot_count = 3,
        .written = 1u << 2,
        .push = {(uint32_t)total, (uint32_t)x.w, (uint32_t)cairn_shape_groups(x), (uint32_t)y.w},
        .push_count = 4};
    cairn_lower_linear(&call, total);
    return cairn_lower_call(l, &call);
}

/* First the places that took one of each 32 rows, then each row looks through those of its 32. */
static cairn_status gather_grad_lower(cairn_lowering *l, const cairn_node *node)
{
    enum { BLOCK = 4, BUCKET = 32 };
    cairn_status st = CAIRN_OK;
    cairn_shape x = cairn_lower_shape(l, node->outputs[0]), index = cairn_lower_shape(l, node->inputs[0]);
    uint32_t groups = (uint32_t)cairn_shape_groups(x), block = groups < BLOCK ? groups : BLOCK;
    uint32_t rows = (uint32_t)x.w, buckets = (rows + BUCKET - 1) / BUCKET, count = (uint32_t)index.w;
    cairn_slot list = cairn_lower_scratch(l, (int64_t)x.n * buckets * (index.w + 1));
    cairn_kernel_call call = {.kernel = "sampling/gather_buckets",
                              .slots = {node->inputs[0], list},
                              .slot_count = 2,
                              .written = 1u << 1,
                              .push = {rows, buckets, count},
                              .push_count = 3,
                              .threads = {buckets, (uint32_t)x.n}};
    CAIRN_TRY(cairn_lower_call(l, &call));
    call = (cairn_kernel_call){.kernel = "sampling/gather_grad",
                               .constants = {0, block},
                               .constant_count = 2,
                               .slots = {list, node->inputs[1], node->outputs[0]},
                               .slot_count = 3,
                               .written = 1u << 2,
                               .push = {rows, buckets, groups, count},
                               .push_count = 4,
                               .threads = {rows, 1, (uint32_t)x.n * ((groups + block - 1) / block)}};
    CAIRN_TRY(cairn_lower_call(l, &call));
done:
    return st;
}

static double gather_grad_operations(const cairn_node *node, const cairn_graph *g)
{
    return (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[1]));
}

static const cairn_op gather_grad_op = {.name = "gather_grad",
                                        .lower = gather_grad_lower,
                                        .reference = cairn_reference_gather_grad,
                                        .operations = gather_grad_operations};

static void gather_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                            cairn_tid *dinputs)
{
    cairn_shape x = cairn_graph_shape(g, node->inputs[0]);
    if (needs[0])
        dinputs[0] = cairn_graph_append(g, &gather_grad_op, (const cairn_tid[]){node->inputs[1], doutputs[0]}, 2, 2, &x,
                                        1, NULL, NULL, 0);
}

static const cairn_op gather_op = {
    .name = "gather", .gradient = gather_gradient, .lower = gather_lower, .reference = cairn_reference_gather};

cairn_tid cairn_op_gather(cairn_graph *g, cairn_tid x, cairn_tid index)
{
    const cairn_tid inputs[] = {x, index};
    cairn_shape s = cairn_graph_shape(g, x), i = cairn_graph_shape(g, index), y = {s.n, 1, i.w, s.c};
    if (x != CAIRN_NONE && index != CAIRN_NONE && (s.h != 1 || i.n != s.n || i.h != 1 || i.c != 1))
        return cairn_graph_mistake(g, gather_op.name, "rows of [%d,%d,%d,%d] by numbers [%d,%d,%d,%d], expected "
                                   "[B,1,R,C] and [B,1,N,1]", s.n, s.h, s.w, s.c, i.n, i.h, i.w, i.c);
    return cairn_graph_append(g, &gather_op, inputs, 2, 2, &y, 1, NULL, NULL, 0);
}
