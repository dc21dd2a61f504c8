/* The teacher's classes and descriptors as targets. */
#include "student/losses.h"

#include "ops/layout/layout.h"
#include "ops/loss/likelihood.h"
#include "ops/loss/loss.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"
#include "ops/sampling/sampling.h"

enum { DUSTBIN = 64 };

static cairn_tid cosine(cairn_graph *g, cairn_tid a, cairn_tid b)
{
    return cairn_op_reduce_sum(g, cairn_op_mul(g, a, b), CAIRN_AXIS_C);
}

/* Cosines of the pairs of cells of one descriptor map. */
static cairn_tid pair_cosine(cairn_graph *g, cairn_tid descriptor, cairn_tid first, cairn_tid second)
{
    const cairn_shape s = cairn_graph_shape(g, descriptor);
    cairn_tid rows = cairn_op_reshape(g, descriptor, (cairn_shape){s.n, 1, s.h * s.w, s.c});
    return cosine(g, cairn_op_gather(g, rows, first), cairn_op_gather(g, rows, second));
}

cairn_distillation_terms cairn_distillation_loss(cairn_graph *g, const cairn_distillation_tensors *t,
                                                 const cairn_distillation_options *o)
{
    cairn_distillation_terms out = {CAIRN_NONE, CAIRN_NONE, CAIRN_NONE, CAIRN_NONE, CAIRN_NONE};
    const float T = (float)o->temperature, background = (float)o->background;
    cairn_tid teacher_logits = cairn_op_detach(g, t->teacher_logits);
    cairn_tid teacher = cairn_op_detach(g, t->teacher_descriptor);
    cairn_tid none = cairn_op_slice_channels(g, cairn_op_softmax(g, teacher_logits), DUSTBIN, 1);
    cairn_tid point = cairn_op_affine(g, none, -1, 1);

    cairn_tid cell = cairn_op_scale(g, cairn_op_kl_divergence(g, t->logits, teacher_logits, T), T * T);
    cairn_tid weight = cairn_op_mul(g, cairn_op_affine(g, point, (float)o->points, 1), t->valid);
    out.detector = cairn_op_weighted_mean(g, cell, weight, CAIRN_AXES_ALL, 1e-6f);

    weight = cairn_op_mul(g, cairn_op_affine(g, point, 1 - background, background), t->valid);
    out.cosine = cairn_op_weighted_mean(g, cosine(g, t->descriptor, teacher), weight, CAIRN_AXES_ALL, 1e-6f);
    out.descriptor = cairn_op_affine(g, out.cosine, -1, 1);

    cairn_tid apart = cairn_op_sub(g, pair_cosine(g, t->descriptor, t->first, t->second),
                                   pair_cosine(g, teacher, t->first, t->second));
    out.relational = cairn_op_reduce_mean(g, cairn_op_square(g, apart), CAIRN_AXES_ALL);
    cairn_tid both = cairn_op_add(g, cairn_op_scale(g, out.descriptor, (float)o->descriptor),
                                  cairn_op_scale(g, out.relational, (float)o->relational));
    out.loss = cairn_op_add(g, out.detector, both);
    return out;
}
