/* Means, medians, areas, intervals and comparisons of an evaluation. */
#include "experiments/evaluation/evaluate.h"
#include "experiments/evaluation/results/statistics.h"

#include <math.h>

bool cairn_evaluation_takes(const cairn_evaluation *e, int pair, cairn_pair_kind wanted)
{
    const cairn_evaluation_pair *p = &e->pair[pair];
    if (!p->used) return false;
    if (wanted != CAIRN_PAIR_KINDS) return p->kind == wanted;
    if (p->kind != CAIRN_PAIR_BLUR) return true;
    for (int i = 0; i < e->pairs; i++)
        if (e->pair[i].used && e->pair[i].kind != CAIRN_PAIR_BLUR) return false;
    return true;
}

int cairn_evaluation_count(const cairn_evaluation *e, cairn_pair_kind kind)
{
    int count = 0;
    for (int i = 0; i < e->pairs; i++) count += cairn_evaluation_takes(e, i, kind);
    return count;
}

/* What is resampled for a measure: its own value, or the error that areas are made of. */
static double value_of(const cairn_pair_row *row, cairn_measure measure, cairn_measure_pool pool)
{
    if (pool == CAIRN_POOL_AUC) return row->value[CAIRN_MEASURE_HOMOGRAPHY_ERROR];
    if (pool == CAIRN_POOL_AUC_DLT) return row->error_dlt;
    return row->value[measure];
}

static cairn_measure_pool pool_of(const cairn_evaluation *e, cairn_measure measure)
{
    if (e->protocol.medians &&
        (measure == CAIRN_MEASURE_MATCH_PRECISION_1 || measure == CAIRN_MEASURE_MATCH_PRECISION_3))
        return CAIRN_POOL_MEDIAN;
    return cairn_measure_get(measure)->pool;
}

/* Over the used pairs of a kind; with baseline >= 0 the differences. */
static cairn_status gather(cairn_interval *out, const cairn_evaluation *e, int m, int baseline, cairn_measure measure,
                           cairn_pair_kind kind)
{
    cairn_status st = CAIRN_OK;
    size_t count = 0;
    const cairn_measure_pool pool = baseline >= 0 ? CAIRN_POOL_MEAN : pool_of(e, measure);
    *out = (cairn_interval){NAN, NAN, NAN, 0};
    if (pool == CAIRN_POOL_LABELS) {
        *out = e->method[m].pooled[kind];
        return CAIRN_OK;
    }
    if ((pool == CAIRN_POOL_AUC || pool == CAIRN_POOL_AUC_DLT) && !e->protocol.auc) return CAIRN_OK;
    double *values = malloc(((size_t)e->pairs + 1) * sizeof *values);
    if (!values) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the values of %d pairs", e->pairs);
    for (int i = 0; i < e->pairs; i++) {
        if (!cairn_evaluation_takes(e, i, kind)) continue;
        double value = value_of(&e->method[m].rows[i], measure, pool);
        if (baseline >= 0) value -= value_of(&e->method[baseline].rows[i], measure, pool);
        values[count++] = value;
    }
    if (pool == CAIRN_POOL_MEAN)
        st = cairn_metric_bootstrap(out, values, count, e->resamples, e->seed);
    else
        st = cairn_statistic_bootstrap(out, values, count, pool == CAIRN_POOL_MEDIAN ? pool : CAIRN_POOL_AUC,
                                       cairn_measure_get(measure)->limit, e->resamples, e->seed);
    free(values);
    return st;
}

bool cairn_evaluation_has(const cairn_evaluation *e, cairn_measure measure)
{
    const cairn_measure_pool pool = cairn_measure_get(measure)->pool;
    if ((pool == CAIRN_POOL_AUC || pool == CAIRN_POOL_AUC_DLT) && !e->protocol.auc) return false;
    for (int m = 0; m < e->methods; m++) {
        if (pool == CAIRN_POOL_LABELS && e->method[m].pooled[CAIRN_PAIR_KINDS].count > 0) return true;
        for (int i = 0; i < e->pairs; i++)
            if (e->pair[i].used && !isnan(value_of(&e->method[m].rows[i], measure, pool))) return true;
    }
    return false;
}

cairn_status cairn_evaluation_summary(cairn_interval *out, const cairn_evaluation *evaluation, int m,
                                      cairn_measure measure, cairn_pair_kind kind)
{
    return gather(out, evaluation, m, -1, measure, kind);
}

cairn_status cairn_evaluation_compare(cairn_interval *out, const cairn_evaluation *evaluation, int m, int baseline,
                                      cairn_measure measure)
{
    *out = (cairn_interval){NAN, NAN, NAN, 0};
    if (pool_of(evaluation, measure) != CAIRN_POOL_MEAN) return CAIRN_OK;
    return gather(out, evaluation, m, baseline, measure, CAIRN_PAIR_KINDS);
}

int cairn_evaluation_find(const cairn_evaluation *evaluation, cairn_role role)
{
    for (int m = 0; m < evaluation->methods; m++)
        if (evaluation->method[m].role == role) return m;
    return -1;
}

int cairn_evaluation_comparisons(int (*pairs)[2], int room, const cairn_evaluation *e)
{
    int count = 0, teacher = cairn_evaluation_find(e, CAIRN_ROLE_TEACHER);
    int student = cairn_evaluation_find(e, CAIRN_ROLE_STUDENT);
    int first = cairn_evaluation_find(e, CAIRN_ROLE_UNTRAINED_TEACHER);
    int other = cairn_evaluation_find(e, CAIRN_ROLE_UNTRAINED_STUDENT);
    const int wanted[][2] = {
        {teacher, first >= 0 ? first : other}, {student, other >= 0 ? other : first}, {student, teacher}};
    for (int i = 0; i < 3 && count < room; i++) {
        if (wanted[i][0] < 0 || wanted[i][1] < 0) continue;
        pairs[count][0] = wanted[i][0];
        pairs[count++][1] = wanted[i][1];
    }
    for (int m = 0; m < e->methods && teacher >= 0 && count < room; m++) {
        if (e->method[m].role != CAIRN_ROLE_CLASSICAL) continue;
        pairs[count][0] = teacher;
        pairs[count++][1] = m;
    }
    return count;
}
