#include "teacher/descriptor_loss.h"

#include "base/rng.h"
#include "ops/layout/layout.h"
#include "ops/loss/loss.h"
#include "ops/pointwise/pointwise.h"
#include "ops/product/matrix.h"
#include "ops/reduce/reduce.h"
#include "ops/sampling/sampling.h"

#include <math.h>
#include <string.h>

enum { PER_IMAGE = CAIRN_AXIS_H | CAIRN_AXIS_W | CAIRN_AXIS_C };
static const float positive_margin = 1.0f, negative_margin = 0.2f, eps = 1e-12f;

static cairn_tid at_least_one(cairn_graph *g, cairn_tid x)
{
    return cairn_op_max(g, x, cairn_graph_constant(g, cairn_graph_shape(g, x), 1.0f));
}

static cairn_tid flat(cairn_graph *g, cairn_tid x)
{
    cairn_shape s = cairn_graph_shape(g, x);
    return cairn_op_reshape(g, x, (cairn_shape){s.n, 1, s.h * s.w, s.c});
}

static cairn_tid similarity(cairn_graph *g, cairn_tid a, cairn_tid b)
{
    return cairn_op_matmul(g, flat(g, a), flat(g, b), false, true);
}

static cairn_tid missing(cairn_graph *g, cairn_tid s)
{
    return cairn_op_relu(g, cairn_op_affine(g, s, -1, positive_margin));
}

static cairn_tid excess(cairn_graph *g, cairn_tid s)
{
    return cairn_op_relu(g, cairn_op_affine(g, s, 1, -negative_margin));
}

static cairn_tid sum_image(cairn_graph *g, cairn_tid x)
{
    return cairn_op_reduce_sum(g, x, PER_IMAGE);
}

static cairn_tid sum_all(cairn_graph *g, cairn_tid x)
{
    return cairn_op_reduce_sum(g, x, CAIRN_AXES_ALL);
}

static cairn_tid mean_batch(cairn_graph *g, cairn_tid x)
{
    return cairn_op_reduce_mean(g, x, CAIRN_AXIS_N);
}

/* Each cell of view 1 over all cells of view 2, then each cell of view 2 over all of view 1. */
static cairn_tid normalise_twice(cairn_graph *g, cairn_tid s)
{
    cairn_tid rows = cairn_op_l2_normalize(g, cairn_op_relu(g, s), eps);
    return cairn_op_transpose(g, cairn_op_l2_normalize(g, cairn_op_transpose(g, rows), eps));
}

static void balanced(cairn_descriptor_terms *t, cairn_graph *g, cairn_tid s, cairn_tid positives, cairn_tid negatives)
{
    cairn_tid count = at_least_one(g, sum_image(g, positives));
    cairn_tid positive = cairn_op_div(g, sum_image(g, cairn_op_mul(g, positives, missing(g, s))), count);
    cairn_tid over = cairn_op_mul(g, negatives, excess(g, s));
    cairn_tid active = sum_image(g, cairn_op_step(g, over, 0));
    cairn_tid negative = cairn_op_div(g, sum_image(g, over), cairn_op_affine(g, active, 1, 1));
    t->positive = mean_batch(g, positive);
    t->negative = mean_batch(g, negative);
    t->active = active;
}

static void dense(cairn_descriptor_terms *t, cairn_graph *g, cairn_tid s, cairn_tid positives, cairn_tid negatives,
                  cairn_tid valid)
{
    const float cells = (float)cairn_graph_shape(g, s).w;
    cairn_tid whole = cairn_op_affine(g, at_least_one(g, sum_all(g, valid)), cells, 0);
    cairn_tid over = cairn_op_mul(g, negatives, excess(g, s));
    t->positive = cairn_op_div(g, sum_all(g, cairn_op_mul(g, positives, missing(g, s))), whole);
    t->negative = cairn_op_div(g, sum_all(g, over), whole);
    t->active = sum_image(g, cairn_op_step(g, over, 0));
}

