/* Recipes: what they resolve to, what their errors say, and which stages a run does, skips and does again. */
#include "experiments/run/recipe.h"
#include "experiments/run/run.h"

#include "base/log.h"
#include "base/rng.h"
#include "system/file.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct toy {
    int64_t steps;
    double rate;
    char teacher[CAIRN_SETTING_TEXT_BYTES], models[CAIRN_SETTING_TEXT_BYTES];
} toy;

static const cairn_setting draw_table[] = {CAIRN_SETTING_INT_ROW(toy, steps, 4, 1, 100, "steps"), {0}};
static const cairn_setting learn_table[] = {
    CAIRN_SETTING_INT_ROW(toy, steps, 4, 1, 100, "steps"),
    CAIRN_SETTING_FLOAT_ROW(toy, rate, 0.5, 0, 1, "rate"),
    CAIRN_SETTING_TEXT_ROW(toy, teacher, "", "a stage"),
    {0},
};
static const cairn_setting judge_table[] = {CAIRN_SETTING_TEXT_ROW(toy, models, "", "stages"), {0}};

static char log_text[1024];
static const char *failing = "";

static cairn_status run_toy(cairn_stage *stage, const void *settings)
{
    (void)settings;
    cairn_status st = CAIRN_OK;
    char *path = NULL;
    strcat(strcat(log_text, stage->name), " ");
    assert_null(stage->gpu);
    CAIRN_TRY(cairn_stage_path(&path, stage, "checkpoint"));
    if (cairn_file_exists(path)) strcat(log_text, "(resumed) ");
    CAIRN_TRY(cairn_file_write(path, "x", 1));
    if (!strcmp(failing, stage->name)) st = cairn_error_set(CAIRN_E_FAIL, "toy failure");
done:
    free(path);
    return st;
}

static const cairn_stage_input learn_inputs[] = {{"teacher", "draw", false, false}, {0}};
static const cairn_stage_input judge_inputs[] = {{"models", NULL, false, true}, {0}};
static const cairn_stage_kind draw = {.name = "draw",
                                      .help = "",
                                      .settings = draw_table,
                                      .settings_bytes = sizeof(toy),
                                      .host_only = true,
                                      .run = run_toy};
static const cairn_stage_kind learn = {.name = "learn",
                                       .help = "",
                                       .settings = learn_table,
                                       .settings_bytes = sizeof(toy),
                                       .inputs = learn_inputs,
                                       .uses_photos = true,
                                       .host_only = true,
                                       .run = run_toy};
static const cairn_stage_kind judge = {.name = "judge",
                                       .help = "",
                                       .settings = judge_table,
                                       .settings_bytes = sizeof(toy),
                                       .inputs = judge_inputs,
                                       .host_only = true,
                                       .run = run_toy};
static const cairn_stage_kind *const kinds[] = {&draw, &learn, &judge, NULL};

static const char good[] = "name: demo\n"
                           "seed: 7 # fixed\n"
                           "photos: {root: /, skip: [umang, free]}\n"
                           "stages:\n"
                           "  - name: shapes\n"
                           "    kind: draw\n"
                           "    steps: 9\n"
                           "  - {name: teacher, kind: learn, teacher: shapes}\n"
                           "  - {name: scores, kind: judge, models: [shapes, teacher]}\n";

static cairn_recipe *parse_as(const char *text, const cairn_stage_kind *const *as, const char *const *overrides)
{
    cairn_recipe *recipe = NULL;
    if (cairn_recipe_parse(&recipe, text, strlen(text), "demo.yaml", as, overrides) < 0)
        fail_msg("%s", cairn_error_message());
    return recipe;
}

static cairn_recipe *parse(const char *text, const char *const *overrides)
{
    return parse_as(text, kinds, overrides);
}

