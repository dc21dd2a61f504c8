/* Stage `report`: the page of the run. */
#include "experiments/stages/stages.h"

#include "base/log.h"
#include "experiments/report/report.h"
#include "system/file.h"

typedef struct report_settings {
    char after[CAIRN_SETTING_TEXT_BYTES];
} report_settings;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(report_settings, after, NULL,
                           "stages that the page waits for; it is written again when they change"),
    {0},
};

static const cairn_stage_input inputs[] = {{"after", NULL, true, true}, {0}};

static cairn_status run(cairn_stage *stage, const void *settings)
{
    (void)settings;
    char *page = cairn_file_join(stage->run_folder, "report.html");
    if (!page) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a path");
    cairn_status st = cairn_report_write(&stage->run_folder, 1, page);
    if (st >= 0) cairn_info("report: %s", page);
    free(page);
    return st;
}

const cairn_stage_kind cairn_stage_report = {
    .name = "report",
    .help = "one page with the curves, pictures and tables of the run",
    .settings = table,
    .settings_bytes = sizeof(report_settings),
    .inputs = inputs,
    .host_only = true,
    .version = 1,
    .run = run,
};
