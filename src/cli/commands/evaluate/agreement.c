/* cairn evaluate agreement: how far students may stand in for their teacher. */
#include "cli/command.h"
#include "cli/sheet.h"
#include "experiments/detectors/learned.h"
#include "experiments/measurements/agreement.h"

typedef struct agreement_options {
    cairn_cli_evaluation methods; /* first: the shared rows of the table mean its fields */
    char teacher[CAIRN_SETTING_TEXT_BYTES];
} agreement_options;

static const cairn_setting table[] = {
    CAIRN_CLI_METHODS_ROWS,
    CAIRN_SETTING_TEXT_ROW(agreement_options, teacher, "", "checkpoint of the teacher"),
    CAIRN_CLI_PAIRS_ROWS,
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, out, "", "folder for evaluation.json, else only the table"),
    CAIRN_CLI_CHANGES_ROWS,
    CAIRN_CLI_SEED_ROW,
    CAIRN_CLI_DEVICE_ROW(cairn_cli_evaluation),
    {0},
};

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)words, (void)word_count;
    enum { RESAMPLES = 1000 };
    const agreement_options *o = options;
    cairn_status st = CAIRN_OK;
    cairn_sheet sheet = {0};
    cairn_detector teacher = {0};
    cairn_cli_contest *c = calloc(1, sizeof *c);
    if (!c) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    if (!o->methods.model[0] || !o->teacher[0])
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --%s FILE is missing",
                                  o->methods.model[0] ? "teacher" : "model"));
    if (o->methods.out[0]) CAIRN_TRY(cairn_file_make_folder(o->methods.out)); /* before the work */
    CAIRN_TRY(cairn_cli_contest_open(c, &o->methods, "recommended"));
    CAIRN_TRY(cairn_cli_contest_add_methods(c));
    CAIRN_TRY(cairn_detector_load(&teacher, c->gpu, o->teacher, NULL));
    const cairn_agreement_options how = {.view = c->protocol.view[CAIRN_VIEW_DESCRIBE],
                                         .seed = (uint32_t)o->methods.seed,
                                         .resamples = RESAMPLES,
                                         .progress = true};
    CAIRN_TRY(cairn_agreement_run(&sheet, &c->sources[CAIRN_VIEW_DESCRIBE], &teacher, c->methods, c->count, &how));
    CAIRN_TRY(cairn_cli_sheet_finish(&sheet, c));
done:
    cairn_detector_free(&teacher);
    cairn_sheet_free(&sheet);
    cairn_cli_contest_close(c);
    free(c);
    return st;
}

const cairn_command cairn_command_evaluate_agreement = {
    .name = "evaluate agreement",
    .summary = "compare students' descriptors with their teacher's",
    .synopsis = "--model FILE --teacher FILE (--sequences DIR | --photos DIR) [--out DIR]",
    .details = "At the teacher's points: the mean cosine of its descriptors and the student's, and the share of its\n"
               "mutual nearest neighbours between two images that the student's descriptors give, too, with 95 %\n"
               "intervals over pairs. A student that takes the teacher's place is asked for 0.9 and 0.8.",
    .example = "  cairn evaluate agreement --model runs/student-cpu-small/drop-in/model.safetensors \\\n"
               "      --teacher runs/cpu-small/teacher/model.safetensors --sequences HPATCHES",
    .options = table,
    .options_bytes = sizeof(agreement_options),
    .run = run,
};
