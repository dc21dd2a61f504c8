/* Descriptor metrics and homography estimation. */
#include "experiments/evaluation/metrics.h"
#include "experiments/evaluation/shared_points.h"
#include "matching/nearest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static cairn_status check_descriptors(const cairn_view *a, const cairn_view *b)
{
    if (a->points->dimension > 0 && a->points->dimension == b->points->dimension) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_SHAPE, "descriptors of length %d and %d: expected the same length, at least 1",
                           a->points->dimension, b->points->dimension);
}

/* Squared difference in eight running sums: exact for near descriptors, where 2 - 2 a.b cancels. */
static float squared_difference(const float *a, const float *b, int n)
{
    float sum[8] = {0}, rest = 0;
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) {
            float d = a[i + k] - b[i + k];
            sum[k] += d * d;
        }
    for (; i < n; i++) rest += (a[i] - b[i]) * (a[i] - b[i]);
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7])) + rest;
}

static int nearest_descriptor(float *distance, const float *desc, const cairn_keypoints *set)
{
    int best = -1;
    float least = INFINITY;
    for (int j = 0; j < set->count; j++) {
        float d = squared_difference(desc, set->descriptors + (size_t)j * (size_t)set->dimension, set->dimension);
        if (d < least) {
            least = d;
            best = j;
        }
    }
    *distance = sqrtf(least);
    return best;
}

static double distance_to(const cairn_keypoint *p, const double at[2])
{
    return hypot(p->x - at[0], p->y - at[1]);
}

static bool any_within(const cairn_keypoints *set, const double at[2], double eps)
{
    for (int j = 0; j < set->count; j++)
        if (distance_to(&set->points[j], at) < eps) return true;
    return false;
}

cairn_status cairn_metric_labels(cairn_labels *out, const cairn_view *from, const cairn_view *to,
                                 const cairn_homography *from_to_to, double eps)
{
    cairn_status st = CAIRN_OK;
    cairn_shared visible = {0};
    *out = (cairn_labels){0};
    if (from->points->count > 0 && to->points->count > 0) CAIRN_TRY(check_descriptors(from, to));
    CAIRN_TRY(cairn_metrics__shared(&visible, from->points, from_to_to, to->h, to->w, 0));
    out->distance = malloc(((size_t)visible.count + 1) * sizeof *out->distance);
    out->correct = calloc((size_t)visible.count + 1, 1);
    if (!out->distance || !out->correct) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for %d matches", visible.count);
        goto done;
    }
    for (int i = 0; i < visible.count; i++) {
        const double *at = visible.to + 2 * i;
        out->distance[i] = INFINITY;
        if (to->points->count == 0) continue;
        const float *desc = from->points->descriptors + (size_t)visible.index[i] * (size_t)from->points->dimension;
        int best = nearest_descriptor(&out->distance[i], desc, to->points);
        if (best >= 0 && distance_to(&to->points->points[best], at) < eps) out->correct[i] = 1;
        if (any_within(to->points, at, eps)) out->positives++;
    }
    out->count = visible.count;
done:
    cairn_metrics__shared_free(&visible);
    if (st < 0) cairn_labels_free(out);
    return st;
}

void cairn_labels_free(cairn_labels *labels)
{
    free(labels->distance);
    free(labels->correct);
    *labels = (cairn_labels){0};
}

double cairn_labels_score(const cairn_labels *labels)
{
    int right = 0;
    for (int i = 0; i < labels->count; i++) right += labels->correct[i];
    return labels->count > 0 ? (double)right / labels->count : 0;
}

cairn_status cairn_labels_append(cairn_labels *pool, const cairn_labels *more)
{
    size_t old = (size_t)pool->count, extra = (size_t)more->count;
    float *distance = realloc(pool->distance, (old + extra + 1) * sizeof *distance);
    if (distance) pool->distance = distance;
    uint8_t *correct = realloc(pool->correct, old + extra + 1);
    if (correct) pool->correct = correct;
    if (!distance || !correct) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu matches", old + extra);
    if (extra > 0) {
        memcpy(distance + old, more->distance, extra * sizeof *distance);
        memcpy(correct + old, more->correct, extra);
    }
    pool->count += more->count;
    pool->positives += more->positives;
    return CAIRN_OK;
}

double cairn_metric_corner_error(const cairn_homography *estimate, const cairn_homography *truth, int h, int w)
{
    const double corners[4][2] = {{0, 0}, {w - 1, 0}, {0, h - 1}, {w - 1, h - 1}};
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        double x, y, u, v;
        if (!cairn_homography_apply(estimate, corners[i][0], corners[i][1], &x, &y)) return INFINITY;
        if (!cairn_homography_apply(truth, corners[i][0], corners[i][1], &u, &v)) return INFINITY;
        sum += hypot(x - u, y - v);
    }
    return isfinite(sum) ? sum / 4 : INFINITY;
}

