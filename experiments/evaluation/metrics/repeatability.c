#include "experiments/evaluation/metrics/metrics.h"
#include "experiments/evaluation/metrics/shared_points.h"

#include <math.h>
#include <stdlib.h>

/* The squared distances to the nearest on the other side: of the projected points of a, of the points of b. */
static void nearest(double *of_a, double *of_b, const cairn_shared *a, const cairn_shared *b, const cairn_view *view_b)
{
    for (int j = 0; j < b->count; j++) of_b[j] = INFINITY;
    for (int i = 0; i < a->count; i++) {
        of_a[i] = INFINITY;
        for (int j = 0; j < b->count; j++) {
            const cairn_keypoint *q = &view_b->points->points[b->index[j]];
            double dx = a->to[2 * i] - q->x, dy = a->to[2 * i + 1] - q->y, d = dx * dx + dy * dy;
            if (d < of_a[i]) of_a[i] = d;
            if (d < of_b[j]) of_b[j] = d;
        }
    }
}

static int count_correct(double *error_sum, const double *squared, int count, double eps)
{
    int correct = 0;
    for (int i = 0; i < count; i++) {
        double d = sqrt(squared[i]);
        if (!(d <= eps)) continue;
        correct++;
        *error_sum += d;
    }
    return correct;
}

cairn_status cairn_metric_repeatability(cairn_repeatability *out, const cairn_view *a, const cairn_view *b,
                                        const cairn_homography *a_to_b, double eps, int top_k)
{
    cairn_status st = CAIRN_OK;
    cairn_homography b_to_a;
    cairn_shared in_a = {0}, in_b = {0};
    double *squared = NULL, error_sum = 0;
    *out = (cairn_repeatability){.error = NAN};
    CAIRN_TRY(cairn_homography_invert(&b_to_a, a_to_b));
    CAIRN_TRY(cairn_metrics__shared(&in_a, a->points, a_to_b, b->h, b->w, top_k));
    CAIRN_TRY(cairn_metrics__shared(&in_b, b->points, &b_to_a, a->h, a->w, top_k));
    squared = malloc(((size_t)in_a.count + (size_t)in_b.count + 1) * sizeof *squared);
    if (!squared) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the distances of %d points", in_a.count + in_b.count);
        goto done;
    }
    nearest(squared, squared + in_a.count, &in_a, &in_b, b);
    out->count_a = in_a.count;
    out->count_b = in_b.count;
    out->correct_a = count_correct(&error_sum, squared, in_a.count, eps);
    out->correct_b = count_correct(&error_sum, squared + in_a.count, in_b.count, eps);
    int total = out->count_a + out->count_b, correct = out->correct_a + out->correct_b;
    out->defined = total > 0;
    if (total > 0) out->value = (double)correct / total;
    if (correct > 0) out->error = error_sum / correct;
done:
    cairn_metrics__shared_free(&in_a);
    cairn_metrics__shared_free(&in_b);
    free(squared);
    return st;
}

/* The `count` best points, where they land and whether that is inside the other frame. */
static void visible_flags(uint8_t *flags, int *visible, const cairn_shared *points, int h, int w)
{
    *visible = 0;
    for (int i = 0; i < points->count; i++) {
        double x = points->to[2 * i], y = points->to[2 * i + 1];
        *visible += flags[i] = x >= 0 && x < w && y >= 0 && y < h;
    }
}

/* One direction of the mutual variant: points `from`, projected, against all points `own` of the view `to`. */
static cairn_status mutual_direction(int *count, int *correct, double *error_sum, const cairn_shared *from,
                                     const cairn_shared *own, const cairn_view *to, double eps)
{
    size_t n = (size_t)from->count, m = (size_t)own->count;
    double *least = malloc((n + m + 1) * sizeof *least);
    int *index = malloc((n + m + 1) * sizeof *index);
    uint8_t *visible = malloc(n + 1);
    cairn_status st = CAIRN_OK;
    if (!least || !index || !visible) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the distances of %zu points", n + m);
        goto done;
    }
    for (size_t i = 0; i < n + m; i++) {
        least[i] = INFINITY;
        index[i] = -1;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < m; j++) {
            const cairn_keypoint *q = &to->points->points[own->index[j]];
            double dx = from->to[2 * i] - q->x, dy = from->to[2 * i + 1] - q->y, d = dx * dx + dy * dy;
            if (d < least[i]) {
                least[i] = d;
                index[i] = (int)j;
            }
            if (d < least[n + j]) {
                least[n + j] = d;
                index[n + j] = (int)i;
            }
        }
    }
    visible_flags(visible, count, from, to->h, to->w);
    *correct = 0;
    for (size_t i = 0; i < n; i++) {
        if (!visible[i] || index[i] < 0 || index[n + (size_t)index[i]] != (int)i || !(sqrt(least[i]) <= eps)) continue;
        ++*correct;
        *error_sum += sqrt(least[i]);
    }
done:
    free(least);
    free(index);
    free(visible);
    return st;
}

cairn_status cairn_metric_repeatability_mutual(cairn_repeatability *out, const cairn_view *a, const cairn_view *b,
                                               const cairn_homography *a_to_b, double eps, int top_k)
{
    cairn_status st = CAIRN_OK;
    cairn_homography b_to_a;
    cairn_shared best_a = {0}, best_b = {0}, in_b = {0}, in_a = {0};
    double error_sum = 0;
    *out = (cairn_repeatability){.error = NAN};
    CAIRN_TRY(cairn_homography_invert(&b_to_a, a_to_b));
    CAIRN_TRY(cairn_metrics__best(&best_a, a->points, NULL, top_k));
    CAIRN_TRY(cairn_metrics__best(&best_b, b->points, NULL, top_k));
    CAIRN_TRY(cairn_metrics__best(&in_b, a->points, a_to_b, top_k));
    CAIRN_TRY(cairn_metrics__best(&in_a, b->points, &b_to_a, top_k));
    CAIRN_TRY(mutual_direction(&out->count_a, &out->correct_a, &error_sum, &in_b, &best_b, b, eps));
    CAIRN_TRY(mutual_direction(&out->count_b, &out->correct_b, &error_sum, &in_a, &best_a, a, eps));
    int total = out->count_a + out->count_b, correct = out->correct_a + out->correct_b;
    out->defined = total > 0;
    if (total > 0) out->value = (double)correct / total;
    if (correct > 0) out->error = error_sum / correct;
done:
    cairn_metrics__shared_free(&best_a);
    cairn_metrics__shared_free(&best_b);
    cairn_metrics__shared_free(&in_b);
    cairn_metrics__shared_free(&in_a);
    return st;
}
