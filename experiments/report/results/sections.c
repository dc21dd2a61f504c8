#include "experiments/report/results/sections.h"

#include "system/file.h"
#include "experiments/report/charts/charts.h"
#include "experiments/report/page/html.h"
#include "experiments/report/results/tables.h"

#include <math.h>
#include <string.h>

static const cJSON *get(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void chart_of(FILE *page, const cairn_result_set *set, const char *kind, int measure)
{
    cairn_interval_row rows[CAIRN_RESULT_METHODS];
    char title[140];
    int count = 0;
    const cairn_result_measure *m = &set->measures[measure];
    for (int i = 0; i < set->method_count; i++) {
        const cairn_result_value v = cairn_result_of(set, i, kind, measure);
        if (isnan(v.mean) || isnan(v.low) || isnan(v.high)) continue;
        rows[count++] = (cairn_interval_row){set->methods[i].name, cairn_result_colour(set->methods[i].role), v.mean,
                                             v.low, v.high};
    }
    snprintf(title, sizeof title, "%s%s%s", m->title, m->unit[0] ? ", " : "", m->unit);
    cairn_chart_intervals(page, title, m->better < 0 ? "less is better" : "", cairn_table_digits(m), rows, count);
}

static void write_charts(FILE *page, const cairn_result_set *set, const char *kind)
{
    fputs("<div class=\"charts\">\n", page);
    for (int k = 0; k < set->measure_count; k++)
        if (set->measures[k].headline) chart_of(page, set, kind, k);
    fputs("</div>\n", page);
}

static void write_mma(FILE *page, const cairn_result_set *set, const char *kind)
{
    cairn_mma_row rows[CAIRN_RESULT_METHODS];
    char title[120], name[48];
    int count = 0;
    for (int i = 0; i < set->method_count; i++) {
        const cJSON *item;
        cairn_mma_row row = {.name = set->methods[i].name};
        cJSON_ArrayForEach(item, get(get(set->methods[i].json, "mma"), kind))
        {
            if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= 1)) break;
            if (row.steps < CAIRN_MMA_STEPS) row.share[row.steps++] = item->valuedouble;
        }
        if (row.steps > 1) rows[count++] = row;
    }
    cairn_result_kind_title(name, set, kind);
    snprintf(title, sizeof title, "Mean matching accuracy, %s", name);
    if (count > 0) {
        fputs("<div class=\"charts one\">", page);
        cairn_chart_mma(page, title, rows, count);
        fputs("</div>\n", page);
    }
}

static void write_tools(FILE *page, const cairn_table *t)
{
    fprintf(page,
            "<div class=\"tools needs-script\" data-table=\"%s\"><span>Copy</span>"
            "<button class=\"tool\" type=\"button\" data-copy=\"csv\">CSV</button>"
            "<button class=\"tool\" type=\"button\" data-copy=\"md\">Markdown</button>"
            "<button class=\"tool\" type=\"button\" data-copy=\"tex\">LaTeX</button><span>Save</span>"
            "<button class=\"tool\" type=\"button\" data-save=\"csv\">.csv</button>"
            "<button class=\"tool\" type=\"button\" data-save=\"md\">.md</button>"
            "<button class=\"tool\" type=\"button\" data-save=\"tex\">.tex</button>"
            "<span class=\"said\" role=\"status\"></span></div>\n",
            t->id);
}

static cairn_status add_texts(cJSON *data, const cairn_table *t)
{
    static const struct {
        const char *name;
        cairn_table_writer *writer;
    } forms[] = {{"csv", cairn_table_csv}, {"md", cairn_table_markdown}, {"tex", cairn_table_latex}};
    cJSON *tables = cJSON_GetObjectItemCaseSensitive(data, "tables");
    if (!tables) tables = cJSON_AddObjectToObject(data, "tables");
    cJSON *texts = cJSON_AddObjectToObject(tables, t->id);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char *text = cairn_table_text(t, forms[i].writer);
        if (!text || !texts || !cJSON_AddStringToObject(texts, forms[i].name, text)) {
            free(text);
            return cairn_error_set(CAIRN_E_NOMEM, "no memory for a table");
        }
        free(text);
    }
    return CAIRN_OK;
}

