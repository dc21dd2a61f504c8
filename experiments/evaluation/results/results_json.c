/* The evaluation as an entry of evaluation.json, version 2. */
#include "experiments/evaluation/evaluate.h"
#include "experiments/evaluation/results/json_parts.h"
#include "system/file.h"

#include <math.h>
#include <string.h>

static bool is_headline(const cairn_evaluation *e, cairn_measure measure)
{
    const cairn_measure_info *info = cairn_measure_get(measure);
    /* rpautrat's published numbers are those of shared points, glue-factory's the areas. */
    if (measure >= CAIRN_MEASURE_HOMOGRAPHY_SHARED_1 && measure <= CAIRN_MEASURE_HOMOGRAPHY_SHARED_5)
        return e->protocol.shared && !e->protocol.auc;
    if (info->pool == CAIRN_POOL_AUC) return e->protocol.medians;
    return info->headline;
}

static void add_measures(cJSON *set, const cairn_evaluation *e)
{
    cJSON *array = cJSON_AddArrayToObject(set, "measures");
    for (cairn_measure measure = 0; measure < CAIRN_MEASURES; measure++) {
        const cairn_measure_info *info = cairn_measure_get(measure);
        if (!cairn_evaluation_has(e, measure)) continue;
        cairn_measure_json(array, info->id, info->title, info->unit, info->group, info->better,
                           is_headline(e, measure));
    }
}

static cairn_status add_summary(cJSON *parent, const cairn_evaluation *e, int m, cairn_pair_kind kind)
{
    cairn_status st = CAIRN_OK;
    cJSON *summary = cJSON_AddObjectToObject(parent, kind == CAIRN_PAIR_KINDS ? "all" : cairn_pair_kind_name(kind));
    for (cairn_measure measure = 0; measure < CAIRN_MEASURES; measure++) {
        cairn_interval value;
        CAIRN_TRY(cairn_evaluation_summary(&value, e, m, measure, kind));
        if (value.count > 0) cJSON_AddItemToObject(summary, cairn_measure_name(measure), cairn_interval_json(&value));
    }
done:
    return st;
}

static void add_mma(cJSON *parent, const cairn_evaluation *e, int m, cairn_pair_kind kind)
{
    double sum[CAIRN_MMA_STEPS] = {0};
    int count = 0;
    for (int i = 0; i < e->pairs; i++) {
        if (!cairn_evaluation_takes(e, i, kind)) continue;
        for (int t = 0; t < CAIRN_MMA_STEPS; t++) sum[t] += e->method[m].rows[i].mma[t];
        count++;
    }
    for (int t = 0; t < CAIRN_MMA_STEPS; t++) sum[t] /= count;
    cJSON_AddItemToObject(parent, kind == CAIRN_PAIR_KINDS ? "all" : cairn_pair_kind_name(kind),
                          cJSON_CreateDoubleArray(sum, CAIRN_MMA_STEPS));
}

static cairn_status add_methods(cJSON *set, const cairn_evaluation *e)
{
    cairn_status st = CAIRN_OK;
    cJSON *methods = cJSON_AddArrayToObject(set, "methods");
    for (int m = 0; m < e->methods; m++) {
        const cairn_evaluation_method *method = &e->method[m];
        const bool described = method->dimension > 0 && e->protocol.view[CAIRN_VIEW_DESCRIBE].used;
        cJSON *object = cJSON_CreateObject();
        cJSON_AddItemToArray(methods, object);
        cJSON_AddStringToObject(object, "name", method->name);
        cJSON_AddStringToObject(object, "role", cairn_role_name(method->role));
        if (method->weights[0]) cJSON_AddStringToObject(object, "weights", method->weights);
        cJSON_AddNumberToObject(object, "dimension", method->dimension);
        if (described) cJSON_AddNumberToObject(object, "ransac_threshold", method->threshold);
        cJSON *summary = cJSON_AddObjectToObject(object, "summary");
        cJSON *mma = described && e->protocol.mma ? cJSON_AddObjectToObject(object, "mma") : NULL;
        for (int k = 0; k < CAIRN_KINDS_OF_PAIRS; k++) {
            const cairn_pair_kind kind =
                (cairn_pair_kind)((k + CAIRN_PAIR_KINDS) % CAIRN_KINDS_OF_PAIRS); /* all first */
            if (cairn_evaluation_count(e, kind) == 0) continue;
            CAIRN_TRY(add_summary(summary, e, m, kind));
            if (mma) add_mma(mma, e, m, kind);
        }
    }
done:
    return st;
}

static cairn_status add_comparisons(cJSON *set, const cairn_evaluation *e)
{
    enum { MOST = 16 };
    cairn_status st = CAIRN_OK;
    int chosen[MOST][2], count = cairn_evaluation_comparisons(chosen, MOST, e);
    cJSON *array = cJSON_AddArrayToObject(set, "comparisons");
    for (int i = 0; i < count; i++) {
        for (cairn_measure measure = 0; measure < CAIRN_MEASURES; measure++) {
            cairn_interval value;
            if (cairn_measure_get(measure)->better == 0) continue;
            CAIRN_TRY(cairn_evaluation_compare(&value, e, chosen[i][0], chosen[i][1], measure));
            if (value.count == 0) continue;
            cJSON *object = cairn_interval_json(&value);
            cJSON_AddItemToArray(array, object);
            cJSON_AddStringToObject(object, "method", e->method[chosen[i][0]].name);
            cJSON_AddStringToObject(object, "baseline", e->method[chosen[i][1]].name);
            cJSON_AddStringToObject(object, "measure", cairn_measure_name(measure));
        }
    }
done:
    return st;
}

