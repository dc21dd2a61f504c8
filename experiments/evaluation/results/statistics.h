#ifndef CAIRN_EVALUATION_STATISTICS_H
#define CAIRN_EVALUATION_STATISTICS_H
#include "experiments/evaluation/results/measures.h"
#include "experiments/evaluation/metrics/metrics.h"

/* Median (CAIRN_POOL_MEDIAN) or area under the curve of errors below `limit` (CAIRN_POOL_AUC) of values >= 0, with the
 * 2.5 and 97.5 percentiles over `resamples` >= 1 draws with replacement. NaN values are left out, INFINITY is a
 * failure. Field `mean` holds the statistic. */
cairn_status cairn_statistic_bootstrap(cairn_interval *out, const double *values, size_t count, cairn_measure_pool pool,
                                       double limit, int resamples, uint32_t seed);
#endif
