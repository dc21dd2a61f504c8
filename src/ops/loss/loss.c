#include "ops/loss/loss.h"

#include "graph/lower.h"
#include "reference/loss/loss.h"

typedef struct loss_attributes {
    float value; /* 1 / temperature, or eps */
} loss_attributes;

/* Every kernel here is one thread for each cell: bindings are the inputs in order and the output; the push block is
 * {cells, groups, channels?, value?}. */
static cairn_status lower_cells(cairn_lowering *l, const cairn_node *node, const char *kernel, bool channels,
                                bool value)
{
    const loss_attributes *a = cairn_node_attributes(node);
    cairn_shape s = cairn_lower_shape(l, node->inputs[0]);
    int64_t cells = (int64_t)s.n * s.h * s.w;
    cairn_kernel_call call = {.kernel = kernel, .slot_count = node->input_count + 1};
    for (int i = 0; i < node->input_count; i++) call.slots[i] = node->inputs[i];
    call.slots[node->input_count] = node->outputs[0];
    call.written = 1u << node->input_count;
    call.push[call.push_count++] = (uint32_t)cells;
    call.push[call.push_count++] = (uint32_t)cairn_shape_groups(s);
    if (channels) call.push[call.push_count++] = (uint32_t)s.c;
    if (value) call.push[call.push_count++] = cairn_float_bits(a->value);
    cairn_lower_linear(&call, cells);
    return cairn_lower_call(l, &call);
}

static double ten_for_each(const cairn_node *node, const cairn_graph *g)
{
    return 10.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

static cairn_tid append(cairn_graph *g, const cairn_op *op, const cairn_tid *inputs, int count, cairn_shape out,
                        float value)
{
    loss_attributes a = {value};
    return cairn_graph_append(g, op, inputs, count, count, &out, 1, NULL, &a, sizeof a);
}

static cairn_shape per_cell(cairn_shape s)
{
    return (cairn_shape){s.n, s.h, s.w, 1};
}

/* ---- softmax ---- */
static cairn_status softmax_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_cells(l, node, "loss/softmax", true, false);
}

static cairn_status softmax_grad_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_cells(l, node, "loss/softmax_grad", false, false);
}

static const cairn_op softmax_grad_op = {.name = "softmax_grad",
                                         .lower = softmax_grad_lower,
                                         .reference = cairn_reference_softmax_grad,
                                         .operations = ten_for_each};

static void softmax_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                             cairn_tid *dinputs)
{
    (void)needs;
    cairn_tid inputs[2] = {node->outputs[0], doutputs[0]};
    dinputs[0] = append(g, &softmax_grad_op, inputs, 2, cairn_graph_shape(g, node->outputs[0]), 0);
}

static const cairn_op softmax_op = {.name = "softmax",
                                    .gradient = softmax_gradient,
                                    .lower = softmax_lower,
                                    .reference = cairn_reference_softmax,
                                    .operations = ten_for_each};

cairn_tid cairn_op_softmax(cairn_graph *g, cairn_tid x)
{
    return append(g, &softmax_op, &x, 1, cairn_graph_shape(g, x), 0);
}

/* ---- cross-entropy of a class index ---- */
static cairn_status cross_entropy_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_cells(l, node, "loss/softmax_cross_entropy", true, false);
}

static cairn_status cross_entropy_grad_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_cells(l, node, "loss/softmax_cross_entropy_grad", true, false);
}

static const cairn_op cross_entropy_grad_op = {.name = "softmax_cross_entropy_grad",
                                               .lower = cross_entropy_grad_lower,
                                               .reference = cairn_reference_softmax_cross_entropy_grad,
                                               .operations = ten_for_each};

static void cross_entropy_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                                   cairn_tid *dinputs)
{
    cairn_tid inputs[3] = {node->inputs[0], node->inputs[1], doutputs[0]};
    if (needs[0]) dinputs[0] = append(g, &cross_entropy_grad_op, inputs, 3, cairn_graph_shape(g, inputs[0]), 0);
}

static const cairn_op cross_entropy_op = {.name = "softmax_cross_entropy",
                                          .gradient = cross_entropy_gradient,
                                          .lower = cross_entropy_lower,
                                          .reference = cairn_reference_softmax_cross_entropy,
                                          .operations = ten_for_each};

