/* The teacher's classes and descriptors as targets. */
#include "student/losses.h"

#include "ops/layout/layout.h"
#include "ops/loss/likelihood.h"
#include "ops/loss/loss.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"
#include "ops/sampling/sampling.h"
#include "teacher/losses.h"

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

/* The sum of the terms by fixed weights, or by learned ones (losses.h). */
static cairn_tid total(cairn_graph *g, const cairn_distillation_terms *terms, cairn_tid log_variance,
                       const cairn_distillation_options *o)
{
    const bool learned = log_variance != CAIRN_NONE;
    const struct {
        cairn_tid term;
        double weight;
    } parts[CAIRN_DISTILLATION_TERMS] = {{terms->detector, learned ? 2 : 1},
                                         {terms->descriptor, o->descriptor},
                                         {terms->relational, o->relational},
                                         {terms->hard, o->hard}};
    cairn_tid sum = CAIRN_NONE;
    for (int i = 0; i < CAIRN_DISTILLATION_TERMS; i++) {
        if (parts[i].term == CAIRN_NONE || !(parts[i].weight > 0)) continue; /* s without a term would fall for ever */
        cairn_tid part = cairn_op_scale(g, parts[i].term, (float)parts[i].weight);
        if (learned) {
            const cairn_tid s = cairn_op_slice_channels(g, log_variance, i, 1);
            part = cairn_op_add(g, cairn_op_mul(g, cairn_op_exp(g, cairn_op_neg(g, s)), part), s);
        }
        sum = sum == CAIRN_NONE ? part : cairn_op_add(g, sum, part);
    }
    return sum;
}

cairn_distillation_terms cairn_distillation_loss(cairn_graph *g, const cairn_distillation_tensors *t,
                                                 const cairn_distillation_options *o)
{
    cairn_distillation_terms out = {.hard = CAIRN_NONE};
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
    if (t->labels != CAIRN_NONE) out.hard = cairn_detector_loss(g, t->logits, t->labels, t->valid);
    out.loss = total(g, &out, t->log_variance, o);
    return out;
}
