#include "experiments/evaluation/evaluate.h"

#include "base/log.h"
#include "system/interrupt.h"
#include "system/progress.h"

#include <math.h>

/* Methods may find more points than are kept, because the suppression of the harness comes after theirs. */
enum { CANDIDATE_FACTOR = 4 };

typedef struct measured {
    cairn_keypoints a, b;
    double seconds;
} measured;

void cairn_evaluation_free(cairn_evaluation *evaluation)
{
    for (int m = 0; evaluation->method && m < evaluation->methods; m++) free(evaluation->method[m].rows);
    free(evaluation->method);
    free(evaluation->pair);
    *evaluation = (cairn_evaluation){0};
}

static cairn_status detect(measured *out, const cairn_detector *detector, const cairn_pair *pair,
                           const cairn_evaluation_options *o)
{
    cairn_status st = CAIRN_OK;
    int candidates = o->points * CANDIDATE_FACTOR;
    double start = cairn_seconds();
    CAIRN_TRY(cairn_detector_run(&out->a, detector, &pair->a, o->nms_radius, o->border, candidates, o->points));
    CAIRN_TRY(cairn_detector_run(&out->b, detector, &pair->b, o->nms_radius, o->border, candidates, o->points));
    out->seconds = (cairn_seconds() - start) / 2;
done:
    return st;
}

/* Both directions: adds the labels to the pool, the mean score and precision to the row. */
static cairn_status measure_matches(cairn_pair_row *row, cairn_labels *pool, const cairn_view *a, const cairn_view *b,
                                    const cairn_homography *a_to_b, double eps)
{
    cairn_status st = CAIRN_OK;
    cairn_homography b_to_a;
    cairn_labels there = {0}, back = {0};
    double precision_there, precision_back;
    CAIRN_TRY(cairn_homography_invert(&b_to_a, a_to_b));
    CAIRN_TRY(cairn_metric_labels(&there, a, b, a_to_b, eps));
    CAIRN_TRY(cairn_metric_labels(&back, b, a, &b_to_a, eps));
    CAIRN_TRY(cairn_labels_precision(&precision_there, &there));
    CAIRN_TRY(cairn_labels_precision(&precision_back, &back));
    row->matching_score = (cairn_labels_score(&there) + cairn_labels_score(&back)) / 2;
    row->precision = (precision_there + precision_back) / 2;
    CAIRN_TRY(cairn_labels_append(pool, &there));
    CAIRN_TRY(cairn_labels_append(pool, &back));
done:
    cairn_labels_free(&there);
    cairn_labels_free(&back);
    return st;
}

static cairn_status measure_homography(cairn_pair_row *row, const cairn_view *a, const cairn_view *b,
                                       const cairn_homography *a_to_b, const cairn_evaluation_options *o)
{
    cairn_status st = CAIRN_OK;
    cairn_homography_estimate found;
    cairn_estimate_options options = o->estimate;
    options.seed = o->seed;
    options.shared = true;
    CAIRN_TRY(cairn_metric_homography(&found, a, b, a_to_b, &options));
    row->corner_error_shared = found.error;
    options.shared = false;
    CAIRN_TRY(cairn_metric_homography(&found, a, b, a_to_b, &options));
    row->corner_error = found.error;
    row->matches = found.matches;
    row->inliers = found.inliers;
done:
    return st;
}