static void expect_error(const char *text, const char *override, const char *expected)
{
    const char *overrides[] = {override, NULL};
    cairn_recipe *recipe = NULL;
    assert_true(cairn_recipe_parse(&recipe, text, strlen(text), "demo.yaml", kinds, overrides) < 0);
    assert_null(recipe);
    if (!strstr(cairn_error_message(), expected)) fail_msg("'%s' lacks '%s'", cairn_error_message(), expected);
    assert_null(strchr(cairn_error_message(), '\n'));
}

static void test_recipe__resolves(void **state)
{
    (void)state;
    const char *overrides[] = {"teacher.rate=0.25", "photos.limit=3", "seed=4294967295", NULL};
    cairn_recipe *recipe = parse(good, overrides);
    assert_string_equal(recipe->name, "demo");
    assert_true(recipe->seed == 4294967295u);
    assert_string_equal(recipe->photos.skip, "umang,free");
    assert_int_equal(recipe->photos.limit, 3);
    assert_int_equal(recipe->stage_count, 3);
    assert_int_equal(((toy *)recipe->stages[0].settings)->steps, 9);
    assert_int_equal(((toy *)recipe->stages[1].settings)->steps, 4);
    assert_true(((toy *)recipe->stages[1].settings)->rate == 0.25);
    assert_string_equal(((toy *)recipe->stages[2].settings)->models, "shapes,teacher");
    assert_true(recipe->stages[2].needs == 3);
    char *first = NULL, *second = NULL;
    assert_int_equal(cairn_recipe_print(&first, recipe), CAIRN_OK);
    cairn_recipe *again = parse(first, NULL);
    assert_int_equal(cairn_recipe_print(&second, again), CAIRN_OK);
    assert_string_equal(first, second);
    free(first);
    free(second);
    cairn_recipe_destroy(&again);
    cairn_recipe_destroy(&recipe);
}

static void test_recipe__errors_name_file_and_line(void **state)
{
    (void)state;
#define HEAD "name: a\nseed: 1\nphotos: {root: /p}\nstages:\n"
    expect_error("name: a\nstages: [{name: s, kind: draw}]\n", NULL, "demo.yaml: the recipe has no seed");
    expect_error("seed: 1\nstages: [{name: s, kind: draw}]\n", NULL, "no name");
    expect_error("name: a\nseed: 1\n", NULL, "no stages");
    expect_error("", NULL, "demo.yaml: the recipe is empty");
    expect_error("- a\n", NULL, "demo.yaml:1: expected a recipe");
    expect_error("name: a\n  b: [\n", NULL, "demo.yaml:2: not valid YAML");
    expect_error("name: a\nseed: -1\n", NULL, "demo.yaml:2: seed: expected a whole number");
    expect_error("name: a\nseeds: 1\n", NULL, "demo.yaml:2: unknown key 'seeds'; did you mean 'seed'");
    expect_error("name: a\nname: b\n", NULL, "demo.yaml:2: this key is there twice: name");
    expect_error("name: ../a\n", NULL, "demo.yaml:1: a name has");
    expect_error(HEAD "  - {name: s, kind: draw,\n     stepz: 3}\n", NULL,
                 "demo.yaml:6: unknown key 'stepz'; did you mean 'steps'");
    expect_error(HEAD "  - {name: s, kind: draw, steps: 101}\n", NULL,
                 "demo.yaml:5: steps: expected a whole number in 1..100");
    expect_error(HEAD "  - {name: s, kind: draw, steps: {a: 1}}\n", NULL,
                 "demo.yaml:5: expected a value, not a mapping");
    expect_error(HEAD "  - {name: s, kind: drow}\n", NULL, "demo.yaml:5: unknown kind 'drow'; did you mean 'draw'");
    expect_error(HEAD "  - {kind: draw}\n", NULL, "demo.yaml:5: the stage has no name");
    expect_error(HEAD "  - {name: s}\n", NULL, "demo.yaml:5: the stage has no kind");
    expect_error(HEAD "  - {name: s, kind: draw}\n  - {name: s, kind: draw}\n", NULL, "demo.yaml:6: two stages");
    expect_error(HEAD "  - {name: t, kind: learn}\n", NULL, "demo.yaml:5: stage t: teacher is missing");
    expect_error(HEAD "  - {name: t, kind: learn, teacher: t}\n", NULL, "'t', which is not an earlier stage");
    expect_error(HEAD "  - {name: s, kind: draw}\n  - {name: t, kind: learn, teacher: s}\n"
                      "  - {name: u, kind: learn, teacher: t}\n",
                 NULL, "demo.yaml:7: stage u: teacher expects a stage of kind draw, but 't' is learn");
    expect_error(HEAD
                 "  - {name: s, kind: draw}\n  - {name: r, kind: draw}\n  - {name: t, kind: learn, teacher: 's,r'}\n",
                 NULL, "takes one stage, not 2");
    expect_error("name: a\nseed: 1\nstages:\n  - {name: s, kind: draw}\n  - {name: t, kind: learn, teacher: s}\n", NULL,
                 "demo.yaml:5: stage t needs photographs");
    expect_error("name: \"a\\0b\"\n", NULL, "zero byte");
    expect_error(good, "shapes.stepz=3", "command line: unknown key 'stepz'; did you mean 'steps'");
    expect_error(good, "shape.steps=3", "command line: the recipe has no stage 'shape'; did you mean 'shapes'");
    expect_error(good, "steps", "command line: expected stage.key=value");
}

