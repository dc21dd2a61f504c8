#include "ops/pointwise/pointwise.h"

#include "ops/reduce/reduce.h"
#include "ops/norm/rows.h"
#include "reference/pointwise/pointwise.h"

/* ---- one operand ---- */

/* Whether zero padding stays zero without help. */
static bool unary_keeps_zero(cairn_unary kind, float a, float b)
{
    switch (kind) {
    case CAIRN_UNARY_RELU:
    case CAIRN_UNARY_HSWISH:
    case CAIRN_UNARY_SQRT:
    case CAIRN_UNARY_SQUARE:
    case CAIRN_UNARY_ABS:
    case CAIRN_UNARY_NEG:
    case CAIRN_UNARY_GELU:
    case CAIRN_UNARY_GELU_TANH:
        return true;
    case CAIRN_UNARY_AFFINE:
        return b == 0.0f;
    case CAIRN_UNARY_STEP:
        return a >= 0.0f;
    default:
        return false;
    }
}

/* The gradient kernel reads the result instead of the argument, so that the argument's memory can go early. */
static bool gradient_reads_result(cairn_unary kind)
{
    return kind == CAIRN_UNARY_RELU || kind == CAIRN_UNARY_SIGMOID || kind == CAIRN_UNARY_EXP ||
           kind == CAIRN_UNARY_SQRT || kind == CAIRN_UNARY_RECIPROCAL;
}

static cairn_rows flat_rows(cairn_shape s, bool padded)
{
    int groups = cairn_shape_groups(s);
    if (padded) return cairn_rows_plan(cairn_shape_vectors(s) / groups, groups, 1, CAIRN_ROWS_STEPS);
    return cairn_rows_plan(cairn_shape_vectors(s), 1, 1, CAIRN_ROWS_STEPS);
}

static cairn_status lower_unary(cairn_lowering *l, const cairn_node *node)
{
    const cairn_unary_attributes *at = cairn_node_attributes(node);
    cairn_shape s = cairn_lower_shape(l, node->inputs[0]);
    bool padded = s.c % 4 != 0 && !unary_keeps_zero(at->kind, at->a, at->b);
    cairn_rows rows = flat_rows(s, padded);
    cairn_kernel_call call = {.kernel = "pointwise/unary",
                              .constants = {0, 0, (uint32_t)at->kind, padded},
                              .constant_count = 4,
                              .slots = {node->inputs[0], node->outputs[0]},
                              .slot_count = 2,
                              .written = 2,
                              .push_count = 6};
    call.push[3] = (uint32_t)s.c;
    call.push[4] = cairn_float_bits(at->a);
    call.push[5] = cairn_float_bits(at->b);
    return cairn_rows_call(l, &call, &rows);
}

static cairn_status lower_unary_grad(cairn_lowering *l, const cairn_node *node)
{
    const cairn_unary_attributes *at = cairn_node_attributes(node);
    cairn_rows rows = flat_rows(cairn_lower_shape(l, node->inputs[0]), false);
    cairn_kernel_call call = {.kernel = "pointwise/unary_grad",
                              .constants = {0, 0, (uint32_t)at->kind},
                              .constant_count = 3,
                              .slots = {node->inputs[0], node->inputs[1], node->outputs[0]},
                              .slot_count = 3,
                              .written = 4};
    return cairn_rows_call(l, &call, &rows);
}

static bool heavy(cairn_unary kind)
{
    return kind >= CAIRN_UNARY_SIGMOID && kind != CAIRN_UNARY_SQUARE && kind != CAIRN_UNARY_ABS &&
           kind != CAIRN_UNARY_NEG && kind != CAIRN_UNARY_AFFINE && kind != CAIRN_UNARY_STEP;
}