static cairn_status write_table(FILE *page, const cairn_result_set *set, const char *kind, const char *group,
                                bool folded, cJSON *data)
{
    cairn_status st = CAIRN_OK;
    cairn_table table = {0};
    char title[48];
    cairn_result_kind_title(title, set, kind);
    CAIRN_TRY(cairn_table_make(&table, set, kind, group));
    if (table.columns == 0) goto done;
    if (folded) {
        fputs("<details><summary>", page);
        cairn_html_capital(page, group);
        fputs(": all measures, ", page);
        cairn_html_text(page, title);
        fputs("</summary>\n", page);
    }
    cairn_table_html(page, &table);
    write_tools(page, &table);
    if (folded) fputs("</details>\n", page);
    CAIRN_TRY(add_texts(data, &table));
done:
    cairn_table_free(&table);
    return st;
}

/* The groups of a set's measures, in order; returns how many. */
static int groups_of(const cairn_result_set *set, const char *groups[CAIRN_RESULT_MEASURES])
{
    int count = 0;
    for (int k = 0; k < set->measure_count; k++) {
        bool known = !set->measures[k].group[0];
        for (int i = 0; i < count && !known; i++) known = !strcmp(groups[i], set->measures[k].group);
        if (!known) groups[count++] = set->measures[k].group;
    }
    return count;
}

static cairn_status write_kind(FILE *page, const cairn_result_set *set, const char *kind, cJSON *data)
{
    cairn_status st = CAIRN_OK;
    const char *groups[CAIRN_RESULT_MEASURES];
    char title[48];
    const int count = groups_of(set, groups);
    fputs("<div class=\"kind\" data-kind=\"", page);
    cairn_html_text(page, kind);
    fputs("\">\n<h4>", page);
    cairn_result_kind_title(title, set, kind);
    cairn_html_capital(page, title);
    const int pairs = cairn_result_count(set, kind);
    if (pairs > 0) fprintf(page, " (%d)", pairs);
    fputs("</h4>\n", page);
    CAIRN_TRY(write_table(page, set, kind, "headline", false, data));
    write_charts(page, set, kind);
    write_mma(page, set, kind);
    for (int i = 0; i < count; i++) CAIRN_TRY(write_table(page, set, kind, groups[i], true, data));
    fputs("</div>\n", page);
done:
    return st;
}

static void write_value(FILE *page, const cJSON *item)
{
    const cJSON *part;
    bool first = true;
    if (cJSON_IsString(item)) {
        cairn_html_text(page, item->valuestring);
    } else if (cJSON_IsBool(item)) {
        fputs(cJSON_IsTrue(item) ? "yes" : "no", page);
    } else if (cJSON_IsArray(item)) {
        cJSON_ArrayForEach(part, item)
        {
            if (!first) fputs(", ", page);
            first = false;
            if (!cJSON_IsArray(part) && !cJSON_IsObject(part)) write_value(page, part);
        }
    } else {
        char *text = cJSON_PrintUnformatted(item);
        cairn_html_text(page, text ? text : "");
        cJSON_free(text);
    }
}

/* A row for each; those of an object inside stand behind its name. */
static void write_parameter_rows(FILE *page, const cJSON *object, const char *of)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        char name[100];
        snprintf(name, sizeof name, "%.40s%s%.50s", of, of[0] ? ", " : "", item->string ? item->string : "");
        for (char *c = name; *c; c++)
            if (*c == '_') *c = ' ';
        if (cJSON_IsObject(item) && !of[0]) {
            write_parameter_rows(page, item, name);
            continue;
        }
        fputs("<tr><th scope=\"row\">", page);
        cairn_html_text(page, name);
        fputs("</th><td class=\"text\">", page);
        write_value(page, item);
        fputs("</td></tr>\n", page);
    }
}

static void write_parameters(FILE *page, const cairn_result_set *set)
{
    fputs("<details><summary>Parameters of the protocol, weights of the methods</summary>\n<div class=\"scroll\" "
          "role=\"region\" tabindex=\"0\" aria-label=\"Parameters\"><table><tbody>\n",
          page);
    write_parameter_rows(page, get(set->json, "parameters"), "");
    for (int i = 0; i < set->method_count; i++) {
        if (!set->methods[i].weights[0]) continue;
        fputs("<tr><th scope=\"row\">weights of ", page);
        cairn_html_text(page, set->methods[i].name);
        fputs("</th><td class=\"text\">", page);
        cairn_html_text(page, set->methods[i].weights);
        fputs("</td></tr>\n", page);
    }
    fputs("</tbody></table></div></details>\n", page);
}

