/* Matches of a pair by their descriptors, and what can be said of them without estimating anything. */
#include "experiments/evaluation/metrics/descriptors.h"
#include "experiments/evaluation/metrics/shared_points.h"
#include "matching/nearest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static cairn_status choose(cairn_shared *out, const cairn_view *view, const cairn_view *other,
                           const cairn_homography *to_other, const cairn_match_options *o)
{
    if (o->shared) return cairn_metrics__shared(out, view->points, to_other, other->h, other->w, o->top_k);
    return cairn_metrics__best(out, view->points, NULL, o->top_k);
}

static cairn_status reserve(cairn_matches *out, int room)
{
    size_t n = (size_t)room + 1;
    out->a = malloc(n * sizeof *out->a);
    out->b = malloc(n * sizeof *out->b);
    out->from = malloc(2 * n * sizeof *out->from);
    out->to = malloc(2 * n * sizeof *out->to);
    out->distance = malloc(n * sizeof *out->distance);
    if (out->a && out->b && out->from && out->to && out->distance) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d matches", room);
}

/* i and j: places in the chosen sets. */
static void append(cairn_matches *out, const cairn_keypoints *a, const cairn_keypoints *b, int i, int j,
                   const cairn_match_options *o)
{
    const size_t n = (size_t)a->dimension;
    double distance = cairn_metrics__distance(a->descriptors + (size_t)i * n, b->descriptors + (size_t)j * n, (int)n);
    if (o->max_distance > 0 && !(distance < o->max_distance)) return;
    int at = out->count++;
    out->a[at] = i;
    out->b[at] = j;
    out->from[2 * at] = a->points[i].x;
    out->from[2 * at + 1] = a->points[i].y;
    out->to[2 * at] = b->points[j].x;
    out->to[2 * at + 1] = b->points[j].y;
    out->distance[at] = distance;
}

static cairn_status match_mutual(cairn_matches *out, const cairn_keypoints *a, const cairn_keypoints *b,
                                 const cairn_match_options *o)
{
    cairn_status st = CAIRN_OK;
    cairn_match *found = NULL;
    int count = 0;
    CAIRN_TRY(cairn_match_nearest(&found, &count, a, b, 0, (float)o->ratio));
    CAIRN_TRY(reserve(out, count));
    for (int i = 0; i < count; i++) append(out, a, b, found[i].a, found[i].b, o);
done:
    free(found);
    return st;
}

/* Each of `search` with its nearest of `set`; swapped: `search` is image b. */
static cairn_status match_one_way(cairn_matches *out, const cairn_keypoints *search, const cairn_keypoints *set,
                                  bool swapped, const cairn_match_options *o)
{
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(reserve(out, search->count));
    for (int i = 0; i < search->count; i++) {
        double nearest, second;
        const float *desc = search->descriptors + (size_t)i * (size_t)search->dimension;
        int j = cairn_metrics__nearest(&nearest, &second, desc, set);
        if (j < 0 || (o->ratio > 0 && set->count > 1 && !(nearest < o->ratio * second))) continue;
        if (swapped)
            append(out, set, search, j, i, o);
        else
            append(out, search, set, i, j, o);
    }
done:
    return st;
}

cairn_status cairn_metric_matches(cairn_matches *out, const cairn_view *a, const cairn_view *b,
                                  const cairn_homography *a_to_b, const cairn_match_options *options)
{
    cairn_status st = CAIRN_OK;
    cairn_homography b_to_a;
    cairn_shared in_a = {0}, in_b = {0};
    cairn_keypoints set_a = {0}, set_b = {0};
    *out = (cairn_matches){0};
    if (a->points->count > 0 && b->points->count > 0)
        CAIRN_TRY(cairn_metrics__check_descriptors(a->points, b->points));
    CAIRN_TRY(cairn_homography_invert(&b_to_a, a_to_b));
    CAIRN_TRY(choose(&in_a, a, b, a_to_b, options));
    CAIRN_TRY(choose(&in_b, b, a, &b_to_a, options));
    if (in_a.count == 0 || in_b.count == 0) {
        CAIRN_TRY(reserve(out, 0));
    } else {
        CAIRN_TRY(cairn_metrics__subset(&set_a, a->points, &in_a));
        CAIRN_TRY(cairn_metrics__subset(&set_b, b->points, &in_b));
        if (options->rule == CAIRN_MATCH_NEAREST)
            CAIRN_TRY(match_one_way(out, &set_a, &set_b, false, options));
        else if (options->rule == CAIRN_MATCH_NEAREST_OF_B)
            CAIRN_TRY(match_one_way(out, &set_b, &set_a, true, options));
        else
            CAIRN_TRY(match_mutual(out, &set_a, &set_b, options));
    }
    for (int i = 0; i < out->count; i++) {
        out->a[i] = in_a.index[out->a[i]];
        out->b[i] = in_b.index[out->b[i]];
    }
    out->points_a = in_a.count;
    out->points_b = in_b.count;
done:
    cairn_metrics__shared_free(&in_a);
    cairn_metrics__shared_free(&in_b);
    cairn_keypoints_free(&set_a);
    cairn_keypoints_free(&set_b);
    if (st < 0) cairn_matches_free(out);
    return st;
}

