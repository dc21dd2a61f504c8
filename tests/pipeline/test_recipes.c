/* Every recipe of this program that trains a detector, in miniature: it starts, trains, is killed while it trains its
 * last teacher, goes on to the same bits, calibrates BatchNorm, evaluates, and leaves a model that finds keypoints. */
#include "experiments/run/stage.h"
#include "formats/safetensors.h"
#include "support/device/material.h"
#include "support/device/test_gpu.h"
#include "support/program.h"
#include "support/scratch.h"
#include "system/file.h"

#include <math.h>
#include <stdlib.h>

static cairn_program_run run;

#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})

static void expect_success(const char *const *words)
{
    cairn_program_succeed(&run, words);
}

/* ---- what makes a recipe small ---- */

typedef struct override {
    const char *name, *value;
} override;

/* Settings of any kind that has them; a calibration is kept where the recipe has one. */
static const override common[] = {{"batch", "1"},
                                  {"accumulate", "1"},
                                  {"warmup", "0"},
                                  {"log_every", "1"},
                                  {"checkpoint_every", "1"},
                                  {"canvas_height", "64"},
                                  {"descriptor", "0"},
                                  {"matches", "20"},
                                  {"negatives", "4"},
                                  {"views", "2"},
                                  {"chunk", "0"},
                                  {"filter_counts", "0"},
                                  {"threshold", "0"},
                                  {"top_k", "30"},
                                  {"previews", "1"},
                                  {"points", "60"},
                                  {"pairs_per_photo", "1"},
                                  {"baselines", "random"},
                                  {"untrained", "false"},
                                  {"gallery", "false"},
                                  {"validate_images", "4"},
                                  {NULL, NULL}};
static const override teachers[] = {{"width", "0.0625"}, {"height", "32"}, {"image_width", "48"}, {NULL, NULL}};
static const override students[] = {{"width", "0.25"}, {"channels", "32"}, {NULL, NULL}};
static const override contests[] = {{"height", "32"}, {"image_width", "48"}, {NULL, NULL}};
static const override photos[] = {{"height", "32"}, {"width", "48"}, {"limit", "4"},
                                  {"crops", "1"},   {"skip", ""},    {"holdout", "0.5"}};

static void apply(const cairn_recipe_stage *stage, const override *list)
{
    for (; list->name; list++)
        if (cairn_settings_find(stage->kind->settings, list->name) &&
            cairn_settings_set(stage->settings, stage->kind->settings, list->name, list->value, stage->name) < 0)
            fail_msg("%s", cairn_error_message());
}

static long long number_of(const cairn_recipe_stage *stage, const char *name)
{
    char text[64] = "0";
    const cairn_setting *row = cairn_settings_find(stage->kind->settings, name);
    if (row) cairn_settings_format(text, sizeof text, row, stage->settings);
    return atoll(text);
}

static bool is_student(const cairn_recipe_stage *stage)
{
    return !strncmp(stage->kind->name, "student", 7);
}

/* The last stage that trains a teacher or a student: the one that is killed. */
static int last_teacher(const cairn_recipe *recipe)
{
    for (int i = recipe->stage_count - 1; i >= 0; i--)
        if (!strcmp(recipe->stages[i].kind->name, "superpoint") || is_student(&recipe->stages[i])) return i;
    return -1;
}

static const char *contest_of(const cairn_recipe *recipe)
{
    for (int i = 0; i < recipe->stage_count; i++)
        if (!strcmp(recipe->stages[i].kind->name, "evaluate")) return recipe->stages[i].name;
    fail_msg("no stage evaluates");
    return "";
}

