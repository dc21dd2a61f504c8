#include "experiments/report/report.h"

#include "experiments/report/charts.h"
#include "experiments/report/html.h"
#include "experiments/report/run_files.h"
#include "experiments/report/tables.h"
#include "base/log.h"

#include <math.h>
#include <string.h>

enum { MOST_PICTURE = 16 << 20, MOST_PICTURES = 64 << 20, WIDE_PICTURE = 900 };

static const char *text_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(item) && item->valuestring ? item->valuestring : "";
}

static double number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static void none(FILE *page, const char *text)
{
    fprintf(page, "<p class=\"none\">%s</p>\n", text);
}

/* The device that did the work: the first stage's that is not the host itself. */
static const cJSON *device_stage(const cairn_run_files *run)
{
    for (int i = 0; i < run->count; i++) {
        const char *device = text_of(run->stages[i].stage, "device");
        if (device[0] && strcmp(device, "host")) return run->stages[i].stage;
    }
    return NULL;
}

static void fact(FILE *page, const char *name, const char *value)
{
    if (!value[0]) return;
    fprintf(page, "<div><dt>%s</dt><dd>", name);
    cairn_html_text(page, value);
    fputs("</dd></div>\n", page);
}

static void write_header(FILE *page, const cairn_run_files *run, const char *name)
{
    char text[64], duration[32];
    double seconds = 0;
    int done = 0;
    const cJSON *device = device_stage(run);
    for (int i = 0; i < run->count; i++) {
        if (!run->stages[i].stage) continue;
        done++;
        if (number(run->stages[i].stage, "seconds") > 0) seconds += number(run->stages[i].stage, "seconds");
    }
    fputs("<header class=\"top\"><p class=\"over\">Cairn, report of a run</p><h1>", page);
    cairn_html_text(page, name);
    fputs("</h1>\n<dl class=\"facts\">\n", page);
    fact(page, "Device", text_of(device, "device"));
    fact(page, "Driver", text_of(device, "driver"));
    cairn_html_duration(duration, seconds);
    if (done > 0) fact(page, "Time of all stages", duration);
    snprintf(text, sizeof text, "%d", done);
    fact(page, "Stages finished", text);
    if (device && !isnan(number(device, "seed"))) {
        snprintf(text, sizeof text, "%.0f", number(device, "seed"));
        fact(page, "Seed", text);
    }
    fputs("</dl>\n</header>\n<nav class=\"top\" aria-label=\"Sections\"><ul><li><a "
          "href=\"#summary\">Summary</a></li><li><a "
          "href=\"#results\">Results</a></li><li><a href=\"#training\">Training</a></li><li><a "
          "href=\"#pictures\">Pictures</a></li><li><a href=\"#recipe\">Recipe and stages</a></li></ul></nav>\n<main>\n",
          page);
}

static void write_summary(FILE *page, const cairn_run_files *run)
{
    int count = 0;
    fputs("<section id=\"summary\"><h2>Summary</h2>\n", page);
    for (int i = 0; i < run->count; i++)
        if (run->stages[i].evaluation) count += cairn_tables_verdicts(page, run->stages[i].evaluation);
    if (count == 0)
        none(page,
             "No comparison of a trained network with an untrained one was found: the run has no finished evaluation "
             "stage with both.");
    fputs("</section>\n", page);
}

static void write_results(FILE *page, const cairn_run_files *run)
{
    int count = 0;
    fputs("<section id=\"results\"><h2>Results</h2>\n", page);
    for (int i = 0; i < run->count; i++)
        if (run->stages[i].evaluation) count += cairn_tables_results(page, run->stages[i].evaluation);
    if (count == 0) none(page, "No evaluation has been made in this run.");
    fputs("</section>\n", page);
}

static void stage_title(FILE *page, const cairn_run_stage *stage)
{
    const char *kind = text_of(stage->stage, "kind");
    fputs("<h3>", page);
    cairn_html_text(page, stage->name);
    if (kind[0] && strcmp(kind, stage->name)) {
        fputs(" <span class=\"soft\">", page);
        cairn_html_text(page, kind);
        fputs("</span>", page);
    }
    fputs("</h3>\n", page);
}