static bool unary_expression(const cairn_node *node, cairn_expression *e)
{
    const cairn_unary_attributes *at = cairn_node_attributes(node);
    bool parameters = at->kind == CAIRN_UNARY_AFFINE || at->kind == CAIRN_UNARY_STEP;
    *e = (cairn_expression){
        .parameters = {at->a, at->b}, .parameter_count = parameters ? 2 : 0, .heavy = heavy(at->kind)};
    snprintf(e->text, sizeof e->text, "unary_value(%du, $0, %s)", (int)at->kind, parameters ? "#0, #1" : "0.0, 0.0");
    return true;
}

static bool unary_grad_expression(const cairn_node *node, cairn_expression *e)
{
    const cairn_unary_attributes *at = cairn_node_attributes(node);
    *e = (cairn_expression){.heavy = heavy(at->kind)};
    snprintf(e->text, sizeof e->text, "$1 * unary_slope(%du, $0)", (int)at->kind);
    return true;
}

static const cairn_op unary_grad_op = {.name = "unary_grad",
                                       .lower = lower_unary_grad,
                                       .reference = cairn_ref_unary_grad,
                                       .expression = unary_grad_expression};

static void unary_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                           cairn_tid *dinputs)
{
    const cairn_unary_attributes *at = cairn_node_attributes(node);
    (void)needs;
    if (at->kind == CAIRN_UNARY_STEP) return;
    if (at->kind == CAIRN_UNARY_NEG || at->kind == CAIRN_UNARY_AFFINE) {
        dinputs[0] = cairn_op_scale(g, doutputs[0], at->kind == CAIRN_UNARY_NEG ? -1.0f : at->a);
        return;
    }
    cairn_tid inputs[2] = {gradient_reads_result(at->kind) ? node->outputs[0] : node->inputs[0], doutputs[0]};
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    cairn_graph_append(g, &unary_grad_op, inputs, 2, 2, &s, 1, &dinputs[0], at, sizeof *at);
}

static const cairn_op unary_op = {.name = "unary",
                                  .gradient = unary_gradient,
                                  .lower = lower_unary,
                                  .reference = cairn_ref_unary,
                                  .expression = unary_expression,
                                  .again = cairn_node_again};

cairn_tid cairn_op_unary(cairn_graph *g, cairn_tid x, cairn_unary kind, float a, float b)
{
    if ((int)kind < 0 || kind >= CAIRN_UNARY_COUNT) return cairn_graph_mistake(g, "unary", "no function %d", (int)kind);
    cairn_unary_attributes at = {.kind = kind, .a = a, .b = b};
    cairn_shape s = cairn_graph_shape(g, x);
    cairn_tid y = CAIRN_NONE;
    return cairn_graph_append(g, &unary_op, &x, 1, 1, &s, 1, &y, &at, sizeof at);
}

