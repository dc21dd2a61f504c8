#include "ops/norm/internal.h"

#include "ops/reduce/chunks.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"

/* ---- dispatches ---- */

typedef struct matrix {
    int64_t planes, rows, columns; /* vec4 columns; a plane for each set of statistics */
} matrix;

static matrix matrix_of(cairn_shape x, bool per_sample)
{
    return (matrix){per_sample ? x.n : 1, (int64_t)x.h * x.w * (per_sample ? 1 : x.n), cairn_shape_groups(x)};
}

/* From what the writer of x left of its moments. */
static cairn_status merge_moments(cairn_lowering *l, cairn_partial_moments parts, uint32_t columns, cairn_slot mean,
                                  cairn_slot variance)
{
    enum { RUN = 64, FEW = 128 };
    cairn_status st = CAIRN_OK;
    cairn_kernel_call call = {.kernel = "norm/merge", .constant_count = 1, .slot_count = 3, .push_count = 3};
    while (parts.chunks > FEW) {
        int64_t runs = (parts.chunks + RUN - 1) / RUN;
        cairn_slot merged = cairn_lower_scratch(l, runs * (2 * (int64_t)columns + 1));
        call.slots[0] = parts.slot, call.slots[1] = call.slots[2] = merged;
        call.written = 2;
        call.push[0] = columns, call.push[1] = (uint32_t)parts.chunks, call.push[2] = RUN;
        call.threads[0] = columns, call.threads[1] = (uint32_t)runs;
        CAIRN_TRY(cairn_lower_call(l, &call));
        parts = (cairn_partial_moments){merged, runs};
    }
    call.constants[0] = 1;
    call.slots[0] = parts.slot, call.slots[1] = mean, call.slots[2] = variance;
    call.written = 6;
    call.push[0] = columns, call.push[1] = call.push[2] = (uint32_t)parts.chunks;
    call.threads[0] = columns, call.threads[1] = 1;
    CAIRN_TRY(cairn_lower_call(l, &call));
done:
    return st;
}

static cairn_status call_moments(cairn_lowering *l, matrix m, cairn_slot x, cairn_slot mean, cairn_slot variance)
{
    cairn_partial_moments parts = cairn_lower_moments(l, x);
    if (m.planes == 1 && parts.chunks) return merge_moments(l, parts, (uint32_t)m.columns, mean, variance);
    cairn_status st = CAIRN_OK;
    cairn_chunks cut = cairn_chunks_plan(l, m.rows, m.columns, m.planes);
    cairn_slot means = cairn_lower_scratch(l, cairn_chunks_vectors(&cut));
    cairn_slot squares = cairn_lower_scratch(l, cairn_chunks_vectors(&cut));
    cairn_kernel_call first = {.kernel = "norm/moments", .slots = {x, means, squares}, .slot_count = 3, .written = 6};
    cairn_kernel_call second = {
        .kernel = "norm/moments_finish",
        .slots = {means, squares, mean, variance},
        .slot_count = 4,
        .written = 12,
        .push = {cut.lanes.rows, cut.lanes.columns, cut.block_rows, cut.chunks, 6 - cut.lanes.columns_log2},
        .push_count = 5,
        .threads = {cut.lanes.columns, 1, cut.lanes.planes}};
    if (cairn_lower_class(l) != CAIRN_CLASS_TEXEL) second.threads[0] *= CAIRN_ROWS_LANES; /* a workgroup for each */
    CAIRN_TRY(cairn_chunks_call(l, &first, &cut));
    CAIRN_TRY(cairn_lower_call(l, &second));
done:
    return st;
}