static void write_heading(FILE *page, const cairn_result_set *set)
{
    const double skipped = cairn_json_number(get(set->json, "pairs"), "skipped");
    fprintf(page, "<h3 id=\"%s\">", set->id);
    cairn_html_capital(page, set->set);
    fputs(" <span class=\"soft\">protocol ", page);
    cairn_html_text(page, set->protocol);
    fputs("</span></h3>\n<p class=\"soft\">", page);
    fprintf(page, "%d methods, %d %s", set->method_count, cairn_result_count(set, "all"), cairn_result_noun(set));
    if (set->blur_apart) fprintf(page, " and %d of blur, which stand apart", cairn_result_count(set, "blur"));
    if (skipped > 0) fprintf(page, " (%.0f more could not be read)", skipped);
    fputs(set->device[0] ? ", networks on " : "", page);
    cairn_html_text(page, set->device);
    fputs(". <b class=\"best\">Bold</b>: the best, chance left out. &asymp;: not clearly behind the best (pair by "
          "pair, the "
          "95&nbsp;% interval of the difference contains 0). Below each mean its 95&nbsp;% interval over ",
          page);
    fprintf(page, "%s.</p>\n", cairn_result_noun(set));
    if (set->apart)
        fputs("<p class=\"soft\">Another evaluation of the same name used other pairs or parameters, so its numbers "
              "stand "
              "apart.</p>\n",
              page);
}

static void write_kind_chips(FILE *page, const cairn_result_set *set)
{
    char title[48];
    if (set->kind_count < 2) return;
    fputs("<div class=\"bar needs-script kinds\" role=\"group\" aria-label=\"Kind of pairs\">", page);
    for (int i = 0; i < set->kind_count; i++) {
        fprintf(page, "<button class=\"chip\" type=\"button\" aria-pressed=\"%s\" data-kind=\"", i ? "false" : "true");
        cairn_html_text(page, set->kinds[i]);
        fputs("\">", page);
        cairn_result_kind_title(title, set, set->kinds[i]);
        cairn_html_capital(page, title);
        fputs("</button>", page);
    }
    fputs("</div>\n", page);
}

static cairn_status write_set(FILE *page, const cairn_result_set *set, cJSON *data)
{
    cairn_status st = CAIRN_OK;
    fprintf(page, "<section class=\"set\" data-set=\"%s\" aria-labelledby=\"%s\">\n", set->id, set->id);
    write_heading(page, set);
    write_kind_chips(page, set);
    for (int i = 0; i < set->kind_count; i++) CAIRN_TRY(write_kind(page, set, set->kinds[i], data));
    CAIRN_TRY(cairn_section_sequences(page, set, data));
    write_parameters(page, set);
    fputs("</section>\n", page);
done:
    return st;
}

cairn_status cairn_section_results(FILE *page, const cairn_results *results, cJSON *data)
{
    cairn_status st = CAIRN_OK;
    for (int i = 0; i < results->count; i++) CAIRN_TRY(write_set(page, &results->sets[i], data));
done:
    return st;
}

cairn_status cairn_results_save_tables(const cairn_results *results, const char *folder)
{
    cairn_status st = CAIRN_OK;
    cairn_table table = {0};
    CAIRN_TRY(cairn_file_make_folder(folder));
    for (int i = 0; i < results->count; i++) {
        const cairn_result_set *set = &results->sets[i];
        const char *groups[CAIRN_RESULT_MEASURES + 1] = {"headline"};
        const int count = 1 + groups_of(set, groups + 1);
        for (int k = 0; k < set->kind_count * count; k++) {
            cairn_table_free(&table);
            CAIRN_TRY(cairn_table_make(&table, set, set->kinds[k / count], groups[k % count]));
            if (table.columns > 0) CAIRN_TRY(cairn_table_save(&table, folder));
        }
    }
done:
    cairn_table_free(&table);
    return st;
}
