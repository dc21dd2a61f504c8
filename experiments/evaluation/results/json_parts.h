#ifndef CAIRN_EVALUATION_JSON_PARTS_H
#define CAIRN_EVALUATION_JSON_PARTS_H
/* What the sets of evaluation.json have in common, whoever measures. */
#include "experiments/evaluation/metrics/metrics.h"

#include <cjson/cJSON.h>

/* {mean, low, high, count}; the caller's. cJSON writes numbers that are not finite as null. */
cJSON *cairn_interval_json(const cairn_interval *value);
/* Adds an entry to the array "measures". better: 1 higher, -1 lower, 0 neither */
void cairn_measure_json(cJSON *array, const char *id, const char *title, const char *unit, const char *group,
                        int better, bool headline);
#endif
