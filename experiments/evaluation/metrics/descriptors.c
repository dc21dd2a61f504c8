#include "experiments/evaluation/metrics/descriptors.h"

#include <math.h>

cairn_status cairn_metrics__check_descriptors(const cairn_keypoints *a, const cairn_keypoints *b)
{
    if (a->dimension > 0 && a->dimension == b->dimension) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_SHAPE, "descriptors of length %d and %d: expected the same length, at least 1",
                           a->dimension, b->dimension);
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

double cairn_metrics__distance(const float *a, const float *b, int n)
{
    double sum = 0;
    for (int k = 0; k < n; k++) sum += ((double)a[k] - b[k]) * ((double)a[k] - b[k]);
    return sqrt(sum);
}

int cairn_metrics__nearest(double *distance, double *second, const float *desc, const cairn_keypoints *set)
{
    const int n = set->dimension;
    int best = -1, runner_up = -1;
    float least = INFINITY, next = INFINITY;
    for (int j = 0; j < set->count; j++) {
        float d = squared_difference(desc, set->descriptors + (size_t)j * (size_t)n, n);
        if (d < least) {
            next = least;
            runner_up = best;
            least = d;
            best = j;
        } else if (d < next) {
            next = d;
            runner_up = j;
        }
    }
    *distance = best < 0 ? INFINITY : cairn_metrics__distance(desc, set->descriptors + (size_t)best * (size_t)n, n);
    *second =
        runner_up < 0 ? INFINITY : cairn_metrics__distance(desc, set->descriptors + (size_t)runner_up * (size_t)n, n);
    return best;
}
