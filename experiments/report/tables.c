#include "experiments/report/tables.h"

#include "experiments/report/charts.h"
#include "experiments/report/html.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { MOST_METHODS = 64 };

static const cJSON *get(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static double number(const cJSON *object, const char *name)
{
    const cJSON *item = get(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static const char *text_of(const cJSON *object, const char *name)
{
    const cJSON *item = get(object, name);
    return cJSON_IsString(item) && item->valuestring ? item->valuestring : "";
}

static const cJSON *method_by_name(const cJSON *set, const char *name)
{
    const cJSON *method;
    cJSON_ArrayForEach(method, get(set, "methods"))
    {
        if (!strcmp(text_of(method, "name"), name)) return method;
    }
    return NULL;
}

static const cJSON *summary_of(const cJSON *method, const char *kind, const char *measure)
{
    return get(get(get(method, "summary"), kind), measure);
}

static const char *called(const char *role, const char *name)
{
    if (!strcmp(role, "teacher")) return "the trained teacher";
    if (!strcmp(role, "student")) return "the distilled student";
    if (!strncmp(role, "untrained", 9)) return "the untrained network";
    return name;
}

static void capital(FILE *page, const char *text)
{
    char first[2] = {text[0], 0};
    if (first[0] >= 'a' && first[0] <= 'z') first[0] = (char)(first[0] - 'a' + 'A');
    cairn_html_text(page, first);
    if (text[0]) cairn_html_text(page, text + 1);
}

static void write_verdict(FILE *page, const cJSON *set, const cJSON *row, const cJSON *method, const cJSON *baseline)
{
    double gain = 100 * number(row, "mean"), low = 100 * number(row, "low"), high = 100 * number(row, "high");
    double mine = 100 * number(summary_of(method, "all", "repeatability"), "mean");
    double other = 100 * number(summary_of(baseline, "all", "repeatability"), "mean");
    const char *role = text_of(method, "role"), *against = text_of(baseline, "role");
    const char *who = called(role, text_of(method, "name")), *whom = called(against, text_of(baseline, "name"));
    bool better = low > 0, worse = high < 0;
    fprintf(page, "<div class=\"verdict%s\"><p><strong>", better ? " good" : worse ? " bad" : "");
    capital(page, who);
    if (better)
        fprintf(page, " beats ");
    else
        fputs(worse ? " falls behind " : " and ", page);
    cairn_html_text(page, whom);
    if (better || worse)
        fprintf(page, " by %.1f percentage points of repeatability", fabs(gain));
    else
        fputs(" do not differ clearly in repeatability", page);
    fputs("</strong>", page);
    fprintf(page,
            "%.1f %% against %.1f %%; the difference is %+.1f points with a 95 %% interval of %+.1f to %+.1f over %.0f "
            "pairs of ",
            mine, other, gain, low, high, number(row, "count"));
    cairn_html_text(page, text_of(set, "set"));
    fputs(".</p></div>\n", page);
}

int cairn_tables_verdicts(FILE *page, const cJSON *evaluation)
{
    int count = 0;
    const cJSON *set, *row;
    cJSON_ArrayForEach(set, get(evaluation, "sets"))
    {
        cJSON_ArrayForEach(row, get(set, "comparisons"))
        {
            const cJSON *method = method_by_name(set, text_of(row, "method"));
            const cJSON *baseline = method_by_name(set, text_of(row, "baseline"));
            if (strcmp(text_of(row, "measure"), "repeatability") || !method || !baseline) continue;
            if (!strcmp(text_of(baseline, "role"), "classical") || isnan(number(row, "low"))) continue;
            if (isnan(number(summary_of(method, "all", "repeatability"), "mean"))) continue;
            if (isnan(number(summary_of(baseline, "all", "repeatability"), "mean"))) continue;
            if (isnan(number(row, "mean") + number(row, "high") + number(row, "count"))) continue;
            write_verdict(page, set, row, method, baseline);
            count++;
        }
    }
    return count;
}

static int colour_of(const char *role)
{
    if (!strcmp(role, "teacher")) return 1;
    if (!strcmp(role, "student")) return 2;
    return strcmp(role, "classical") ? 4 : 3;
}

static void write_chart(FILE *page, const cJSON *set)
{
    cairn_interval_row rows[MOST_METHODS];
    const cJSON *method;
    int count = 0;
    cJSON_ArrayForEach(method, get(set, "methods"))
    {
        const cJSON *value = summary_of(method, "all", "repeatability");
        if (count == MOST_METHODS || isnan(number(value, "high"))) continue;
        rows[count++] = (cairn_interval_row){text_of(method, "name"), colour_of(text_of(method, "role")),
                                             number(value, "mean"), number(value, "low"), number(value, "high")};
    }
    cairn_chart_intervals(page, "Repeatability", rows, count);
}

typedef struct column {
    const char *measure, *title;
    bool less_is_better, interval, count;
} column;

static const column main_columns[] = {{"repeatability", "Repeatability", false, true, false},
                                      {"localisation", "Localisation error, px", true, true, false},
                                      {"matching score", "Matching score", false, true, false},
                                      {"NN precision", "NN precision", false, true, false},
                                      {"homography@1", "Homography, 1 px", false, true, false},
                                      {"homography@3", "3 px", false, true, false},
                                      {"homography@5", "5 px", false, true, false},
                                      {"points", "Points", false, false, true}};
static const column shared_columns[] = {{"homography shared@1", "Homography, 1 px", false, true, false},
                                        {"homography shared@3", "3 px", false, true, false},
                                        {"homography shared@5", "5 px", false, true, false},
                                        {"matches", "Matches, without the filter", false, false, true}};

/* Best mean of a column over the methods, chance left out. */
static double best_of(const cJSON *set, const char *kind, const column *c)
{
    double best = NAN;
    const cJSON *method;
    cJSON_ArrayForEach(method, get(set, "methods"))
    {
        double value = number(summary_of(method, kind, c->measure), "mean");
        if (isnan(value) || !strcmp(text_of(method, "role"), "chance")) continue;
        if (isnan(best) || (c->less_is_better ? value < best : value > best)) best = value;
    }
    return best;
}

static void write_cell(FILE *page, const cJSON *value, const column *c, double best)
{
    double mean = number(value, "mean");
    if (isnan(mean)) {
        fputs("<td><span class=\"soft\">&ndash;</span></td>", page);
        return;
    }
    bool is_best = !c->count && fabs(mean - best) < 5e-4;
    fprintf(page, is_best ? "<td><b class=\"best\">" : "<td>");
    fprintf(page, c->count ? "%.0f" : "%.3f", mean);
    if (is_best) fputs("</b>", page);
    if (c->interval) fprintf(page, "<small>%.3f&ndash;%.3f</small>", number(value, "low"), number(value, "high"));
    fputs("</td>", page);
}

static const char *class_of(const char *role)
{
    static const char *const names[] = {"", "teacher", "student", "classical", "other"};
    return names[colour_of(role)];
}

static void write_table(FILE *page, const cJSON *set, const char *kind, const char *caption, const column *columns,
                        int count, bool times)
{
    double best[16];
    const cJSON *method;
    fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", page);
    cairn_html_text(page, caption);
    fputs("\"><table><caption>", page);
    cairn_html_text(page, caption);
    fputs("</caption><thead><tr><th scope=\"col\">Method</th>", page);
    for (int k = 0; k < count; k++) {
        fprintf(page, "<th scope=\"col\">%s</th>", columns[k].title);
        best[k] = best_of(set, kind, &columns[k]);
    }
    fputs(times ? "<th scope=\"col\">ms an image</th></tr></thead><tbody>\n" : "</tr></thead><tbody>\n", page);
    cJSON_ArrayForEach(method, get(set, "methods"))
    {
        fprintf(page, "<tr><th scope=\"row\"><span class=\"key %s\"></span>", class_of(text_of(method, "role")));
        cairn_html_text(page, text_of(method, "name"));
        fputs("</th>", page);
        for (int k = 0; k < count; k++)
            write_cell(page, summary_of(method, kind, columns[k].measure), &columns[k], best[k]);
        if (times) fprintf(page, "<td>%.1f</td>", 1000 * number(method, "seconds_per_image"));
        fputs("</tr>\n", page);
    }
    fputs("</tbody></table></div>\n", page);
}

static void write_set(FILE *page, const cJSON *set)
{
    enum { MAIN = sizeof main_columns / sizeof *main_columns, SHARED = sizeof shared_columns / sizeof *shared_columns };
    static const char *const kinds[] = {"illumination", "viewpoint", "blur", "generated"};
    const cJSON *pairs = get(set, "pairs"), *p = get(set, "parameters");
    char caption[256];
    fputs("<h3>", page);
    cairn_html_text(page, text_of(set, "set"));
    fprintf(page, "</h3>\n<p class=\"soft\">%.0f pairs of %.0f&times;%.0f pixels", number(pairs, "used"),
            number(set, "width"), number(set, "height"));
    if (number(pairs, "skipped") > 0) fprintf(page, " (%.0f more could not be read)", number(pairs, "skipped"));
    fputs(". Protocol ", page);
    cairn_html_text(page, text_of(set, "protocol"));
    fprintf(page,
            ": the best %.0f shared points of each image, correct within %g px; every method goes through the same "
            "suppression of radius %g px and loses the same %g px border. Seed %.0f.</p>\n",
            number(p, "top_k"), number(p, "eps"), number(p, "nms_radius"), number(p, "border"), number(p, "seed"));
    write_chart(page, set);
    write_table(page, set, "all", "All pairs. Best in bold; below each mean its 95 % interval.", main_columns, MAIN,
                true);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!get(get(get(cJSON_GetArrayItem(get(set, "methods"), 0), "summary"), kinds[i]), "repeatability")) continue;
        snprintf(caption, sizeof caption, "Pairs of kind %s (%.0f).", kinds[i], number(pairs, kinds[i]));
        write_table(page, set, kinds[i], caption, main_columns, MAIN, false);
    }
    fputs("<details><summary>Homography estimation with only the points that both images show</summary>\n"
          "<p style=\"padding:0 .9rem\" class=\"soft\">This filter uses the true homography and flatters every method; "
          "it "
          "is the published protocol.</p>\n",
          page);
    write_table(page, set, "all", "All pairs, shared points only.", shared_columns, SHARED, false);
    fputs("</details>\n", page);
}

/* Whether everything is there that the text of a set speaks of. */
static bool complete(const cJSON *set)
{
    static const char *const parameters[] = {"top_k", "eps", "nms_radius", "border", "seed"};
    const cJSON *method;
    bool good = cJSON_IsArray(get(set, "methods")) && !isnan(number(set, "width")) && !isnan(number(set, "height")) &&
                !isnan(number(get(set, "pairs"), "used"));
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        good = good && !isnan(number(get(set, "parameters"), parameters[i]));
    cJSON_ArrayForEach(method, get(set, "methods"))
    {
        good = good && cJSON_IsObject(method) && !isnan(number(method, "seconds_per_image"));
    }
    return good;
}

int cairn_tables_results(FILE *page, const cJSON *evaluation)
{
    int count = 0;
    const cJSON *set;
    cJSON_ArrayForEach(set, get(evaluation, "sets"))
    {
        if (complete(set))
            write_set(page, set);
        else
            fputs("<p class=\"none\">One evaluation is not complete and is left out.</p>\n", page);
        count++;
    }
    return count;
}