void cairn_matches_free(cairn_matches *matches)
{
    free(matches->a);
    free(matches->b);
    free(matches->from);
    free(matches->to);
    free(matches->distance);
    *matches = (cairn_matches){0};
}

/* |h(p) - q|; INFINITY if p goes to infinity. */
static double transfer_error(const cairn_homography *h, const double *p, const double *q)
{
    double x, y;
    return cairn_homography_apply(h, p[0], p[1], &x, &y) ? hypot(x - q[0], y - q[1]) : INFINITY;
}

void cairn_metric_mma(double *out, int most, const cairn_matches *matches, const cairn_homography *a_to_b)
{
    for (int t = 0; t < most; t++) out[t] = 0;
    for (int i = 0; i < matches->count; i++) {
        double error = transfer_error(a_to_b, matches->from + 2 * i, matches->to + 2 * i);
        for (int t = 0; t < most; t++) out[t] += error <= t + 1;
    }
    for (int t = 0; t < most && matches->count > 0; t++) out[t] /= matches->count;
}

cairn_status cairn_metric_transfer_precision(double *out, const cairn_matches *matches, const cairn_homography *a_to_b,
                                             double limit)
{
    cairn_homography b_to_a;
    *out = 0;
    cairn_status st = cairn_homography_invert(&b_to_a, a_to_b);
    if (st < 0 || matches->count == 0) return st;
    int right = 0;
    for (int i = 0; i < matches->count; i++) {
        const double *p = matches->from + 2 * i, *q = matches->to + 2 * i;
        right += (transfer_error(a_to_b, p, q) + transfer_error(&b_to_a, q, p)) / 2 < limit;
    }
    *out = (double)right / matches->count;
    return CAIRN_OK;
}

cairn_status cairn_metric_inlier_precision(double *out, const cairn_matches *matches, const uint8_t *inliers)
{
    int positives = 0;
    double largest = 0;
    *out = 0;
    for (int i = 0; i < matches->count; i++) {
        positives += inliers[i] != 0;
        largest = fmax(largest, matches->distance[i]);
    }
    if (positives == 0) return CAIRN_OK;
    double *score = malloc((size_t)matches->count * sizeof *score);
    if (!score) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d matches", matches->count);
    for (int i = 0; i < matches->count; i++) score[i] = largest - matches->distance[i];
    cairn_status st = cairn_metric_plain_precision(out, score, inliers, (size_t)matches->count, positives);
    free(score);
    return st;
}

cairn_status cairn_metric_inlier_score(double *out, const cairn_view *a, const cairn_view *b,
                                       const cairn_homography *a_to_b, int inliers, bool swapped)
{
    cairn_status st = CAIRN_OK;
    cairn_homography b_to_a;
    cairn_shared visible = {0};
    *out = 0;
    CAIRN_TRY(cairn_homography_invert(&b_to_a, a_to_b));
    CAIRN_TRY(cairn_metrics__shared(&visible, b->points, &b_to_a, swapped ? a->w : a->h, swapped ? a->h : a->w, 0));
    if (a->points->count + visible.count > 0) *out = 2.0 * inliers / (a->points->count + visible.count);
done:
    cairn_metrics__shared_free(&visible);
    return st;
}
