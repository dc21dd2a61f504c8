#include "experiments/report/report.h"

#include "base/log.h"
#include "experiments/report/charts/curves.h"
#include "experiments/report/page/html.h"
#include "experiments/report/results/sections.h"

#include <math.h>
#include <string.h>

enum { MOST_PICTURES = 64 << 20 };

/* All that the page is made of. */
typedef struct report {
    cairn_run_files *runs;
    int count;
    cairn_results results;
    size_t budget; /* bytes of pictures that still fit */
    int left_out;  /* pictures that did not */
    cJSON *data;   /* for the script */
} report;

static void none(FILE *page, const char *text)
{
    fprintf(page, "<p class=\"none\">%s</p>\n", text);
}

static void fact(FILE *page, const char *name, const char *value)
{
    if (!value[0]) return;
    fprintf(page, "<div><dt>%s</dt><dd>", name);
    cairn_html_text(page, value);
    fputs("</dd></div>\n", page);
}

/* The device that did the work: the first stage's that is not the host itself. */
static const cJSON *device_stage(const cairn_run_files *run)
{
    for (int i = 0; i < run->count; i++) {
        const char *device = cairn_json_text(run->stages[i].stage, "device");
        if (device[0] && strcmp(device, "host")) return run->stages[i].stage;
    }
    return NULL;
}

/* Folders of cairn evaluate, which have no recipe and no stages. */
static bool only_evaluations(const report *r)
{
    for (int i = 0; i < r->count; i++)
        if (r->runs[i].recipe || r->runs[i].count != 1 || r->runs[i].stages[0].stage) return false;
    return r->results.count > 0;
}

static void write_run_facts(FILE *page, const report *r, const cairn_run_files *run)
{
    char text[64], duration[32];
    double seconds = 0;
    int done = 0;
    const cJSON *device = device_stage(run);
    for (int i = 0; i < run->count; i++) {
        if (!run->stages[i].stage) continue;
        done++;
        const double spent = cairn_json_number(run->stages[i].stage, "seconds");
        if (spent > 0) seconds += spent;
    }
    if (done == 0 && r->count == 1)
        return; /* a folder of cairn evaluate: what there is to say stands with its results */
    fputs("<dl class=\"facts\">\n", page);
    if (r->count > 1) fact(page, "Run", run->name);
    fact(page, "Device", cairn_json_text(device, "device"));
    fact(page, "Driver", cairn_json_text(device, "driver"));
    cairn_html_duration(duration, seconds);
    if (done > 0) fact(page, "Time of all stages", duration);
    snprintf(text, sizeof text, "%d", done);
    if (done > 0) fact(page, "Stages finished", text);
    if (device && !isnan(cairn_json_number(device, "seed"))) {
        snprintf(text, sizeof text, "%.0f", cairn_json_number(device, "seed"));
        fact(page, "Seed", text);
    }
    fputs("</dl>\n", page);
}

static void write_header(FILE *page, const report *r, const char *title)
{
    fprintf(page, "<header class=\"top\"><p class=\"over\">Cairn, report of %s</p><h1>",
            r->count > 1          ? "several runs side by side"
            : only_evaluations(r) ? "an evaluation"
                                  : "a run");
    cairn_html_text(page, title);
    fputs("</h1>\n", page);
    for (int i = 0; i < r->count; i++) write_run_facts(page, r, &r->runs[i]);
    fputs("</header>\n<nav class=\"top\" aria-label=\"Sections\"><ul><li><a href=\"#summary\">Summary</a></li><li><a "
          "href=\"#results\">Results</a></li><li><a href=\"#gallery\">Gallery</a></li>",
          page);
    if (!only_evaluations(r))
        fputs("<li><a href=\"#training\">Training</a></li><li><a href=\"#pictures\">Pictures</a></li><li><a "
              "href=\"#recipe\">Recipe and stages</a></li>",
              page);
    fputs("</ul></nav>\n<main>\n", page);
}

static void write_summary(FILE *page, const report *r)
{
    fputs("<section id=\"summary\"><h2>Summary</h2>\n", page);
    if (cairn_section_summary(page, &r->results) == 0)
        none(page, "There is nothing to compare: no finished evaluation.");
    if (r->results.notes[0]) {
        fputs("<p class=\"none\">", page);
        cairn_html_text(page, r->results.notes);
        fputs("</p>\n", page);
    }
    fputs("</section>\n", page);
}

static cairn_status write_results(FILE *page, report *r)
{
    fputs("<section id=\"results\"><h2>Results</h2>\n", page);
    cairn_status st = cairn_section_results(page, &r->results, r->data);
    if (r->results.count == 0) none(page, "No evaluation has been made.");
    fputs("</section>\n", page);
    return st;
}

