/* cairn report: one page of one run or of several, written again from what their stages left. */
#include "experiments/report/report.h"

#include "cli/command.h"
#include "system/file.h"

#include <string.h>

typedef struct report_options {
    char out[CAIRN_SETTING_TEXT_BYTES], tables[CAIRN_SETTING_TEXT_BYTES];
} report_options;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(report_options, out, "",
                           "file of the page; for one RUN it may be left out: RUN/report.html"),
    CAIRN_SETTING_TEXT_ROW(report_options, tables, "", "folder for every table as .csv, .md and .tex"),
    {0},
};

/* A page of some other folder would be empty, and a file that nobody wants there. */
static cairn_status check_run(const char *folder)
{
    char *recipe = cairn_file_join(folder, "recipe.yaml"), *evaluation = cairn_file_join(folder, "evaluation.json");
    cairn_status st = CAIRN_OK;
    if (!recipe || !evaluation)
        st = cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    else if (!cairn_file_exists(recipe) && !cairn_file_exists(evaluation))
        st = cairn_error_set(CAIRN_E_NOTFOUND,
                             "%s: no folder of cairn run or cairn evaluate --out (it has no recipe.yaml and no "
                             "evaluation.json)",
                             folder);
    free(recipe);
    free(evaluation);
    return st;
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    const report_options *o = options;
    cairn_status st = CAIRN_OK;
    char *path = NULL;
    if (word_count > CAIRN_REPORT_MOST_RUNS)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: %d runs; at most %d share a page", word_count,
                                  CAIRN_REPORT_MOST_RUNS));
    if (!o->out[0] && word_count > 1)
        CAIRN_TRY(
            cairn_error_set(CAIRN_E_INVALID, "command line: several runs share one page; say where by --out FILE"));
    for (int i = 0; i < word_count; i++) CAIRN_TRY(check_run(words[i]));
    path = o->out[0] ? strdup(o->out) : cairn_file_join(words[0], "report.html");
    if (!path) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    if (o->tables[0]) {
        CAIRN_TRY(cairn_report_tables(words, word_count, o->tables));
        printf("%s\n", o->tables);
    }
    CAIRN_TRY(cairn_report_write(words, word_count, path));
    printf("%s\n", path);
done:
    free(path);
    return st;
}

const cairn_command cairn_command_report = {
    .name = "report",
    .summary = "write the page of a run, or of several side by side",
    .synopsis = "RUN ... [--out FILE] [--tables DIR]",
    .details =
        "RUN is a folder of cairn run or of cairn evaluate --out. The page is one HTML file that needs nothing "
        "else. It\ncan be written while a run is at work. Methods of several runs stand in one table where their "
        "protocol and\ntheir pairs are the same.",
    .example = "  cairn report runs/demo\n  cairn report runs/first runs/second --out both.html --tables tables",
    .options = table,
    .options_bytes = sizeof(report_options),
    .least_words = 1,
    .most_words = CAIRN_CLI_MOST_WORDS,
    .run = run,
};
