/* Results by sequence: a table for every reader, and the numbers for the script's filter and scatter plot. */
#include "experiments/report/page/html.h"
#include "experiments/report/results/sections.h"
#include "experiments/report/results/tables.h"

#include <math.h>
#include <string.h>

enum { MOST_SEQUENCES = 1000, MOST_NUMBERS = 400000, FEW_METHODS = 5 };

typedef struct sequence {
    const char *name, *kind;
    int pairs;
} sequence;

typedef struct by_sequence {
    const cairn_result_set *set;
    sequence *list;
    int count;
    int *of_pair; /* [pairs] place in the list, -1: not used */
    int measures[CAIRN_RESULT_MEASURES], measure_count;
} by_sequence;

static cairn_status collect(by_sequence *b, const cairn_result_set *set)
{
    *b = (by_sequence){.set = set};
    b->list = calloc(MOST_SEQUENCES, sizeof *b->list);
    b->of_pair = malloc(((size_t)set->pair_count + 1) * sizeof *b->of_pair);
    if (!b->list || !b->of_pair) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the sequences of %s", set->set);
    for (int i = 0; i < set->pair_count; i++) {
        const cairn_result_pair *p = &set->pairs[i];
        int at = b->count - 1; /* pairs of a sequence follow each other, mostly */
        b->of_pair[i] = -1;
        if (!p->used) continue;
        while (at >= 0 && strcmp(b->list[at].name, p->sequence)) at--;
        if (at < 0 && b->count == MOST_SEQUENCES) continue;
        if (at < 0) b->list[at = b->count++] = (sequence){p->sequence, p->kind, 0};
        b->list[at].pairs++;
        b->of_pair[i] = at;
    }
    return CAIRN_OK;
}

/* Mean of a measure over the pairs of each sequence, NaN without any. */
static void means(double *out, const by_sequence *b, int method, int measure)
{
    int counts[MOST_SEQUENCES] = {0};
    for (int s = 0; s < b->count; s++) out[s] = 0;
    for (int i = 0; i < b->set->pair_count; i++) {
        const double value = cairn_result_row(b->set, method, i, measure);
        if (b->of_pair[i] < 0 || isnan(value)) continue;
        out[b->of_pair[i]] += value;
        counts[b->of_pair[i]]++;
    }
    for (int s = 0; s < b->count; s++) out[s] = counts[s] ? out[s] / counts[s] : NAN;
}

/* Measures with a number in any row: headline ones first, as many as the page's size allows. */
static void choose_measures(by_sequence *b)
{
    const int most = MOST_NUMBERS / (b->count * b->set->method_count + 1);
    double values[MOST_SEQUENCES];
    for (int pass = 0; pass < 2; pass++)
        for (int k = 0; k < b->set->measure_count; k++) {
            bool any = false;
            if (b->set->measures[k].headline != (pass == 0)) continue;
            for (int m = 0; m < b->set->method_count && !any; m++) {
                means(values, b, m, k);
                for (int s = 0; s < b->count && !any; s++) any = !isnan(values[s]);
            }
            if (any && (b->measure_count < most || b->measure_count == 0)) b->measures[b->measure_count++] = k;
        }
}

static double shortened(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.5g", value);
    return strtod(text, NULL);
}

static cairn_status add_values(cJSON *object, const by_sequence *b)
{
    const size_t methods = (size_t)b->set->method_count, measures = (size_t)b->measure_count;
    const size_t column = (size_t)b->count;
    double *all = malloc((methods * measures * column + 1) * sizeof *all);
    if (!all) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the sequences of %s", b->set->set);
    for (size_t m = 0; m < methods; m++)
        for (size_t k = 0; k < measures; k++) means(all + (m * measures + k) * column, b, (int)m, b->measures[k]);
    cJSON *values = cJSON_AddArrayToObject(object, "values");
    for (size_t s = 0; s < column; s++) {
        cJSON *row = cJSON_CreateArray();
        cJSON_AddItemToArray(values, row);
        for (size_t m = 0; m < methods; m++) {
            cJSON *numbers = cJSON_CreateArray();
            cJSON_AddItemToArray(row, numbers);
            for (size_t k = 0; k < measures; k++) {
                const double value = all[(m * measures + k) * column + s];
                cJSON_AddItemToArray(numbers, isnan(value) ? cJSON_CreateNull() : cJSON_CreateNumber(shortened(value)));
            }
        }
    }
    free(all);
    return CAIRN_OK;
}