void cairn_norm__set_channels(cairn_kernel_call *call, const cairn_norm__problem *n, int first)
{
    call->constants[2] = (uint32_t)n->at->activation;
    call->constants[3] = n->gamma != CAIRN_NONE;
    call->constants[4] = n->beta != CAIRN_NONE;
    call->constant_count = 5;
    call->slots[first] = n->mean;
    call->slots[first + 1] = n->variance;
    call->slots[first + 2] = n->gamma != CAIRN_NONE ? n->gamma : n->mean;
    call->slots[first + 3] = n->beta != CAIRN_NONE ? n->beta : n->mean;
}

/* Sets constant 6. */
static cairn_rows plan_channels(const cairn_lowering *l, matrix m, cairn_kernel_call *call)
{
    cairn_rows rows = cairn_rows_plan_runs(l, m.rows, m.columns, m.planes);
    call->constants[6] = rows.column_steps;
    call->constant_count = 7;
    return rows;
}

static cairn_status call_normalize(cairn_lowering *l, matrix m, const cairn_norm__problem *n, cairn_slot y)
{
    if (n->at->pooled) return cairn_norm__pooled(l, n, y);
    cairn_kernel_call call = {.kernel = "norm/normalize", .slot_count = 6, .written = 32, .push_count = 4};
    cairn_norm__set_channels(&call, n, 1);
    cairn_rows rows = plan_channels(l, m, &call);
    call.slots[0] = n->x;
    call.slots[5] = y;
    call.push[3] = cairn_float_bits(n->at->eps);
    return cairn_rows_call(l, &call, &rows);
}

static cairn_status call_grad(cairn_lowering *l, matrix m, const cairn_norm__problem *n, cairn_slot dy, cairn_slot dx,
                              cairn_slot sum0, cairn_slot sum1)
{
    cairn_status st = CAIRN_OK;
    if (n->at->pooled) return cairn_norm__pooled_grad(l, n, dy, dx, sum0, sum1);
    cairn_chunks cut = cairn_chunks_plan(l, m.rows, m.columns, m.planes);
    cairn_kernel_call call = {.kernel = "norm/grad_sums", .slot_count = 8, .written = 0xC0, .push_count = 5};
    cairn_slot target[2] = {sum0, sum1};
    cairn_norm__set_channels(&call, n, 2);
    call.slots[0] = n->x;
    call.slots[1] = dy;
    for (int i = 0; i < 2; i++)
        call.slots[6 + i] = cut.chunks == 1 ? target[i] : cairn_lower_scratch(l, cairn_chunks_vectors(&cut));
    call.push[4] = cairn_float_bits(n->at->eps);
    CAIRN_TRY(cairn_chunks_call(l, &call, &cut));
    for (int i = 0; i < 2 && cut.chunks > 1; i++)
        CAIRN_TRY(cairn_chunks_finish(l, &cut, call.slots[6 + i], target[i], 1.0f));
    cairn_kernel_call second = {.kernel = "norm/grad_input", .slot_count = 9, .written = 1 << 8, .push_count = 4};
    cairn_norm__set_channels(&second, n, 2);
    second.constants[5] = n->at->frozen;
    cairn_rows rows = plan_channels(l, m, &second);
    second.slots[0] = n->x;
    second.slots[1] = dy;
    second.slots[6] = sum0;
    second.slots[7] = sum1;
    second.slots[8] = dx;
    second.push[3] = cairn_float_bits(n->at->eps);
    CAIRN_TRY(cairn_rows_call(l, &second, &rows));
done:
    return st;
}

