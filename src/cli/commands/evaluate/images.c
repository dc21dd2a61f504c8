/* cairn evaluate images: what another program should predict on. */
#include "cli/command.h"
#include "cli/evaluation.h"

static const cairn_setting table[] = {
    CAIRN_CLI_PAIRS_ROWS,
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, protocol, "recommended", "what is measured how"),
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, out, "", "folder for the images"),
    CAIRN_CLI_CHANGES_ROWS,
    CAIRN_CLI_SEED_ROW,
    {0},
};

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)words, (void)word_count;
    const cairn_cli_evaluation *o = options;
    cairn_status st = CAIRN_OK;
    cairn_cli_contest *c = calloc(1, sizeof *c);
    if (!c) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    if (!o->out[0]) CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --out DIR is missing"));
    CAIRN_TRY(cairn_cli_contest_open(c, o, ""));
    const cairn_predictions_config config = cairn_cli_contest_config(c);
    CAIRN_TRY(cairn_predictions_images(o->out, c->sources, &config, true));
done:
    cairn_cli_contest_close(c);
    free(c);
    return st;
}

const cairn_command cairn_command_evaluate_images = {
    .name = "evaluate images",
    .summary = "write the images that another program should predict on",
    .synopsis = "(--sequences DIR | --photos DIR) --out DIR [--protocol P]",
    .details =
        "Writes DIR/SEQUENCE/K.HxW.png, gray, as the protocol resizes them, and DIR/predictions.json. Another program\n"
        "puts a K.HxW.npz beside each, with keypoints [N,3] (x, y, score, float32) and descriptors [N,D], and writes "
        "its\n"
        "name as \"method\" and D as \"dimension\" into predictions.json (D 0: no descriptors; of the other fields "
        "only\n"
        "\"version\", \"protocol\" and \"pairs\", and \"seed\" for photographs, must stay). Then cairn evaluate score\n"
        "measures them.",
    .example = "  cairn evaluate images --sequences hpatches --protocol rpautrat --out predictions/mine",
    .options = table,
    .options_bytes = sizeof(cairn_cli_evaluation),
    .run = run,
};