static cairn_status write_galleries(FILE *page, report *r)
{
    cairn_status st = CAIRN_OK;
    fputs("<section id=\"gallery\"><h2>Gallery</h2>\n", page);
    const size_t before = r->budget;
    for (int i = 0; i < r->results.count; i++)
        CAIRN_TRY(cairn_section_gallery(page, &r->results.sets[i], &r->budget, &r->left_out));
    if (r->budget == before) none(page, "No evaluation has left pictures of its pairs.");
    fputs("</section>\n", page);
done:
    return st;
}

static void stage_title(FILE *page, const cairn_run_stage *stage, const char *run)
{
    const char *kind = cairn_json_text(stage->stage, "kind");
    fputs("<h3>", page);
    cairn_html_text(page, stage->name);
    fputs(" <span class=\"soft\">", page);
    if (kind[0] && strcmp(kind, stage->name)) cairn_html_text(page, kind);
    if (run) {
        fputs(" of ", page);
        cairn_html_text(page, run);
    }
    fputs("</span></h3>\n", page);
}

static const cairn_run_stage *find_stage(const cairn_run_files *run, const char *name)
{
    for (int i = 0; i < run->count; i++)
        if (run->stages[i].metrics && !strcmp(run->stages[i].name, name)) return &run->stages[i];
    return NULL;
}

/* How well the making of batches kept up, where a training has recorded it. */
static void write_waiting(FILE *page, const cairn_curves *curves, const char *const *names, int count)
{
    bool any = false;
    for (int i = 0; i < count; i++) {
        const double share = cairn_curves_mean_share(&curves[i], "waiting");
        if (share < 0) continue;
        fputs(any ? "; " : "<p class=\"soft\">The device waited for batches (mean over the steps): ", page);
        fprintf(page, "%.1f %%", 100 * share);
        if (count > 1) {
            fputs(" in ", page);
            cairn_html_text(page, names[i]);
        }
        any = true;
    }
    if (any) fputs(".</p>\n", page);
}

/* Where `patience` ended a training that is finished. */
static void write_early_end(FILE *page, const cairn_run_stage *stage, const cairn_curves *curves, const char *run)
{
    const cJSON *settings = cJSON_GetObjectItemCaseSensitive(stage->stage, "settings");
    const double steps = cairn_json_number(settings, "steps"), patience = cairn_json_number(settings, "patience");
    double last = 0;
    for (int i = 0; i < curves->count; i++)
        if (curves->series[i].count) last = fmax(last, curves->series[i].step[curves->series[i].count - 1]);
    if (!(patience > 0) || !(last > 0 && last < steps)) return;
    fprintf(page, "<p class=\"soft\">Ended early at step %.0f of %.0f", last, steps);
    if (run) {
        fputs(" in ", page);
        cairn_html_text(page, run);
    }
    fprintf(page, ": precision and recall had not improved in %.0f validations.</p>\n", patience);
}

/* The curves of a stage in every run that has one of this name. */
static int write_curves(FILE *page, const report *r, const cairn_run_stage *stage)
{
    cairn_curves curves[CAIRN_REPORT_MOST_RUNS] = {0};
    const char *names[CAIRN_REPORT_MOST_RUNS];
    const cairn_run_stage *stages[CAIRN_REPORT_MOST_RUNS];
    int count = 0, bad = 0, series = 0;
    for (int i = 0; i < r->count; i++) {
        const cairn_run_stage *same = find_stage(&r->runs[i], stage->name);
        if (!same) continue;
        if (cairn_curves_read(&curves[count], same->metrics) < 0) {
            cairn_warn("report: left out: %s", cairn_error_message());
            continue;
        }
        bad += curves[count].bad_lines;
        series += curves[count].count;
        stages[count] = same;
        names[count++] = r->runs[i].name;
    }
    if (series > 0) {
        stage_title(page, stage, NULL);
        cairn_curves_write(page, curves, names, count);
        write_waiting(page, curves, names, count);
        for (int i = 0; i < count; i++)
            write_early_end(page, stages[i], &curves[i], count > 1 ? names[i] : NULL);
    }
    if (bad > 0)
        fprintf(page, "<p class=\"soft\">Lines of metrics.jsonl that could not be read and are left out: %d.</p>\n",
                bad);
    for (int i = 0; i < count; i++) cairn_curves_free(&curves[i]);
    return series > 0;
}