cairn_tid cairn_op_relu(cairn_graph *g, cairn_tid x)
{
    return cairn_op_unary(g, x, CAIRN_UNARY_RELU, 0, 0);
}
cairn_tid cairn_op_hswish(cairn_graph *g, cairn_tid x)
{
    return cairn_op_unary(g, x, CAIRN_UNARY_HSWISH, 0, 0);
}
cairn_tid cairn_op_hsigmoid(cairn_graph *g, cairn_tid x)
{
    return cairn_op_unary(g, x, CAIRN_UNARY_HSIGMOID, 0, 0);
}
cairn_tid cairn_op_sigmoid(cairn_graph *g, cairn_tid x)
{
    return cairn_op_unary(g, x, CAIRN_UNARY_SIGMOID, 0, 0);
}
cairn_tid cairn_op_exp(cairn_graph *g, cairn_tid x)
{
    return cairn_op_unary(g, x, CAIRN_UNARY_EXP, 0, 0);
}
cairn_tid cairn_op_log(cairn_graph *g, cairn_tid x)
{
    return cairn_op_unary(g, x, CAIRN_UNARY_LOG, 0, 0);
}
cairn_tid cairn_op_sqrt(cairn_graph *g, cairn_tid x)
{
    return cairn_op_unary(g, x, CAIRN_UNARY_SQRT, 0, 0);
}
cairn_tid cairn_op_square(cairn_graph *g, cairn_tid x)
{
    return cairn_op_unary(g, x, CAIRN_UNARY_SQUARE, 0, 0);
}
cairn_tid cairn_op_abs(cairn_graph *g, cairn_tid x)
{
    return cairn_op_unary(g, x, CAIRN_UNARY_ABS, 0, 0);
}
cairn_tid cairn_op_neg(cairn_graph *g, cairn_tid x)
{
    return cairn_op_unary(g, x, CAIRN_UNARY_NEG, 0, 0);
}
cairn_tid cairn_op_softplus(cairn_graph *g, cairn_tid x)
{
    return cairn_op_unary(g, x, CAIRN_UNARY_SOFTPLUS, 0, 0);
}
cairn_tid cairn_op_affine(cairn_graph *g, cairn_tid x, float a, float b)
{
    return cairn_op_unary(g, x, CAIRN_UNARY_AFFINE, a, b);
}
cairn_tid cairn_op_scale(cairn_graph *g, cairn_tid x, float a)
{
    return cairn_op_affine(g, x, a, 0);
}
cairn_tid cairn_op_step(cairn_graph *g, cairn_tid x, float threshold)
{
    return cairn_op_unary(g, x, CAIRN_UNARY_STEP, threshold, 0);
}
cairn_tid cairn_op_reciprocal(cairn_graph *g, cairn_tid x)
{
    return cairn_op_unary(g, x, CAIRN_UNARY_RECIPROCAL, 0, 0);
}
cairn_tid cairn_op_gelu(cairn_graph *g, cairn_tid x)
{
    return cairn_op_unary(g, x, CAIRN_UNARY_GELU, 0, 0);
}

/* ---- two operands ---- */

/* N, H, W of the result with neighbours merged where both operands are either whole or of size one along both. */
typedef struct merged {
    int64_t size[3];
    bool whole[2][3];
    int count;
} merged;

static void merge_dimension(merged *m, int64_t size, bool whole_a, bool whole_b)
{
    if (size == 1) return;
    int last = m->count - 1;
    if (m->count && m->whole[0][last] == whole_a && m->whole[1][last] == whole_b) {
        m->size[last] *= size;
        return;
    }
    m->size[m->count] = size;
    m->whole[0][m->count] = whole_a;
    m->whole[1][m->count++] = whole_b;
}

/* Strides of operand `which` in vec4: outer, plane, row, column. */
static void operand_strides(const merged *m, int which, bool whole_columns, uint32_t columns, uint32_t *strides)
{
    int64_t step = whole_columns ? columns : 1;
    strides[0] = strides[1] = strides[2] = 0;
    strides[3] = whole_columns && columns > 1 ? 1 : 0;
    for (int i = m->count - 1, at = 2; i >= 0; i--, at--) {
        if (!m->whole[which][i]) continue;
        strides[at] = (uint32_t)step;
        step *= m->size[i];
    }
}

