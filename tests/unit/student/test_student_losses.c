/* The student's losses: finite differences and both kernel classes by op_case.h, and known answers of the references. */
#include "geometry/homography.h"
#include "graph/program.h"
#include "ops/image/geometry.h"
#include "ops/loss/loss.h"
#include "reference/evaluate.h"
#include "student/losses.h"
#include "support/device/op_case.h"

#include <math.h>
#include <string.h>

enum { H = 11, W = 13, PIXELS = H * W };

typedef struct pair_case {
    int n;
    bool use;
    cairn_consistency_options options;
} pair_case;

/* A view turned, enlarged and tilted a little; to_warped is its inverse. */
static void matrices_of(int n, float *to_input, float *to_warped)
{
    for (int i = 0; i < n; i++) {
        const double a = 0.1 + 0.15 * i, scale = 0.9 - 0.1 * i;
        cairn_homography m = {{scale * cos(a), -scale * sin(a), 2.1, scale * sin(a), scale * cos(a), -0.7, 0.002 * i,
                               -0.003, 1}}, inverse;
        assert_ok(cairn_homography_invert(&inverse, &m));
        for (int k = 0; k < 9; k++) {
            to_input[9 * i + k] = (float)m.m[k];
            to_warped[9 * i + k] = (float)inverse.m[k];
        }
    }
}

static void consistency(op_case *c, cairn_graph *g)
{
    const pair_case *d = op_case_data(c);
    const cairn_shape s = {d->n, H, W, 1}, m = {d->n, 1, 1, 9};
    float to_input[18], to_warped[18];
    matrices_of(d->n, to_input, to_warped);
    cairn_pair_tensors p = {.logits = op_case_input(c, s, -3, 3), .logits_warped = op_case_input(c, s, -3, 3),
                            .mask = op_case_input(c, s, 0.1, 0.9), .mask_warped = op_case_input(c, s, 0.1, 0.9),
                            .use = CAIRN_NONE, .use_warped = CAIRN_NONE};
    op_case_freeze(c, p.mask);
    op_case_freeze(c, p.mask_warped);
    if (d->use) {
        p.use = op_case_input_integers(c, s, 0, 1);
        p.use_warped = op_case_input_integers(c, s, 0, 1);
    }
    p.to_input = op_case_input_values(c, m, to_input, false);
    p.to_warped = op_case_input_values(c, m, to_warped, false);
    op_case_half_limit(c, 0); /* rounded matrices see other pixels */
    op_case_output(c, cairn_consistency_loss(g, &p, &d->options).loss);
}

static const pair_case huber = {2, true, {1, 0, 1, 0, 0.2, 20, 1, false, 1}};
static const pair_case kl = {2, true, {0, 1, 0.5, 0, 0.2, 20, 2, false, 1}};
static const pair_case published = {1, false, {1, 1, 0, 0, 1, 0, 0, true, 1}};
static const pair_case agreement = {2, false, {0.5, 0, 0, 2, 0.2, 5, 1, false, 1}};

typedef struct distillation_case {
    bool labels, learned;
    double descriptor;
} distillation_case;

static void distillation(op_case *c, cairn_graph *g)
{
    const distillation_case *d = op_case_data(c);
    const cairn_shape classes = {2, 3, 4, 65}, map = {2, 3, 4, 9}, cells = {2, 3, 4, 1}, pairs = {2, 1, 5, 1};
    cairn_distillation_options options = CAIRN_DISTILLATION_OPTIONS_INIT;
    options.descriptor = d->descriptor;
    cairn_tid logits = op_case_input(c, classes, -3, 3), teacher_logits = op_case_input(c, classes, -3, 3);
    cairn_tid raw = op_case_input(c, map, -1, 1), teacher = op_case_input(c, map, -1, 1);
    op_case_freeze(c, teacher_logits); /* which the loss detaches */
    op_case_freeze(c, teacher);
    cairn_distillation_tensors t = {.logits = logits,
                                    .teacher_logits = teacher_logits,
                                    .descriptor = cairn_op_l2_normalize(g, raw, 1e-12f),
                                    .teacher_descriptor = cairn_op_l2_normalize(g, teacher, 1e-12f),
                                    .valid = op_case_input_integers(c, cells, 0, 1),
                                    .first = op_case_input_integers(c, pairs, 0, 11),
                                    .second = op_case_input_integers(c, pairs, 0, 11),
                                    .labels = CAIRN_NONE,
                                    .log_variance = CAIRN_NONE};
    if (d->labels) t.labels = op_case_input_integers(c, cells, 0, 64);
    if (d->learned) t.log_variance = op_case_input(c, (cairn_shape){1, 1, 1, CAIRN_DISTILLATION_TERMS}, -1, 1);
    const cairn_distillation_terms terms = cairn_distillation_loss(g, &t, &options);
    op_case_output(c, terms.loss);
    op_case_output(c, terms.relational);
}

