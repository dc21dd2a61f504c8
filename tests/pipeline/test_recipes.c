/* Every recipe of this program that trains a detector, in miniature: it starts, trains, is killed while it trains its
 * last teacher, goes on to the same bits, calibrates BatchNorm, evaluates, and leaves a model that finds keypoints. */
#include "support/program.h"

#include "data/image.h"
#include "experiments/run/stage.h"
#include "formats/safetensors.h"
#include "system/file.h"

#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static cairn_program_run run;
static char folder[64];

#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})

static char *in_folder(const char *format, ...)
{
    static char paths[16][512];
    static int next;
    char *path = paths[next++ % 16];
    va_list arguments;
    int used = snprintf(path, sizeof paths[0], "%s/", folder);
    va_start(arguments, format);
    vsnprintf(path + used, sizeof paths[0] - (size_t)used, format, arguments);
    va_end(arguments);
    return path;
}

static void expect_success(const char *const *words)
{
    cairn_program_call(&run, words, NULL, 0);
    if (run.code) fail_msg("exit code %d: %s", run.code, run.err);
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

/* Kills the run as soon as the stage has a checkpoint. */
static void kill_at_checkpoint(const char *file, const char *out, const char *stage)
{
    int status = 0;
    char *checkpoint = in_folder("%s/%s/checkpoint.safetensors", out, stage);
    const int child = cairn_program_start(WORDS("train", file, stage, "--out", in_folder("%s", out)), in_folder("log"));
    for (int i = 0; i < 300000 && !cairn_file_exists(checkpoint); i++) {
        if (waitpid(child, &status, WNOHANG)) fail_msg("%s: the run ended before its first checkpoint", out);
        usleep(1000);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    assert_false(cairn_file_exists(in_folder("%s/%s/stage.json", out, stage)));
}

static void expect_same_file(const char *a_path, const char *b_path)
{
    uint8_t *a = NULL, *b = NULL;
    size_t a_size = 0, b_size = 0;
    assert_int_equal(cairn_file_read(&a, &a_size, a_path, 1 << 28), CAIRN_OK);
    assert_int_equal(cairn_file_read(&b, &b_size, b_path, 1 << 28), CAIRN_OK);
    if (a_size != b_size || memcmp(a, b, a_size)) fail_msg("%s and %s differ", a_path, b_path);
    free(a);
    free(b);
}

/* All numbers are finite; the statistics are those of training's end if and only if nothing was calibrated. */
static void check_model(const char *out, const char *stage, bool student, bool calibrated)
{
    cairn_safetensors model = {0}, checkpoint = {0};
    assert_int_equal(cairn_safetensors_read(&model, in_folder("%s/%s/model.safetensors", out, stage)), CAIRN_OK);
    assert_int_equal(cairn_safetensors_read(&checkpoint, in_folder("%s/%s/checkpoint.safetensors", out, stage)),
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

/* For recipes that import their teacher: one with descriptors that was trained for a step. */
static const char *small_teacher(void)
{
    static const char text[] =
        "name: small\nseed: 1\nphotos: {root: %s, height: 32, width: 48, holdout: 0.5}\nstages:\n"
        "  - {name: shapes, kind: magicpoint, steps: 1, batch: 1, width: 0.0625, height: 32, image_width: 48,\n"
        "     canvas_height: 64}\n"
        "  - {name: labels, kind: adaptation, teacher: shapes, views: 1, threshold: 0, top_k: 30}\n"
        "  - {name: teacher, kind: superpoint, labels: labels, steps: 1, batch: 1, width: 0.0625}\n";
    static char path[512];
    char recipe[2048];
    if (path[0]) return path;
    snprintf(recipe, sizeof recipe, text, in_folder("photos"));
    char *file = strdup(in_folder("small.yaml"));
    assert_int_equal(cairn_file_write(file, recipe, strlen(recipe)), CAIRN_OK);
    expect_success(WORDS("run", file, "--out", in_folder("small")));
    snprintf(path, sizeof path, "%s", in_folder("small/teacher/model.safetensors"));
    free(file);
    return path;
}

static void run_recipe(const char *name)
{
    cairn_recipe *recipe = NULL;
    char *text = NULL, *file = strdup(in_folder("%s.yaml", name));
    char root[600], model[600];
    const bool imports = strstr(bundled_text(name), "kind: import") != NULL;
    const char *given = getenv("CAIRN_TEST_PHOTOS"), *const overrides[] = {root, imports ? model : NULL, NULL};
    snprintf(model, sizeof model, "teacher.file=%s", imports ? small_teacher() : "");
    snprintf(root, sizeof root, "photos.root=%s", given && *given ? given : in_folder("photos"));
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
    const char *const words[] = {"run", file, "--out", strdup(in_folder("%s", name)), NULL};
    expect_success(words);
    for (int i = 0; i < recipe->stage_count; i++)
        assert_true(cairn_file_exists(in_folder("%s/%s/stage.json", name, recipe->stages[i].name)));
    assert_true(cairn_file_exists(in_folder("%s/evaluate/evaluation.json", name)));
    assert_true(cairn_file_exists(in_folder("%s/report.html", name)));
    check_model(name, stage, is_student(&recipe->stages[last]), number_of(&recipe->stages[last], "calibrate") > 0);
    char *whole = strdup(in_folder("%s.whole", name));
    assert_int_equal(rename(in_folder("%s/%s", name, stage), whole), 0);
    kill_at_checkpoint(file, name, stage);
    expect_success(words);
    assert_int_equal(count(run.err, "done before"), recipe->stage_count - 1);
    assert_non_null(strstr(run.err, "resuming at step"));
    expect_same_file(in_folder("%s.whole/model.safetensors", name), in_folder("%s/%s/model.safetensors", name, stage));
    expect_same_file(in_folder("%s.whole/checkpoint.safetensors", name),
                     in_folder("%s/%s/checkpoint.safetensors", name, stage));
    expect_success(WORDS("detect", "--model", in_folder("%s/%s/model.safetensors", name, stage),
                         in_folder("photos/board-1.png"), "--out", in_folder("%s.found", name), "--threshold", "0",
                         "--top-k", "20"));
    assert_true(cairn_file_exists(in_folder("%s.found/board-1.npz", name)));
    cairn_recipe_destroy(&recipe);
    free(text);
    free(file);
    free(whole);
    free((char *)words[3]);
}

static void test_recipes__each_in_miniature(void **state)
{
    (void)state;
    const char *only = getenv("CAIRN_TEST_RECIPE"); /* one of them, to look at */
    int done = 0;
    for (const cairn_bundled_recipe *b = cairn_bundled_recipes; b->name; b++) {
        if (only && strcmp(only, b->name)) continue;
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

/* Boards under waves of light, so that there are corners and no two pictures alike. */
static void write_photo(int number)
{
    const int h = 120, w = 160, cell = 10 + 3 * number;
    cairn_image image = {0};
    assert_int_equal(cairn_image_create(&image, h, w, 1), CAIRN_OK);
    for (int i = 0; i < h * w; i++) {
        const int y = i / w, x = i % w;
        const double wave = 0.5 + 0.3 * sin(0.05 * x + number) * cos(0.04 * y);
        image.pixels[i] = (float)(((x / cell + y / cell) % 2 ? 0.9 : 0.3) * wave);
    }
    assert_int_equal(cairn_image_save_png(&image, in_folder("photos/board-%d.png", number)), CAIRN_OK);
    cairn_image_free(&image);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

static int prepare(void **state)
{
    (void)state;
    strcpy(folder, "cairn-test-recipes-XXXXXX");
    if (!mkdtemp(folder) || cairn_file_make_folder(in_folder("photos")) < 0) return -1;
    for (int i = 0; i < 4; i++) write_photo(i);
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recipes__say_what_they_are),
        cmocka_unit_test(test_recipes__each_in_miniature),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