static void add_rows(cJSON *set, const cairn_evaluation *e)
{
    cairn_measure columns[CAIRN_MEASURES];
    int count = 0;
    cJSON *names = cJSON_AddArrayToObject(set, "row_columns");
    for (cairn_measure measure = 0; measure < CAIRN_MEASURES; measure++) {
        const cairn_measure_pool pool = cairn_measure_get(measure)->pool;
        if ((pool != CAIRN_POOL_MEAN && pool != CAIRN_POOL_MEDIAN) || !cairn_evaluation_has(e, measure)) continue;
        columns[count++] = measure;
        cJSON_AddItemToArray(names, cJSON_CreateString(cairn_measure_name(measure)));
    }
    cJSON *rows = cJSON_AddArrayToObject(set, "rows");
    for (int i = 0; i < e->pairs; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToArray(rows, row);
        cJSON_AddStringToObject(row, "pair", e->pair[i].name);
        cJSON_AddBoolToObject(row, "used", e->pair[i].used);
        if (!e->pair[i].used) continue;
        cJSON_AddStringToObject(row, "sequence", e->pair[i].sequence);
        cJSON_AddStringToObject(row, "kind", cairn_pair_kind_name(e->pair[i].kind));
        cJSON *methods = cJSON_AddArrayToObject(row, "methods");
        for (int m = 0; m < e->methods; m++) {
            double values[CAIRN_MEASURES];
            for (int k = 0; k < count; k++) values[k] = e->method[m].rows[i].value[columns[k]];
            cJSON_AddItemToArray(methods, cJSON_CreateDoubleArray(values, count));
        }
    }
}

cairn_status cairn_evaluation_json(cJSON **out, const cairn_evaluation *e)
{
    cairn_status st = CAIRN_OK;
    cJSON *set = cJSON_CreateObject();
    *out = NULL;
    cJSON_AddStringToObject(set, "protocol", e->protocol.id);
    cJSON_AddStringToObject(set, "set", e->set);
    if (e->device[0]) cJSON_AddStringToObject(set, "device", e->device);
    if (e->driver[0]) cJSON_AddStringToObject(set, "driver", e->driver);
    cJSON *parameters = cairn_protocol_json(&e->protocol);
    cJSON_AddItemToObject(set, "parameters", parameters);
    cJSON_AddNumberToObject(parameters, "seed", e->seed);
    cJSON_AddNumberToObject(parameters, "resamples", e->resamples);
    cJSON *pairs = cJSON_AddObjectToObject(set, "pairs");
    cJSON_AddNumberToObject(pairs, "used", e->used);
    cJSON_AddNumberToObject(pairs, "skipped", e->skipped);
    for (cairn_pair_kind kind = 0; kind < CAIRN_PAIR_KINDS; kind++)
        if (cairn_evaluation_count(e, kind) > 0)
            cJSON_AddNumberToObject(pairs, cairn_pair_kind_name(kind), cairn_evaluation_count(e, kind));
    add_measures(set, e);
    CAIRN_TRY(add_methods(set, e));
    CAIRN_TRY(add_comparisons(set, e));
    add_rows(set, e);
    *out = set;
    set = NULL;
done:
    cJSON_Delete(set);
    return st;
}

cairn_status cairn_evaluation_write_sets(cJSON **sets, int count, const char *folder)
{
    cairn_status st = CAIRN_OK;
    char *path = cairn_file_join(folder, "evaluation.json"), *text = NULL;
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "version", 2);
    cJSON *array = cJSON_AddArrayToObject(root, "sets");
    for (int i = 0; i < count; i++) {
        cJSON_AddItemToArray(array, sets[i]);
        sets[i] = NULL;
    }
    text = cJSON_Print(root);
    if (!path || !text) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the results of %d evaluations", count);
        goto done;
    }
    CAIRN_TRY(cairn_file_make_folder(folder));
    CAIRN_TRY(cairn_file_write(path, text, strlen(text)));
done:
    cJSON_Delete(root);
    free(text);
    free(path);
    return st;
}

cairn_status cairn_evaluation_write(const cairn_evaluation *const *evaluations, int count, const char *folder)
{
    cairn_status st = CAIRN_OK;
    cJSON **sets = calloc((size_t)count + 1, sizeof *sets);
    if (!sets) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the results of %d evaluations", count);
    for (int i = 0; i < count; i++) CAIRN_TRY(cairn_evaluation_json(&sets[i], evaluations[i]));
    CAIRN_TRY(cairn_evaluation_write_sets(sets, count, folder));
done:
    for (int i = 0; i < count; i++) cJSON_Delete(sets[i]);
    free(sets);
    return st;
}