static double operations(const cairn_node *node, const cairn_graph *g)
{
    return 8.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

/* ---- gradient of normalize and batch_norm ---- */

static cairn_status lower_grad(cairn_lowering *l, const cairn_node *node)
{
    const cairn_tid *in = node->inputs;
    cairn_norm__problem n = {cairn_node_attributes(node), in[0], in[1], in[2], in[4], in[5]};
    matrix m = matrix_of(cairn_lower_shape(l, in[0]), cairn_lower_shape(l, in[1]).n > 1);
    return call_grad(l, m, &n, in[3], node->outputs[0], node->outputs[1], node->outputs[2]);
}

/* The sum of dx is gamma * inverse * (sum of dy' - rows * mean of dy' - mean of dy' xhat * sum of xhat), and xhat,
 * centred, adds up to zero. */
static bool grad_is_balanced(const cairn_node *node)
{
    return !((const cairn_norm_attributes *)cairn_node_attributes(node))->frozen;
}

static const cairn_op norm_grad_op = {.name = "norm_grad",
                                      .lower = lower_grad,
                                      .reference = cairn_ref_norm_grad,
                                      .operations = operations,
                                      .absorb_source = cairn_norm__absorb_pool_grad,
                                      .balanced = grad_is_balanced};

/* outputs: dx, and the sums of dy' and dy' * xhat in the shape of the statistics */
static void append_grad(cairn_graph *g, const cairn_norm_attributes *attributes, bool frozen,
                        const cairn_tid *statistics, cairn_tid x, cairn_tid dy, cairn_tid gamma, cairn_tid beta,
                        cairn_tid *outputs)
{
    cairn_norm_attributes at = *attributes;
    at.frozen = frozen;
    cairn_tid inputs[6] = {x, statistics[0], statistics[1], dy, gamma, beta};
    cairn_shape s = cairn_graph_shape(g, statistics[0]), shapes[3] = {cairn_graph_shape(g, x), s, s};
    cairn_graph_append(g, &norm_grad_op, inputs, 6, 4, shapes, 3, outputs, &at, sizeof at);
}

/* ---- moments ---- */

static cairn_status lower_moments(cairn_lowering *l, const cairn_node *node)
{
    const cairn_norm_attributes *at = cairn_node_attributes(node);
    matrix m = matrix_of(cairn_lower_shape(l, node->inputs[0]), at->per_sample);
    return call_moments(l, m, node->inputs[0], node->outputs[0], node->outputs[1]);
}

static void moments_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                             cairn_tid *dinputs)
{
    const cairn_norm_attributes *at = cairn_node_attributes(node);
    cairn_shape x = cairn_graph_shape(g, node->inputs[0]);
    double m = (double)x.h * x.w * (at->per_sample ? 1 : x.n);
    cairn_tid d = CAIRN_NONE;
    (void)needs;
    if (doutputs[1] != CAIRN_NONE)
        d = cairn_op_mul(g, cairn_op_sub(g, node->inputs[0], node->outputs[0]),
                         cairn_op_scale(g, doutputs[1], (float)(2 / m)));
    if (doutputs[0] != CAIRN_NONE) {
        cairn_tid mean = cairn_op_scale(g, doutputs[0], (float)(1 / m));
        d = d == CAIRN_NONE ? cairn_op_broadcast(g, mean, x) : cairn_op_add(g, d, mean);
    }
    dinputs[0] = d;
}

/* Over all samples; of one sample both kinds are the same. */
static bool needs_moments(const cairn_node *node, const cairn_graph *g)
{
    return !((const cairn_norm_attributes *)cairn_node_attributes(node))->per_sample ||
           cairn_graph_shape(g, node->inputs[0]).n == 1;
}

static const cairn_op moments_op = {.name = "moments",
                                    .gradient = moments_gradient,
                                    .lower = lower_moments,
                                    .reference = cairn_ref_moments,
                                    .operations = operations,
                                    .needs_moments = needs_moments};

cairn_tid cairn_op_moments(cairn_graph *g, cairn_tid x, bool per_sample, cairn_tid *variance)
{
    cairn_shape s = cairn_graph_shape(g, x), v = {per_sample ? s.n : 1, 1, 1, s.c}, shapes[2] = {v, v};
    cairn_norm_attributes at = {.per_sample = per_sample};
    cairn_tid out[2] = {CAIRN_NONE, CAIRN_NONE};
    cairn_graph_append(g, &moments_op, &x, 1, 1, shapes, 2, out, &at, sizeof at);
    *variance = out[1];
    return out[0];
}