/* Fills constants 2..6 and push 3.. of a binary kernel; bindings and the rest are the caller's. */
static cairn_status call_binary(cairn_lowering *l, cairn_kernel_call *call, cairn_shape a, cairn_shape b, cairn_shape y,
                                bool zero_kept, const cairn_binary_attributes *at)
{
    bool splat_a = a.c == 1 && y.c > 1, splat_b = b.c == 1 && y.c > 1;
    bool padded = y.c % 4 != 0 && (splat_a || splat_b || !zero_kept);
    merged m = {.count = 0};
    merge_dimension(&m, y.n, a.n == y.n, b.n == y.n);
    merge_dimension(&m, y.h, a.h == y.h, b.h == y.h);
    merge_dimension(&m, y.w, a.w == y.w, b.w == y.w);
    int groups = cairn_shape_groups(y);
    int64_t columns = groups, last = m.count ? m.size[m.count - 1] : 1;
    bool whole = m.count == 0 || (m.whole[0][m.count - 1] && m.whole[1][m.count - 1]);
    uint32_t strides[2][4];
    operand_strides(&m, 0, !splat_a, (uint32_t)groups, strides[0]);
    operand_strides(&m, 1, !splat_b, (uint32_t)groups, strides[1]);
    if (whole && !padded && !splat_a && !splat_b) { /* one run of vectors */
        last *= groups;
        columns = 1;
        strides[0][2] = strides[1][2] = 1;
        strides[0][3] = strides[1][3] = 0;
    }
    int64_t planes = 1, inner_planes = m.count > 1 ? m.size[m.count - 2] : 1;
    for (int i = 0; i + 1 < m.count; i++) planes *= m.size[i];
    cairn_rows rows = cairn_rows_plan(last, columns, planes, CAIRN_ROWS_STEPS);
    uint32_t constants[5] = {call->constants[2], padded, splat_a, splat_b, m.count == 3};
    for (int i = 0; i < 5; i++) call->constants[2 + i] = constants[i];
    call->constant_count = 7;
    call->push[3] = (uint32_t)y.c;
    call->push[4] = (uint32_t)inner_planes;
    for (int i = 0; i < 8; i++) call->push[5 + i] = strides[i / 4][i % 4];
    call->push[13] = cairn_float_bits(at->p0);
    call->push[14] = cairn_float_bits(at->p1);
    call->push_count = 15;
    return cairn_rows_call(l, call, &rows);
}

static cairn_status lower_binary(cairn_lowering *l, const cairn_node *node)
{
    const cairn_binary_attributes *at = cairn_node_attributes(node);
    bool zero_kept = at->kind != CAIRN_BINARY_DIV && at->kind != CAIRN_BINARY_BCE && at->kind != CAIRN_BINARY_FOCAL;
    cairn_kernel_call call = {.kernel = "pointwise/binary",
                              .constants = {0, 0, (uint32_t)at->kind},
                              .slots = {node->inputs[0], node->inputs[1], node->outputs[0]},
                              .slot_count = 3,
                              .written = 4};
    return call_binary(l, &call, cairn_lower_shape(l, node->inputs[0]), cairn_lower_shape(l, node->inputs[1]),
                       cairn_lower_shape(l, node->outputs[0]), zero_kept, at);
}

static cairn_status lower_binary_grad(cairn_lowering *l, const cairn_node *node)
{
    const cairn_binary_attributes *at = cairn_node_attributes(node);
    cairn_kernel_call call = {.kernel = "pointwise/binary_grad",
                              .constants = {0, 0, (uint32_t)at->grad},
                              .slots = {node->inputs[0], node->inputs[1], node->inputs[2], node->outputs[0]},
                              .slot_count = 4,
                              .written = 8};
    return call_binary(l, &call, cairn_lower_shape(l, node->inputs[0]), cairn_lower_shape(l, node->inputs[1]),
                       cairn_lower_shape(l, node->outputs[0]), true, at); /* zero: dy is a factor */
}

/* #0 and #1 for the kinds that have parameters. */
static bool binary_text(cairn_expression *e, const cairn_binary_attributes *at, const char *form, int kind)
{
    int count = at->kind == CAIRN_BINARY_HUBER ? 1 : at->kind == CAIRN_BINARY_FOCAL ? 2 : 0;
    static const char *const parameters[3] = {"0.0, 0.0", "#0, 0.0", "#0, #1"};
    *e = (cairn_expression){.parameters = {at->p0, at->p1},
                            .parameter_count = count,
                            .heavy = at->kind == CAIRN_BINARY_DIV || at->kind >= CAIRN_BINARY_HUBER};
    snprintf(e->text, sizeof e->text, "%s(%du, $0, $1, %s)", form, kind, parameters[count]);
    return true;
}

