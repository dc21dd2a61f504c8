/* Nearest-neighbour matches of visible points, right or wrong by the known homography. */
#include "experiments/evaluation/metrics/descriptors.h"
#include "experiments/evaluation/metrics/shared_points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static cairn_status label(cairn_labels *out, const cairn_view *from, const cairn_view *to,
                          const cairn_homography *from_to_to, const cairn_label_options *options)
{
    cairn_status st = CAIRN_OK;
    cairn_shared visible = {0};
    if (from->points->count > 0 && to->points->count > 0)
        CAIRN_TRY(cairn_metrics__check_descriptors(from->points, to->points));
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
        double second;
        const float *desc = from->points->descriptors + (size_t)visible.index[i] * (size_t)from->points->dimension;
        int best = cairn_metrics__nearest(&out->distance[i], &second, desc, to->points);
        if (options->ratio) out->distance[i] = second > 0 && isfinite(second) ? out->distance[i] / second : 1;
        if (best >= 0 && distance_to(&to->points->points[best], at) < options->eps) out->correct[i] = 1;
        if (any_within(to->points, at, options->eps)) out->positives++;
    }
    out->count = visible.count;
done:
    cairn_metrics__shared_free(&visible);
    return st;
}

cairn_status cairn_metric_labels_with(cairn_labels *out, const cairn_view *from, const cairn_view *to,
                                      const cairn_homography *from_to_to, const cairn_label_options *options)
{
    cairn_status st = CAIRN_OK;
    cairn_shared best = {0};
    cairn_keypoints chosen[2] = {{0}, {0}};
    cairn_view views[2] = {*from, *to};
    *out = (cairn_labels){0};
    for (int i = 0; i < 2 && options->top_k > 0; i++) {
        CAIRN_TRY(cairn_metrics__best(&best, views[i].points, NULL, options->top_k));
        CAIRN_TRY(cairn_metrics__subset(&chosen[i], views[i].points, &best));
        cairn_metrics__shared_free(&best);
        views[i].points = &chosen[i];
    }
    CAIRN_TRY(label(out, &views[0], &views[1], from_to_to, options));
done:
    cairn_metrics__shared_free(&best);
    cairn_keypoints_free(&chosen[0]);
    cairn_keypoints_free(&chosen[1]);
    if (st < 0) cairn_labels_free(out);
    return st;
}

cairn_status cairn_metric_labels(cairn_labels *out, const cairn_view *from, const cairn_view *to,
                                 const cairn_homography *from_to_to, double eps)
{
    return cairn_metric_labels_with(out, from, to, from_to_to, &(cairn_label_options){.eps = eps});
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
    double *distance = realloc(pool->distance, (old + extra + 1) * sizeof *distance);
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