/* ---- normalize ---- */

static cairn_status lower_normalize(cairn_lowering *l, const cairn_node *node)
{
    const cairn_tid *in = node->inputs;
    cairn_norm__problem n = {cairn_node_attributes(node), in[0], in[1], in[2], in[3], in[4]};
    matrix m = matrix_of(cairn_lower_shape(l, in[0]), cairn_lower_shape(l, in[1]).n > 1);
    return call_normalize(l, m, &n, node->outputs[0]);
}

static cairn_tid times_gamma(cairn_graph *g, cairn_tid x, cairn_tid gamma)
{
    return gamma == CAIRN_NONE ? x : cairn_op_mul(g, x, gamma);
}

static void normalize_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                               cairn_tid *dinputs)
{
    const cairn_norm_attributes *at = cairn_node_attributes(node);
    const cairn_tid *in = node->inputs;
    cairn_tid d[3], inverse = CAIRN_NONE;
    append_grad(g, at, true, &in[1], in[0], doutputs[0], in[3], in[4], d);
    dinputs[0] = d[0];
    if (needs[1] || needs[2])
        inverse = cairn_op_reciprocal(g, cairn_op_sqrt(g, cairn_op_affine(g, in[2], 1.0f, at->eps)));
    if (needs[1]) dinputs[1] = cairn_op_neg(g, cairn_op_mul(g, times_gamma(g, d[1], in[3]), inverse));
    if (needs[2]) /* d/dvariance of gamma * xhat is -gamma * xhat * inverse^2 / 2 */
        dinputs[2] =
            cairn_op_scale(g, cairn_op_mul(g, times_gamma(g, d[2], in[3]), cairn_op_square(g, inverse)), -0.5f);
    if (needs[3]) dinputs[3] = cairn_op_reduce_to(g, d[2], cairn_graph_shape(g, in[3]));
    if (needs[4]) dinputs[4] = cairn_op_reduce_to(g, d[1], cairn_graph_shape(g, in[4]));
}

static const cairn_op normalize_op = {.name = "normalize",
                                      .gradient = normalize_gradient,
                                      .lower = lower_normalize,
                                      .reference = cairn_ref_normalize,
                                      .operations = operations,
                                      .absorb = cairn_norm__absorb_pool,
                                      .again = cairn_node_again};

float cairn_norm_plain(const cairn_node *node, const cairn_graph *g, cairn_tid *mean, cairn_tid *variance)
{
    const cairn_norm_attributes *at = cairn_node_attributes(node);
    const cairn_tid *in = node->inputs;
    if (node->op != &normalize_op || in[3] != CAIRN_NONE || in[4] != CAIRN_NONE || at->pooled) return 0;
    if (at->activation != CAIRN_ACTIVATION_NONE || cairn_graph_shape(g, in[1]).n > 1) return 0;
    *mean = in[1];
    *variance = in[2];
    return at->eps;
}

static bool parameters_fit(cairn_graph *g, const char *op, cairn_tid x, cairn_tid gamma, cairn_tid beta,
                           const cairn_norm_attributes *at)
{
    int32_t c = cairn_graph_shape(g, x).c;
    const cairn_tid parameters[2] = {gamma, beta};
    for (int i = 0; i < 2; i++) {
        cairn_shape s = cairn_graph_shape(g, parameters[i]);
        if (parameters[i] == CAIRN_NONE || cairn_shape_equal(s, (cairn_shape){1, 1, 1, c})) continue;
        cairn_graph_mistake(g, op, "%s is [%d,%d,%d,%d], not [1,1,1,%d]", i ? "beta" : "gamma", s.n, s.h, s.w, s.c, c);
        return false;
    }
    if (!(at->eps > 0)) cairn_graph_mistake(g, op, "eps %g is not positive", (double)at->eps);
    if ((int)at->activation < 0 || at->activation >= CAIRN_ACTIVATION_COUNT)
        cairn_graph_mistake(g, op, "no activation %d", (int)at->activation);
    return at->eps > 0 && (int)at->activation >= 0 && at->activation < CAIRN_ACTIVATION_COUNT;
}

