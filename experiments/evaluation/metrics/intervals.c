/* Area under the error curve, and bootstrap intervals. */
#include "base/rng.h"
#include "experiments/evaluation/metrics/metrics.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

cairn_status cairn_metric_auc(double *out, const double *errors, size_t count, double threshold)
{
    *out = 0;
    if (count == 0) return CAIRN_OK;
    double *sorted = malloc(count * sizeof *sorted);
    if (!sorted) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu errors", count);
    for (size_t i = 0; i < count; i++) sorted[i] = isnan(errors[i]) ? INFINITY : errors[i];
    qsort(sorted, count, sizeof *sorted, ascending);
    double area = 0, error = 0, recall = 0;
    for (size_t i = 0; i < count && sorted[i] < threshold; i++) {
        double next = (double)(i + 1) / (double)count;
        area += (sorted[i] - error) * (recall + next) / 2;
        error = sorted[i];
        recall = next;
    }
    area += (threshold - error) * recall;
    free(sorted);
    *out = area / threshold;
    return CAIRN_OK;
}

/* Linear interpolation between the order statistics. */
static double quantile(const double *sorted, int count, double q)
{
    double at = q * (count - 1);
    int low = (int)at;
    int high = low + 1 < count ? low + 1 : low;
    return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

cairn_status cairn_metric_bootstrap(cairn_interval *out, const double *values, size_t count, int resamples,
                                    uint32_t seed)
{
    enum { DEFAULT_RESAMPLES = 1000, PURPOSE = 0x626f6f74 };
    cairn_status st = CAIRN_OK;
    *out = (cairn_interval){NAN, NAN, NAN, 0};
    if (resamples <= 0) resamples = DEFAULT_RESAMPLES;
    double *kept = malloc((count + 1) * sizeof *kept), *means = malloc((size_t)resamples * sizeof *means), sum = 0;
    int n = 0;
    if (!kept || !means) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a bootstrap over %zu values", count);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i])) continue;
        sum += values[i];
        kept[n++] = values[i];
    }
    out->count = n;
    if (n == 0) goto done;
    for (int r = 0; r < resamples; r++) {
        cairn_rng rng = cairn_rng_stream(seed, 0, (uint32_t)r, 0, PURPOSE);
        means[r] = 0;
        for (int i = 0; i < n; i++) means[r] += kept[cairn_rng_integer(&rng, 0, n - 1)];
        means[r] /= n;
    }
    qsort(means, (size_t)resamples, sizeof *means, ascending);
    out->mean = sum / n;
    out->low = quantile(means, resamples, 0.025);
    out->high = quantile(means, resamples, 0.975);
done:
    free(kept);
    free(means);
    return st;
}