static cairn_status add_data(cJSON *data, const by_sequence *b)
{
    cJSON *sets = cJSON_GetObjectItemCaseSensitive(data, "sets"), *object = cJSON_CreateObject();
    if (!sets) sets = cJSON_AddArrayToObject(data, "sets");
    cJSON_AddItemToArray(sets, object);
    cJSON_AddStringToObject(object, "id", b->set->id);
    cJSON_AddStringToObject(object, "part", cairn_result_part(b->set));
    cJSON *measures = cJSON_AddArrayToObject(object, "measures");
    for (int k = 0; k < b->measure_count; k++) {
        const cairn_result_measure *m = &b->set->measures[b->measures[k]];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(measures, item);
        cJSON_AddStringToObject(item, "id", m->id);
        cJSON_AddStringToObject(item, "title", m->title);
        cJSON_AddStringToObject(item, "unit", m->unit);
        cJSON_AddNumberToObject(item, "digits", cairn_table_digits(m));
    }
    cJSON *methods = cJSON_AddArrayToObject(object, "methods");
    for (int m = 0; m < b->set->method_count; m++)
        cJSON_AddItemToArray(methods, cJSON_CreateString(b->set->methods[m].name));
    cJSON *sequences = cJSON_AddArrayToObject(object, "sequences");
    for (int s = 0; s < b->count; s++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(sequences, item);
        cJSON_AddStringToObject(item, "name", b->list[s].name);
        cJSON_AddStringToObject(item, "kind", b->list[s].kind);
        cJSON_AddNumberToObject(item, "pairs", b->list[s].pairs);
    }
    return add_values(object, b);
}

/* The first measure, for readers without the script, which fills in others. */
static cairn_status write_table(FILE *page, const by_sequence *b)
{
    const cairn_result_measure *m = &b->set->measures[b->measures[0]];
    const size_t column = (size_t)b->count;
    double *all = malloc(((size_t)b->set->method_count * column + 1) * sizeof *all);
    if (!all) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the sequences of %s", b->set->set);
    for (int i = 0; i < b->set->method_count; i++) means(all + (size_t)i * column, b, i, b->measures[0]);
    fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"By parts\"><table class=\"sortable\">"
          "<caption><span>",
          page);
    cairn_html_text(page, m->title);
    fprintf(page, ", a mean for each %s</span></caption><thead><tr><th scope=\"col\">", cairn_result_part(b->set));
    cairn_html_capital(page, cairn_result_part(b->set));
    fputs("</th><th scope=\"col\" class=\"text\">Kind</th><th scope=\"col\">Rows</th>", page);
    for (int i = 0; i < b->set->method_count; i++) {
        fputs("<th scope=\"col\">", page);
        cairn_html_text(page, b->set->methods[i].name);
        fputs("</th>", page);
    }
    fputs("</tr></thead><tbody>\n", page);
    for (int s = 0; s < b->count; s++) {
        fputs("<tr><th scope=\"row\">", page);
        cairn_html_text(page, b->list[s].name);
        fputs("</th><td class=\"text\">", page);
        cairn_html_text(page, b->list[s].kind);
        fprintf(page, "</td><td>%d</td>", b->list[s].pairs);
        for (int i = 0; i < b->set->method_count; i++) {
            const double value = all[(size_t)i * column + (size_t)s];
            if (isnan(value))
                fputs("<td><span class=\"soft\">&ndash;</span></td>", page);
            else
                fprintf(page, "<td data-value=\"%.9g\">%.*f</td>", value, cairn_table_digits(m), value);
        }
        fputs("</tr>\n", page);
    }
    fputs("</tbody></table></div>\n", page);
    free(all);
    return CAIRN_OK;
}

cairn_status cairn_section_sequences(FILE *page, const cairn_result_set *set, cJSON *data)
{
    cairn_status st = CAIRN_OK;
    by_sequence b = {0};
    CAIRN_TRY(collect(&b, set));
    if (b.count < 2) goto done;
    choose_measures(&b);
    if (b.measure_count == 0) goto done;
    fprintf(page, "<div class=\"by-sequence\" data-set=\"%s\"><h4>By %s</h4>\n", set->id, cairn_result_part(set));
    fprintf(page, "<div class=\"controls needs-script\"></div><div class=\"explore%s\">\n",
            set->method_count > FEW_METHODS ? " many" : "");
    CAIRN_TRY(write_table(page, &b));
    fputs("<div class=\"plot-place needs-script\"></div></div></div>\n", page);
    CAIRN_TRY(add_data(data, &b));
done:
    free(b.list);
    free(b.of_pair);
    return st;
}