cairn_tid cairn_op_normalize(cairn_graph *g, cairn_tid x, cairn_tid mean, cairn_tid variance, cairn_tid gamma,
                             cairn_tid beta, float eps, cairn_activation activation)
{
    cairn_norm_attributes at = {.eps = eps, .activation = activation};
    cairn_shape s = cairn_graph_shape(g, x), m = cairn_graph_shape(g, mean), v = cairn_graph_shape(g, variance);
    if ((m.n != 1 && m.n != s.n) || m.h != 1 || m.w != 1 || m.c != s.c || !cairn_shape_equal(m, v))
        return cairn_graph_mistake(g, "normalize", "mean [%d,%d,%d,%d] and variance [%d,%d,%d,%d] for x [%d,%d,%d,%d]",
                                   m.n, m.h, m.w, m.c, v.n, v.h, v.w, v.c, s.n, s.h, s.w, s.c);
    if (!parameters_fit(g, "normalize", x, gamma, beta, &at)) return CAIRN_NONE;
    cairn_tid inputs[5] = {x, mean, variance, gamma, beta}, y = CAIRN_NONE;
    return cairn_graph_append(g, &normalize_op, inputs, 5, 3, &s, 1, &y, &at, sizeof at);
}

/* ---- batch_norm, instance_norm ---- */

static cairn_status lower_batch_norm(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    const cairn_norm_attributes *at = cairn_node_attributes(node);
    matrix m = matrix_of(cairn_lower_shape(l, node->inputs[0]), at->per_sample);
    cairn_norm__problem n = {at, node->inputs[0], node->outputs[1], node->outputs[2], node->inputs[1], node->inputs[2]};
    CAIRN_TRY(call_moments(l, m, n.x, n.mean, n.variance));
    CAIRN_TRY(call_normalize(l, m, &n, node->outputs[0]));
done:
    return st;
}

static void batch_norm_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                                cairn_tid *dinputs)
{
    const cairn_tid *in = node->inputs;
    cairn_tid d[3];
    if (doutputs[1] != CAIRN_NONE || doutputs[2] != CAIRN_NONE) {
        cairn_graph_mistake(g, node->op->name, "the statistics are used by the loss: use moments and normalize");
        return;
    }
    append_grad(g, cairn_node_attributes(node), false, &node->outputs[1], in[0], doutputs[0], in[1], in[2], d);
    dinputs[0] = d[0];
    if (needs[1]) dinputs[1] = cairn_op_reduce_to(g, d[2], cairn_graph_shape(g, in[1]));
    if (needs[2]) dinputs[2] = cairn_op_reduce_to(g, d[1], cairn_graph_shape(g, in[2]));
}

/* The statistics are small and stay: only the normalisation is done again. */
static bool batch_norm_again(cairn_node *node)
{
    const cairn_tid in[5] = {node->inputs[0], node->outputs[1], node->outputs[2], node->inputs[1], node->inputs[2]};
    node->op = &normalize_op;
    for (int k = 0; k < 5; k++) node->inputs[k] = in[k];
    node->input_count = 5;
    node->output_count = 1;
    return true;
}

static const cairn_op batch_norm_op = {.name = "batch_norm",
                                       .gradient = batch_norm_gradient,
                                       .lower = lower_batch_norm,
                                       .reference = cairn_ref_batch_norm,
                                       .operations = operations,
                                       .absorb = cairn_norm__absorb_pool,
                                       .again = batch_norm_again,
                                       .needs_moments = needs_moments};