static void shrink(cairn_recipe *recipe)
{
    for (size_t i = 0; i < sizeof photos / sizeof *photos; i++)
        assert_int_equal(
            cairn_settings_set(&recipe->photos, cairn_photos_table, photos[i].name, photos[i].value, "test"), CAIRN_OK);
    for (int i = 0; i < recipe->stage_count; i++) {
        const cairn_recipe_stage *stage = &recipe->stages[i];
        const override steps[] = {{"steps", i == last_teacher(recipe) ? "30" : "2"},
                                  {"calibrate", number_of(stage, "calibrate") ? "1" : "0"},
                                  {NULL, NULL}};
        apply(stage, common);
        apply(stage, steps);
        if (!strncmp(stage->kind->name, "magicpoint", 10) || !strcmp(stage->kind->name, "superpoint"))
            apply(stage, teachers);
        else if (is_student(stage))
            apply(stage, students);
        else if (!strcmp(stage->kind->name, "evaluate"))
            apply(stage, contests);
    }
}

/* ---- what every recipe must do ---- */

/* All numbers are finite; the statistics are those of training's end if and only if nothing was calibrated. */
static void check_model(const char *out, const char *stage, bool student, bool calibrated)
{
    cairn_safetensors model = {0}, checkpoint = {0};
    assert_int_equal(cairn_safetensors_read(&model, test_path("%s/%s/model.safetensors", out, stage)), CAIRN_OK);
    assert_int_equal(cairn_safetensors_read(&checkpoint, test_path("%s/%s/checkpoint.safetensors", out, stage)),
                     CAIRN_OK);
    for (int i = 0; i < model.count; i++)
        for (size_t k = 0; k < model.tensors[i].count; k++) assert_true(isfinite(model.tensors[i].data[k]));
    const char *name = student ? "backbone.0.1.running_mean" : "bn1a.running_mean";
    const cairn_safetensor *a = cairn_safetensors_find(&model, name), *b = cairn_safetensors_find(&checkpoint, name);
    assert_true(!a == !b && (a || !calibrated));
    if (a && calibrated == !memcmp(a->data, b->data, a->count * sizeof *a->data))
        fail_msg("%s/%s: statistics %s", out, stage, calibrated ? "were not calibrated" : "changed");
    cairn_safetensors_free(&model);
    cairn_safetensors_free(&checkpoint);
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)); at++) n++;
    return n;
}

static const char *bundled_text(const char *name)
{
    for (const cairn_bundled_recipe *b = cairn_bundled_recipes; b->name; b++)
        if (!strcmp(b->name, name)) return b->text;
    fail_msg("no recipe %s", name);
    return "";
}

/* The folder of a recipe's run: the second phases of SP-FPN share one, as they say, and with it what comes before. */
static const char *folder_of(const char *name)
{
    static const char shared[] = "sp-fpn-phase2";
    return strncmp(name, shared, strlen(shared)) ? name : shared;
}

/* Kills the last stage in training, lets the run go on, and compares. words: of the run */
static void kill_and_resume(const char *const *words, const char *name, const cairn_recipe *recipe, const char *stage)
{
    const char *out = folder_of(name);
    assert_int_equal(rename(test_path("%s/%s", out, stage), test_path("%s.whole", name)), 0);
    cairn_program_kill_at(WORDS("train", words[1], stage, "--out", words[3]), test_path("log"),
                          test_path("%s/%s/checkpoint.safetensors", out, stage));
    assert_false(cairn_file_exists(test_path("%s/%s/stage.json", out, stage)));
    expect_success(words);
    assert_int_equal(count(run.err, "done before"), recipe->stage_count - 1);
    assert_non_null(strstr(run.err, "resuming at step"));
    test_expect_same_file(test_path("%s.whole/model.safetensors", name),
                          test_path("%s/%s/model.safetensors", out, stage));
    test_expect_same_file(test_path("%s.whole/checkpoint.safetensors", name),
                          test_path("%s/%s/checkpoint.safetensors", out, stage));
}