cairn_status cairn_metric_homography_from_matches(cairn_homography_estimate *out, const double *from, const double *to,
                                                  int count, int h, int w, const cairn_homography *a_to_b,
                                                  const cairn_estimate_options *options)
{
    cairn_status st = CAIRN_OK;
    uint8_t *inliers = NULL;
    *out = (cairn_homography_estimate){.error = INFINITY, .matches = count, .a_to_b = CAIRN_HOMOGRAPHY_IDENTITY};
    if (count < 4) return CAIRN_OK;
    inliers = calloc((size_t)count, 1);
    if (!inliers) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d matches", count);
    st = cairn_homography_ransac(&out->a_to_b, from, to, count, options->threshold, options->iterations,
                                 options->confidence, options->seed, inliers);
    if (st == CAIRN_E_NUMERIC) { /* no model is a result: the pair failed */
        out->a_to_b = CAIRN_HOMOGRAPHY_IDENTITY;
        st = CAIRN_OK;
    } else if (st >= 0) {
        for (int i = 0; i < count; i++) out->inliers += inliers[i];
        out->error = cairn_metric_corner_error(&out->a_to_b, a_to_b, h, w);
    }
    free(inliers);
    return st;
}

/* The points of one view that take part, with their descriptors. */
static cairn_status choose_points(cairn_keypoints *out, const cairn_view *view, const cairn_view *other,
                                  const cairn_homography *to_other, const cairn_estimate_options *options)
{
    cairn_status st = CAIRN_OK;
    cairn_shared chosen = {0};
    const cairn_keypoints *all = view->points;
    const cairn_homography identity = CAIRN_HOMOGRAPHY_IDENTITY;
    if (options->shared) {
        CAIRN_TRY(cairn_metrics__shared(&chosen, all, to_other, other->h, other->w, options->top_k));
    } else {
        CAIRN_TRY(cairn_metrics__shared(&chosen, all, &identity, view->h, view->w, options->top_k));
    }
    CAIRN_TRY(cairn_keypoints_create(out, chosen.count, all->dimension));
    size_t row = (size_t)all->dimension;
    for (int i = 0; i < chosen.count; i++) {
        out->points[i] = all->points[chosen.index[i]];
        memcpy(out->descriptors + (size_t)i * row, all->descriptors + (size_t)chosen.index[i] * row,
               row * sizeof(float));
    }
done:
    cairn_metrics__shared_free(&chosen);
    return st;
}

static cairn_status estimate_from_points(cairn_homography_estimate *out, const cairn_keypoints *a,
                                         const cairn_keypoints *b, const cairn_view *view_a,
                                         const cairn_homography *a_to_b, const cairn_estimate_options *options)
{
    cairn_status st = CAIRN_OK;
    cairn_match *matches = NULL;
    double *places = NULL;
    int count = 0;
    if (a->count > 0 && b->count > 0) CAIRN_TRY(cairn_match_nearest(&matches, &count, a, b, 0, 0));
    places = malloc(((size_t)count + 1) * 4 * sizeof *places);
    if (!places) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for %d matches", count);
        goto done;
    }
    double *from = places, *to = places + 2 * (size_t)count;
    for (int i = 0; i < count; i++) {
        const cairn_keypoint *p = &a->points[matches[i].a], *q = &b->points[matches[i].b];
        from[2 * i] = p->x;
        from[2 * i + 1] = p->y;
        to[2 * i] = q->x;
        to[2 * i + 1] = q->y;
    }
    CAIRN_TRY(cairn_metric_homography_from_matches(out, from, to, count, view_a->h, view_a->w, a_to_b, options));
    out->points_a = a->count;
    out->points_b = b->count;
done:
    free(matches);
    free(places);
    return st;
}

cairn_status cairn_metric_homography(cairn_homography_estimate *out, const cairn_view *a, const cairn_view *b,
                                     const cairn_homography *a_to_b, const cairn_estimate_options *options)
{
    cairn_status st = CAIRN_OK;
    cairn_homography b_to_a;
    cairn_keypoints chosen_a = {0}, chosen_b = {0};
    *out = (cairn_homography_estimate){.error = INFINITY, .a_to_b = CAIRN_HOMOGRAPHY_IDENTITY};
    if (a->points->count == 0 || b->points->count == 0) return CAIRN_OK;
    CAIRN_TRY(check_descriptors(a, b));
    CAIRN_TRY(cairn_homography_invert(&b_to_a, a_to_b));
    CAIRN_TRY(choose_points(&chosen_a, a, b, a_to_b, options));
    CAIRN_TRY(choose_points(&chosen_b, b, a, &b_to_a, options));
    CAIRN_TRY(estimate_from_points(out, &chosen_a, &chosen_b, a, a_to_b, options));
done:
    cairn_keypoints_free(&chosen_a);
    cairn_keypoints_free(&chosen_b);
    return st;
}
