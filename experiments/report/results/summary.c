/* What the trainings were worth and who leads, in sentences. */
#include "experiments/report/page/html.h"
#include "experiments/report/results/sections.h"
#include "experiments/report/results/tables.h"

#include <math.h>
#include <string.h>

static const cJSON *get(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static int find_measure(const cairn_result_set *set, const char *id)
{
    for (int k = 0; k < set->measure_count; k++)
        if (!strcmp(set->measures[k].id, id)) return k;
    return -1;
}

/* The method that a source file calls `name`; one that was left out as known stands under its own name. */
static int method_of(const cairn_result_set *set, const cJSON *source, const char *name)
{
    for (int m = 0; m < set->method_count; m++)
        if (set->methods[m].set == source && !strcmp(cairn_json_text(set->methods[m].json, "name"), name)) return m;
    return cairn_result_find_method(set, name);
}

static void write_verdict(FILE *page, const cairn_result_set *set, const cJSON *row, int method, int baseline, int k)
{
    const double low = cairn_json_number(row, "low"), high = cairn_json_number(row, "high");
    const double gain = cairn_json_number(row, "mean");
    const cairn_result_measure *m = &set->measures[k];
    const double mine = cairn_result_of(set, method, "all", k).mean;
    const double other = cairn_result_of(set, baseline, "all", k).mean;
    const bool better = m->better * (low + high) > 0 && low * high > 0, worse = !better && low * high > 0;
    fprintf(page, "<div class=\"verdict%s\"><p><strong>", better ? " good" : worse ? " bad" : "");
    cairn_html_text(page, set->methods[method].name);
    fputs(better ? " beats " : worse ? " falls behind " : " and ", page);
    cairn_html_text(page, set->methods[baseline].name);
    fputs(better || worse ? ": " : " do not differ clearly: ", page);
    cairn_html_text(page, m->title);
    fprintf(page, " %.3f against %.3f", mine, other);
    fprintf(page, "</strong>The difference is %+.3f with a 95&nbsp;%% interval of %+.3f to %+.3f over %.0f pairs of ",
            gain, low, high, cairn_json_number(row, "count"));
    cairn_html_text(page, set->set);
    fputs(", protocol ", page);
    cairn_html_text(page, set->protocol);
    fputs(".</p></div>\n", page);
}

static int write_comparisons(FILE *page, const cairn_result_set *set, const cJSON *source)
{
    int count = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, get(source, "comparisons"))
    {
        const char *id = cairn_json_text(row, "measure");
        const int k = find_measure(set, id);
        const int method = method_of(set, source, cairn_json_text(row, "method"));
        const int baseline = method_of(set, source, cairn_json_text(row, "baseline"));
        if (k < 0 || method < 0 || baseline < 0 || set->measures[k].better == 0) continue;
        if (strcmp(id, "repeatability") && strcmp(id, "homography@3")) continue;
        if (!strcmp(set->methods[baseline].role, "classical")) continue; /* the leaders below say it */
        if (isnan(cairn_json_number(row, "mean") + cairn_json_number(row, "low") + cairn_json_number(row, "high")))
            continue;
        if (isnan(cairn_json_number(row, "count"))) continue;
        if (isnan(cairn_result_of(set, method, "all", k).mean + cairn_result_of(set, baseline, "all", k).mean))
            continue;
        write_verdict(page, set, row, method, baseline, k);
        count++;
    }
    return count;
}

/* One row of the table of leaders: the best of a headline measure, and who is not clearly behind. */
static void write_leader(FILE *page, const cairn_table *t, int column)
{
    const cairn_result_measure *m = &t->set->measures[t->measures[column]];
    const int digits = cairn_table_digits(m);
    int near = 0;
    fputs("<tr><th scope=\"row\">", page);
    cairn_html_text(page, m->title);
    if (m->unit[0]) fputs(", ", page);
    cairn_html_text(page, m->unit);
    fputs("</th><td class=\"text\">", page);
    for (int i = 0, first = 1; i < t->set->method_count; i++) {
        const cairn_table_cell *c = &t->cells[i * t->columns + column];
        if (c->mark != CAIRN_MARK_BEST) continue;
        fputs(first ? "<b>" : ", <b>", page);
        cairn_html_text(page, t->set->methods[i].name);
        fprintf(page, "</b> %.*f", digits, c->value.mean);
        if (!isnan(c->value.low) && !isnan(c->value.high))
            fprintf(page, " <span class=\"soft\">[%.*f, %.*f]</span>", digits, c->value.low, digits, c->value.high);
        first = 0;
    }
    fputs("</td><td class=\"text\">", page);
    for (int i = 0; i < t->set->method_count; i++) {
        const cairn_table_cell *c = &t->cells[i * t->columns + column];
        if (c->mark != CAIRN_MARK_NEAR) continue;
        fputs(near++ ? ", " : "", page);
        cairn_html_text(page, t->set->methods[i].name);
        fprintf(page, " %.*f", digits, c->value.mean);
    }
    if (!near)
        fprintf(page, "<span class=\"soft\">%s</span>", t->paired[column] ? "&ndash;" : "not compared pair by pair");
    fputs("</td></tr>\n", page);
}

static bool has_best(const cairn_table *t, int column)
{
    for (int i = 0; i < t->set->method_count; i++)
        if (t->cells[i * t->columns + column].mark == CAIRN_MARK_BEST) return true;
    return false;
}

static int write_leaders(FILE *page, const cairn_result_set *set)
{
    cairn_table t = {0};
    int count = 0;
    if (set->method_count < 2 || cairn_table_make(&t, set, "all", "headline") < 0) return 0;
    for (int k = 0; k < t.columns; k++) {
        if (!has_best(&t, k)) continue;
        if (count++ == 0) {
            fputs(
                "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Leaders\"><table><caption><span>Who "
                "leads: ",
                page);
            cairn_html_text(page, t.caption);
            fputs(
                "</span></caption><thead><tr><th scope=\"col\">Measure</th><th scope=\"col\" class=\"text\">Best, with "
                "its "
                "95&nbsp;% interval</th><th scope=\"col\" class=\"text\">Not clearly behind</th></tr></thead><tbody>\n",
                page);
        }
        write_leader(page, &t, k);
    }
    if (count > 0) fputs("</tbody></table></div>\n", page);
    cairn_table_free(&t);
    return count;
}

int cairn_section_summary(FILE *page, const cairn_results *results)
{
    int count = 0;
    for (int i = 0; i < results->count; i++) {
        const cairn_result_set *set = &results->sets[i];
        for (int m = 0; m < set->method_count; m++) {
            bool seen = false;
            for (int k = 0; k < m && !seen; k++) seen = set->methods[k].set == set->methods[m].set;
            if (!seen) count += write_comparisons(page, set, set->methods[m].set);
        }
    }
    for (int i = 0; i < results->count; i++) count += write_leaders(page, &results->sets[i]);
    return count;
}
