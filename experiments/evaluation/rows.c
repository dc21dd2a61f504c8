/* One method on one pair: every measure of the protocol. */
#include "experiments/evaluation/rows.h"

#include "system/progress.h"

#include <math.h>
#include <string.h>

static cairn_status append(cairn_label_pool *pool, const cairn_labels *labels, int pair)
{
    const size_t need = pool->count + (size_t)labels->count;
    if (need > pool->room) {
        const size_t room = need + need / 2 + 1024;
        cairn_pooled_label *grown = realloc(pool->labels, room * sizeof *grown);
        if (!grown) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu matches", room);
        pool->labels = grown;
        pool->room = room;
    }
    for (int i = 0; i < labels->count; i++)
        pool->labels[pool->count++] =
            (cairn_pooled_label){labels->distance[i], 2 * (uint32_t)pair + (labels->correct[i] != 0)};
    pool->positives[pair] += labels->positives;
    return CAIRN_OK;
}

static cairn_status detection(cairn_pair_row *row, const cairn_view *a, const cairn_view *b,
                              const cairn_homography *a_to_b, const cairn_protocol *p)
{
    cairn_status st = CAIRN_OK;
    cairn_repeatability found;
    for (int i = 0; i < CAIRN_PROTOCOL_EPS && p->eps[i] > 0; i++) {
        CAIRN_TRY(cairn_metric_repeatability(&found, a, b, a_to_b, p->eps[i], p->top_k));
        const double value = found.defined ? found.value : (double)NAN;
        if (i == 0) {
            row->value[CAIRN_MEASURE_REPEATABILITY] = value;
            row->value[CAIRN_MEASURE_LOCALISATION] = found.error;
        }
        if (i > 0 && p->eps[i] == 1) row->value[CAIRN_MEASURE_REPEATABILITY_1] = value;
        if (i > 0 && p->eps[i] == 8) row->value[CAIRN_MEASURE_REPEATABILITY_8] = value;
    }
    CAIRN_TRY(cairn_metric_repeatability_mutual(&found, a, b, a_to_b, p->eps[0], p->top_k));
    if (found.defined) row->value[CAIRN_MEASURE_REPEATABILITY_MUTUAL] = found.value;
done:
    return st;
}

/* Both directions: the labels go into the pool, mean score and precision into the row. */
static cairn_status true_labels(cairn_pair_row *row, cairn_label_pool *pool, int pair, const cairn_view *a,
                                const cairn_view *b, const cairn_homography *a_to_b, double eps)
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
    row->value[CAIRN_MEASURE_MATCHING_SCORE] = (cairn_labels_score(&there) + cairn_labels_score(&back)) / 2;
    row->value[CAIRN_MEASURE_PRECISION] = (precision_there + precision_back) / 2;
    CAIRN_TRY(append(pool, &there, pair));
    CAIRN_TRY(append(pool, &back, pair));
done:
    cairn_labels_free(&there);
    cairn_labels_free(&back);
    return st;
}

static cairn_estimate_options estimate_options(const cairn_protocol *p, double threshold, uint32_t seed)
{
    cairn_estimate_options o = CAIRN_ESTIMATE_OPTIONS_INIT;
    o.shared = false;
    o.top_k = 0;
    o.threshold = threshold;
    o.iterations = p->iterations;
    o.confidence = p->confidence;
    o.seed = seed;
    o.estimator = p->estimator;
    o.corners = p->outer_corners ? CAIRN_CORNERS_FRAME : CAIRN_CORNERS_CENTRES;
    return o;
}

/* Matching score and precision where a match is right if the homography estimated from the matches says so. */
static cairn_status inlier_labels(cairn_pair_row *row, const cairn_view *a, const cairn_view *b,
                                  const cairn_homography *a_to_b, const cairn_protocol *p, uint32_t seed,
                                  int all_inliers)
{
    cairn_status st = CAIRN_OK;
    cairn_matches near = {0};
    cairn_homography_estimate found;
    uint8_t *inliers = NULL;
    const cairn_match_options rule = {.max_distance = p->max_distance};
    const cairn_estimate_options o = estimate_options(p, p->thresholds[0], seed);
    CAIRN_TRY(cairn_metric_matches(&near, a, b, a_to_b, &rule));
    inliers = calloc((size_t)near.count + 1, 1);
    if (!inliers) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for %d matches", near.count));
    CAIRN_TRY(cairn_metric_estimate(&found, inliers, near.from, near.to, NULL, near.count, a->h, a->w, a_to_b, &o));
    CAIRN_TRY(cairn_metric_inlier_precision(&row->value[CAIRN_MEASURE_PRECISION], &near, inliers));
    CAIRN_TRY(cairn_metric_inlier_score(&row->value[CAIRN_MEASURE_MATCHING_SCORE], a, b, a_to_b, all_inliers,
                                        p->swapped_visibility));
done:
    cairn_matches_free(&near);
    free(inliers);
    return st;
}

