#include "teacher/losses.h"

#include "ops/layout/layout.h"
#include "ops/loss/loss.h"
#include "ops/product/matrix.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"

enum {
    ALL = CAIRN_AXIS_N | CAIRN_AXIS_H | CAIRN_AXIS_W | CAIRN_AXIS_C,
    PER_SAMPLE = CAIRN_AXIS_H | CAIRN_AXIS_W | CAIRN_AXIS_C
};

static cairn_tid at_least_one(cairn_graph *g, cairn_tid x)
{
    return cairn_op_max(g, x, cairn_graph_constant(g, cairn_graph_shape(g, x), 1.0f));
}

cairn_tid cairn_detector_loss(cairn_graph *g, cairn_tid logits, cairn_tid labels, cairn_tid valid)
{
    cairn_tid cell = cairn_op_softmax_cross_entropy(g, logits, labels);
    cairn_tid sum = cairn_op_reduce_sum(g, cairn_op_mul(g, cell, valid), ALL);
    return cairn_op_div(g, sum, at_least_one(g, cairn_op_reduce_sum(g, valid, ALL)));
}

static cairn_tid flat(cairn_graph *g, cairn_tid x)
{
    cairn_shape s = cairn_graph_shape(g, x);
    return cairn_op_reshape(g, x, (cairn_shape){s.n, 1, s.h * s.w, s.c});
}

cairn_descriptor_terms cairn_descriptor_loss(cairn_graph *g, cairn_tid a, cairn_tid b, cairn_tid match, cairn_tid valid,
                                             float positive_weight)
{
    const float positive_margin = 1.0f, negative_margin = 0.2f;
    cairn_descriptor_terms t;
    a = flat(g, a);
    b = flat(g, b);
    cairn_tid s = cairn_op_matmul(g, a, b, false, true);
    cairn_tid positives = cairn_op_mul(g, match, valid);
    cairn_tid negatives = cairn_op_mul(g, cairn_op_affine(g, match, -1, 1), valid);
    cairn_tid positive_count = at_least_one(g, cairn_op_reduce_sum(g, positives, PER_SAMPLE));
    cairn_tid miss = cairn_op_relu(g, cairn_op_affine(g, s, -1, positive_margin));
    cairn_tid positive =
        cairn_op_div(g, cairn_op_reduce_sum(g, cairn_op_mul(g, positives, miss), PER_SAMPLE), positive_count);
    cairn_tid excess = cairn_op_mul(g, negatives, cairn_op_relu(g, cairn_op_affine(g, s, 1, -negative_margin)));
    cairn_tid active = cairn_op_reduce_sum(g, cairn_op_step(g, excess, 0), PER_SAMPLE);
    cairn_tid negative = cairn_op_div(g, cairn_op_reduce_sum(g, excess, PER_SAMPLE), cairn_op_affine(g, active, 1, 1));
    t.positive = cairn_op_reduce_mean(g, positive, CAIRN_AXIS_N);
    t.negative = cairn_op_reduce_mean(g, negative, CAIRN_AXIS_N);
    t.loss = cairn_op_add(g, cairn_op_affine(g, t.positive, positive_weight, 0), t.negative);
    cairn_tid cosine = cairn_op_reduce_sum(g, cairn_op_mul(g, positives, s), PER_SAMPLE);
    t.positive_cosine = cairn_op_reduce_mean(g, cairn_op_div(g, cosine, positive_count), CAIRN_AXIS_N);
    cairn_tid mean = cairn_op_reduce_mean(g, a, CAIRN_AXIS_W);
    t.mean_norm = cairn_op_reduce_mean(g, cairn_op_reduce_sum(g, cairn_op_square(g, mean), CAIRN_AXIS_C), CAIRN_AXIS_N);
    return t;
}