static const distillation_case plain = {false, false, 1}, labelled = {true, false, 1}, weighted = {true, true, 1};
static const distillation_case without = {false, true, 0};

static const op_case_spec cases[] = {
    {.name = "huber with its direct term", .build = consistency, .data = &huber},
    {.name = "kl with its direct term", .build = consistency, .data = &kl},
    {.name = "as published", .build = consistency, .data = &published},
    {.name = "agreement of the predictions", .build = consistency, .data = &agreement},
    {.name = "classes and descriptors of a teacher", .build = distillation, .data = &plain},
    {.name = "and labels", .build = distillation, .data = &labelled},
    {.name = "and learned weights", .build = distillation, .data = &weighted},
    {.name = "learned weights of two terms", .build = distillation, .data = &without},
};

/* ---- known answers, by the references alone ---- */

typedef struct rig {
    cairn_graph *g;
    cairn_pair_tensors p;
    float logits[PIXELS], logits_warped[PIXELS], mask[PIXELS], mask_warped[PIXELS];
    float to_input[9], to_warped[9];
} rig;

static void start(rig *r)
{
    const cairn_shape s = {1, H, W, 1}, m = {1, 1, 1, 9};
    *r = (rig){0};
    assert_ok(cairn_graph_create(&r->g));
    r->p = (cairn_pair_tensors){cairn_graph_input(r->g, "p", s), cairn_graph_input(r->g, "p'", s),
                                cairn_graph_input(r->g, "m", s), cairn_graph_input(r->g, "m'", s),
                                CAIRN_NONE, CAIRN_NONE,
                                cairn_graph_input(r->g, "back", m), cairn_graph_input(r->g, "forth", m)};
    for (int i = 0; i < 9; i++) r->to_input[i] = r->to_warped[i] = i % 4 == 0;
    for (int i = 0; i < PIXELS; i++) r->mask[i] = r->mask_warped[i] = 0.1f;
}

static double value_of(rig *r, cairn_tid tensor)
{
    cairn_reference *reference = NULL;
    assert_ok(cairn_graph_status(r->g));
    assert_ok(cairn_reference_create(&reference, r->g));
    const struct {
        cairn_tid t;
        const float *values;
        int count;
    } in[] = {{r->p.logits, r->logits, PIXELS}, {r->p.logits_warped, r->logits_warped, PIXELS},
              {r->p.mask, r->mask, PIXELS},     {r->p.mask_warped, r->mask_warped, PIXELS},
              {r->p.to_input, r->to_input, 9},  {r->p.to_warped, r->to_warped, 9}};
    for (size_t k = 0; k < sizeof in / sizeof *in; k++) {
        double *to = cairn_reference_values(reference, in[k].t);
        for (int i = 0; to && i < in[k].count; i++) to[i] = in[k].values[i];
    }
    assert_ok(cairn_reference_run(reference));
    const double v = cairn_reference_values(reference, tensor)[0];
    cairn_reference_destroy(&reference);
    cairn_graph_destroy(&r->g);
    return v;
}

/* I' is I moved by (2, 1); p' is p moved, the masks are the predictions: nothing is left to learn. */
static void test_consistency__is_zero_for_a_consistent_pair(void **state)
{
    (void)state;
    static rig r;
    start(&r);
    r.to_input[2] = -2, r.to_input[5] = -1;
    r.to_warped[2] = 2, r.to_warped[5] = 1;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            const double far = (x - 6) * (x - 6) + (y - 5) * (y - 5), m = 0.1 + 0.8 * exp(-far / 18);
            const double moved = (x - 8) * (x - 8) + (y - 6) * (y - 6), mw = 0.1 + 0.8 * exp(-moved / 18);
            r.mask[y * W + x] = (float)m;
            r.mask_warped[y * W + x] = (float)mw;
            r.logits[y * W + x] = (float)log(m / (1 - m));
            r.logits_warped[y * W + x] = (float)log(mw / (1 - mw));
        }
    const cairn_consistency_options o = {1, 0, 1, 1, 0.2, 20, 1, false, 1};
    assert_near(value_of(&r, cairn_consistency_loss(r.g, &r.p, &o).loss), 0, 1e-12);
    start(&r); /* and not if one of them is off */
    r.logits_warped[5 * W + 6] = 3;
    assert_true(value_of(&r, cairn_consistency_loss(r.g, &r.p, &o).loss) > 1e-3);
}

