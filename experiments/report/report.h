#ifndef CAIRN_REPORT_H
#define CAIRN_REPORT_H
/* The page of one run or of several side by side: one HTML file that needs nothing else, for any browser, light and
 * dark, wide and narrow; its content can be read without its script. */
#include "base/status.h"

enum { CAIRN_REPORT_MOST_RUNS = 16 };

/* Reads what the stages of runs left behind, or what `cairn evaluate --out` wrote, and writes the page by rename:
 *
 *   RUN/recipe.yaml                       order of the stages, and shown at the end
 *   RUN/STAGE/stage.json                  kind, settings, seconds, device, driver, seed
 *   RUN/STAGE/metrics.jsonl               lines {"step": 10, "loss": 1.5, ...}: one curve for each number; those of
 * stages of the same name in several runs share their charts RUN/STAGE/pictures/NAME.png           shown in order of
 * their names; at most 64 MiB together, galleries included RUN/STAGE/pictures/captions.json      {"file.png":
 * "caption"} RUN/STAGE/evaluation.json             version 2; also directly in RUN, with its gallery's files below that
 * folder
 *
 * Methods of several evaluations stand in one table where protocol, set, parameters and pairs are the same. Whatever is
 * missing or damaged is left out, and the page says so.
 * in     runs  count 1..CAIRN_REPORT_MOST_RUNS folders
 * error  CAIRN_E_NOTFOUND if a folder does not exist; CAIRN_E_IO if the page cannot be written */
cairn_status cairn_report_write(const char *const *runs, int count, const char *out_html);
/* The tables of the same results as CSV, Markdown and LaTeX: <folder>/<set>-<protocol>-<kind>-<group>.csv and so on.
 * error  also CAIRN_E_NOTFOUND if there is no result */
cairn_status cairn_report_tables(const char *const *runs, int count, const char *folder);
#endif
