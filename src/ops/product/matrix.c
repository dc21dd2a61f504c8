#include "ops/product/matrix.h"

#include "graph/lower.h"
#include "ops/pointwise/pointwise.h"
#include "ops/product/tile.h"
#include "reference/product/matrix.h"

static int32_t inner_size(const cairn_node *node, cairn_shape a)
{
    const cairn_matmul_attributes *t = cairn_node_attributes(node);
    return t->transpose_a ? a.w : a.c;
}

static cairn_kernel_call matmul_call(const cairn_lowering *l, const cairn_node *node)
{
    const cairn_matmul_attributes *t = cairn_node_attributes(node);
    cairn_shape a = cairn_lower_shape(l, node->inputs[0]), b = cairn_lower_shape(l, node->inputs[1]);
    cairn_shape y = cairn_lower_shape(l, node->outputs[0]);
    return (cairn_kernel_call){
        .kernel = "matrix/matmul",
        .constants = {(uint32_t)t->transpose_a, (uint32_t)t->transpose_b},
        .constant_count = 2,
        .slots = {node->inputs[0], node->inputs[1], node->outputs[0]},
        .slot_count = 3,
        .written = 1u << 2,
        .push = {(uint32_t)y.w, (uint32_t)y.c, (uint32_t)inner_size(node, a), (uint32_t)cairn_shape_groups(a),
                 (uint32_t)cairn_shape_groups(b), (uint32_t)cairn_shape_groups(y),
                 node->inputs[CAIRN_MATMUL_BIAS] != CAIRN_NONE},
        .push_count = 7,
    };
}

/* Behind the slots of a finished call. */
static cairn_status call_matmul(cairn_lowering *l, const cairn_node *node, cairn_kernel_call *call)
{
    const cairn_matmul_attributes *t = cairn_node_attributes(node);
    const cairn_slot bias = node->inputs[CAIRN_MATMUL_BIAS];
    call->slots[call->slot_count++] = bias != CAIRN_NONE ? bias : node->inputs[0];
    cairn_epilogue_call(call, &t->epilogue, node->inputs[CAIRN_MATMUL_RESIDUAL], node->inputs[0]);
    return cairn_lower_call(l, call);
}

static cairn_status emit_tiles(cairn_lowering *l, const void *problem, const cairn_tile *tile)
{
    const cairn_node *node = problem;
    cairn_shape y = cairn_lower_shape(l, node->outputs[0]);
    cairn_kernel_call call = matmul_call(l, node);
    cairn_tile_call(&call, tile, cairn_tiles(y.c, tile->n), cairn_tiles(y.w, tile->m), y.n);
    return call_matmul(l, node, &call);
}

static cairn_status matmul_lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_matmul_attributes *t = cairn_node_attributes(node);
    cairn_shape a = cairn_lower_shape(l, node->inputs[0]), y = cairn_lower_shape(l, node->outputs[0]);
    if (cairn_lower_class(l) != CAIRN_CLASS_TEXEL) {
        cairn_tile_product product = {.name = "matrix/matmul tile", .m = y.w, .n = y.c, .k = inner_size(node, a),
                                      .batches = y.n, .a = node->inputs[0], .b = node->inputs[1],
                                      .form = {t->transpose_a, t->transpose_b}, .emit = emit_tiles,
                                      .problem = node};
        return cairn_tile_lower(l, &product);
    }
    /* A lane's part: shaders/matrix/matmul.texel.comp. */
    uint32_t y_groups = (uint32_t)cairn_shape_groups(y), rows = y.w <= 4 ? 4 : y.w <= 8 ? 8 : 16;
    uint32_t groups = y_groups > 8 ? 2 : 1;
    cairn_kernel_call call = matmul_call(l, node);
    call.constants[2] = rows;
    call.constants[3] = groups;
    call.constant_count = 4;
    call.threads[0] = 8 * ((y_groups + 8 * groups - 1) / (8 * groups));
    call.threads[1] = ((uint32_t)y.w + rows - 1) / rows;
    call.threads[2] = (uint32_t)y.n;
    return call_matmul(l, node, &call);
}

