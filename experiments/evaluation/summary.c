/* Means, intervals and comparisons of an evaluation. */
#include "experiments/evaluation/evaluate.h"

#include <math.h>

const double cairn_homography_thresholds[CAIRN_THRESHOLDS] = {1, 3, 5};

const char *cairn_role_name(cairn_role role)
{
    static const char *const names[] = {"classical", "teacher",           "untrained-teacher",
                                        "student",   "untrained-student", "chance"};
    return role < CAIRN_ROLES ? names[role] : "unknown";
}

const char *cairn_measure_name(cairn_measure measure)
{
    static const char *const names[] = {
        "repeatability",       "localisation",        "matching score", "NN precision",
        "homography@1",        "homography@3",        "homography@5",   "homography shared@1",
        "homography shared@3", "homography shared@5", "points",         "matches"};
    return measure < CAIRN_MEASURES ? names[measure] : "unknown";
}

static double within(double error, int threshold)
{
    return isnan(error) ? NAN : error <= cairn_homography_thresholds[threshold];
}

double cairn_measure_of_row(cairn_measure measure, const cairn_pair_row *row)
{
    switch (measure) {
    case CAIRN_MEASURE_REPEATABILITY:
        return row->repeatability;
    case CAIRN_MEASURE_LOCALISATION:
        return row->localisation;
    case CAIRN_MEASURE_MATCHING_SCORE:
        return row->matching_score;
    case CAIRN_MEASURE_PRECISION:
        return row->precision;
    case CAIRN_MEASURE_HOMOGRAPHY_1:
    case CAIRN_MEASURE_HOMOGRAPHY_3:
    case CAIRN_MEASURE_HOMOGRAPHY_5:
        return within(row->corner_error, (int)measure - CAIRN_MEASURE_HOMOGRAPHY_1);
    case CAIRN_MEASURE_HOMOGRAPHY_SHARED_1:
    case CAIRN_MEASURE_HOMOGRAPHY_SHARED_3:
    case CAIRN_MEASURE_HOMOGRAPHY_SHARED_5:
        return within(row->corner_error_shared, (int)measure - CAIRN_MEASURE_HOMOGRAPHY_SHARED_1);
    case CAIRN_MEASURE_POINTS:
        return row->points;
    case CAIRN_MEASURE_MATCHES:
        return row->matches;
    default:
        return NAN;
    }
}

/* Over the used pairs of a kind; with baseline >= 0 the differences. */
static cairn_status gather(cairn_interval *out, const cairn_evaluation *e, int m, int baseline, cairn_measure measure,
                           cairn_pair_kind kind)
{
    cairn_status st = CAIRN_OK;
    size_t count = 0;
    double *values = malloc(((size_t)e->pairs + 1) * sizeof *values);
    *out = (cairn_interval){NAN, NAN, NAN, 0};
    if (!values) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the values of %d pairs", e->pairs);
    for (int i = 0; i < e->pairs; i++) {
        if (!e->pair[i].used || (kind != CAIRN_PAIR_KINDS && e->pair[i].kind != kind)) continue;
        double value = cairn_measure_of_row(measure, &e->method[m].rows[i]);
        if (baseline >= 0) value -= cairn_measure_of_row(measure, &e->method[baseline].rows[i]);
        values[count++] = value;
    }
    st = cairn_metric_bootstrap(out, values, count, e->options.resamples, e->options.seed);
    free(values);
    return st;
}

cairn_status cairn_evaluation_summary(cairn_interval *out, const cairn_evaluation *evaluation, int m,
                                      cairn_measure measure, cairn_pair_kind kind)
{
    return gather(out, evaluation, m, -1, measure, kind);
}

cairn_status cairn_evaluation_compare(cairn_interval *out, const cairn_evaluation *evaluation, int m, int baseline,
                                      cairn_measure measure)
{
    return gather(out, evaluation, m, baseline, measure, CAIRN_PAIR_KINDS);
}

int cairn_evaluation_find(const cairn_evaluation *evaluation, cairn_role role)
{
    for (int m = 0; m < evaluation->methods; m++)
        if (evaluation->method[m].role == role) return m;
    return -1;
}
