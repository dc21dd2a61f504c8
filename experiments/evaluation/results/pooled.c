/* Summaries that are no means of rows, with intervals over resampled pairs: average precision over the matches of all
 * pairs, medians, areas under the curve of errors. Values are sorted once; a resample says how often each counts. */
#include "base/rng.h"
#include "experiments/evaluation/rows.h"
#include "experiments/evaluation/results/statistics.h"

#include <math.h>
#include <string.h>

void cairn_evaluation__pool_free(cairn_label_pool *pool)
{
    free(pool->labels);
    free(pool->positives);
    *pool = (cairn_label_pool){0};
}

static int near_first(const void *left, const void *right)
{
    const cairn_pooled_label *a = left, *b = right;
    if (a->distance != b->distance) return a->distance < b->distance ? -1 : 1;
    return a->pair_and_correct < b->pair_and_correct ? -1 : a->pair_and_correct > b->pair_and_correct;
}

static int ascending(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* How often each of `count` things is drawn in resample r. */
static void draw(uint32_t *times, int count, uint32_t seed, int r)
{
    enum { PURPOSE = 0x626f6f74 };
    cairn_rng rng = cairn_rng_stream(seed, 0, (uint32_t)r, 0, PURPOSE);
    memset(times, 0, (size_t)count * sizeof *times);
    for (int i = 0; i < count; i++) times[cairn_rng_integer(&rng, 0, count - 1)]++;
}

static void interval_of(cairn_interval *out, double *resampled, int resamples)
{
    qsort(resampled, (size_t)resamples, sizeof *resampled, ascending);
    const double quantiles[2] = {0.025, 0.975};
    double ends[2];
    for (int i = 0; i < 2; i++) {
        const double at = quantiles[i] * (resamples - 1);
        const int low = (int)at, high = low + 1 < resamples ? low + 1 : low;
        /* Infinite errors are possible, and inf - inf is not a number. */
        ends[i] = resampled[low] == resampled[high] ? resampled[low]
                                                    : resampled[low] + (at - low) * (resampled[high] - resampled[low]);
    }
    out->low = ends[0];
    out->high = ends[1];
}

/* Steps of precision and recall, for the envelope from the end. */
typedef struct step {
    double precision, right;
} step;

/* times: weight of each pair; steps: room for all labels. Labels of equal distance are one step, as in
 * cairn_metric_average_precision. */
static double precision_of(const cairn_label_pool *pool, const uint32_t *times, int pairs, step *steps)
{
    double positives = 0, right = 0, all = 0, sum = 0, highest = 0;
    size_t count = 0;
    for (int i = 0; i < pairs; i++) positives += (double)times[i] * pool->positives[i];
    if (!(positives > 0)) return 0;
    for (size_t i = 0; i < pool->count; i++) {
        const uint32_t key = pool->labels[i].pair_and_correct;
        const double weight = times[key >> 1];
        all += weight;
        right += key & 1 ? weight : 0;
        if (i + 1 < pool->count && pool->labels[i + 1].distance == pool->labels[i].distance) continue;
        if (all > 0) steps[count++] = (step){right / all, right};
    }
    while (count-- > 0) {
        const double before = count > 0 ? steps[count - 1].right : 0;
        if (steps[count].precision > highest) highest = steps[count].precision;
        sum += highest * (steps[count].right - before);
    }
    return sum / positives;
}

/* Pairs of one kind: chosen[k] is the k-th of them. */
static cairn_status summarise(cairn_interval *out, const cairn_label_pool *pool, const int *chosen, int count,
                              const cairn_evaluation *e)
{
    cairn_status st = CAIRN_OK;
    uint32_t *times = calloc((size_t)e->pairs + 1, sizeof *times);
    uint32_t *drawn = calloc((size_t)count + 1, sizeof *drawn);
    double *resampled = malloc((size_t)e->resamples * sizeof *resampled);
    step *steps = malloc((pool->count + 1) * sizeof *steps);
    if (!times || !drawn || !resampled || !steps) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the matches of %d pairs", count);
        goto done;
    }
    for (int k = 0; k < count; k++) times[chosen[k]] = 1;
    out->mean = precision_of(pool, times, e->pairs, steps);
    out->count = count;
    for (int r = 0; r < e->resamples; r++) {
        draw(drawn, count, e->seed, r);
        for (int k = 0; k < count; k++) times[chosen[k]] = drawn[k];
        resampled[r] = precision_of(pool, times, e->pairs, steps);
    }
    interval_of(out, resampled, e->resamples);
done:
    free(times);
    free(drawn);
    free(resampled);
    free(steps);
    return st;
}

