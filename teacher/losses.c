#include "teacher/losses.h"

#include "ops/loss/loss.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"

static cairn_tid at_least_one(cairn_graph *g, cairn_tid x)
{
    return cairn_op_max(g, x, cairn_graph_constant(g, cairn_graph_shape(g, x), 1.0f));
}

/* - sum over channels of t log p + (1 - t) log(1 - p). */
static cairn_tid soft(cairn_graph *g, cairn_tid logits, cairn_tid target)
{
    cairn_tid others = cairn_op_log(g, cairn_op_affine(g, cairn_op_softmax(g, logits), -1, 1));
    cairn_tid absent = cairn_op_mul(g, cairn_op_affine(g, target, -1, 1), others);
    return cairn_op_sub(g, cairn_op_soft_cross_entropy(g, logits, target, 1),
                        cairn_op_reduce_sum(g, absent, CAIRN_AXIS_C));
}

cairn_tid cairn_detector_loss_of(cairn_graph *g, cairn_tid logits, cairn_tid target, cairn_tid valid,
                                 const cairn_detector_options *o)
{
    const int over = o->per_image ? CAIRN_AXIS_H | CAIRN_AXIS_W | CAIRN_AXIS_C : CAIRN_AXES_ALL;
    cairn_tid cell =
        o->kind == CAIRN_DETECTOR_SOFT ? soft(g, logits, target) : cairn_op_softmax_cross_entropy(g, logits, target);
    cairn_tid sum = cairn_op_reduce_sum(g, cairn_op_mul(g, cell, valid), over);
    cairn_tid mean = cairn_op_div(g, sum, at_least_one(g, cairn_op_reduce_sum(g, valid, over)));
    return o->per_image ? cairn_op_reduce_mean(g, mean, CAIRN_AXIS_N) : mean;
}

cairn_tid cairn_detector_loss(cairn_graph *g, cairn_tid logits, cairn_tid labels, cairn_tid valid)
{
    return cairn_detector_loss_of(g, logits, labels, valid, &(cairn_detector_options){0});
}
