/* Matches that something else has found, a learned matcher for one. */
#include "experiments/evaluation/metrics/descriptors.h"
#include "experiments/evaluation/metrics/metrics.h"

#include <math.h>
#include <stdlib.h>

cairn_status cairn_metric_matches_from(cairn_matches *out, const cairn_view *a, const cairn_view *b,
                                       const cairn_match *found, int count)
{
    const size_t n = (size_t)count + 1;
    *out = (cairn_matches){.points_a = a->points->count, .points_b = b->points->count};
    out->a = malloc(n * sizeof *out->a);
    out->b = malloc(n * sizeof *out->b);
    out->from = malloc(2 * n * sizeof *out->from);
    out->to = malloc(2 * n * sizeof *out->to);
    out->distance = malloc(n * sizeof *out->distance);
    if (!out->a || !out->b || !out->from || !out->to || !out->distance) {
        cairn_matches_free(out);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d matches", count);
    }
    for (int i = 0; i < count; i++) {
        const cairn_keypoint *p = &a->points->points[found[i].a], *q = &b->points->points[found[i].b];
        out->a[i] = found[i].a;
        out->b[i] = found[i].b;
        out->from[2 * i] = p->x;
        out->from[2 * i + 1] = p->y;
        out->to[2 * i] = q->x;
        out->to[2 * i + 1] = q->y;
        out->distance[i] = found[i].distance;
    }
    out->count = count;
    return CAIRN_OK;
}

/* Where `from_to_to` puts (x, y), if that is in the other view. */
static bool visible(double at[2], double x, double y, const cairn_homography *from_to_to, const cairn_view *to)
{
    return cairn_homography_apply(from_to_to, x, y, &at[0], &at[1]) && at[0] >= 0 && at[0] < to->w && at[1] >= 0 &&
           at[1] < to->h;
}

static double one_way(const cairn_view *from, const cairn_view *to, const cairn_homography *from_to_to,
                      const double *here, const double *there, int count, double eps)
{
    int seen = 0, right = 0;
    double at[2];
    for (int i = 0; i < from->points->count; i++)
        seen += visible(at, from->points->points[i].x, from->points->points[i].y, from_to_to, to);
    for (int i = 0; i < count; i++)
        right += visible(at, here[2 * i], here[2 * i + 1], from_to_to, to) &&
                 hypot(there[2 * i] - at[0], there[2 * i + 1] - at[1]) < eps;
    return seen > 0 ? (double)right / seen : 0;
}

cairn_status cairn_metric_match_score(double *out, const cairn_view *a, const cairn_view *b,
                                      const cairn_homography *a_to_b, const cairn_matches *matches, double eps)
{
    cairn_homography b_to_a;
    const cairn_status st = cairn_homography_invert(&b_to_a, a_to_b);
    if (st < 0) return st;
    *out = (one_way(a, b, a_to_b, matches->from, matches->to, matches->count, eps) +
            one_way(b, a, &b_to_a, matches->to, matches->from, matches->count, eps)) / 2;
    return CAIRN_OK;
}
