/* Reading metrics.jsonl. */
#include "experiments/report/charts/curves.h"
#include "system/file.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

enum { MOST_SERIES = 32, MOST_VALUES = 1 << 20, MOST_BYTES = 256 << 20 };

void cairn_curves_free(cairn_curves *curves)
{
    for (int i = 0; curves->series && i < curves->count; i++) {
        free(curves->series[i].step);
        free(curves->series[i].value);
    }
    free(curves->series);
    *curves = (cairn_curves){0};
}

static cairn_series *find_series(cairn_curves *curves, const char *name)
{
    for (int i = 0; i < curves->count; i++)
        if (!strcmp(curves->series[i].name, name)) return &curves->series[i];
    if (curves->count == MOST_SERIES || strlen(name) >= sizeof curves->series->name) return NULL;
    cairn_series *series = &curves->series[curves->count++];
    snprintf(series->name, sizeof series->name, "%s", name);
    return series;
}

static cairn_status append(cairn_series *s, double step, double value)
{
    while (s->count > 0 && s->step[s->count - 1] >= step) s->count--; /* a resumed run went back */
    if (s->count == MOST_VALUES) return CAIRN_OK;
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 256;
        double *steps = realloc(s->step, room * sizeof *steps);
        if (steps) s->step = steps;
        double *values = realloc(s->value, room * sizeof *values);
        if (values) s->value = values;
        if (!steps || !values) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the curve %s", s->name);
        s->room = room;
    }
    s->step[s->count] = step;
    s->value[s->count++] = value;
    return CAIRN_OK;
}

static cairn_status read_line(cairn_curves *curves, const char *line)
{
    cairn_status st = CAIRN_OK;
    cJSON *object = cJSON_Parse(line);
    const cJSON *step = cJSON_GetObjectItemCaseSensitive(object, "step"), *item;
    if (!cJSON_IsNumber(step) || !isfinite(step->valuedouble)) {
        curves->bad_lines++;
        goto done;
    }
    cJSON_ArrayForEach(item, object)
    {
        if (item == step || !item->string || !cJSON_IsNumber(item) || !isfinite(item->valuedouble)) continue;
        cairn_series *series = find_series(curves, item->string);
        if (series) CAIRN_TRY(append(series, step->valuedouble, item->valuedouble));
    }
done:
    cJSON_Delete(object);
    return st;
}

cairn_status cairn_curves_read(cairn_curves *out, const char *path)
{
    cairn_status st = CAIRN_OK;
    uint8_t *bytes = NULL;
    size_t size;
    *out = (cairn_curves){0};
    CAIRN_TRY(cairn_file_read(&bytes, &size, path, MOST_BYTES));
    out->series = calloc(MOST_SERIES, sizeof *out->series);
    if (!out->series) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the curves of %s", path);
        goto done;
    }
    for (char *line = (char *)bytes, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = 0;
        if (line[strspn(line, " \t\r")]) CAIRN_TRY(read_line(out, line));
    }
done:
    free(bytes);
    if (st < 0) cairn_curves_free(out);
    return st;
}

double cairn_curves_mean_share(const cairn_curves *curves, const char *name)
{
    for (int k = 0; k < curves->count; k++) {
        const cairn_series *s = &curves->series[k];
        double sum = 0, before = 0;
        if (strcmp(s->name, name) || !s->count) continue;
        for (size_t i = 0; i < s->count; i++) {
            sum += s->value[i] * (s->step[i] - before);
            before = s->step[i];
        }
        return before > 0 ? fmin(fmax(sum / before, 0), 1) : -1;
    }
    return -1;
}