static cairn_status measure(cairn_pair_row *row, cairn_labels *pool, const cairn_detector *detector,
                            const cairn_pair *pair, const cairn_evaluation_options *o)
{
    cairn_status st = CAIRN_OK;
    measured found = {0};
    cairn_repeatability repeatability;
    *row = (cairn_pair_row){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    CAIRN_TRY(detect(&found, detector, pair, o));
    cairn_view a = {&found.a, pair->a.h, pair->a.w}, b = {&found.b, pair->b.h, pair->b.w};
    row->points = (found.a.count + found.b.count) / 2.0;
    row->seconds = found.seconds;
    CAIRN_TRY(cairn_metric_repeatability(&repeatability, &a, &b, &pair->a_to_b, o->eps, o->top_k));
    if (repeatability.defined) row->repeatability = repeatability.value;
    row->localisation = repeatability.error;
    if (detector->dimension > 0) {
        CAIRN_TRY(measure_matches(row, pool, &a, &b, &pair->a_to_b, o->eps));
        CAIRN_TRY(measure_homography(row, &a, &b, &pair->a_to_b, o));
    }
done:
    cairn_keypoints_free(&found.a);
    cairn_keypoints_free(&found.b);
    return st;
}

static cairn_status prepare(cairn_evaluation *e, const cairn_pair_source *source, const cairn_method *methods,
                            int count, const cairn_evaluation_options *options)
{
    *e = (cairn_evaluation){.options = *options, .pairs = source->count, .methods = count};
    snprintf(e->protocol, sizeof e->protocol, "%s", options->protocol ? options->protocol : "");
    snprintf(e->set, sizeof e->set, "%s", source->name);
    e->options.protocol = NULL;
    if (e->options.estimate.top_k <= 0) e->options.estimate.top_k = options->points;
    e->pair = calloc((size_t)e->pairs + 1, sizeof *e->pair);
    e->method = calloc((size_t)count + 1, sizeof *e->method);
    bool full = e->pair && e->method;
    for (int m = 0; full && m < count; m++) {
        cairn_evaluation_method *method = &e->method[m];
        snprintf(method->name, sizeof method->name, "%s", methods[m].detector->name);
        snprintf(method->weights, sizeof method->weights, "%s", methods[m].weights ? methods[m].weights : "");
        method->role = methods[m].role;
        method->dimension = methods[m].detector->dimension;
        method->pooled_precision = NAN;
        method->rows = calloc((size_t)e->pairs + 1, sizeof *method->rows);
        full = method->rows != NULL;
    }
    if (full) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_NOMEM, "no memory for the results of %d methods on %d pairs", count, e->pairs);
}

static cairn_status run_pair(cairn_evaluation *e, int i, const cairn_pair_source *source, const cairn_method *methods,
                             cairn_labels *pools)
{
    cairn_status st = CAIRN_OK;
    cairn_pair pair = {0};
    if (source->get(source->state, i, &pair) < 0) {
        cairn_warn("evaluation: pair %d of %s is left out: %s", i + 1, source->name, cairn_error_message());
        snprintf(e->pair[i].name, sizeof e->pair[i].name, "pair %d", i + 1);
        e->skipped++;
        goto done;
    }
    if (e->used == 0) {
        e->h = pair.a.h;
        e->w = pair.a.w;
    }
    snprintf(e->pair[i].name, sizeof e->pair[i].name, "%s", pair.name);
    e->pair[i].kind = pair.kind;
    e->pair[i].used = true;
    e->used++;
    for (int m = 0; m < e->methods; m++)
        CAIRN_TRY(measure(&e->method[m].rows[i], &pools[m], methods[m].detector, &pair, &e->options));
done:
    cairn_pair_free(&pair);
    return st;
}

cairn_status cairn_evaluation_run(cairn_evaluation *out, const cairn_pair_source *source, const cairn_method *methods,
                                  int count, const cairn_evaluation_options *options, bool progress)
{
    cairn_status st = CAIRN_OK;
    cairn_evaluation e = {0};
    cairn_progress bar;
    cairn_labels *pools = calloc((size_t)count + 1, sizeof *pools);
    *out = (cairn_evaluation){0};
    if (!pools) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the matches of %d methods", count);
    if (options->points < 1 || options->points > 1 << 20 || !(options->eps > 0)) {
        st = cairn_error_set(CAIRN_E_INVALID,
                             "evaluation with %d points and eps %g: expected 1 to 1048576 points and a "
                             "positive distance",
                             options->points, options->eps);
        goto done;
    }
    CAIRN_TRY(prepare(&e, source, methods, count, options));
    if (progress) cairn_progress_start(&bar, "evaluation", e.pairs, 0);
    for (int i = 0; i < e.pairs; i++) {
        if (cairn_interrupted()) CAIRN_TRY(cairn_interrupted_status());
        CAIRN_TRY(run_pair(&e, i, source, methods, pools));
        if (progress) cairn_progress_update(&bar, i + 1, source->name);
    }
    if (progress) cairn_progress_finish(&bar);
    if (e.used == 0) {
        st = cairn_error_set(CAIRN_E_INVALID, "evaluation: none of the %d pairs of %s could be used", e.pairs,
                             source->name);
        goto done;
    }
    for (int m = 0; m < count; m++)
        if (e.method[m].dimension > 0) CAIRN_TRY(cairn_labels_precision(&e.method[m].pooled_precision, &pools[m]));
    *out = e;
    e = (cairn_evaluation){0};
done:
    cairn_evaluation_free(&e);
    for (int m = 0; m < count; m++) cairn_labels_free(&pools[m]);
    free(pools);
    return st;
}
