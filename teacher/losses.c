#include "teacher/losses.h"

#include "ops/loss/loss.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"

static cairn_tid at_least_one(cairn_graph *g, cairn_tid x)
{
    return cairn_op_max(g, x, cairn_graph_constant(g, cairn_graph_shape(g, x), 1.0f));
}

cairn_tid cairn_detector_loss(cairn_graph *g, cairn_tid logits, cairn_tid labels, cairn_tid valid)
{
    cairn_tid cell = cairn_op_softmax_cross_entropy(g, logits, labels);
    cairn_tid sum = cairn_op_reduce_sum(g, cairn_op_mul(g, cell, valid), CAIRN_AXES_ALL);
    return cairn_op_div(g, sum, at_least_one(g, cairn_op_reduce_sum(g, valid, CAIRN_AXES_ALL)));
}
