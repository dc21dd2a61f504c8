/* cairn evaluate score: measures points in files. */
#include "cli/command.h"
#include "cli/evaluation.h"

#include <string.h>

static const cairn_setting table[] = {
    CAIRN_CLI_PAIRS_ROWS,
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, protocol, "", "what is measured how; default: the files'"),
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, out, "", "folder for evaluation.json, else only the table"),
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, markdown, "", "the tables as Markdown into this file"),
    CAIRN_CLI_PICTURES_ROW,
    CAIRN_CLI_CHANGES_ROWS,
    CAIRN_CLI_SEED_ROW,
    {0},
};

/* The protocol without the mark of changed settings, which are compared one by one later. */
static cairn_status first_protocol(char id[64], const cairn_cli_evaluation *o, const char *folder)
{
    bool photos;
    if (o->protocol[0]) {
        snprintf(id, 64, "%.63s", o->protocol);
        return CAIRN_OK;
    }
    const cairn_status st = cairn_predictions_protocol(id, &photos, folder);
    id[strcspn(id, ",")] = 0;
    return st;
}

static cairn_status check_names(const cairn_cli_contest *c, const char *folder)
{
    for (int i = 0; i + 1 < c->count; i++)
        if (!strcmp(c->methods[i].name, c->methods[c->count - 1].name))
            return cairn_error_set(CAIRN_E_INVALID,
                                   "%s: a second method of the name '%s'; change \"method\" in its "
                                   "predictions.json",
                                   folder, c->methods[i].name);
    return CAIRN_OK;
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    const cairn_cli_evaluation *o = options;
    cairn_status st = CAIRN_OK;
    char id[64];
    cairn_cli_contest *c = calloc(1, sizeof *c);
    if (!c) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    CAIRN_TRY(first_protocol(id, o, words[0]));
    CAIRN_TRY(cairn_cli_contest_open(c, o, id));
    const cairn_predictions_config config = cairn_cli_contest_config(c);
    for (int i = 0; i < word_count; i++) {
        CAIRN_TRY(cairn_predictions_open(&c->methods[c->count], words[i], &config));
        c->count++;
        CAIRN_TRY(check_names(c, words[i]));
    }
    CAIRN_TRY(cairn_cli_contest_run(c));
done:
    cairn_cli_contest_close(c);
    free(c);
    return st;
}

const cairn_command cairn_command_evaluate_score = {
    .name = "evaluate score",
    .summary = "measure the points in files",
    .synopsis = "PRED ... (--sequences DIR | --photos DIR) [--out DIR]",
    .details = "Measures folders that cairn evaluate export wrote, or any program (docs/evaluation.md), side by side. "
               "Folders\n"
               "that were made with different settings are refused, and so is a missing image.",
    .example = "  cairn evaluate score predictions/sift predictions/mine --sequences hpatches --out results",
    .options = table,
    .options_bytes = sizeof(cairn_cli_evaluation),
    .least_words = 1,
    .most_words = CAIRN_CLI_MOST_METHODS,
    .run = run,
};
