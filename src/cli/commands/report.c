/* cairn report: the page of a run, written again from what its stages left. */
#include "experiments/report/report.h"

#include "cli/command.h"
#include "system/file.h"

#include <string.h>

typedef struct report_options {
    char out[CAIRN_SETTING_TEXT_BYTES];
} report_options;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(report_options, out, "", "file of the page, for one RUN; else RUN/report.html"),
    {0},
};

/* A page of some other folder would be empty, and a file that nobody wants there. */
static cairn_status check_run(const char *folder)
{
    char *recipe = cairn_file_join(folder, "recipe.yaml");
    if (!recipe) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    const bool found = cairn_file_exists(recipe);
    free(recipe);
    return found ? CAIRN_OK
                 : cairn_error_set(CAIRN_E_NOTFOUND, "%s: no folder of cairn run (it has no recipe.yaml)", folder);
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    const report_options *o = options;
    cairn_status st = CAIRN_OK;
    char *path = NULL;
    if (o->out[0] && word_count > 1)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --out is for one RUN, not %d", word_count));
    for (; *words; words++) {
        free(path);
        path = o->out[0] ? strdup(o->out) : cairn_file_join(*words, "report.html");
        if (!path) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
        CAIRN_TRY(check_run(*words));
        CAIRN_TRY(cairn_report_write(*words, path));
        printf("%s\n", path);
    }
done:
    free(path);
    return st;
}

const cairn_command cairn_command_report = {
    .name = "report",
    .summary = "write the page of a run",
    .synopsis = "RUN ... [--out FILE]",
    .details =
        "RUN is a folder of cairn run. The page is one HTML file that needs nothing else. It can be written while a\n"
        "run is at work.",
    .example = "  cairn report runs/demo",
    .options = table,
    .options_bytes = sizeof(report_options),
    .least_words = 1,
    .most_words = CAIRN_CLI_MOST_WORDS,
    .run = run,
};
