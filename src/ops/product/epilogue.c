#include "ops/product/epilogue.h"

#include "ops/pointwise/pointwise.h"

#include <math.h>

enum { NONE, RELU, HSWISH, HSIGMOID, SIGMOID }; /* epilogue.glsl */

static int function_of(const cairn_node *node, bool padded)
{
    cairn_unary kind;
    if (!cairn_pointwise_is_unary(node, &kind)) return NONE;
    if (kind == CAIRN_UNARY_RELU) return RELU;
    if (kind == CAIRN_UNARY_HSWISH) return HSWISH;
    if (padded) return NONE; /* the others would fill the padding channels */
    return kind == CAIRN_UNARY_HSIGMOID ? HSIGMOID : kind == CAIRN_UNARY_SIGMOID ? SIGMOID : NONE;
}

bool cairn_epilogue_absorb(cairn_epilogue *e, cairn_node *node, int residual_input, const cairn_graph *g,
                           const cairn_node *next)
{
    cairn_tid y = node->outputs[0];
    cairn_shape s = cairn_graph_shape(g, y);
    int function = function_of(next, s.c % 4 != 0);
    if (function != NONE) {
        uint8_t *place = e->has_residual ? &e->last : &e->first;
        if (*place != NONE) return false;
        *place = (uint8_t)function;
        return true;
    }
    if (!cairn_pointwise_is_add(next) || e->has_residual) return false;
    cairn_tid residual = next->inputs[next->inputs[0] == y];
    if (residual == y || !cairn_shape_equal(cairn_graph_shape(g, residual), s) ||
        !cairn_shape_equal(cairn_graph_shape(g, next->outputs[0]), s))
        return false;
    while (node->input_count <= residual_input) node->inputs[node->input_count++] = CAIRN_NONE;
    node->inputs[residual_input] = residual;
    e->has_residual = true;
    return true;
}

void cairn_epilogue_call(cairn_kernel_call *call, const cairn_epilogue *e, cairn_slot residual, cairn_slot other)
{
    call->slots[call->slot_count++] = e->has_residual ? residual : other;
    if (!e->first && !e->last && !e->has_residual) return;
    call->constants[21] = e->first;
    call->constants[22] = e->has_residual;
    call->constants[23] = e->last;
    call->constant_count = 24;
}

static double apply(int function, double v)
{
    double h = fmin(fmax(v + 3, 0), 6) / 6;
    return function == RELU       ? fmax(v, 0)
           : function == HSWISH   ? v * h
           : function == HSIGMOID ? h
           : function == SIGMOID  ? 1 / (1 + exp(-v))
                                  : v;
}

void cairn_epilogue_reference(const cairn_epilogue *e, double *y, const double *residual, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        double v = apply(e->first, y[i]);
        if (e->has_residual) v += residual[i];
        y[i] = apply(e->last, v);
    }
}
