#include "matching/lightglue/loss.h"

#include "matching/lightglue/truth.h"
#include "ops/layout/layout.h"
#include "ops/loss/likelihood.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"

#include <string.h>

void cairn_lightglue_fill_targets(float *index, float *weight, float *unmatched, int rows, const int *of_a, int n,
                                  const int *of_b, int m)
{
    int matches = 0, without = 0;
    for (int i = 0; i < n; i++) {
        matches += of_a[i] >= 0;
        without += of_a[i] == CAIRN_TRUTH_NONE;
    }
    for (int j = 0; j < m; j++) without += of_b[j] == CAIRN_TRUTH_NONE;
    const float one = 0.5f / (float)(matches > 1 ? matches : 1), none = 0.5f / (float)(without > 1 ? without : 1);
    for (int i = 0; i <= rows; i++) {
        index[i] = -1;
        weight[i] = unmatched[i] = 0;
    }
    for (int i = 0; i < n; i++) {
        if (of_a[i] == CAIRN_TRUTH_IGNORED) continue;
        index[i] = (float)(of_a[i] >= 0 ? of_a[i] : rows);
        weight[i] = of_a[i] >= 0 ? one : none;
    }
    for (int j = 0; j < m; j++)
        if (of_b[j] == CAIRN_TRUTH_NONE) unmatched[j] = none;
}

/* Sum over pairs of weight * log-probability, negative and divided by `share`. picked, last_row: of one layer, or the
 * sums over several. */
static cairn_tid likelihood(cairn_graph *g, cairn_tid picked, cairn_tid last_row, const cairn_lightglue_targets *t,
                            double share)
{
    cairn_tid a = cairn_op_reduce_sum(g, cairn_op_mul(g, picked, t->weight), CAIRN_AXES_ALL);
    cairn_tid b = cairn_op_reduce_sum(g, cairn_op_mul(g, last_row, t->unmatched), CAIRN_AXES_ALL);
    return cairn_op_scale(g, cairn_op_add(g, a, b), (float)(-1 / share));
}

/* The column that each point of image 0 has most probably, and the row of each point of image 1, the last of which
 * mean none: [2B,1,N,1]. */
static cairn_tid answers(cairn_graph *g, cairn_tid assignment)
{
    const int n = cairn_graph_shape(g, assignment).w - 1;
    cairn_tid columns = cairn_op_largest_channel(g, assignment);
    cairn_tid rows = cairn_op_largest_channel(g, cairn_op_transpose(g, assignment));
    return cairn_op_slice(g, cairn_op_concat_batch(g, columns, rows), CAIRN_AXIS_W, 0, n);
}

/* Mean over points, images and layers. */
static cairn_tid confidence_loss(cairn_graph *g, const cairn_lightglue_options *o, const cairn_lightglue_outputs *out,
                                 cairn_tid mask)
{
    cairn_tid sum = CAIRN_NONE, last = answers(g, out->assignment[o->layers - 1]);
    for (int i = 0; i + 1 < o->layers; i++) {
        cairn_tid apart = cairn_op_abs(g, cairn_op_sub(g, answers(g, out->assignment[i]), last));
        cairn_tid same = cairn_op_affine(g, cairn_op_step(g, apart, 0.5f), -1, 1);
        cairn_tid own = cairn_op_bce_with_logits(g, out->confidence[i], same);
        sum = sum == CAIRN_NONE ? own : cairn_op_add(g, sum, own);
    }
    if (sum == CAIRN_NONE) return sum;
    if (mask != CAIRN_NONE) sum = cairn_op_weighted_mean(g, sum, cairn_op_transpose(g, mask), CAIRN_AXIS_W, 1);
    return cairn_op_scale(g, cairn_op_reduce_mean(g, sum, CAIRN_AXES_ALL), (float)(1.0 / (o->layers - 1)));
}

cairn_lightglue_losses cairn_lightglue_loss(cairn_graph *g, const cairn_lightglue_options *o,
                                            const cairn_lightglue_outputs *out, const cairn_lightglue_targets *t,
                                            cairn_tid mask)
{
    cairn_lightglue_losses losses = {CAIRN_NONE, CAIRN_NONE, CAIRN_NONE, CAIRN_NONE};
    const cairn_shape p = cairn_graph_shape(g, out->assignment[0]);
    cairn_tid picked = CAIRN_NONE, row = CAIRN_NONE;
    for (int i = 0; i < o->layers; i++) {
        cairn_tid own = cairn_op_pick(g, out->assignment[i], t->index);
        cairn_tid own_row = cairn_op_slice(g, out->assignment[i], CAIRN_AXIS_W, p.w - 1, 1);
        if (i + 1 == o->layers) losses.last = likelihood(g, own, own_row, t, p.n);
        picked = i ? cairn_op_add(g, picked, own) : own;
        row = i ? cairn_op_add(g, row, own_row) : own_row;
    }
    losses.match = likelihood(g, picked, row, t, (double)p.n * o->layers);
    losses.confidence = confidence_loss(g, o, out, mask);
    losses.loss = losses.confidence == CAIRN_NONE ? losses.match : cairn_op_add(g, losses.match, losses.confidence);
    return losses;
}