bool cairn_norm__operands(const cairn_node *node, cairn_tid operands[5])
{
    const cairn_tid *in = node->inputs;
    if (node->op != &batch_norm_op && node->op != &normalize_op) return false;
    for (int i = 0; i < 5; i++) operands[i] = in[i];
    if (node->op == &normalize_op) return true;
    operands[1] = node->outputs[1], operands[2] = node->outputs[2];
    operands[3] = in[1], operands[4] = in[2];
    return true;
}

static cairn_tid append_batch_norm(cairn_graph *g, cairn_tid x, cairn_tid gamma, cairn_tid beta,
                                   const cairn_norm_attributes *at, cairn_tid *mean, cairn_tid *variance)
{
    cairn_shape s = cairn_graph_shape(g, x), v = {at->per_sample ? s.n : 1, 1, 1, s.c}, shapes[3] = {s, v, v};
    cairn_tid inputs[3] = {x, gamma, beta}, out[3] = {CAIRN_NONE, CAIRN_NONE, CAIRN_NONE};
    if (parameters_fit(g, "batch_norm", x, gamma, beta, at))
        cairn_graph_append(g, &batch_norm_op, inputs, 3, 1, shapes, 3, out, at, sizeof *at);
    if (mean) *mean = out[1];
    if (variance) *variance = out[2];
    return out[0];
}

cairn_tid cairn_op_batch_norm_train(cairn_graph *g, cairn_tid x, cairn_tid gamma, cairn_tid beta, float eps,
                                    cairn_activation activation, cairn_tid *mean, cairn_tid *variance)
{
    cairn_norm_attributes at = {.eps = eps, .activation = activation};
    return append_batch_norm(g, x, gamma, beta, &at, mean, variance);
}

cairn_tid cairn_op_batch_norm_infer(cairn_graph *g, cairn_tid x, cairn_tid gamma, cairn_tid beta,
                                    cairn_tid running_mean, cairn_tid running_variance, float eps,
                                    cairn_activation activation)
{
    return cairn_op_normalize(g, x, running_mean, running_variance, gamma, beta, eps, activation);
}

cairn_tid cairn_op_instance_norm(cairn_graph *g, cairn_tid x, float eps, cairn_tid *variance)
{
    cairn_norm_attributes at = {.eps = eps, .per_sample = true};
    return append_batch_norm(g, x, CAIRN_NONE, CAIRN_NONE, &at, NULL, variance);
}

/* ---- running averages ---- */

static cairn_status lower_update(cairn_lowering *l, const cairn_node *node)
{
    const cairn_average_attributes *at = cairn_node_attributes(node);
    int64_t vectors = cairn_shape_vectors(cairn_lower_shape(l, node->inputs[0]));
    cairn_kernel_call call = {.kernel = "norm/update_average",
                              .slots = {node->inputs[0], node->inputs[1]},
                              .slot_count = 2,
                              .written = 1,
                              .push = {(uint32_t)vectors, cairn_float_bits(at->weight), cairn_float_bits(at->scale)},
                              .push_count = 3};
    cairn_lower_linear(&call, vectors);
    return cairn_lower_call(l, &call);
}

static const cairn_op update_op = {
    .name = "update_average", .lower = lower_update, .reference = cairn_ref_update_average, .updates = 1};

void cairn_op_update_average(cairn_graph *g, cairn_tid running, cairn_tid value, float weight, float scale)
{
    cairn_shape r = cairn_graph_shape(g, running), v = cairn_graph_shape(g, value);
    cairn_average_attributes at = {.weight = weight, .scale = scale};
    cairn_tid inputs[2] = {running, value};
    if (!cairn_shape_equal(r, v))
        cairn_graph_mistake(g, "update_average", "running [%d,%d,%d,%d] and value [%d,%d,%d,%d] differ", r.n, r.h, r.w,
                            r.c, v.n, v.h, v.w, v.c);
    else
        cairn_graph_append(g, &update_op, inputs, 2, 2, NULL, 0, NULL, &at, sizeof at);
}