static double matmul_operations(const cairn_node *node, const cairn_graph *g)
{
    return 2.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->outputs[0])) *
           inner_size(node, cairn_graph_shape(g, node->inputs[0]));
}

/* y = A B gives dA = dy B^T and dB = A^T dy; for a transposed operand the gradient is the transpose of that. */
static void matmul_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                            cairn_tid *dinputs)
{
    const cairn_matmul_attributes *t = cairn_node_attributes(node);
    cairn_tid a = node->inputs[0], b = node->inputs[1], dy = doutputs[0];
    if (needs[0])
        dinputs[0] = t->transpose_a ? cairn_op_matmul(g, b, dy, t->transpose_b, true)
                                    : cairn_op_matmul(g, dy, b, false, !t->transpose_b);
    if (needs[1])
        dinputs[1] = t->transpose_b ? cairn_op_matmul(g, dy, a, true, t->transpose_a)
                                    : cairn_op_matmul(g, a, dy, !t->transpose_a, false);
}

/* A bias, if it comes first; then as a convolution. */
static bool matmul_absorb(cairn_node *node, const cairn_graph *g, const cairn_node *next)
{
    cairn_matmul_attributes *t = (cairn_matmul_attributes *)node->attributes;
    const cairn_epilogue *e = &t->epilogue;
    const cairn_shape y = cairn_graph_shape(g, node->outputs[0]);
    const cairn_shape per_column = {1, 1, 1, y.c};
    if (cairn_pointwise_is_add(next) && !e->first && !e->has_residual && !e->last &&
        node->inputs[CAIRN_MATMUL_BIAS] == CAIRN_NONE) {
        cairn_tid other = next->inputs[next->inputs[0] == node->outputs[0]];
        if (other != node->outputs[0] && cairn_shape_equal(cairn_graph_shape(g, other), per_column) &&
            cairn_shape_equal(cairn_graph_shape(g, next->outputs[0]), y)) {
            node->inputs[CAIRN_MATMUL_BIAS] = other;
            return true;
        }
    }
    return cairn_epilogue_absorb(&t->epilogue, node, CAIRN_MATMUL_RESIDUAL, g, next);
}

static const cairn_op matmul_op = {.name = "matmul",
                                   .gradient = matmul_gradient,
                                   .lower = matmul_lower,
                                   .reference = cairn_reference_matmul,
                                   .operations = matmul_operations,
                                   .absorb = matmul_absorb};

cairn_tid cairn_op_matmul(cairn_graph *g, cairn_tid a, cairn_tid b, bool transpose_a, bool transpose_b)
{
    cairn_shape sa = cairn_graph_shape(g, a), sb = cairn_graph_shape(g, b);
    int32_t m = transpose_a ? sa.c : sa.w, ka = transpose_a ? sa.w : sa.c;
    int32_t p = transpose_b ? sb.w : sb.c, kb = transpose_b ? sb.c : sb.w;
    if (a != CAIRN_NONE && b != CAIRN_NONE && (sa.h != 1 || sb.h != 1 || sa.n != sb.n || ka != kb))
        return cairn_graph_mistake(g, matmul_op.name, "[%d,%d,%d,%d]%s times [%d,%d,%d,%d]%s do not fit", sa.n, sa.h,
                                   sa.w, sa.c, transpose_a ? " transposed" : "", sb.n, sb.h, sb.w, sb.c,
                                   transpose_b ? " transposed" : "");
    cairn_tid inputs[4] = {a, b, CAIRN_NONE, CAIRN_NONE}; /* a place for what fusion may bring */
    cairn_shape out = {sa.n, 1, m, p};
    cairn_matmul_attributes attributes = {.transpose_a = transpose_a, .transpose_b = transpose_b};
    return cairn_graph_append(g, &matmul_op, inputs, 4, 2, &out, 1, NULL, &attributes, sizeof attributes);
}