/* Cut short and with bytes changed: an error or a recipe, never a crash (the sanitizers watch). */
static void test_recipe__damaged_text_is_refused_or_read(void **state)
{
    (void)state;
    static const char bytes[] = "\0\n\t :-[]{}&*!|>'\"%@#,?a9\x80\xff";
    char text[sizeof good];
    int refused = 0;
    for (uint32_t i = 0; i < 4000; i++) {
        cairn_rng rng = cairn_rng_stream(11, 0, i, 0, 0);
        cairn_recipe *recipe = NULL;
        memcpy(text, good, sizeof good);
        const int size = i % 4 ? (int)sizeof good - 1 : cairn_rng_integer(&rng, 0, (int)sizeof good - 1);
        for (int k = cairn_rng_integer(&rng, 0, 3); k >= 0; k--)
            text[cairn_rng_integer(&rng, 0, (int)sizeof good - 2)] =
                bytes[cairn_rng_integer(&rng, 0, (int)sizeof bytes - 2)];
        const cairn_status st = cairn_recipe_parse(&recipe, text, (size_t)size, "demo.yaml", kinds, NULL);
        assert_true((st == CAIRN_OK) == (recipe != NULL));
        refused += st < 0;
        if (st < 0) assert_int_equal(strncmp(cairn_error_message(), "demo.yaml:", 10), 0);
        cairn_recipe_destroy(&recipe);
    }
    assert_true(refused > 1000 && refused < 4000);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

/* The photographs of a run in `folder`: names, which is all that is looked at. */
static const char *photos_of(const char *folder)
{
    static char root[128];
    char path[128];
    snprintf(root, sizeof root, "photos.root=%s.photos", folder);
    assert_int_equal(cairn_file_make_folder(strchr(root, '=') + 1), CAIRN_OK);
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/p%d.png", strchr(root, '=') + 1, i);
        assert_int_equal(cairn_file_write(path, "x", 1), CAIRN_OK);
    }
    return root;
}