static cairn_status measure_matches(cairn_pair_row *row, const cairn_matches *matches, const cairn_homography *a_to_b,
                                    const cairn_protocol *p)
{
    cairn_status st = CAIRN_OK;
    row->value[CAIRN_MEASURE_MATCHES] = matches->count;
    if (p->mma) {
        cairn_metric_mma(row->mma, CAIRN_MMA_STEPS, matches, a_to_b);
        row->value[CAIRN_MEASURE_MMA_3] = row->mma[2];
    }
    CAIRN_TRY(cairn_metric_transfer_precision(&row->value[CAIRN_MEASURE_MATCH_PRECISION_1], matches, a_to_b, 1));
    CAIRN_TRY(cairn_metric_transfer_precision(&row->value[CAIRN_MEASURE_MATCH_PRECISION_3], matches, a_to_b, 3));
done:
    return st;
}

static void set_correct(cairn_pair_row *row, cairn_measure first, double error)
{
    static const double limits[] = {1, 3, 5};
    for (int i = 0; i < 3; i++) row->value[(int)first + i] = error <= limits[i];
}

static cairn_status homographies(cairn_pair_row *row, const cairn_view *a, const cairn_view *b,
                                 const cairn_matches *matches, const cairn_homography *a_to_b, const cairn_protocol *p,
                                 uint32_t seed, bool learned)
{
    cairn_status st = CAIRN_OK;
    cairn_homography_estimate found;
    for (int i = 0; i < CAIRN_PROTOCOL_THRESHOLDS && p->thresholds[i] > 0; i++) {
        const cairn_estimate_options o = estimate_options(p, p->thresholds[i], seed);
        CAIRN_TRY(cairn_metric_estimate(&found, NULL, matches->from, matches->to, NULL, matches->count, a->h, a->w,
                                        a_to_b, &o));
        row->errors[i] = found.error;
        row->inliers[i] = found.inliers;
    }
    if (p->auc) {
        cairn_estimate_options o = estimate_options(p, p->thresholds[0], seed);
        o.estimator = CAIRN_ESTIMATOR_DLT;
        CAIRN_TRY(cairn_metric_estimate(&found, NULL, matches->from, matches->to, NULL, matches->count, a->h, a->w,
                                        a_to_b, &o));
        row->error_dlt = found.error;
    }
    if (p->shared && !learned) { /* chosen by the truth, which a matcher must not see */
        cairn_estimate_options o = estimate_options(p, p->thresholds[0], seed);
        o.shared = true;
        o.top_k = p->view[CAIRN_VIEW_DESCRIBE].points;
        CAIRN_TRY(cairn_metric_homography(&found, a, b, a_to_b, &o));
        set_correct(row, CAIRN_MEASURE_HOMOGRAPHY_SHARED_1, found.error);
    }
done:
    return st;
}

/* By the method's matcher, or mutual nearest neighbours. */
static cairn_status find_matches(cairn_matches *out, const cairn_matcher *matcher, const cairn_view *a,
                                 const cairn_view *b, const cairn_homography *a_to_b)
{
    cairn_status st = CAIRN_OK;
    const cairn_match_options mutual = {.rule = CAIRN_MATCH_MUTUAL};
    const cairn_match_side side_a = {a->points, a->h, a->w}, side_b = {b->points, b->h, b->w};
    cairn_match *found = NULL;
    int count = 0;
    if (!matcher) return cairn_metric_matches(out, a, b, a_to_b, &mutual);
    CAIRN_TRY(cairn_matcher_run(matcher, &side_a, &side_b, &found, &count));
    CAIRN_TRY(cairn_metric_matches_from(out, a, b, found, count));
done:
    free(found);
    return st;
}

static cairn_status description(cairn_pair_row *row, cairn_label_pool *pool, int pair, const cairn_matcher *matcher,
                                const cairn_view *a, const cairn_view *b, const cairn_homography *a_to_b,
                                const cairn_protocol *p, uint32_t seed)
{
    cairn_status st = CAIRN_OK;
    cairn_matches matches = {0};
    const double start = cairn_seconds();
    CAIRN_TRY(find_matches(&matches, matcher, a, b, a_to_b));
    row->value[CAIRN_MEASURE_MATCH_MS] = 1e3 * (cairn_seconds() - start);
    CAIRN_TRY(measure_matches(row, &matches, a_to_b, p));
    CAIRN_TRY(homographies(row, a, b, &matches, a_to_b, p, seed, matcher != NULL));
    if (matcher) /* average precision ranks nearest neighbours, which are those of the descriptors alone */
        CAIRN_TRY(cairn_metric_match_score(&row->value[CAIRN_MEASURE_MATCHING_SCORE], a, b, a_to_b, &matches,
                                           p->match_eps));
    else if (p->labels == CAIRN_LABELS_TRUTH)
        CAIRN_TRY(true_labels(row, pool, pair, a, b, a_to_b, p->match_eps));
    else
        CAIRN_TRY(inlier_labels(row, a, b, a_to_b, p, seed, (int)row->inliers[0]));
done:
    cairn_matches_free(&matches);
    return st;
}