static void write_training(FILE *page, const report *r)
{
    int count = 0;
    fputs("<section id=\"training\"><h2>Training</h2>\n", page);
    for (int i = 0; i < r->count; i++)
        for (int k = 0; k < r->runs[i].count; k++) {
            const cairn_run_stage *stage = &r->runs[i].stages[k];
            bool shown = !stage->metrics;
            for (int before = 0; before < i && !shown; before++) shown = find_stage(&r->runs[before], stage->name);
            if (!shown) count += write_curves(page, r, stage);
        }
    if (count == 0) none(page, "No stage has recorded training curves.");
    fputs("</section>\n", page);
}

/* Whether the gallery has it. */
static bool in_gallery(const cairn_run_stage *stage, const char *name)
{
    const cJSON *set, *entry;
    cJSON_ArrayForEach(set, cJSON_GetObjectItemCaseSensitive(stage->evaluation, "sets"))
    {
        cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(set, "gallery"))
        {
            const char *file = cairn_json_text(entry, "file"), *slash = strrchr(file, '/');
            if (!strcmp(slash ? slash + 1 : file, name)) return true;
        }
    }
    return false;
}

static int write_stage_pictures(FILE *page, report *r, const cairn_run_files *run, const cairn_run_stage *stage)
{
    int count = 0;
    for (size_t k = 0; k < stage->pictures.count; k++) {
        const char *path = stage->pictures.paths[k], *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
        if (in_gallery(stage, name)) continue;
        if (count == 0) {
            stage_title(page, stage, r->count > 1 ? run->name : NULL);
            fputs("<div class=\"pictures\">\n", page);
        }
        count++;
        if (!cairn_picture_write(page, path, "", cairn_json_text(stage->captions, name), &r->budget)) r->left_out++;
    }
    if (count > 0) fputs("</div>\n", page);
    return count;
}

static void write_pictures(FILE *page, report *r)
{
    int count = 0;
    fputs("<section id=\"pictures\"><h2>Pictures</h2>\n", page);
    for (int i = 0; i < r->count; i++)
        for (int k = 0; k < r->runs[i].count; k++)
            count += write_stage_pictures(page, r, &r->runs[i], &r->runs[i].stages[k]);
    if (r->left_out > 0)
        fprintf(page,
                "<p class=\"soft\">Pictures left out, because they are no PNG or JPEG files or the page would grow too "
                "large: %d.</p>\n",
                r->left_out);
    if (count == 0) none(page, "No stage has left pictures.");
    fputs("</section>\n", page);
}

static void write_settings(FILE *page, const cJSON *settings)
{
    const cJSON *item;
    bool first = true;
    cJSON_ArrayForEach(item, settings)
    {
        char value[64] = "";
        if (cJSON_IsNumber(item))
            snprintf(value, sizeof value, "%g", item->valuedouble);
        else if (cJSON_IsBool(item))
            snprintf(value, sizeof value, "%s", cJSON_IsTrue(item) ? "yes" : "no");
        const char *shown = cJSON_IsString(item) && item->valuestring ? item->valuestring : value;
        if (!shown[0] || !item->string) continue;
        if (!first) fputs("<br>", page);
        first = false;
        cairn_html_text(page, item->string);
        fputs(" = ", page);
        cairn_html_text(page, shown);
    }
}

static void write_stage_row(FILE *page, const cairn_run_stage *stage)
{
    char duration[32];
    cairn_html_duration(duration, cairn_json_number(stage->stage, "seconds"));
    fputs("<tr><th scope=\"row\">", page);
    cairn_html_text(page, stage->name);
    fputs("</th><td class=\"text\">", page);
    cairn_html_text(page, cairn_json_text(stage->stage, "kind"));
    fprintf(page, "</td><td>%s</td><td class=\"text\">", stage->stage ? duration : "not finished");
    cairn_html_text(page, cairn_json_text(stage->stage, "device"));
    fputs("</td><td class=\"text\">", page);
    write_settings(page, cJSON_GetObjectItemCaseSensitive(stage->stage, "settings"));
    fputs("</td></tr>\n", page);
}

static void write_run_stages(FILE *page, const report *r, const cairn_run_files *run)
{
    if (r->count > 1) {
        fputs("<h3>", page);
        cairn_html_text(page, run->name);
        fputs("</h3>\n", page);
    }
    if (run->count > 0) {
        fputs("<details><summary>Stages with their times and settings</summary>\n<div class=\"scroll\" role=\"region\" "
              "tabindex=\"0\" aria-label=\"Stages\"><table><thead><tr><th scope=\"col\">Stage</th><th scope=\"col\" "
              "class=\"text\">Kind</th><th scope=\"col\">Time</th><th scope=\"col\" class=\"text\">Device</th><th "
              "scope=\"col\" class=\"text\">Settings</th></tr></thead><tbody>\n",
              page);
        for (int i = 0; i < run->count; i++) write_stage_row(page, &run->stages[i]);
        fputs("</tbody></table></div></details>\n", page);
    } else {
        none(page, "The run folder holds no stages.");
    }
    if (run->recipe) {
        fputs("<details><summary>recipe.yaml</summary><pre tabindex=\"0\">", page);
        cairn_html_text(page, run->recipe);
        fputs("</pre></details>\n", page);
    } else {
        none(page, "The run folder holds no recipe.yaml.");
    }
}

