#include "ops/layout/cells.h"
#include "ops/loss/likelihood.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"
#include "reference/loss/likelihood.h"

static double ten_for_each(const cairn_node *node, const cairn_graph *g)
{
    return 10.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

/* Inputs x, labels or teacher, and for the gradient dloss. The attribute is smoothing or 1 / temperature. */
static cairn_status lower_loss(cairn_lowering *l, const cairn_node *node, const char *kernel)
{
    const cairn_likelihood_attributes *at = cairn_node_attributes(node);
    bool gradient = node->input_count == 3;
    cairn_shape s = cairn_lower_shape(l, node->inputs[0]);
    cairn_kernel_call call = {.kernel = kernel,
                              .constants = {0, gradient},
                              .constant_count = 2,
                              .slots = {node->inputs[0], node->inputs[1],
                                        gradient ? node->inputs[2] : node->inputs[0], node->outputs[0]},
                              .slot_count = 4,
                              .written = 1u << 3,
                              .push = {0, 0, (uint32_t)s.c, cairn_float_bits(at->value)},
                              .push_count = 4};
    return cairn_cells_call(l, &call, cairn_cells_of(s), cairn_shape_groups(s));
}

static cairn_status lower_smoothed(cairn_lowering *l, const cairn_node *node)
{
    return lower_loss(l, node, "likelihood/smoothed");
}

static cairn_status lower_kl(cairn_lowering *l, const cairn_node *node)
{
    return lower_loss(l, node, "likelihood/kl");
}

static const cairn_op smoothed_grad_op = {.name = "smoothed_cross_entropy_grad",
                                          .lower = lower_smoothed,
                                          .reference = cairn_ref_smoothed_grad,
                                          .operations = ten_for_each};
static const cairn_op kl_grad_op = {
    .name = "kl_divergence_grad", .lower = lower_kl, .reference = cairn_ref_kl_grad, .operations = ten_for_each};

static void append_gradient(cairn_graph *g, const cairn_op *op, const cairn_node *node, const cairn_tid *doutputs,
                            const bool *needs, cairn_tid *dinputs)
{
    const cairn_likelihood_attributes *at = cairn_node_attributes(node);
    cairn_tid inputs[3] = {node->inputs[0], node->inputs[1], doutputs[0]};
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    if (needs[0]) cairn_graph_append(g, op, inputs, 3, 3, &s, 1, &dinputs[0], at, sizeof *at);
}

static void smoothed_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                              cairn_tid *dinputs)
{
    append_gradient(g, &smoothed_grad_op, node, doutputs, needs, dinputs);
}

static void kl_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                        cairn_tid *dinputs)
{
    append_gradient(g, &kl_grad_op, node, doutputs, needs, dinputs);
}

static const cairn_op smoothed_op = {.name = "smoothed_cross_entropy",
                                     .gradient = smoothed_gradient,
                                     .lower = lower_smoothed,
                                     .reference = cairn_ref_smoothed,
                                     .operations = ten_for_each};
static const cairn_op kl_op = {.name = "kl_divergence",
                               .gradient = kl_gradient,
                               .lower = lower_kl,
                               .reference = cairn_ref_kl,
                               .operations = ten_for_each};

cairn_tid cairn_op_smoothed_cross_entropy(cairn_graph *g, cairn_tid logits, cairn_tid labels, float smoothing)
{
    cairn_shape s = cairn_graph_shape(g, logits), t = cairn_graph_shape(g, labels), y = {s.n, s.h, s.w, 1};
    if (!(smoothing >= 0 && smoothing < 1))
        return cairn_graph_mistake(g, smoothed_op.name, "smoothing %g, expected 0 to 1", (double)smoothing);
    if (logits != CAIRN_NONE && labels != CAIRN_NONE && !cairn_shape_equal(t, y))
        return cairn_graph_mistake(g, smoothed_op.name, "labels [%d,%d,%d,%d], expected [%d,%d,%d,1]", t.n, t.h, t.w,
                                   t.c, s.n, s.h, s.w);
    cairn_likelihood_attributes at = {smoothing};
    cairn_tid inputs[2] = {logits, labels};
    return cairn_graph_append(g, &smoothed_op, inputs, 2, 2, &y, 1, NULL, &at, sizeof at);
}