static cairn_status write_training(FILE *page, const cairn_run_files *run)
{
    cairn_status st = CAIRN_OK;
    cairn_curves curves = {0};
    int count = 0;
    fputs("<section id=\"training\"><h2>Training</h2>\n", page);
    for (int i = 0; i < run->count; i++) {
        if (!run->stages[i].metrics) continue;
        if (cairn_curves_read(&curves, run->stages[i].metrics) < 0) {
            cairn_warn("report: left out: %s", cairn_error_message());
            continue;
        }
        if (curves.count > 0) {
            count++;
            stage_title(page, &run->stages[i]);
            CAIRN_TRY(cairn_curves_write(page, &curves));
        }
        if (curves.bad_lines > 0)
            fprintf(page, "<p class=\"soft\">Lines of metrics.jsonl that could not be read and are left out: %d.</p>\n",
                    curves.bad_lines);
        cairn_curves_free(&curves);
    }
    if (count == 0) none(page, "No stage has recorded training curves.");
    fputs("</section>\n", page);
done:
    cairn_curves_free(&curves);
    return st;
}

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* True if the picture was embedded. */
static bool write_picture(FILE *page, const char *path, const cJSON *captions, size_t *budget)
{
    static const uint8_t signature[8] = {137, 'P', 'N', 'G', '\r', '\n', 26, '\n'};
    uint8_t *bytes = NULL;
    size_t size = 0;
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path, *caption = text_of(captions, name);
    bool good = cairn_file_read(&bytes, &size, path, MOST_PICTURE) == CAIRN_OK && size > 24 &&
                !memcmp(bytes, signature, sizeof signature) && size <= *budget;
    if (good) {
        uint32_t w = big_endian(bytes + 16), h = big_endian(bytes + 20);
        *budget -= size;
        fprintf(page, "<figure%s><img loading=\"lazy\" width=\"%u\" height=\"%u\" alt=\"",
                w > WIDE_PICTURE ? " class=\"wide\"" : "", w, h);
        cairn_html_text(page, caption[0] ? caption : name);
        fputs("\" src=\"data:image/png;base64,", page);
        cairn_html_base64(page, bytes, size);
        fputs("\">", page);
        fputs("<figcaption>", page);
        cairn_html_text(page, caption[0] ? caption : name);
        fputs("</figcaption></figure>\n", page);
    } else {
        cairn_warn("report: picture %s is left out: not a PNG file, or too large for the page", path);
    }
    free(bytes);
    return good;
}

static void write_pictures(FILE *page, const cairn_run_files *run)
{
    size_t budget = MOST_PICTURES;
    int count = 0, missing = 0;
    fputs("<section id=\"pictures\"><h2>Pictures</h2>\n", page);
    for (int i = 0; i < run->count; i++) {
        const cairn_run_stage *stage = &run->stages[i];
        if (stage->pictures.count == 0) continue;
        stage_title(page, stage);
        fputs("<div class=\"pictures\">\n", page);
        for (size_t k = 0; k < stage->pictures.count; k++) {
            if (write_picture(page, stage->pictures.paths[k], stage->captions, &budget))
                count++;
            else
                missing++;
        }
        fputs("</div>\n", page);
    }
    if (missing > 0)
        fprintf(page,
                "<p class=\"soft\">Pictures left out, because they are no PNG files or the page would grow too large: "
                "%d.</p>\n",
                missing);
    if (count == 0) none(page, "No stage has left pictures.");
    fputs("</section>\n", page);
}

static void write_stage_row(FILE *page, const cairn_run_stage *stage)
{
    char duration[32];
    const cJSON *settings = cJSON_GetObjectItemCaseSensitive(stage->stage, "settings");
    const cJSON *device = cJSON_GetObjectItemCaseSensitive(stage->stage, "device");
    cairn_html_duration(duration, number(stage->stage, "seconds"));
    fputs("<tr><th scope=\"row\">", page);
    cairn_html_text(page, stage->name);
    fputs("</th><td class=\"text\">", page);
    cairn_html_text(page, text_of(stage->stage, "kind"));
    fprintf(page, "</td><td>%s</td><td class=\"text\">", stage->stage ? duration : "not finished");
    cairn_html_text(page, device && device->valuestring ? device->valuestring : "");
    fputs("</td><td class=\"text\">", page);
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
    fputs("</td></tr>\n", page);
}

static void write_recipe(FILE *page, const cairn_run_files *run)
{
    fputs("<section id=\"recipe\"><h2>Recipe and stages</h2>\n", page);
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
    fputs("</section>\n", page);
}

/* The folder's own name, also for "runs/demo/" and ".". */
static char *run_name(const char *folder)
{
    char *path = realpath(folder, NULL), *name = NULL;
    if (path) name = strdup(strrchr(path, '/') && strrchr(path, '/')[1] ? strrchr(path, '/') + 1 : path);
    free(path);
    return name;
}

static cairn_status write_page(FILE *page, const cairn_run_files *run, const char *name)
{
    cairn_status st = CAIRN_OK;
    char title[160];
    snprintf(title, sizeof title, "Cairn: %.128s", name);
    cairn_html_begin(page, title);
    write_header(page, run, name);
    write_summary(page, run);
    write_results(page, run);
    CAIRN_TRY(write_training(page, run));
    write_pictures(page, run);
    write_recipe(page, run);
    fputs("</main>\n<footer>Written by cairn. This page is complete in itself: no script, no network.</footer>\n",
          page);
    cairn_html_end(page);
done:
    return st;
}

cairn_status cairn_report_write(const char *run_folder, const char *out_html)
{
    cairn_status st = CAIRN_OK;
    cairn_run_files run = {0};
    char *text = NULL, *name = NULL;
    size_t size = 0;
    FILE *page = NULL;
    CAIRN_TRY(cairn_run_files_read(&run, run_folder));
    name = run_name(run_folder);
    page = open_memstream(&text, &size);
    if (!page || !name) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the report of %s", run_folder);
        goto done;
    }
    CAIRN_TRY(write_page(page, &run, name));
    int closed = fclose(page);
    page = NULL;
    if (closed != 0) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the report of %s", run_folder);
        goto done;
    }
    CAIRN_TRY(cairn_file_write(out_html, text, size));
done:
    if (page) fclose(page);
    free(text);
    free(name);
    cairn_run_files_free(&run);
    return st;
}