static void remove_run(const char *folder)
{
    nftw(strchr(photos_of(folder), '=') + 1, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Runs `text` with one override and returns the stages that ran. */
static const char *stages_run_of(const char *text, const cairn_stage_kind *const *as, const char *folder,
                                 const char *override, const char *only, cairn_status expected)
{
    const char *overrides[] = {photos_of(folder), override, NULL};
    cairn_recipe *recipe = parse_as(text, as, overrides);
    cairn_run_options options = CAIRN_RUN_OPTIONS_INIT;
    char *out = NULL;
    options.out = folder;
    options.only = only;
    log_text[0] = 0;
    const cairn_status st = cairn_run(&out, recipe, &options);
    if (st != expected) fail_msg("%d: %s", st, cairn_error_message());
    free(out);
    cairn_recipe_destroy(&recipe);
    return log_text;
}

static const char *stages_run(const char *folder, const char *override, const char *only, cairn_status expected)
{
    return stages_run_of(good, kinds, folder, override, only, expected);
}

static void test_run__does_what_is_missing_or_stale(void **state)
{
    (void)state;
    char folder[] = "cairn-test-run-XXXXXX", path[64];
    cairn_log_set_level(CAIRN_LOG_ERROR);
    assert_non_null(mkdtemp(folder));
    assert_string_equal(stages_run(folder, NULL, NULL, CAIRN_OK), "shapes teacher scores ");
    assert_string_equal(stages_run(folder, NULL, NULL, CAIRN_OK), "");
    assert_string_equal(stages_run(folder, "teacher.rate=0.1", NULL, CAIRN_OK), "teacher scores ");
    assert_string_equal(stages_run(folder, "teacher.rate=0.1", NULL, CAIRN_OK), "");
    assert_string_equal(stages_run(folder, "photos.limit=2", NULL, CAIRN_OK), "teacher scores ");
    assert_string_equal(stages_run(folder, "seed=8", "teacher", CAIRN_OK), "shapes teacher ");
    /* A damaged stage.json counts as not done; what lies there is resumed. */
    snprintf(path, sizeof path, "%s/shapes/stage.json", folder);
    assert_int_equal(cairn_file_write(path, "{\"done", 6), CAIRN_OK);
    assert_string_equal(stages_run(folder, "seed=8", "shapes", CAIRN_OK), "shapes (resumed) ");
    failing = "teacher";
    assert_string_equal(stages_run(folder, NULL, NULL, CAIRN_E_FAIL), "shapes teacher ");
    assert_string_equal(cairn_error_message(), "stage teacher: toy failure");
    failing = "";
    assert_string_equal(stages_run(folder, NULL, NULL, CAIRN_OK), "teacher (resumed) scores ");
    assert_string_equal(stages_run(folder, "photos.root=/absent", NULL, CAIRN_E_NOTFOUND), "");
    assert_non_null(strstr(cairn_error_message(), "there is no folder '/absent'"));
    /* A folder that no run made is left alone. */
    snprintf(path, sizeof path, "%s/shapes", folder);
    nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    snprintf(path, sizeof path, "%s/shapes/precious", folder);
    char parent[64];
    snprintf(parent, sizeof parent, "%s/shapes", folder);
    assert_int_equal(cairn_file_make_folder(parent), CAIRN_OK);
    assert_int_equal(cairn_file_write(path, "x", 1), CAIRN_OK);
    assert_string_equal(stages_run(folder, NULL, NULL, CAIRN_E_INVALID), "");
    assert_true(cairn_file_exists(path));
    remove_run(folder);
}

/* A finished run stays so when its kinds get settings that default to what was done before. */
static void test_run__newer_settings_make_nothing_stale(void **state)
{
    (void)state;
    static const cairn_setting more_table[] = {
        CAIRN_SETTING_TEXT_ROW(toy, models, "all", "newer"),
        CAIRN_SETTING_INT_ROW(toy, steps, 4, 1, 100, "steps"),
        CAIRN_SETTING_FLOAT_ROW(toy, rate, 0.25, 0, 1, "newer"),
        {0},
    };
    cairn_stage_kind more = draw, unmarked = draw;
    more.settings = unmarked.settings = more_table;
    more.newer = "models, rate";
    const cairn_stage_kind *const later[] = {&more, &learn, &judge, NULL};
    const cairn_stage_kind *const wrong[] = {&unmarked, &learn, &judge, NULL};
    char folder[] = "cairn-test-run-XXXXXX";
    cairn_log_set_level(CAIRN_LOG_ERROR);
    assert_non_null(mkdtemp(folder));
    assert_string_equal(stages_run(folder, NULL, NULL, CAIRN_OK), "shapes teacher scores ");
    assert_string_equal(stages_run_of(good, later, folder, NULL, NULL, CAIRN_OK), "");
    assert_string_equal(stages_run_of(good, later, folder, "shapes.rate=0.5", NULL, CAIRN_OK),
                        "shapes teacher scores ");
    assert_string_equal(stages_run_of(good, later, folder, "shapes.models=some", "shapes", CAIRN_OK), "shapes ");
    assert_string_equal(stages_run_of(good, later, folder, NULL, "shapes", CAIRN_OK), "shapes ");
    assert_string_equal(stages_run(folder, NULL, "shapes", CAIRN_OK), "");
    assert_string_equal(stages_run_of(good, wrong, folder, NULL, "shapes", CAIRN_OK), "shapes ");
    remove_run(folder);
}

static int held_back(const void *settings)
{
    (void)settings;
    return CAIRN_PHOTOS_HELD_BACK;
}

static void put_frame(const char *folder, int drive)
{
    char path[256];
    snprintf(path, sizeof path, "%s.photos/2011_09_26/2011_09_26_drive_%04d_sync/image_00/data", folder, drive);
    assert_int_equal(cairn_file_make_folder(path), CAIRN_OK);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s.photos/2011_09_26/2011_09_26_drive_%04d_sync/image_00/data/%010d.png", folder,
                 drive, i);
        assert_int_equal(cairn_file_write(path, "x", 1), CAIRN_OK);
    }
}

