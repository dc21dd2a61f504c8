#ifndef CAIRN_REPORT_H
#define CAIRN_REPORT_H
/* The page of a run: one HTML file that needs nothing else, for any browser, light and dark, wide and narrow. */
#include "base/status.h"

/* Reads what the stages of a run left behind and writes the page by rename:
 *
 *   RUN/recipe.yaml                       order of the stages, and shown at the end
 *   RUN/STAGE/stage.json                  kind, settings, seconds, device, driver, seed
 *   RUN/STAGE/metrics.jsonl               lines {"step": 10, "loss": 1.5, ...}: one curve for each number
 *   RUN/STAGE/pictures/NAME.png           shown in order of their names; at most 64 MiB together
 *   RUN/STAGE/pictures/captions.json      {"file.png": "caption"}
 *   RUN/STAGE/evaluation.json             as written by cairn_evaluation_write
 *
 * Whatever is missing or damaged is left out, and the page says so.
 * error  CAIRN_E_NOTFOUND if the folder does not exist; CAIRN_E_IO if the page cannot be written */
cairn_status cairn_report_write(const char *run_folder, const char *out_html);
#endif
