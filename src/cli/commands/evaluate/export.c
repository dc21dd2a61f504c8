/* cairn evaluate export: one method's points into files. */
#include "cli/command.h"
#include "cli/evaluation.h"

#include <string.h>

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, model, "", "checkpoint (safetensors)"),
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, baselines, "", "or one classical method, see cairn evaluate --help"),
    CAIRN_CLI_DESCRIBE_ROW,
    CAIRN_CLI_PAIRS_ROWS,
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, protocol, "recommended", "what is measured how"),
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, out, "", "folder for the files"),
    CAIRN_CLI_CHANGES_ROWS,
    CAIRN_CLI_SAMPLING_ROW,
    CAIRN_CLI_SEED_ROW,
    CAIRN_CLI_DEVICE_ROW(cairn_cli_evaluation),
    {0},
};

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)words, (void)word_count;
    const cairn_cli_evaluation *o = options;
    cairn_status st = CAIRN_OK;
    cairn_cli_contest *c = calloc(1, sizeof *c);
    if (!c) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    if (!o->out[0]) CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --out PRED is missing"));
    if (!o->model[0] == !o->baselines[0] || strchr(o->model, ',') || strchr(o->baselines, ','))
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: give one --model FILE or one --baselines NAME; each "
                                                   "method has a folder of its own"));
    CAIRN_TRY(cairn_cli_contest_open(c, o, ""));
    CAIRN_TRY(cairn_cli_contest_add_methods(c));
    const cairn_predictions_config config = cairn_cli_contest_config(c);
    CAIRN_TRY(cairn_predictions_export(o->out, &c->methods[0], c->sources, &config, true));
done:
    cairn_cli_contest_close(c);
    free(c);
    return st;
}

const cairn_command cairn_command_evaluate_export = {
    .name = "evaluate export",
    .summary = "write a method's points into files",
    .synopsis = "(--model FILE | --baselines NAME) (--sequences DIR | --photos DIR) --out PRED [--protocol P]",
    .details = "Writes PRED/SEQUENCE/K.HxW.npz for image K at H x W pixels, with keypoints [N,3] (x, y, score, "
               "float32, pixels\n"
               "of that image, after the protocol's suppression) and descriptors [N,D], and PRED/predictions.json. "
               "Files of an\n"
               "earlier export with the same settings are kept. cairn evaluate score measures them.",
    .example =
        "  cairn evaluate export --baselines sift --sequences hpatches --protocol rpautrat --out predictions/sift",
    .options = table,
    .options_bytes = sizeof(cairn_cli_evaluation),
    .run = run,
};