/* sigma(0) = 0.5 against 0.1: 0.4 apart, beyond delta: 0.2 (0.4 - 0.1) = 0.06 in each direction. */
static void test_huber__of_a_flat_prediction(void **state)
{
    (void)state;
    static rig r;
    start(&r);
    const cairn_consistency_options o = {1, 0, 0, 0, 0.2, 20, 0, false, 1};
    assert_near(value_of(&r, cairn_consistency_loss(r.g, &r.p, &o).huber), 0.12, 1e-7);
    start(&r);
    const cairn_consistency_options wide = {1, 0, 0, 0, 1, 0, 0, false, 1}; /* 0.4^2 / 2 */
    assert_near(value_of(&r, cairn_consistency_loss(r.g, &r.p, &wide).huber), 0.16, 1e-7);
}

/* One pixel with all of the target's mass: -log of its share of a flat distribution over the image. */
static void test_kl__of_a_single_point(void **state)
{
    (void)state;
    static rig r;
    start(&r);
    r.mask[7] = r.mask_warped[7] = 0.9f;
    const cairn_consistency_options o = {0, 1, 0, 0, 0.2, 20, 0, false, 1};
    assert_near(value_of(&r, cairn_consistency_loss(r.g, &r.p, &o).kl), 2 * log(PIXELS), 1e-6);
}

/* student.md 4.2: z = 0 gives 0.1300 for y = 0 and 0.0433 for y = 1. */
static void test_focal__known_values(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++)
        for (int y = 0; y < 2; y++) {
            static rig r;
            start(&r);
            for (int i = 0; i < PIXELS; i++) r.mask[i] = (float)y;
            cairn_tid one = cairn_graph_constant(r.g, (cairn_shape){1, H, W, 1}, 1);
            cairn_tid sum = cairn_heatmap_loss_sum(r.g, r.p.logits, r.p.mask, one, (cairn_heatmap_loss)kind);
            const double focal = (y ? 0.25 : 0.75) * 0.25 * log(2);
            const double expected[] = {focal, log(2), 0.25 * log(2)};
            assert_near(value_of(&r, sum), PIXELS * expected[kind], 1e-6 * PIXELS);
        }
}

/* student.md 4.2: 250 keypoints of 480x640 and their share everywhere, z = -7.113: a mean of 1.445e-3, the keypoints'. */
static void test_focal__at_the_prior(void **state)
{
    (void)state;
    const double share = 250 / (480.0 * 640), prior = log(share / (1 - share));
    double of[2];
    for (int y = 0; y < 2; y++) {
        static rig r;
        start(&r);
        for (int i = 0; i < PIXELS; i++) r.mask[i] = (float)y, r.logits[i] = (float)prior;
        cairn_tid one = cairn_graph_constant(r.g, (cairn_shape){1, H, W, 1}, 1);
        of[y] = value_of(&r, cairn_heatmap_loss_sum(r.g, r.p.logits, r.p.mask, one, CAIRN_HEATMAP_FOCAL)) / PIXELS;
    }
    assert_near(prior, -7.113, 5e-4);
    assert_near(share * of[1] + (1 - share) * of[0], 1.445e-3, 1e-6);
    assert_true(of[0] < 1e-3 * share * of[1]);
}

/* The softmax of a mask as published: with the colder one a point has all of it, and no exponent overflows. */
static void test_kl__of_a_softmax(void **state)
{
    (void)state;
    static rig r;
    const double temperatures[] = {1, 0.1, 0.01};
    for (int i = 0; i < 3; i++) {
        const double T = temperatures[i], more = exp(0.8 / T);
        const cairn_consistency_options o = {0, 1, 0, 0, 0.2, 20, 0, true, T};
        const double point = 1 / (1 + (PIXELS - 1) / more), rest = point / more; /* of a pixel */
        const double expected = point * log(point) + (PIXELS - 1) * rest * log(fmax(rest, 1e-300)) + log(PIXELS);
        start(&r);
        r.mask[7] = r.mask_warped[7] = 0.9f;
        assert_near(value_of(&r, cairn_consistency_loss(r.g, &r.p, &o).kl), 2 * expected, 2e-5);
    }
}

static void test_refused__nothing_to_learn(void **state)
{
    (void)state;
    static rig r;
    start(&r);
    const cairn_consistency_options o = {0, 0, 1, 0, 0.2, 20, 3, false, 1};
    cairn_consistency_loss(r.g, &r.p, &o);
    op_case_refused(&r.g, "no term has a weight");
}

int main(void)
{
    const struct CMUnitTest more[] = {
        cmocka_unit_test(test_consistency__is_zero_for_a_consistent_pair),
        cmocka_unit_test(test_huber__of_a_flat_prediction),
        cmocka_unit_test(test_kl__of_a_single_point),
        cmocka_unit_test(test_focal__known_values),
        cmocka_unit_test(test_focal__at_the_prior),
        cmocka_unit_test(test_kl__of_a_softmax),
        cmocka_unit_test(test_refused__nothing_to_learn),
    };
    return op_case_main("student losses", cases, sizeof cases / sizeof *cases, more, sizeof more / sizeof *more);
}