static bool binary_expression(const cairn_node *node, cairn_expression *e)
{
    const cairn_binary_attributes *at = cairn_node_attributes(node);
    return binary_text(e, at, "binary_value", (int)at->kind);
}

static bool binary_grad_expression(const cairn_node *node, cairn_expression *e)
{
    const cairn_binary_attributes *at = cairn_node_attributes(node);
    return binary_text(e, at, "$2 * binary_slope", (int)at->grad);
}

static const cairn_op binary_grad_op = {.name = "binary_grad",
                                        .lower = lower_binary_grad,
                                        .reference = cairn_ref_binary_grad,
                                        .expression = binary_grad_expression};

static cairn_tid binary_grad(cairn_graph *g, const cairn_node *node, cairn_tid dy, cairn_binary_grad kind)
{
    cairn_binary_attributes at = *(const cairn_binary_attributes *)cairn_node_attributes(node);
    at.grad = kind;
    cairn_tid inputs[3] = {node->inputs[0], node->inputs[1], dy}, out = CAIRN_NONE;
    cairn_shape s = cairn_graph_shape(g, dy);
    return cairn_graph_append(g, &binary_grad_op, inputs, 3, 3, &s, 1, &out, &at, sizeof at);
}

/* Sums d over the dimensions along which the operand was repeated. */
static cairn_tid to_shape_of(cairn_graph *g, cairn_tid d, cairn_tid operand)
{
    return cairn_op_reduce_to(g, d, cairn_graph_shape(g, operand));
}

static void gradient_to_b(cairn_graph *g, const cairn_node *node, cairn_tid dy, cairn_tid *db)
{
    const cairn_binary_attributes *at = cairn_node_attributes(node);
    cairn_tid a = node->inputs[0], b = node->inputs[1], d = CAIRN_NONE;
    switch (at->kind) {
    case CAIRN_BINARY_ADD:
        *db = to_shape_of(g, dy, b);
        return;
    /* the sign after the sum, which may be smaller */
    case CAIRN_BINARY_SUB:
        *db = cairn_op_neg(g, to_shape_of(g, dy, b));
        return;
    case CAIRN_BINARY_MUL:
        d = cairn_op_mul(g, dy, a);
        break;
    case CAIRN_BINARY_DIV: /* -dy a / b^2 = -(dy y) / b */
        *db = cairn_op_neg(g, to_shape_of(g, cairn_op_div(g, cairn_op_mul(g, dy, node->outputs[0]), b), b));
        return;
    case CAIRN_BINARY_MAX:
        d = binary_grad(g, node, dy, CAIRN_BINARY_GRAD_MAX_B);
        break;
    case CAIRN_BINARY_MIN:
        d = binary_grad(g, node, dy, CAIRN_BINARY_GRAD_MIN_B);
        break;
    case CAIRN_BINARY_HUBER:
        *db = cairn_op_neg(g, to_shape_of(g, binary_grad(g, node, dy, CAIRN_BINARY_GRAD_HUBER), b));
        return;
    default:
        return; /* targets */
    }
    *db = to_shape_of(g, d, b);
}

static void binary_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                            cairn_tid *dinputs)
{
    const cairn_binary_attributes *at = cairn_node_attributes(node);
    cairn_tid dy = doutputs[0], d = dy;
    if (needs[1]) gradient_to_b(g, node, dy, &dinputs[1]);
    if (!needs[0]) return;
    switch (at->kind) {
    case CAIRN_BINARY_MUL:
        d = cairn_op_mul(g, dy, node->inputs[1]);
        break;
    case CAIRN_BINARY_DIV:
        d = cairn_op_div(g, dy, node->inputs[1]);
        break;
    case CAIRN_BINARY_MAX:
        d = binary_grad(g, node, dy, CAIRN_BINARY_GRAD_MAX_A);
        break;
    case CAIRN_BINARY_MIN:
        d = binary_grad(g, node, dy, CAIRN_BINARY_GRAD_MIN_A);
        break;
    case CAIRN_BINARY_HUBER:
        d = binary_grad(g, node, dy, CAIRN_BINARY_GRAD_HUBER);
        break;
    case CAIRN_BINARY_BCE:
        d = binary_grad(g, node, dy, CAIRN_BINARY_GRAD_BCE);
        break;
    case CAIRN_BINARY_FOCAL:
        d = binary_grad(g, node, dy, CAIRN_BINARY_GRAD_FOCAL);
        break;
    default:
        break; /* add, sub */
    }
    dinputs[0] = to_shape_of(g, d, node->inputs[0]);
}