cairn_tid cairn_op_softmax_cross_entropy(cairn_graph *g, cairn_tid logits, cairn_tid labels)
{
    cairn_shape s = cairn_graph_shape(g, logits), t = cairn_graph_shape(g, labels);
    cairn_tid inputs[2] = {logits, labels};
    if (logits != CAIRN_NONE && labels != CAIRN_NONE && !cairn_shape_equal(per_cell(s), t))
        return cairn_graph_mistake(g, cross_entropy_op.name,
                                   "logits [%d,%d,%d,%d] need labels [%d,%d,%d,1], not [%d,%d,%d,%d]", s.n, s.h, s.w,
                                   s.c, s.n, s.h, s.w, t.n, t.h, t.w, t.c);
    return append(g, &cross_entropy_op, inputs, 2, per_cell(s), 0);
}

/* ---- cross-entropy of a distribution ---- */
static cairn_status soft_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_cells(l, node, "loss/soft_cross_entropy", true, true);
}

static cairn_status soft_grad_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_cells(l, node, "loss/soft_cross_entropy_grad", true, true);
}

static const cairn_op soft_grad_op = {.name = "soft_cross_entropy_grad",
                                      .lower = soft_grad_lower,
                                      .reference = cairn_reference_soft_cross_entropy_grad,
                                      .operations = ten_for_each};

static void soft_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                          cairn_tid *dinputs)
{
    const loss_attributes *a = cairn_node_attributes(node);
    cairn_tid inputs[3] = {node->inputs[0], node->inputs[1], doutputs[0]};
    if (needs[0]) dinputs[0] = append(g, &soft_grad_op, inputs, 3, cairn_graph_shape(g, inputs[0]), a->value);
}

static const cairn_op soft_op = {.name = "soft_cross_entropy",
                                 .gradient = soft_gradient,
                                 .lower = soft_lower,
                                 .reference = cairn_reference_soft_cross_entropy,
                                 .operations = ten_for_each};

cairn_tid cairn_op_soft_cross_entropy(cairn_graph *g, cairn_tid logits, cairn_tid target, float temperature)
{
    cairn_shape s = cairn_graph_shape(g, logits), t = cairn_graph_shape(g, target);
    cairn_tid inputs[2] = {logits, target};
    if (!(temperature > 0))
        return cairn_graph_mistake(g, soft_op.name, "temperature %g, expected more than 0", (double)temperature);
    if (logits != CAIRN_NONE && target != CAIRN_NONE && !cairn_shape_equal(s, t))
        return cairn_graph_mistake(g, soft_op.name, "logits [%d,%d,%d,%d] and target [%d,%d,%d,%d] differ", s.n, s.h,
                                   s.w, s.c, t.n, t.h, t.w, t.c);
    return append(g, &soft_op, inputs, 2, per_cell(s), 1.0f / temperature);
}

/* ---- unit length ---- */
static cairn_status normalize_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_cells(l, node, "loss/l2_normalize", false, true);
}

static cairn_status normalize_grad_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_cells(l, node, "loss/l2_normalize_grad", false, true);
}

static const cairn_op normalize_grad_op = {.name = "l2_normalize_grad",
                                           .lower = normalize_grad_lower,
                                           .reference = cairn_reference_l2_normalize_grad,
                                           .operations = ten_for_each};

static void normalize_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                               cairn_tid *dinputs)
{
    (void)needs;
    const loss_attributes *a = cairn_node_attributes(node);
    cairn_tid inputs[2] = {node->inputs[0], doutputs[0]};
    dinputs[0] = append(g, &normalize_grad_op, inputs, 2, cairn_graph_shape(g, inputs[0]), a->value);
}

static const cairn_op normalize_op = {.name = "l2_normalize",
                                      .gradient = normalize_gradient,
                                      .lower = normalize_lower,
                                      .reference = cairn_reference_l2_normalize,
                                      .operations = ten_for_each};

cairn_tid cairn_op_l2_normalize(cairn_graph *g, cairn_tid x, float eps)
{
    if (!(eps >= 0)) return cairn_graph_mistake(g, normalize_op.name, "eps %g, expected 0 or more", (double)eps);
    return append(g, &normalize_op, &x, 1, cairn_graph_shape(g, x), eps);
}
