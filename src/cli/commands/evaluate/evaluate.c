/* cairn evaluate: trained networks beside untrained ones and classical methods, on the same pairs of images. */
#include "cli/command.h"
#include "cli/evaluation.h"

#include <string.h>

static const cairn_setting table[] = {
    CAIRN_CLI_METHODS_ROWS,
    CAIRN_CLI_MATCHER_ROW,
    CAIRN_CLI_DESCRIBE_ROW,
    CAIRN_CLI_PAIRS_ROWS,
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, protocol, "recommended", "what is measured how"),
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, baselines, "harris,sift,random", "classical methods, \"\" for none"),
    CAIRN_SETTING_BOOL_ROW(cairn_cli_evaluation, untrained, 1, "the same networks with their first weights"),
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, out, "", "folder for evaluation.json, else only the table"),
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, markdown, "", "the tables as Markdown into this file"),
    CAIRN_CLI_PICTURES_ROW,
    CAIRN_CLI_CHANGES_ROWS,
    CAIRN_CLI_SAMPLING_ROW,
    CAIRN_CLI_SEED_ROW,
    CAIRN_CLI_DEVICE_ROW(cairn_cli_evaluation),
    {0},
};

static cairn_status unknown_part(const char *word)
{
    static const char *const parts[] = {"export", "score", "images", "synthetic", "video", "agreement", NULL};
    const char *closest = cairn_closest_name(word, parts);
    return cairn_error_set(CAIRN_E_INVALID, "command line: '%.64s' is no part of evaluate%s%s%s", word,
                           closest ? "; did you mean 'evaluate " : "; see cairn evaluate --help",
                           closest ? closest : "", closest ? "'?" : "");
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    const cairn_cli_evaluation *o = options;
    cairn_status st = CAIRN_OK;
    cairn_cli_contest *c = calloc(1, sizeof *c);
    if (!c) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    if (word_count) CAIRN_TRY(unknown_part(words[0]));
    if (!o->model[0] && !o->baselines[0])
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --model FILE is missing"));
    CAIRN_TRY(cairn_cli_contest_open(c, o, ""));
    CAIRN_TRY(cairn_cli_contest_add_methods(c));
    CAIRN_TRY(cairn_cli_contest_run(c));
done:
    cairn_cli_contest_close(c);
    free(c);
    return st;
}

const cairn_command cairn_command_evaluate = {
    .name = "evaluate",
    .summary = "measure models beside untrained and classical ones",
    .synopsis = "--model FILE (--sequences DIR | --photos DIR) [--protocol P] [--out DIR]",
    .details =
        "Repeatability, localisation, matching and homography estimation with 95 % intervals. Without --model only\n"
        "the classical methods are measured: harris, shi-tomasi, fast, sift, rootsift, hessian, harris-laplace,\n"
        "multiscale-harris, hessian-affine, orb, random.\n\n"
        "Protocols (docs/evaluation.md), whose numbers are never comparable: recommended, rpautrat,\n"
        "pytorch-superpoint, sp-fpn, glue-factory, d2-net.\n\n"
        "In two steps, for predictions of any program:\n"
        "  cairn evaluate export     writes a method's points into files\n"
        "  cairn evaluate score      measures the points in files, several methods side by side\n"
        "  cairn evaluate images     writes the images that another program should look at\n"
        "Other measurements:\n"
        "  cairn evaluate synthetic  detectors on synthetic shapes with known corners\n"
        "  cairn evaluate video      tracking on the frames of a video\n"
        "  cairn evaluate agreement  students' descriptors against their teacher's",
    .example =
        "  cairn evaluate --model teacher.safetensors --matcher-model lightglue.safetensors --sequences HPATCHES\n"
        "  cairn evaluate --model runs/demo/teacher/model.safetensors --photos /usr/share/backgrounds --pairs 10",
    .options = table,
    .options_bytes = sizeof(cairn_cli_evaluation),
    .most_words = 1,
    .run = run,
};