static void expect_nothing_run(const char *folder, const cairn_stage_kind *const *as, const char *override,
                               const char *expected)
{
    assert_string_equal(stages_run_of(good, as, folder, override, NULL, CAIRN_E_NOTFOUND), "");
    if (!strstr(cairn_error_message(), expected)) fail_msg("'%s' lacks '%s'", cairn_error_message(), expected);
    assert_non_null(strstr(cairn_error_message(), folder));
}

/* What a later stage will look at must be there before the first one starts. */
static void test_run__knows_at_once_that_photographs_are_missing(void **state)
{
    (void)state;
    cairn_stage_kind looks = judge;
    looks.uses_photos = true;
    looks.photo_parts = held_back;
    const cairn_stage_kind *const as[] = {&draw, &learn, &looks, NULL};
    char folder[] = "cairn-test-run-XXXXXX";
    cairn_log_set_level(CAIRN_LOG_ERROR);
    assert_non_null(mkdtemp(folder));
    expect_nothing_run(folder, as, "photos.holdout=0", "stage scores: cairn-test-run"); /* the stage, then the folder */
    expect_nothing_run(folder, as, "photos.holdout=0", "photos.holdout is 0");
    assert_string_equal(stages_run_of(good, as, folder, "photos.holdout=0", "teacher", CAIRN_OK), "shapes teacher ");
    expect_nothing_run(folder, as, "photos.skip=p0,p1,p2,p3", "no JPEG");
    expect_nothing_run(folder, as, "photos.skip=p1,p2,p3", "one photograph only");
    put_frame(folder, 1);
    expect_nothing_run(folder, as, "photos.layout=kitti", "no photograph that is held back from training; KITTI's");
    expect_nothing_run(folder, as, "photos.layout=kitti", "photos.layout=folder");
    assert_string_equal(stages_run_of(good, as, folder, "photos.layout=folder", NULL, CAIRN_OK), "teacher scores ");
    put_frame(folder, 2);
    assert_string_equal(stages_run_of(good, as, folder, "photos.layout=kitti", NULL, CAIRN_OK), "teacher scores ");
    remove_run(folder);
}

