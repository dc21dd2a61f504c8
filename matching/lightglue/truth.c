#include "matching/lightglue/truth.h"

#include <math.h>
#include <string.h>

/* The points through h, (x, y) each; what goes to infinity has no distance below it. */
static void move(double *out, const cairn_keypoints *points, const cairn_homography *h)
{
    for (int i = 0; i < points->count; i++)
        if (!cairn_homography_apply(h, (double)points->points[i].x, (double)points->points[i].y, &out[2 * i],
                                    &out[2 * i + 1]))
            out[2 * i] = out[2 * i + 1] = INFINITY;
}

static double squared(const double *moved, const cairn_keypoint *point)
{
    const double dx = moved[0] - (double)point->x, dy = moved[1] - (double)point->y;
    const double d = dx * dx + dy * dy;
    return d == d ? d : INFINITY;
}

/* Nearest by d of each point, and the distance to the nearest in its own direction. */
typedef struct nearest {
    int *of;
    double *by, *own;
} nearest;

static void look(nearest *a, nearest *b, const cairn_keypoints *pa, const cairn_keypoints *pb, const double *to_b,
                 const double *to_a)
{
    for (int i = 0; i < pa->count; i++)
        for (int j = 0; j < pb->count; j++) {
            const double d0 = squared(to_b + 2 * i, &pb->points[j]), d1 = squared(to_a + 2 * j, &pa->points[i]);
            const double d = fmax(d0, d1);
            a->own[i] = fmin(a->own[i], d0);
            b->own[j] = fmin(b->own[j], d1);
            if (d < a->by[i]) {
                a->by[i] = d;
                a->of[i] = j;
            }
            if (d < b->by[j]) {
                b->by[j] = d;
                b->of[j] = i;
            }
        }
}

cairn_status cairn_match_truth(int *of_a, int *of_b, const cairn_keypoints *a, const cairn_keypoints *b,
                               const cairn_homography *a_to_b, double near, double far)
{
    cairn_status st = CAIRN_OK;
    const size_t n = (size_t)a->count, m = (size_t)b->count;
    cairn_homography b_to_a;
    int *nearest_a = NULL;
    double *memory = malloc(sizeof *memory * (4 * (n + m) + 1));
    nearest_a = malloc(sizeof *nearest_a * (n + m + 1));
    if (!memory || !nearest_a) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu and %zu points", n, m));
    CAIRN_TRY(cairn_homography_invert(&b_to_a, a_to_b));
    double *to_b = memory, *to_a = to_b + 2 * n, *values = to_a + 2 * m;
    nearest na = {nearest_a, values, values + n}, nb = {nearest_a + n, values + 2 * n, values + 2 * n + m};
    for (size_t i = 0; i < 2 * (n + m); i++) values[i] = INFINITY;
    for (size_t i = 0; i < n + m; i++) nearest_a[i] = -1;
    move(to_b, a, a_to_b);
    move(to_a, b, &b_to_a);
    look(&na, &nb, a, b, to_b, to_a);
    for (size_t i = 0; i < n; i++) {
        const int j = na.of[i];
        const bool match = j >= 0 && nb.of[j] == (int)i && na.by[i] < near * near;
        of_a[i] = !(na.own[i] <= far * far) ? CAIRN_TRUTH_NONE : match ? j : CAIRN_TRUTH_IGNORED;
    }
    for (size_t j = 0; j < m; j++) {
        const int i = nb.of[j];
        const bool match = i >= 0 && na.of[i] == (int)j && nb.by[j] < near * near;
        of_b[j] = !(nb.own[j] <= far * far) ? CAIRN_TRUTH_NONE : match ? i : CAIRN_TRUTH_IGNORED;
    }
done:
    free(memory);
    free(nearest_a);
    return st;
}