cairn_tid cairn_op_kl_divergence(cairn_graph *g, cairn_tid logits, cairn_tid teacher_logits, float temperature)
{
    cairn_shape s = cairn_graph_shape(g, logits), t = cairn_graph_shape(g, teacher_logits), y = {s.n, s.h, s.w, 1};
    if (!(temperature > 0))
        return cairn_graph_mistake(g, kl_op.name, "temperature %g, expected more than 0", (double)temperature);
    if (logits != CAIRN_NONE && teacher_logits != CAIRN_NONE && !cairn_shape_equal(s, t))
        return cairn_graph_mistake(g, kl_op.name, "logits [%d,%d,%d,%d] and teacher [%d,%d,%d,%d] differ", s.n, s.h,
                                   s.w, s.c, t.n, t.h, t.w, t.c);
    cairn_likelihood_attributes at = {1.0f / temperature};
    cairn_tid inputs[2] = {logits, teacher_logits};
    return cairn_graph_append(g, &kl_op, inputs, 2, 2, &y, 1, NULL, &at, sizeof at);
}

/* With w = the target on valid pixels and W its sum: sum of w (log w - z) / W - log W + log of the sum of exp z. */
cairn_tid cairn_op_kl_divergence_image(cairn_graph *g, cairn_tid logits, cairn_tid target, cairn_tid valid)
{
    enum { PIXELS = CAIRN_AXIS_H | CAIRN_AXIS_W };
    cairn_shape s = cairn_graph_shape(g, logits), t = cairn_graph_shape(g, target), v = cairn_graph_shape(g, valid);
    if (logits == CAIRN_NONE || target == CAIRN_NONE || s.c != 1 || !cairn_shape_equal(s, t) ||
        (valid != CAIRN_NONE && !cairn_shape_equal(s, v)))
        return cairn_graph_mistake(g, "kl_divergence_image",
                                   "logits [%d,%d,%d,%d], target [%d,%d,%d,%d]: expected two maps of one channel and a "
                                   "mask of their size or none",
                                   s.n, s.h, s.w, s.c, t.n, t.h, t.w, t.c);
    cairn_tid w = valid == CAIRN_NONE ? target : cairn_op_mul(g, target, valid);
    cairn_tid mass = cairn_op_reduce_sum(g, w, PIXELS), some = cairn_op_step(g, mass, 0);
    cairn_tid divisor = cairn_op_max(g, mass, cairn_graph_constant(g, CAIRN_SCALAR, 1e-20f));
    cairn_tid terms = cairn_op_mul(g, w, cairn_op_sub(g, cairn_op_log(g, w), logits));
    cairn_tid mean = cairn_op_div(g, cairn_op_reduce_sum(g, terms, PIXELS), divisor);
    cairn_tid whole = cairn_op_sub(g, cairn_op_log_sum_exp_rows(g, logits, valid), cairn_op_log(g, divisor));
    return cairn_op_mul(g, some, cairn_op_add(g, mean, whole));
}

cairn_tid cairn_op_quality_focal(cairn_graph *g, cairn_tid logits, cairn_tid targets)
{
    cairn_tid apart = cairn_op_sub(g, targets, cairn_op_sigmoid(g, logits));
    return cairn_op_mul(g, cairn_op_square(g, apart), cairn_op_bce_with_logits(g, logits, targets));
}

cairn_tid cairn_op_weighted_mean(cairn_graph *g, cairn_tid x, cairn_tid weight, int axes, float least)
{
    cairn_tid whole = cairn_op_broadcast(g, weight, cairn_graph_shape(g, x));
    cairn_tid sum = cairn_op_reduce_sum(g, cairn_op_mul(g, x, weight), axes);
    cairn_tid mass = cairn_op_reduce_sum(g, whole, axes);
    if (!(least > 0)) return cairn_graph_mistake(g, "weighted_mean", "least %g, expected more than 0", (double)least);
    return cairn_op_div(g, sum, cairn_op_max(g, mass, cairn_graph_constant(g, CAIRN_SCALAR, least)));
}
