#include "experiments/measurements/sheet.h"

#include "experiments/evaluation/evaluate.h"
#include "experiments/evaluation/results/json_parts.h"
#include "experiments/evaluation/results/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

cairn_status cairn_sheet_create(cairn_sheet *out, const char *protocol, const char *set,
                                const cairn_sheet_measure *measures, int measure_count, int row_count,
                                const cairn_predictions *methods, int method_count)
{
    CAIRN_ASSERT(measure_count <= CAIRN_SHEET_MEASURES);
    *out = (cairn_sheet){.measures = measures, .measure_count = measure_count, .row_count = row_count};
    snprintf(out->protocol, sizeof out->protocol, "%s", protocol);
    snprintf(out->set, sizeof out->set, "%s", set);
    cairn_sheet_add_group(out, "all");
    out->parameters = cJSON_CreateObject();
    out->rows = calloc((size_t)row_count + 1, sizeof *out->rows);
    out->methods = calloc((size_t)method_count + 1, sizeof *out->methods);
    bool full = out->parameters && out->rows && out->methods;
    if (full) out->method_count = method_count;
    for (int m = 0; full && m < method_count; m++) {
        cairn_sheet_method *method = &out->methods[m];
        const size_t count = (size_t)row_count * (size_t)measure_count;
        snprintf(method->name, sizeof method->name, "%s", methods[m].name);
        snprintf(method->weights, sizeof method->weights, "%s", methods[m].weights);
        method->role = methods[m].role;
        method->dimension = methods[m].dimension;
        method->rows = malloc((count + 1) * sizeof *method->rows);
        full = method->rows != NULL;
        for (size_t i = 0; full && i < count; i++) method->rows[i] = NAN;
    }
    if (full) return CAIRN_OK;
    cairn_sheet_free(out);
    return cairn_error_set(CAIRN_E_NOMEM, "no memory for the results of %d methods", method_count);
}

void cairn_sheet_free(cairn_sheet *sheet)
{
    for (int m = 0; m < sheet->method_count; m++) free(sheet->methods[m].rows);
    free(sheet->methods);
    free(sheet->rows);
    cJSON_Delete(sheet->parameters);
    *sheet = (cairn_sheet){0};
}

void cairn_sheet_add_group(cairn_sheet *sheet, const char *name)
{
    CAIRN_ASSERT(sheet->group_count < CAIRN_SHEET_GROUPS);
    snprintf(sheet->groups[sheet->group_count], sizeof sheet->groups[0], "%s", name);
    sheet->group_count++;
}

double *cairn_sheet_value(cairn_sheet *sheet, int method, int row, int measure)
{
    return &sheet->methods[method].rows[(size_t)row * (size_t)sheet->measure_count + (size_t)measure];
}

cairn_status cairn_sheet_summarise(cairn_sheet *sheet, int method, int group, int measure, bool median, int resamples,
                                   uint32_t seed)
{
    cairn_status st;
    cairn_interval *out = &sheet->methods[method].summary[group][measure];
    size_t count = 0;
    double *values = malloc(((size_t)sheet->row_count + 1) * sizeof *values);
    if (!values) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the values of %d rows", sheet->row_count);
    for (int i = 0; i < sheet->row_count; i++)
        if (group == 0 || sheet->rows[i].group == group)
            values[count++] = *cairn_sheet_value(sheet, method, i, measure);
    if (median)
        st = cairn_statistic_bootstrap(out, values, count, CAIRN_POOL_MEDIAN, 0, resamples, seed);
    else
        st = cairn_metric_bootstrap(out, values, count, resamples, seed);
    free(values);
    return st;
}

static void add_measures(cJSON *set, const cairn_sheet *s)
{
    cJSON *array = cJSON_AddArrayToObject(set, "measures");
    for (int k = 0; k < s->measure_count; k++) {
        const cairn_sheet_measure *info = &s->measures[k];
        cairn_measure_json(array, info->id, info->title, info->unit, info->group, info->better, info->headline);
    }
}

static void add_summary(cJSON *parent, const cairn_sheet *s, const cairn_sheet_method *method, int group)
{
    cJSON *summary = cJSON_AddObjectToObject(parent, s->groups[group]);
    for (int k = 0; k < s->measure_count; k++) {
        const cairn_interval *value = &method->summary[group][k];
        if (value->count > 0) cJSON_AddItemToObject(summary, s->measures[k].id, cairn_interval_json(value));
    }
}

static void add_methods(cJSON *set, const cairn_sheet *s)
{
    cJSON *methods = cJSON_AddArrayToObject(set, "methods");
    for (int m = 0; m < s->method_count; m++) {
        const cairn_sheet_method *method = &s->methods[m];
        cJSON *o = cJSON_CreateObject();
        cJSON_AddItemToArray(methods, o);
        cJSON_AddStringToObject(o, "name", method->name);
        cJSON_AddStringToObject(o, "role", cairn_role_name(method->role));
        if (method->weights[0]) cJSON_AddStringToObject(o, "weights", method->weights);
        cJSON_AddNumberToObject(o, "dimension", method->dimension);
        cJSON *summary = cJSON_AddObjectToObject(o, "summary");
        for (int g = 0; g < s->group_count; g++) add_summary(summary, s, method, g);
    }
}

static void add_rows(cJSON *set, const cairn_sheet *s)
{
    cJSON *names = cJSON_AddArrayToObject(set, "row_columns"), *rows = cJSON_AddArrayToObject(set, "rows");
    for (int k = 0; k < s->measure_count; k++)
        cJSON_AddItemToArray(names, cJSON_CreateString(s->measures[k].id));
    for (int i = 0; i < s->row_count; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToArray(rows, row);
        cJSON_AddStringToObject(row, "pair", s->rows[i].name);
        cJSON_AddStringToObject(row, "sequence", s->groups[s->rows[i].group]);
        cJSON_AddStringToObject(row, "kind", s->groups[s->rows[i].group]);
        cJSON_AddBoolToObject(row, "used", true);
        cJSON *methods = cJSON_AddArrayToObject(row, "methods");
        for (int m = 0; m < s->method_count; m++) /* cJSON writes NaN as null */
            cJSON_AddItemToArray(methods, cJSON_CreateDoubleArray(s->methods[m].rows + (size_t)i * s->measure_count,
                                                                  s->measure_count));
    }
}

cJSON *cairn_sheet_json(const cairn_sheet *s)
{
    cJSON *set = cJSON_CreateObject();
    cJSON_AddStringToObject(set, "protocol", s->protocol);
    cJSON_AddStringToObject(set, "set", s->set);
    cJSON_AddStringToObject(set, "device", s->device);
    cJSON_AddStringToObject(set, "driver", s->driver);
    cJSON_AddItemToObject(set, "parameters", cJSON_Duplicate(s->parameters, true));
    cJSON *pairs = cJSON_AddObjectToObject(set, "pairs");
    cJSON_AddNumberToObject(pairs, "used", s->items[0]);
    cJSON_AddNumberToObject(pairs, "skipped", 0);
    for (int g = 1; g < s->group_count; g++) cJSON_AddNumberToObject(pairs, s->groups[g], s->items[g]);
    add_measures(set, s);
    add_methods(set, s);
    cJSON_AddArrayToObject(set, "comparisons");
    add_rows(set, s);
    return set;
}

cairn_status cairn_sheet_write(const cairn_sheet *sheet, const char *folder)
{
    cJSON *sets[1] = {cairn_sheet_json(sheet)};
    if (!sets[0]) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the results");
    return cairn_evaluation_write_sets(sets, 1, folder);
}