static const cairn_op binary_op = {.name = "binary",
                                   .gradient = binary_gradient,
                                   .lower = lower_binary,
                                   .reference = cairn_ref_binary,
                                   .expression = binary_expression,
                                   .again = cairn_node_again};

static bool broadcast_size(int32_t a, int32_t b, int32_t *out)
{
    *out = a > b ? a : b;
    return a == b || a == 1 || b == 1;
}

cairn_tid cairn_op_binary(cairn_graph *g, cairn_tid a, cairn_tid b, cairn_binary kind, float p0, float p1)
{
    cairn_shape s = cairn_graph_shape(g, a), t = cairn_graph_shape(g, b), y;
    if ((int)kind < 0 || kind >= CAIRN_BINARY_COUNT)
        return cairn_graph_mistake(g, "binary", "no function %d", (int)kind);
    bool fits = broadcast_size(s.n, t.n, &y.n);
    fits &= broadcast_size(s.h, t.h, &y.h);
    fits &= broadcast_size(s.w, t.w, &y.w);
    fits &= broadcast_size(s.c, t.c, &y.c);
    if (!fits)
        return cairn_graph_mistake(g, "binary", "[%d,%d,%d,%d] and [%d,%d,%d,%d] do not broadcast", s.n, s.h, s.w, s.c,
                                   t.n, t.h, t.w, t.c);
    cairn_binary_attributes at = {.kind = kind, .p0 = p0, .p1 = p1};
    cairn_tid inputs[2] = {a, b}, out = CAIRN_NONE;
    return cairn_graph_append(g, &binary_op, inputs, 2, 2, &y, 1, &out, &at, sizeof at);
}

cairn_tid cairn_op_add(cairn_graph *g, cairn_tid a, cairn_tid b)
{
    return cairn_op_binary(g, a, b, CAIRN_BINARY_ADD, 0, 0);
}
cairn_tid cairn_op_sub(cairn_graph *g, cairn_tid a, cairn_tid b)
{
    return cairn_op_binary(g, a, b, CAIRN_BINARY_SUB, 0, 0);
}
cairn_tid cairn_op_mul(cairn_graph *g, cairn_tid a, cairn_tid b)
{
    return cairn_op_binary(g, a, b, CAIRN_BINARY_MUL, 0, 0);
}
cairn_tid cairn_op_div(cairn_graph *g, cairn_tid a, cairn_tid b)
{
    return cairn_op_binary(g, a, b, CAIRN_BINARY_DIV, 0, 0);
}
cairn_tid cairn_op_max(cairn_graph *g, cairn_tid a, cairn_tid b)
{
    return cairn_op_binary(g, a, b, CAIRN_BINARY_MAX, 0, 0);
}
cairn_tid cairn_op_min(cairn_graph *g, cairn_tid a, cairn_tid b)
{
    return cairn_op_binary(g, a, b, CAIRN_BINARY_MIN, 0, 0);
}
cairn_tid cairn_op_huber(cairn_graph *g, cairn_tid a, cairn_tid b, float delta)
{
    if (!(delta > 0)) return cairn_graph_mistake(g, "huber", "delta %g is not positive", (double)delta);
    return cairn_op_binary(g, a, b, CAIRN_BINARY_HUBER, delta, 0);
}
cairn_tid cairn_op_bce_with_logits(cairn_graph *g, cairn_tid logits, cairn_tid targets)
{
    return cairn_op_binary(g, logits, targets, CAIRN_BINARY_BCE, 0, 0);
}
cairn_tid cairn_op_focal_with_logits(cairn_graph *g, cairn_tid logits, cairn_tid targets, float alpha, float gamma)
{
    if (!(gamma >= 1)) return cairn_graph_mistake(g, "focal", "gamma %g is below 1", (double)gamma);
    return cairn_op_binary(g, logits, targets, CAIRN_BINARY_FOCAL, alpha, gamma);
}