static void run_recipe(const char *name)
{
    cairn_recipe *recipe = NULL;
    char *text = NULL, *file = strdup(test_path("%s.yaml", name));
    const char *out = folder_of(name);
    const bool before = cairn_file_exists(test_path("%s/student/stage.json", out));
    char root[600], model[600];
    const bool imports = strstr(bundled_text(name), "kind: import") != NULL;
    const char *given = getenv("CAIRN_TEST_PHOTOS"), *const overrides[] = {root, imports ? model : NULL, NULL};
    snprintf(model, sizeof model, "teacher.file=%s", imports ? test_path("teacher.safetensors") : "");
    snprintf(root, sizeof root, "photos.root=%s", given && *given ? given : test_path("photos"));
    if (cairn_recipe_load(&recipe, name, cairn_stage_kinds, overrides) < 0) fail_msg("%s", cairn_error_message());
    const int last = last_teacher(recipe);
    if (last < 0) { /* it needs a detector's checkpoint: test_matcher_stage */
        assert_non_null(strstr(name, "lightglue"));
        cairn_recipe_destroy(&recipe);
        free(file);
        return;
    }
    const char *stage = recipe->stages[last].name;
    print_message("%s: %d stages, killed in %s\n", name, recipe->stage_count, stage);
    shrink(recipe);
    assert_int_equal(cairn_recipe_print(&text, recipe), CAIRN_OK);
    assert_int_equal(cairn_file_write(file, text, strlen(text)), CAIRN_OK);
    const char *const words[] = {"run", file, "--out", strdup(test_path("%s", out)), NULL};
    expect_success(words);
    assert_true(!before || strstr(run.err, "student: done before"));
    for (int i = 0; i < recipe->stage_count; i++)
        assert_true(cairn_file_exists(test_path("%s/%s/stage.json", out, recipe->stages[i].name)));
    assert_true(cairn_file_exists(test_path("%s/%s/evaluation.json", out, contest_of(recipe))));
    assert_true(cairn_file_exists(test_path("%s/report.html", out)));
    check_model(out, stage, is_student(&recipe->stages[last]), number_of(&recipe->stages[last], "calibrate") > 0);
    kill_and_resume(words, name, recipe, stage);
    expect_success(WORDS("detect", "--model", test_path("%s/%s/model.safetensors", out, stage),
                         test_path("photos/1.png"), "--out", test_path("%s.found", name), "--threshold", "0",
                         "--top-k", "20"));
    assert_true(cairn_file_exists(test_path("%s.found/1.npz", name)));
    cairn_recipe_destroy(&recipe);
    free(text);
    free(file);
    free((char *)words[3]);
}

static void test_recipes__each_in_miniature(void **state)
{
    (void)state;
    const char *only = getenv("CAIRN_TEST_RECIPE"); /* those that begin so, to look at */
    int done = 0;
    for (const cairn_bundled_recipe *b = cairn_bundled_recipes; b->name; b++) {
        if (only && strncmp(only, b->name, strlen(only))) continue;
        run_recipe(b->name);
        done++;
    }
    assert_true(done > 0);
}

/* Each says in its first lines what it costs, what it needs and, where it follows a source, what that reported. */
static void test_recipes__say_what_they_are(void **state)
{
    (void)state;
    static const char *const sources[] = {"superpoint-paper", "rpautrat",  "pytorch-superpoint",
                                          "shaofengzeng",     "omercohen", "kitti"};
    expect_success(WORDS("run", "--recipes"));
    int named = 0;
    for (const cairn_bundled_recipe *b = cairn_bundled_recipes; b->name; b++) {
        assert_true(b->text[0] == '#');
        assert_non_null(strstr(b->text, "\n# budget   "));
        assert_non_null(strstr(b->text, "\n# photos   "));
        assert_non_null(strstr(run.out, b->name));
        for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
            if (strcmp(sources[i], b->name)) continue;
            assert_non_null(strstr(b->text, "\n# source   "));
            assert_non_null(strstr(b->text, "\n# differs  "));
            named++;
        }
    }
    assert_int_equal(named, sizeof sources / sizeof *sources);
}

static int prepare(void **state)
{
    if (test_scratch_create(state)) return -1;
    test_save_photos(4);
    test_save_detector(test_path("teacher.safetensors")); /* of recipes that import theirs */
    test_gpu_destroy_all();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recipes__say_what_they_are),
        cmocka_unit_test(test_recipes__each_in_miniature),
    };
    return test_gpu_main("recipes", tests, sizeof tests / sizeof *tests, prepare, test_scratch_remove);
}
