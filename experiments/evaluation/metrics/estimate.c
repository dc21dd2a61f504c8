/* Homographies estimated from matches, and how far they are from the true one. */
#include "experiments/evaluation/metrics/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *cairn_estimator_name(cairn_estimator estimator)
{
    static const char *const names[] = {"lo", "cv", "dlt"};
    return (unsigned)estimator < CAIRN_ESTIMATORS ? names[estimator] : "unknown";
}

double cairn_metric_corner_error(const cairn_homography *estimate, const cairn_homography *truth, int h, int w,
                                 cairn_corners corners)
{
    const int outer = corners == CAIRN_CORNERS_FRAME ? 0 : 1;
    const double right = w - outer, bottom = h - outer;
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        double px = i & 1 ? right : 0, py = i & 2 ? bottom : 0, x, y, u, v;
        if (!cairn_homography_apply(estimate, px, py, &x, &y)) return INFINITY;
        if (!cairn_homography_apply(truth, px, py, &u, &v)) return INFINITY;
        sum += hypot(x - u, y - v);
    }
    return isfinite(sum) ? sum / 4 : INFINITY;
}

static void mark_forward(uint8_t *inliers, const cairn_homography *h, const double *from, const double *to, int count,
                         double threshold)
{
    for (int i = 0; i < count; i++) {
        double x, y;
        inliers[i] = cairn_homography_apply(h, from[2 * i], from[2 * i + 1], &x, &y) &&
                     hypot(x - to[2 * i], y - to[2 * i + 1]) <= threshold;
    }
}

static cairn_status fit(cairn_homography *out, uint8_t *inliers, const double *from, const double *to,
                        const double *weights, int count, const cairn_estimate_options *o)
{
    cairn_status st;
    switch (o->estimator) {
    case CAIRN_ESTIMATOR_CV:
        return cairn_homography_ransac_cv(out, from, to, count, o->threshold, o->iterations, o->confidence, inliers);
    case CAIRN_ESTIMATOR_DLT:
        st = cairn_homography_fit(out, from, to, weights, count);
        if (st >= 0) mark_forward(inliers, out, from, to, count, o->threshold);
        return st;
    default:
        return cairn_homography_ransac(out, from, to, count, o->threshold, o->iterations, o->confidence, o->seed,
                                       inliers);
    }
}

cairn_status cairn_metric_estimate(cairn_homography_estimate *out, uint8_t *inliers, const double *from,
                                   const double *to, const double *weights, int count, int h, int w,
                                   const cairn_homography *a_to_b, const cairn_estimate_options *options)
{
    cairn_status st = CAIRN_OK;
    *out = (cairn_homography_estimate){.error = INFINITY, .matches = count, .a_to_b = CAIRN_HOMOGRAPHY_IDENTITY};
    if (inliers && count > 0) memset(inliers, 0, (size_t)count);
    if (count < 4) return CAIRN_OK;
    uint8_t *marks = calloc((size_t)count, 1);
    if (!marks) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d matches", count);
    st = fit(&out->a_to_b, marks, from, to, weights, count, options);
    if (st == CAIRN_E_NUMERIC) { /* no model is a result: the pair failed */
        out->a_to_b = CAIRN_HOMOGRAPHY_IDENTITY;
        st = CAIRN_OK;
    } else if (st >= 0) {
        for (int i = 0; i < count; i++) out->inliers += marks[i];
        out->error = cairn_metric_corner_error(&out->a_to_b, a_to_b, h, w, options->corners);
        if (inliers) memcpy(inliers, marks, (size_t)count);
    }
    free(marks);
    return st;
}

cairn_status cairn_metric_homography(cairn_homography_estimate *out, const cairn_view *a, const cairn_view *b,
                                     const cairn_homography *a_to_b, const cairn_estimate_options *options)
{
    cairn_status st = CAIRN_OK;
    cairn_matches matches = {0};
    const cairn_match_options how = {.shared = options->shared,
                                     .top_k = options->top_k,
                                     .rule = options->rule,
                                     .max_distance = options->max_distance,
                                     .ratio = options->ratio};
    *out = (cairn_homography_estimate){.error = INFINITY, .a_to_b = CAIRN_HOMOGRAPHY_IDENTITY};
    CAIRN_TRY(cairn_metric_matches(&matches, a, b, a_to_b, &how));
    CAIRN_TRY(cairn_metric_estimate(out, NULL, matches.from, matches.to, NULL, matches.count, a->h, a->w, a_to_b,
                                    options));
    out->points_a = matches.points_a;
    out->points_b = matches.points_b;
done:
    cairn_matches_free(&matches);
    return st;
}
