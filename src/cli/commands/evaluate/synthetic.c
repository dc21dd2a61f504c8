/* cairn evaluate synthetic: detectors on shapes whose corners are known. */
#include "cli/command.h"
#include "cli/sheet.h"
#include "experiments/baselines/baselines.h"
#include "experiments/measurements/synthetic.h"

typedef struct synthetic_options {
    cairn_cli_evaluation methods; /* first: the shared rows of the table mean its fields */
    int protocol;
    int64_t count, height, width, canvas;
} synthetic_options;

static const cairn_setting table[] = {
    CAIRN_CLI_METHODS_ROWS,
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, baselines, "harris,shi-tomasi,fast,random",
                           "classical methods, \"\" for none"),
    CAIRN_SETTING_BOOL_ROW(cairn_cli_evaluation, untrained, 1, "the same networks with their first weights"),
    CAIRN_SETTING_CHOICE_ROW(synthetic_options, protocol, 0, "recommended,rpautrat,sp-fpn", "what is measured how"),
    CAIRN_SETTING_INT_ROW(synthetic_options, count, 0, 0, 10000,
                          "images of each primitive; 0: 50, for sp-fpn its 9; published: 1000"),
    CAIRN_SETTING_INT_ROW(synthetic_options, height, 120, 32, 1024, "of the images, pixels"),
    CAIRN_SETTING_INT_ROW(synthetic_options, width, 160, 32, 1024, "of the images, pixels"),
    CAIRN_SETTING_INT_ROW(synthetic_options, canvas, 960, 60, 4096, "rows that shapes are drawn on; fewer are faster"),
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, out, "", "folder for evaluation.json, else only the table"),
    CAIRN_CLI_SEED_ROW,
    CAIRN_CLI_DEVICE_ROW(cairn_cli_evaluation),
    {0},
};

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)words, (void)word_count;
    enum { COUNT = 50, SP_FPN_COUNT = 9 };
    const synthetic_options *o = options;
    cairn_status st = CAIRN_OK;
    cairn_sheet sheet = {0};
    cairn_cli_contest *c = calloc(1, sizeof *c);
    if (!c) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    cairn_synthetic_options synthetic = CAIRN_SYNTHETIC_OPTIONS_INIT;
    synthetic.rules = (cairn_synthetic_rules)o->protocol;
    synthetic.count = o->count ? (int)o->count : synthetic.rules == CAIRN_SYNTHETIC_SP_FPN ? SP_FPN_COUNT : COUNT;
    synthetic.h = (int)o->height;
    synthetic.w = (int)o->width;
    synthetic.canvas_height = (int)o->canvas;
    synthetic.seed = (uint32_t)o->methods.seed;
    synthetic.progress = true;
    CAIRN_TRY(cairn_cli_contest_open_methods(c, &o->methods));
    CAIRN_TRY(cairn_synthetic_run(&sheet, c->methods, c->count, &synthetic));
    CAIRN_TRY(cairn_cli_sheet_finish(&sheet, c));
done:
    cairn_sheet_free(&sheet);
    cairn_cli_contest_close(c);
    free(c);
    return st;
}

const cairn_command cairn_command_evaluate_synthetic = {
    .name = "evaluate synthetic",
    .summary = "measure detectors on synthetic shapes with known corners",
    .synopsis = "[--model FILE] [--baselines LIST] [--protocol P] [--count N] [--out DIR]",
    .details = "Mean average precision and localisation error over nine primitives, clean and with noise, with 95 %\n"
               "intervals over images. The same seed draws the same images on every machine.\n"
               "Baselines: " CAIRN_BASELINE_NAMES ".\n"
               "Protocols: recommended (a corner is found by the nearest free detection within 4 px), rpautrat (the\n"
               "published TensorFlow code), sp-fpn (that project's script, comparable with nothing else).",
    .example = "  cairn evaluate synthetic --model runs/demo/magicpoint/model.safetensors --count 20",
    .options = table,
    .options_bytes = sizeof(synthetic_options),
    .run = run,
};