/* What only runs have. */
static void write_stages(FILE *page, report *r)
{
    write_training(page, r);
    write_pictures(page, r);
    fputs("<section id=\"recipe\"><h2>Recipe and stages</h2>\n", page);
    for (int i = 0; i < r->count; i++) write_run_stages(page, r, &r->runs[i]);
    fputs("</section>\n", page);
}

static cairn_status write_page(FILE *page, report *r)
{
    cairn_status st = CAIRN_OK;
    char name[400] = "", title[420];
    for (int i = 0; i < r->count; i++) {
        const size_t used = strlen(name);
        snprintf(name + used, sizeof name - used, "%s%s", i ? ", " : "", r->runs[i].name);
    }
    snprintf(title, sizeof title, "Cairn: %s", name);
    cairn_html_begin(page, title);
    write_header(page, r, name);
    write_summary(page, r);
    CAIRN_TRY(write_results(page, r));
    CAIRN_TRY(write_galleries(page, r));
    if (!only_evaluations(r)) write_stages(page, r);
    fputs("</main>\n<footer>Written by cairn " CAIRN_VERSION
          ". This page is complete in itself and asks for nothing from the network.</footer>\n",
          page);
    cairn_html_end(page, r->data);
done:
    return st;
}

static void report_free(report *r)
{
    cairn_results_free(&r->results);
    for (int i = 0; r->runs && i < r->count; i++) cairn_run_files_free(&r->runs[i]);
    free(r->runs);
    cJSON_Delete(r->data);
    *r = (report){0};
}

/* Folders of the same name are numbered. */
static void number_names(report *r)
{
    for (int i = 1; i < r->count; i++) {
        char name[sizeof r->runs[i].name];
        int number = 2;
        memcpy(name, r->runs[i].name, sizeof name);
        for (int k = 0; k < i; k++) {
            if (strcmp(r->runs[k].name, r->runs[i].name)) continue;
            snprintf(r->runs[i].name, sizeof r->runs[i].name, "%.110s (%d)", name, number++);
            k = -1; /* look again */
        }
    }
}

static cairn_status report_read(report *r, const char *const *runs, int count)
{
    cairn_status st = CAIRN_OK;
    *r = (report){.budget = MOST_PICTURES, .data = cJSON_CreateObject()};
    if (count < 1 || count > CAIRN_REPORT_MOST_RUNS)
        CAIRN_TRY(
            cairn_error_set(CAIRN_E_INVALID, "a report of %d runs: expected 1 to %d", count, CAIRN_REPORT_MOST_RUNS));
    r->runs = calloc((size_t)count, sizeof *r->runs);
    if (!r->runs || !r->data) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for the report of %s", runs[0]));
    for (int i = 0; i < count; i++) {
        CAIRN_TRY(cairn_run_files_read(&r->runs[i], runs[i]));
        r->count++;
    }
    number_names(r);
    CAIRN_TRY(cairn_results_read(&r->results, r->runs, r->count));
done:
    if (st < 0) report_free(r);
    return st;
}

cairn_status cairn_report_write(const char *const *runs, int count, const char *out_html)
{
    cairn_status st = CAIRN_OK;
    report r = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *page = NULL;
    CAIRN_TRY(report_read(&r, runs, count));
    page = open_memstream(&text, &size);
    if (!page) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for the report of %s", runs[0]));
    CAIRN_TRY(write_page(page, &r));
    const int closed = fclose(page);
    page = NULL;
    if (closed != 0) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for the report of %s", runs[0]));
    CAIRN_TRY(cairn_file_write(out_html, text, size));
done:
    if (page) fclose(page);
    free(text);
    report_free(&r);
    return st;
}

cairn_status cairn_report_tables(const char *const *runs, int count, const char *folder)
{
    cairn_status st = CAIRN_OK;
    report r = {0};
    CAIRN_TRY(report_read(&r, runs, count));
    if (r.results.count == 0)
        CAIRN_TRY(
            cairn_error_set(CAIRN_E_NOTFOUND, "%s: no evaluation.json of this version, so there is no table", runs[0]));
    CAIRN_TRY(cairn_results_save_tables(&r.results, folder));
done:
    report_free(&r);
    return st;
}
