#include "experiments/evaluation/metrics.h"
#include "experiments/evaluation/shared_points.h"

#include <math.h>
#include <stdlib.h>

typedef struct ranked {
    float score;
    int index;
    double x, y;
} ranked;

static int by_score(const void *left, const void *right)
{
    const ranked *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

cairn_status cairn_metrics__shared(cairn_shared *out, const cairn_keypoints *points, const cairn_homography *h,
                                   int frame_h, int frame_w, int top_k)
{
    cairn_status st = CAIRN_OK;
    size_t room = (size_t)points->count + 1;
    int count = 0;
    ranked *order = malloc(room * sizeof *order);
    *out = (cairn_shared){.index = malloc(room * sizeof *out->index), .to = malloc(room * 2 * sizeof *out->to)};
    if (!order || !out->index || !out->to) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for %d shared points", points->count);
        goto done;
    }
    for (int i = 0; i < points->count; i++) {
        const cairn_keypoint *p = &points->points[i];
        double x, y;
        if (!cairn_homography_apply(h, p->x, p->y, &x, &y)) continue;
        if (!(x >= 0 && x < frame_w && y >= 0 && y < frame_h)) continue;
        order[count++] = (ranked){.score = isnan(p->score) ? -INFINITY : p->score, .index = i, .x = x, .y = y};
    }
    qsort(order, (size_t)count, sizeof *order, by_score);
    if (top_k > 0 && count > top_k) count = top_k;
    for (int i = 0; i < count; i++) {
        out->index[i] = order[i].index;
        out->to[2 * i] = order[i].x;
        out->to[2 * i + 1] = order[i].y;
    }
    out->count = count;
done:
    free(order);
    if (st < 0) cairn_metrics__shared_free(out);
    return st;
}

void cairn_metrics__shared_free(cairn_shared *shared)
{
    free(shared->index);
    free(shared->to);
    *shared = (cairn_shared){0};
}

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
