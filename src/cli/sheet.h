#ifndef CAIRN_CLI_SHEET_H
#define CAIRN_CLI_SHEET_H
/* What the commands that measure without pairs of images share. */
#include "cli/evaluation.h"
#include "experiments/measurements/sheet.h"

/* The methods of --model and --baselines, without pairs of images. Free it by cairn_cli_contest_close, on failure, too.
 */
cairn_status cairn_cli_contest_open_methods(cairn_cli_contest *out, const cairn_cli_evaluation *options);
/* Notes the device of the networks, prints the tables, writes --out. */
cairn_status cairn_cli_sheet_finish(cairn_sheet *sheet, const cairn_cli_contest *contest);
#endif