static void clear(cairn_pair_row *row)
{
    for (int i = 0; i < CAIRN_MEASURES; i++) row->value[i] = NAN;
    for (int i = 0; i < CAIRN_MMA_STEPS; i++) row->mma[i] = NAN;
    for (int i = 0; i < CAIRN_PROTOCOL_THRESHOLDS; i++) row->errors[i] = row->inliers[i] = NAN;
    row->error_dlt = NAN;
}

typedef struct found_points {
    cairn_keypoints a, b;
    double seconds; /* mean of the two */
} found_points;

static cairn_status find_points(found_points *out, const cairn_predictions *method, cairn_view_id view,
                                const cairn_pair *pair)
{
    cairn_status st = CAIRN_OK;
    double first = NAN, second = NAN;
    CAIRN_TRY(method->get(method->state, view, pair->image_a, &pair->a, &out->a, &first));
    CAIRN_TRY(method->get(method->state, view, pair->image_b, &pair->b, &out->b, &second));
    out->seconds = (first + second) / 2;
done:
    return st;
}

static void count_points(cairn_pair_row *row, const found_points *found)
{
    row->value[CAIRN_MEASURE_POINTS] = (found->a.count + found->b.count) / 2.0;
    row->value[CAIRN_MEASURE_DETECT_MS] = 1e3 * found->seconds;
}

cairn_status cairn_evaluation__row(cairn_pair_row *row, cairn_label_pool *pool, int pair_index,
                                   const cairn_predictions *method, const cairn_pair *const views[CAIRN_PROTOCOL_VIEWS],
                                   const cairn_protocol *protocol, uint32_t seed)
{
    cairn_status st = CAIRN_OK;
    found_points found[CAIRN_PROTOCOL_VIEWS] = {0};
    clear(row);
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++) {
        const cairn_pair *pair = views[v];
        const bool first = v == 0 || !views[0];
        if (!pair || !cairn_protocol_wants(protocol, (cairn_view_id)v, method->dimension)) continue;
        CAIRN_TRY(find_points(&found[v], method, (cairn_view_id)v, pair));
        const cairn_view a = {&found[v].a, pair->a.h, pair->a.w}, b = {&found[v].b, pair->b.h, pair->b.w};
        if (first) count_points(row, &found[v]); /* of one size for all methods, with descriptors or without */
        if (v == CAIRN_VIEW_DETECT)
            CAIRN_TRY(detection(row, &a, &b, &pair->a_to_b, protocol));
        else if (method->dimension > 0)
            CAIRN_TRY(description(row, pool, pair_index, method->matcher, &a, &b, &pair->a_to_b, protocol,
                                  seed));
    }
done:
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++) {
        cairn_keypoints_free(&found[v].a);
        cairn_keypoints_free(&found[v].b);
    }
    return st;
}

/* Mean of the areas at 1, 3 and 5 pixels. */
static cairn_status mean_area(double *out, const double *errors, size_t count)
{
    cairn_status st = CAIRN_OK;
    double area;
    *out = 0;
    for (int limit = 1; limit <= 5; limit += 2) {
        CAIRN_TRY(cairn_metric_auc(&area, errors, count, limit));
        *out += area / 3;
    }
done:
    return st;
}

cairn_status cairn_evaluation__choose_threshold(cairn_evaluation *e, int m)
{
    cairn_status st = CAIRN_OK;
    const cairn_protocol *p = &e->protocol;
    cairn_evaluation_method *method = &e->method[m];
    int best = 0;
    double best_area = -1;
    if (method->dimension == 0 || !p->view[CAIRN_VIEW_DESCRIBE].used) return CAIRN_OK;
    double *errors = malloc(((size_t)e->pairs + 1) * sizeof *errors);
    if (!errors) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the errors of %d pairs", e->pairs);
    for (int t = 0; t < CAIRN_PROTOCOL_THRESHOLDS && p->thresholds[t] > 0; t++) {
        size_t count = 0;
        double area;
        for (int i = 0; i < e->pairs; i++)
            if (e->pair[i].used) errors[count++] = method->rows[i].errors[t];
        CAIRN_TRY(mean_area(&area, errors, count));
        if (area > best_area) best = t;
        if (area > best_area) best_area = area;
    }
    method->threshold = p->thresholds[best];
    for (int i = 0; i < e->pairs; i++) {
        cairn_pair_row *row = &method->rows[i];
        if (!e->pair[i].used) continue;
        row->value[CAIRN_MEASURE_HOMOGRAPHY_ERROR] = row->errors[best];
        row->value[CAIRN_MEASURE_INLIERS] = row->inliers[best];
        set_correct(row, CAIRN_MEASURE_HOMOGRAPHY_1, row->errors[best]);
    }
done:
    free(errors);
    return st;
}