/* The recipe for KITTI with a single drive: refused, without a device or a stage's folder. */
static void test_run__kitti_with_one_drive(void **state)
{
    (void)state;
    char folder[] = "cairn-test-run-XXXXXX", path[64], root[96], *out = NULL;
    const char *const overrides[] = {root, NULL};
    cairn_recipe *recipe = NULL;
    cairn_run_options options = CAIRN_RUN_OPTIONS_INIT;
    assert_non_null(mkdtemp(folder));
    put_frame(folder, 1);
    snprintf(root, sizeof root, "photos.root=%s.photos/2011_09_26", folder);
    if (cairn_recipe_load(&recipe, "kitti", cairn_stage_kinds, overrides) < 0) fail_msg("%s", cairn_error_message());
    options.out = folder;
    assert_int_equal(cairn_run(&out, recipe, &options), CAIRN_E_NOTFOUND);
    assert_non_null(strstr(cairn_error_message(), "stage evaluate: "));
    assert_non_null(strstr(cairn_error_message(), "there is one only"));
    snprintf(path, sizeof path, "%s/magicpoint", folder);
    assert_false(cairn_file_is_folder(path));
    free(out);
    cairn_recipe_destroy(&recipe);
    remove_run(folder);
}

/* The recipes inside the program, some of which leave the photographs or the teacher to the user, and the demo with the
 * settings and stages that the help's examples name. */
static void test_recipe__bundled_ones_resolve(void **state)
{
    (void)state;
    const char *const overrides[] = {"photos.root=/data/photos", "magicpoint.steps=2000", NULL};
    const char *const given[] = {"photos.root=/data/photos", "teacher.file=/data/teacher.safetensors", NULL};
    const char *const folder[] = {given[0], NULL};
    cairn_recipe *recipe = NULL;
    for (const cairn_bundled_recipe *b = cairn_bundled_recipes; b->name; b++) {
        const bool imports = strstr(b->text, "kind: import") != NULL;
        if (cairn_recipe_load(&recipe, b->name, cairn_stage_kinds, imports ? given : folder) < 0)
            fail_msg("%s", cairn_error_message());
        assert_string_equal(recipe->name, b->name);
        cairn_recipe_destroy(&recipe);
    }
    if (cairn_recipe_load(&recipe, "demo", cairn_stage_kinds, overrides) < 0) fail_msg("%s", cairn_error_message());
    assert_true(cairn_recipe_find_stage(recipe, "magicpoint") >= 0);
    assert_true(cairn_recipe_find_stage(recipe, "teacher") >= 0);
    assert_true(cairn_recipe_find_stage(recipe, "student") >= 0);
    cairn_recipe_destroy(&recipe);
}

static void test_recipe__primitives_are_checked(void **state)
{
    (void)state;
    const char *const wrong[] = {"photos.root=/data/photos", "magicpoint.primitives=lines,starr", NULL};
    const char *const right[] = {wrong[0], "magicpoint.primitives=lines,star", NULL};
    cairn_recipe *recipe = NULL;
    assert_int_equal(cairn_recipe_load(&recipe, "omercohen", cairn_stage_kinds, wrong), CAIRN_E_INVALID);
    assert_non_null(strstr(cairn_error_message(), "stage magicpoint: primitives: there is no 'starr'"));
    assert_non_null(strstr(cairn_error_message(), "checkerboard, stripes, cube, noise"));
    assert_int_equal(cairn_recipe_load(&recipe, "omercohen", cairn_stage_kinds, right), CAIRN_OK);
    cairn_recipe_destroy(&recipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recipe__resolves),
        cmocka_unit_test(test_recipe__bundled_ones_resolve),
        cmocka_unit_test(test_recipe__errors_name_file_and_line),
        cmocka_unit_test(test_recipe__damaged_text_is_refused_or_read),
        cmocka_unit_test(test_recipe__primitives_are_checked),
        cmocka_unit_test(test_run__does_what_is_missing_or_stale),
        cmocka_unit_test(test_run__newer_settings_make_nothing_stale),
        cmocka_unit_test(test_run__knows_at_once_that_photographs_are_missing),
        cmocka_unit_test(test_run__kitti_with_one_drive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
