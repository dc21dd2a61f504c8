#include "student/losses.h"

#include "ops/image/geometry.h"
#include "ops/loss/likelihood.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"

static const float FLOOR = 0.1f, PEAK = 0.9f, RANGE = 0.8f; /* of a mask */

cairn_tid cairn_heatmap_loss_sum(cairn_graph *g, cairn_tid logits, cairn_tid target, cairn_tid valid,
                                 cairn_heatmap_loss kind)
{
    cairn_tid pixel = kind == CAIRN_HEATMAP_FOCAL ? cairn_op_focal_with_logits(g, logits, target, 0.25f, 2)
                      : kind == CAIRN_HEATMAP_BCE ? cairn_op_bce_with_logits(g, logits, target)
                                                  : cairn_op_quality_focal(g, logits, target);
    return cairn_op_reduce_sum(g, cairn_op_mul(g, pixel, valid), CAIRN_AXES_ALL);
}

/* One direction: logits where the mask is, and what counts there. */
typedef struct side {
    cairn_tid logits, mask, valid;
    cairn_tid other; /* logits of the image that the mask belongs to */
} side;

typedef struct terms {
    cairn_graph *g;
    const cairn_consistency_options *o;
} terms;

/* Pixels of an image that the other one sees through `matrices` (its pixels to the other's), and that count. */
static cairn_tid seen_by(const terms *t, cairn_tid matrices, cairn_tid use, cairn_shape s)
{
    cairn_graph *g = t->g;
    cairn_tid ones = cairn_op_warp(g, cairn_graph_constant(g, (cairn_shape){1, s.h, s.w, 1}, 1), matrices, s.h, s.w);
    cairn_tid valid = cairn_op_erode(g, cairn_op_step(g, ones, 0.999f), t->o->erosion);
    return use == CAIRN_NONE ? valid : cairn_op_mul(g, valid, use);
}

static cairn_tid huber(const terms *t, cairn_tid logits, cairn_tid target, cairn_tid mask, cairn_tid valid)
{
    cairn_graph *g = t->g;
    const float slope = (float)t->o->positive / RANGE;
    cairn_tid pixel = cairn_op_huber(g, cairn_op_sigmoid(g, logits), target, (float)t->o->delta);
    cairn_tid weight = cairn_op_mul(g, cairn_op_affine(g, mask, slope, 1 - slope * FLOOR), valid);
    return cairn_op_weighted_mean(g, pixel, weight, CAIRN_AXES_ALL, 1e-6f);
}

static cairn_tid kl(const terms *t, cairn_tid logits, cairn_tid mask, cairn_tid valid)
{
    cairn_graph *g = t->g;
    const float inverse = (float)(1 / t->o->temperature);
    /* The softmax but for its sum, from its largest exponent on: exp(0.9 / 0.01) is no float. */
    cairn_tid target = t->o->softmax_target ? cairn_op_exp(g, cairn_op_affine(g, mask, inverse, -PEAK * inverse))
                                            : cairn_op_relu(g, cairn_op_affine(g, mask, 1, -FLOOR));
    return cairn_op_reduce_mean(g, cairn_op_kl_divergence_image(g, logits, target, valid), CAIRN_AXES_ALL);
}

/* first + second, where first may be absent. */
static cairn_tid plus(cairn_graph *g, cairn_tid first, cairn_tid second)
{
    return first == CAIRN_NONE ? second : cairn_op_add(g, first, second);
}

static void add_side(const terms *t, cairn_consistency_terms *out, const side *s)
{
    const cairn_consistency_options *o = t->o;
    cairn_graph *g = t->g;
    if (o->huber > 0) out->huber = plus(g, out->huber, huber(t, s->logits, s->mask, s->mask, s->valid));
    if (o->kl > 0) out->kl = plus(g, out->kl, kl(t, s->logits, s->mask, s->valid));
    if (o->agreement > 0) {
        cairn_tid target = cairn_op_sigmoid(g, s->other);
        out->agreement = plus(g, out->agreement, huber(t, s->logits, target, s->mask, s->valid));
    }
}

/* The losses that have a weight, of p against its own mask. */
static void add_direct(const terms *t, cairn_consistency_terms *out, cairn_tid logits, cairn_tid mask, cairn_tid valid)
{
    const cairn_consistency_options *o = t->o;
    cairn_graph *g = t->g;
    if (o->huber > 0)
        out->direct = plus(g, out->direct, cairn_op_scale(g, huber(t, logits, mask, mask, valid), (float)o->huber));
    if (o->kl > 0)
        out->direct = plus(g, out->direct, cairn_op_scale(g, kl(t, logits, mask, valid), (float)o->kl));
}

cairn_consistency_terms cairn_consistency_loss(cairn_graph *g, const cairn_pair_tensors *p,
                                               const cairn_consistency_options *o)
{
    const terms t = {g, o};
    cairn_consistency_terms out = {CAIRN_NONE, CAIRN_NONE, CAIRN_NONE, CAIRN_NONE, CAIRN_NONE, CAIRN_NONE};
    const cairn_shape s = cairn_graph_shape(g, p->logits);
    if (!(o->huber > 0) && !(o->kl > 0) && !(o->agreement > 0)) {
        cairn_graph_mistake(g, "consistency_loss", "no term has a weight");
        return out;
    }
    const cairn_tid there = seen_by(&t, p->to_input, p->use_warped, s), here = seen_by(&t, p->to_warped, p->use, s);
    const side forth = {cairn_op_warp(g, p->logits, p->to_input, s.h, s.w), p->mask_warped, there, p->logits_warped};
    const side back = {cairn_op_warp(g, p->logits_warped, p->to_warped, s.h, s.w), p->mask, here, p->logits};
    add_side(&t, &out, &forth);
    add_side(&t, &out, &back);
    out.seen = cairn_op_reduce_mean(g, there, CAIRN_AXES_ALL);
    if (o->direct > 0) { /* I' has a black border, I has none */
        const cairn_tid all = p->use == CAIRN_NONE ? cairn_graph_constant(g, s, 1) : p->use;
        add_direct(&t, &out, p->logits, p->mask, all);
        add_direct(&t, &out, p->logits_warped, p->mask_warped, there);
    }
    const struct {
        cairn_tid term;
        double weight;
    } parts[] = {{out.huber, o->huber}, {out.kl, o->kl}, {out.direct, o->direct}, {out.agreement, o->agreement}};
    for (int i = 0; i < 4; i++)
        if (parts[i].term != CAIRN_NONE)
            out.loss = plus(g, out.loss, cairn_op_scale(g, parts[i].term, (float)parts[i].weight));
    return out;
}