bool cairn_pointwise_is_unary(const cairn_node *node, cairn_unary *kind)
{
    if (node->op != &unary_op) return false;
    *kind = ((const cairn_unary_attributes *)cairn_node_attributes(node))->kind;
    return true;
}

bool cairn_pointwise_is_add(const cairn_node *node)
{
    return node->op == &binary_op &&
           ((const cairn_binary_attributes *)cairn_node_attributes(node))->kind == CAIRN_BINARY_ADD;
}

/* ---- one operand, repeated ---- */

static cairn_status lower_broadcast(cairn_lowering *l, const cairn_node *node)
{
    cairn_shape x = cairn_lower_shape(l, node->inputs[0]);
    cairn_kernel_call call = {.kernel = "pointwise/binary",
                              .constants = {0, 0, CAIRN_BINARY_COUNT},
                              .slots = {node->inputs[0], node->inputs[0], node->outputs[0]},
                              .slot_count = 3,
                              .written = 4};
    return call_binary(l, &call, x, x, cairn_lower_shape(l, node->outputs[0]), true, cairn_node_attributes(node));
}

static void broadcast_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                               cairn_tid *dinputs)
{
    const cairn_binary_attributes *at = cairn_node_attributes(node);
    (void)needs;
    cairn_tid d = to_shape_of(g, doutputs[0], node->inputs[0]);
    dinputs[0] = at->p0 == 1.0f ? d : cairn_op_scale(g, d, at->p0);
}

static bool broadcast_expression(const cairn_node *node, cairn_expression *e)
{
    const cairn_binary_attributes *at = cairn_node_attributes(node);
    *e = (cairn_expression){.text = "$0 * #0", .parameters = {at->p0}, .parameter_count = 1};
    return true;
}

static const cairn_op broadcast_op = {.name = "broadcast",
                                      .gradient = broadcast_gradient,
                                      .lower = lower_broadcast,
                                      .reference = cairn_ref_broadcast,
                                      .expression = broadcast_expression,
                                      .again = cairn_node_again};

cairn_tid cairn_op_broadcast_scaled(cairn_graph *g, cairn_tid x, cairn_shape shape, float scale)
{
    cairn_shape s = cairn_graph_shape(g, x);
    if ((s.n != 1 && s.n != shape.n) || (s.h != 1 && s.h != shape.h) || (s.w != 1 && s.w != shape.w) ||
        (s.c != 1 && s.c != shape.c))
        return cairn_graph_mistake(g, "broadcast", "[%d,%d,%d,%d] does not broadcast to [%d,%d,%d,%d]", s.n, s.h, s.w,
                                   s.c, shape.n, shape.h, shape.w, shape.c);
    if (cairn_shape_equal(s, shape) && scale == 1.0f) return x;
    cairn_binary_attributes at = {.kind = CAIRN_BINARY_COUNT, .p0 = scale};
    cairn_tid out = CAIRN_NONE;
    return cairn_graph_append(g, &broadcast_op, &x, 1, 1, &shape, 1, &out, &at, sizeof at);
}

cairn_tid cairn_op_broadcast(cairn_graph *g, cairn_tid x, cairn_shape shape)
{
    return cairn_op_broadcast_scaled(g, x, shape, 1.0f);
}
