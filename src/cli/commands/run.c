/* cairn run and cairn train: a recipe, or one stage of it. */
#include "experiments/run/run.h"

#include "cli/command.h"
#include "system/file.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct run_options {
    char out[CAIRN_SETTING_TEXT_BYTES], device[CAIRN_SETTING_TEXT_BYTES];
    bool force, explain, profile, kinds, recipes;
} run_options;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(run_options, out, "", "run folder, else runs/NAME"),
    CAIRN_SETTING_TEXT_ROW(run_options, device, "", "index, UUID or part of the name, see cairn devices"),
    CAIRN_SETTING_BOOL_ROW(run_options, force, 0, "run stages again that are done"),
    CAIRN_SETTING_BOOL_ROW(run_options, explain, 0, "print ops, kernels and memory of the compiled programs"),
    CAIRN_SETTING_BOOL_ROW(run_options, profile, 0,
                           "print the time by op, kernel and shape of each training stage's last step; slows it down"),
    CAIRN_SETTING_BOOL_ROW(run_options, kinds, 0, "list the kinds of stages with their settings, run nothing"),
    CAIRN_SETTING_BOOL_ROW(run_options, recipes, 0,
                           "list the recipes of this program with budget, photos and source, run nothing"),
    {0},
};

static void print_kinds(void)
{
    for (const cairn_stage_kind *const *kind = cairn_stage_kinds; *kind; kind++) {
        printf("%s: %s\n", (*kind)->name, (*kind)->help);
        cairn_settings_help(stdout, (*kind)->settings, "");
    }
    printf("photos: the section that stages share\n");
    cairn_settings_help(stdout, cairn_photos_table, "");
}

/* The comment that each recipe begins with. */
static void print_recipes(void)
{
    for (const cairn_bundled_recipe *b = cairn_bundled_recipes; b->name; b++) {
        printf("%s%s\n", b == cairn_bundled_recipes ? "" : "\n", b->name);
        for (const char *line = b->text; *line == '#'; line += strcspn(line, "\n") + 1) {
            const int length = (int)strcspn(line, "\n") - 1;
            printf(length > 0 ? " %.*s\n" : "\n", length, line + 1);
            if (!line[strcspn(line, "\n")]) break;
        }
    }
}

/* What a run has made, for people to open. */
static void name_results(const char *folder)
{
    char *report = cairn_file_join(folder, "report.html");
    if (report && cairn_file_exists(report))
        printf("report: %s\n", report);
    else
        printf("run: %s\n", folder);
    free(report);
}

static cairn_status run_recipe(const run_options *o, const char *name, const char *only, const char *const *overrides)
{
    cairn_status st = CAIRN_OK;
    cairn_recipe *recipe = NULL;
    char *folder = NULL;
    cairn_run_options options = CAIRN_RUN_OPTIONS_INIT;
    options.out = o->out[0] ? o->out : NULL;
    options.device = o->device[0] ? o->device : NULL;
    options.force = o->force;
    options.explain = o->explain;
    options.profile = o->profile;
    options.only = only;
    CAIRN_TRY(cairn_recipe_load(&recipe, name, cairn_stage_kinds, overrides));
    CAIRN_TRY(cairn_run(&folder, recipe, &options));
    name_results(folder);
done:
    free(folder);
    cairn_recipe_destroy(&recipe);
    return st;
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    const run_options *o = options;
    if (o->kinds) {
        print_kinds();
        return CAIRN_OK;
    }
    if (o->recipes) {
        print_recipes();
        return CAIRN_OK;
    }
    if (!word_count)
        return cairn_error_set(CAIRN_E_INVALID,
                               "command line: no recipe given; usage: cairn run RECIPE [stage.key=value ...]; "
                               "cairn run --recipes lists those of this program");
    return run_recipe(o, words[0], NULL, words + 1);
}

static cairn_status train(const void *options, const char *const *words, int word_count)
{
    const run_options *o = options;
    (void)word_count;
    return run_recipe(o, words[0], words[1], words + 2);
}

const cairn_command cairn_command_run = {
    .name = "run",
    .summary = "run a recipe: train, distil, evaluate, report",
    .synopsis = "RECIPE [stage.key=value ...] [--out DIR] [--device D]",
    .details =
        "RECIPE is the path of a YAML file or the name of a recipe that is part of the program (--recipes). Settings\n"
        "behind it win over the file: stage.key=value, photos.key=value, seed=value. What is done is not done again;\n"
        "an interrupted run goes on where it was.",
    .example = "  cairn run --recipes\n  cairn run demo\n"
               "  cairn run demo photos.root=/data/photos magicpoint.steps=2000 --out runs/mine",
    .options = table,
    .options_bytes = sizeof(run_options),
    .most_words = CAIRN_CLI_MOST_WORDS,
    .run = run,
};

const cairn_command cairn_command_train = {
    .name = "train",
    .summary = "run one stage of a recipe, with the stages that it needs",
    .synopsis = "RECIPE STAGE [stage.key=value ...] [--out DIR] [--device D]",
    .details = "Like cairn run, but only STAGE and what its inputs need.",
    .example = "  cairn train demo magicpoint magicpoint.steps=1000",
    .options = table,
    .options_bytes = sizeof(run_options),
    .least_words = 2,
    .most_words = CAIRN_CLI_MOST_WORDS,
    .run = train,
};