/* Descriptors at points, of unit norm again, and the cosines of the two views' there. */
static cairn_tid sampled_cosine(cairn_graph *g, const cairn_descriptor_views *v)
{
    cairn_tid a = cairn_op_sample(g, v->a, v->points_a, 1, CAIRN_BORDER_CLAMP);
    cairn_tid b = cairn_op_sample(g, v->b, v->points_b, 1, CAIRN_BORDER_CLAMP);
    cairn_tid product = cairn_op_mul(g, cairn_op_l2_normalize(g, a, eps), cairn_op_l2_normalize(g, b, eps));
    return cairn_op_reduce_sum(g, product, CAIRN_AXIS_C);
}

static void sparse(cairn_descriptor_terms *t, cairn_graph *g, cairn_tid s, const cairn_descriptor_views *v)
{
    cairn_tid cosine = sampled_cosine(g, v), count = at_least_one(g, sum_image(g, v->weight));
    t->positive = mean_batch(g, cairn_op_div(g, sum_image(g, cairn_op_mul(g, v->weight, missing(g, cosine))), count));
    t->positive_cosine = mean_batch(g, cairn_op_div(g, sum_image(g, cairn_op_mul(g, v->weight, cosine)), count));
    cairn_tid over = excess(g, s);
    cairn_tid active = sum_image(g, cairn_op_mul(g, v->negatives, cairn_op_step(g, over, 0)));
    cairn_tid sum = sum_image(g, cairn_op_mul(g, v->negatives, over));
    t->negative = mean_batch(g, cairn_op_div(g, sum, cairn_op_affine(g, active, 1, 1)));
    t->active = sum_image(g, cairn_op_step(g, cairn_op_mul(g, v->negatives, over), 0));
}

/* What tells of a collapse. */
static void observe(cairn_descriptor_terms *t, cairn_graph *g, cairn_tid s, const cairn_descriptor_views *v)
{
    const float pairs = (float)cairn_graph_shape(g, s).w * (float)cairn_graph_shape(g, s).c;
    cairn_tid mean = cairn_op_reduce_mean(g, flat(g, v->a), CAIRN_AXIS_W);
    cairn_tid norm = cairn_op_sqrt(g, cairn_op_reduce_sum(g, cairn_op_square(g, mean), CAIRN_AXIS_C));
    t->mean_norm = mean_batch(g, norm);
    t->mean_cosine = cairn_op_reduce_mean(g, s, CAIRN_AXES_ALL);
    t->active = cairn_op_affine(g, mean_batch(g, t->active), 1 / pairs, 0);
    t->raw_norm = CAIRN_NONE;
    if (v->raw_a == CAIRN_NONE) return;
    norm = cairn_op_sqrt(g, cairn_op_reduce_sum(g, cairn_op_square(g, v->raw_a), CAIRN_AXIS_C));
    t->raw_norm = cairn_op_reduce_mean(g, norm, CAIRN_AXES_ALL);
}

cairn_descriptor_terms cairn_descriptor_loss(cairn_graph *g, const cairn_descriptor_views *v,
                                             const cairn_descriptor_options *o)
{
    cairn_descriptor_terms t;
    cairn_tid s = similarity(g, v->a, v->b);
    if (o->kind == CAIRN_DESCRIPTOR_SPARSE) {
        sparse(&t, g, s, v);
    } else {
        cairn_tid positives = cairn_op_mul(g, v->match, v->valid);
        cairn_tid negatives = cairn_op_mul(g, cairn_op_affine(g, v->match, -1, 1), v->valid);
        cairn_tid count = at_least_one(g, sum_image(g, positives));
        t.positive_cosine = mean_batch(g, cairn_op_div(g, sum_image(g, cairn_op_mul(g, positives, s)), count));
        if (o->kind == CAIRN_DESCRIPTOR_BALANCED)
            balanced(&t, g, s, positives, negatives);
        else if (o->kind == CAIRN_DESCRIPTOR_NORMALISED)
            dense(&t, g, normalise_twice(g, s), positives, negatives, v->valid);
        else
            dense(&t, g, o->raw ? similarity(g, v->raw_a, v->raw_b) : s, positives, negatives, v->valid);
    }
    observe(&t, g, s, v);
    t.loss = cairn_op_add(g, cairn_op_affine(g, t.positive, (float)o->lambda, 0), t.negative);
    return t;
}