cairn_status cairn_evaluation__pool_summaries(cairn_evaluation_method *method, cairn_label_pool *pool,
                                              const cairn_evaluation *e)
{
    cairn_status st = CAIRN_OK;
    int *chosen = NULL;
    if (method->dimension == 0 || e->protocol.labels != CAIRN_LABELS_TRUTH) return CAIRN_OK;
    if (!e->protocol.view[CAIRN_VIEW_DESCRIBE].used || !method->nearest) return CAIRN_OK;
    chosen = malloc(((size_t)e->pairs + 1) * sizeof *chosen);
    if (!chosen) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d pairs", e->pairs);
    if (pool->count > 1) qsort(pool->labels, pool->count, sizeof *pool->labels, near_first);
    for (int kind = 0; kind < CAIRN_KINDS_OF_PAIRS; kind++) {
        int count = 0;
        for (int i = 0; i < e->pairs; i++)
            if (cairn_evaluation_takes(e, i, (cairn_pair_kind)kind)) chosen[count++] = i;
        if (count > 0) CAIRN_TRY(summarise(&method->pooled[kind], pool, chosen, count, e));
    }
done:
    free(chosen);
    return st;
}

/* Of `total` values, counted as often as `times` says. */
static double median_of(const double *sorted, const uint32_t *times, size_t count, size_t total)
{
    const size_t low = (total - 1) / 2, high = total / 2;
    size_t seen = 0;
    double first = NAN;
    for (size_t i = 0; i < count; i++) {
        if (seen <= low && low < seen + times[i]) first = sorted[i];
        seen += times[i];
        if (high < seen) return first == sorted[i] ? first : (first + sorted[i]) / 2;
    }
    return first;
}

/* As cairn_metric_auc; each copy of an error is a point of the curve. */
static double area_of(const double *sorted, const uint32_t *times, size_t count, size_t total, double limit)
{
    double area = 0, error = 0, recall = 0;
    size_t seen = 0;
    for (size_t i = 0; i < count && sorted[i] < limit; i++) {
        if (!times[i]) continue;
        const double next = (double)(seen + 1) / (double)total;
        area += (sorted[i] - error) * (recall + next) / 2;
        seen += times[i];
        error = sorted[i];
        recall = (double)seen / (double)total;
    }
    area += (limit - error) * recall;
    return area / limit;
}

static double statistic(cairn_measure_pool pool, double limit, const double *sorted, const uint32_t *times, size_t n)
{
    return pool == CAIRN_POOL_MEDIAN ? median_of(sorted, times, n, n) : area_of(sorted, times, n, n, limit);
}

cairn_status cairn_statistic_bootstrap(cairn_interval *out, const double *values, size_t count, cairn_measure_pool pool,
                                       double limit, int resamples, uint32_t seed)
{
    cairn_status st = CAIRN_OK;
    int n = 0;
    double *sorted = malloc((count + 1) * sizeof *sorted), *resampled = malloc((size_t)resamples * sizeof *resampled);
    uint32_t *times = calloc(count + 1, sizeof *times);
    *out = (cairn_interval){NAN, NAN, NAN, 0};
    if (!sorted || !resampled || !times) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a bootstrap over %zu values", count);
        goto done;
    }
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i])) sorted[n++] = values[i];
    if (n == 0) goto done;
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    for (int i = 0; i < n; i++) times[i] = 1;
    out->mean = statistic(pool, limit, sorted, times, (size_t)n);
    out->count = n;
    for (int r = 0; r < resamples; r++) {
        draw(times, n, seed, r);
        resampled[r] = statistic(pool, limit, sorted, times, (size_t)n);
    }
    interval_of(out, resampled, resamples);
done:
    free(sorted);
    free(resampled);
    free(times);
    return st;
}
