#include "experiments/evaluation/results/json_parts.h"

cJSON *cairn_interval_json(const cairn_interval *value)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "mean", value->mean);
    cJSON_AddNumberToObject(object, "low", value->low);
    cJSON_AddNumberToObject(object, "high", value->high);
    cJSON_AddNumberToObject(object, "count", value->count);
    return object;
}

void cairn_measure_json(cJSON *array, const char *id, const char *title, const char *unit, const char *group,
                        int better, bool headline)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddItemToArray(array, o);
    cJSON_AddStringToObject(o, "id", id);
    cJSON_AddStringToObject(o, "title", title);
    cJSON_AddStringToObject(o, "unit", unit);
    cJSON_AddStringToObject(o, "better", better > 0 ? "higher" : better < 0 ? "lower" : "none");
    cJSON_AddStringToObject(o, "group", group);
    cJSON_AddBoolToObject(o, "headline", headline);
}