/* ---- pairs of the sparse loss ---- */

/* Cell (u, v) of view 1 lands in cell *to of view 2. */
static bool warp_cell(int to[2], const cairn_homography *h, int u, int v, int hc, int wc)
{
    const double x = 8.0 * u, y = 8.0 * v, *m = h->m;
    const double z = m[6] * x + m[7] * y + m[8];
    const double wx = (m[0] * x + m[1] * y + m[2]) / z / 8, wy = (m[3] * x + m[4] * y + m[5]) / z / 8;
    if (!(z > 0 && wx > -0.5 && wy > -0.5 && wx < wc - 0.5 && wy < hc - 0.5)) return false;
    to[0] = (int)rint(wx);
    to[1] = (int)rint(wy);
    return to[0] >= 0 && to[1] >= 0 && to[0] < wc && to[1] < hc;
}

typedef struct cell_pair {
    int from, to;
} cell_pair;

cairn_status cairn_sparse_pairs(float *points_a, float *points_b, float *weight, float *negatives,
                                const cairn_homography *to_warped, int hc, int wc, int matches, int per_match,
                                const uint32_t stream[4])
{
    enum { PURPOSE = 0x5a125e }; /* a stream of its own */
    const size_t cells = (size_t)hc * (size_t)wc;
    cairn_rng rng = cairn_rng_stream(stream[0], stream[1], stream[2], stream[3], PURPOSE);
    cell_pair *inside = malloc(cells * sizeof *inside);
    uint32_t count = 0;
    if (!inside) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the matches of %zu cells", cells);
    for (int v = 0; v < hc; v++)
        for (int u = 0; u < wc; u++) {
            int to[2];
            if (warp_cell(to, to_warped, u, v, hc, wc)) inside[count++] = (cell_pair){v * wc + u, to[1] * wc + to[0]};
        }
    memset(negatives, 0, cells * cells * sizeof *negatives);
    for (int i = 0; i < matches; i++) {
        cell_pair pair = {0, 0};
        const uint32_t drawn = (uint32_t)i;
        if (count > drawn) { /* Fisher-Yates, as far as it is needed */
            const uint32_t other = drawn + (uint32_t)cairn_rng_integer(&rng, 0, (int)(count - drawn) - 1);
            pair = inside[other];
            inside[other] = inside[drawn];
            inside[drawn] = pair;
        } else if (count > 0) {
            pair = inside[cairn_rng_integer(&rng, 0, (int)count - 1)];
        }
        weight[i] = count > 0;
        points_a[2 * i] = (float)(pair.from % wc) * (float)(wc - 1) / (float)wc;
        points_a[2 * i + 1] = (float)(pair.from / wc) * (float)(hc - 1) / (float)hc;
        points_b[2 * i] = (float)(pair.to % wc) * (float)(wc - 1) / (float)wc;
        points_b[2 * i + 1] = (float)(pair.to / wc) * (float)(hc - 1) / (float)hc;
        for (int k = 0; k < per_match && count > 0; k++)
            negatives[(size_t)pair.from * cells + (size_t)cairn_rng_integer(&rng, 0, (int)cells - 1)] += 1;
    }
    free(inside);
    return CAIRN_OK;
}

bool cairn_collapse_alarm_rings(cairn_collapse_alarm *alarm, int64_t step, double mean_norm)
{
    if (alarm->rang || step < 2000 || !(mean_norm > 0.5)) return false;
    alarm->rang = true;
    return true;
}
