/* The stage that trains LightGlue, by the program: pairs, training, comparison with nearest neighbours; a run that is
 * stopped and started again leaves the same bits; the training learns something. */
#include "experiments/run/stage.h"
#include "matching/lightglue/matcher.h"
#include "support/device/material.h"
#include "support/device/test_gpu.h"
#include "support/program.h"
#include "support/scratch.h"
#include "system/file.h"

#include <stdlib.h>

static const char recipe_text[] =
    "name: match\n"
    "seed: 3\n"
    "photos: {root: PHOTOS, height: 96, width: 128, holdout: 0.3}\n"
    "stages:\n"
    "  - {name: matcher, kind: lightglue, model: PHOTOS/../detector.safetensors, layers: 2, heads: 2, width: 16,\n"
    "     points: 20, pairs: 4, validation: 2, view_height: 64, view_width: 96, difficulty: 0.3, batch: 2, steps: 40,\n"
    "     lr: 0.003, log_every: 1, checkpoint_every: 8}\n";

static int set_up(void **state)
{
    if (test_scratch_create(state)) return 1;
    test_save_photos(8);
    test_save_detector(test_path("detector.safetensors"));
    test_save_recipe("match.yaml", recipe_text);
    test_gpu_destroy_all();
    return 0;
}

static void run_to_end(const char *out)
{
    static cairn_program_run run;
    const char *words[] = {"run", test_path("match.yaml"), "--out", test_path("%s", out), NULL};
    cairn_program_succeed(&run, words);
}

static void test_stage__trains_and_judges(void **state)
{
    (void)state;
    double loss[2];
    cairn_lightglue *matcher;
    uint8_t *text;
    size_t size;
    run_to_end("whole");
    test_log_ends(test_path("whole/matcher/metrics.jsonl"), "\"match\":", loss);
    print_message("loss %.3f -> %.3f\n", loss[0], loss[1]);
    assert_true(loss[1] < 0.8 * loss[0]);
    assert_ok(cairn_file_read(&text, &size, test_path("whole/matcher/comparison.json"), 1 << 20));
    assert_non_null(strstr((char *)text, "mutual nearest neighbour"));
    assert_non_null(strstr((char *)text, "average_precision"));
    free(text);
    assert_ok(cairn_lightglue_load(&matcher, test_gpu(CAIRN_CLASS_AUTO), test_path("whole/matcher/model.safetensors")));
    assert_int_equal(cairn_lightglue_get_options(matcher)->descriptor, TEST_DESCRIPTOR);
    cairn_lightglue_destroy(&matcher);
    test_gpu_destroy_all();
}

/* A drop-in student's points and descriptors, of another length, instead of the teacher's. */
static void test_stage__takes_a_student(void **state)
{
    (void)state;
    static cairn_program_run run;
    static const cairn_network_spec student = {
        .kind = CAIRN_NETWORK_DROP_IN, .sp_fpn = {0.25, 8, {1, 3, 8, 11}, {0}}, .heads = {12, true}};
    char model[600];
    cairn_lightglue *matcher;
    test_save_network(test_path("student.safetensors"), &student);
    test_gpu_destroy_all();
    snprintf(model, sizeof model, "matcher.model=%s", test_path("student.safetensors"));
    const char *words[] = {"run", test_path("match.yaml"), "--out", test_path("student"), model, "matcher.steps=2", NULL};
    cairn_program_succeed(&run, words);
    assert_ok(
        cairn_lightglue_load(&matcher, test_gpu(CAIRN_CLASS_AUTO), test_path("student/matcher/model.safetensors")));
    assert_int_equal(cairn_lightglue_get_options(matcher)->descriptor, 12);
    cairn_lightglue_destroy(&matcher);
    test_gpu_destroy_all();
}

static void test_stage__resumes_with_the_same_bits(void **state)
{
    (void)state;
    const char *words[] = {"run", test_path("match.yaml"), "--out", test_path("stopped"), NULL};
    cairn_program_kill_at(words, test_path("log"), test_path("stopped/matcher/checkpoint.safetensors"));
    run_to_end("stopped");
    test_expect_same_file(test_path("whole/matcher/model.safetensors"),
                          test_path("stopped/matcher/model.safetensors"));
}

static void test_stage__mistakes_are_named(void **state)
{
    (void)state;
    static cairn_program_run run;
    const char *both[] = {"run", test_path("match.yaml"), "--out", test_path("no"), "matcher.model=", NULL};
    cairn_program_fail(&run, both, -1, "name either features");
    const char *far[] = {"run", test_path("match.yaml"), "--out", test_path("no"), "matcher.far=1", NULL};
    cairn_program_call(&run, far, NULL, 0);
    assert_non_null(strstr(run.err, "far (1 pixels)"));
    const char *odd[] = {"run", test_path("match.yaml"), "--out", test_path("no"), "matcher.heads=3", NULL};
    cairn_program_call(&run, odd, NULL, 0);
    assert_non_null(strstr(run.err, "3 heads"));
}

/* cairn evaluate matches the detector's points by the trained matcher, too. */
static void test_evaluate__takes_the_matcher(void **state)
{
    (void)state;
    static cairn_program_run run;
    const char *matched[] = {"evaluate", "--model", test_path("detector.safetensors"), "--matcher-model",
                             test_path("whole/matcher/model.safetensors"), "--photos", test_path("photos"), "--pairs",
                             "2", "--height", "96", "--width", "128", "--baselines", "sift", "--untrained=false", NULL};
    cairn_program_succeed(&run, matched);
    assert_non_null(strstr(run.out, "detector + matcher"));
    const char *alone[] = {"evaluate", "--matcher-model", test_path("whole/matcher/model.safetensors"), "--photos",
                           test_path("photos"), NULL};
    cairn_program_fail(&run, alone, -1, "--matcher-model wants a --model");
}

static void set(void *settings, const cairn_setting *table, const char *name, const char *value)
{
    if (cairn_settings_set(settings, table, name, value, "test") < 0) fail_msg("%s", cairn_error_message());
}

/* Both recipes of the program as they are, but for their sizes. */
static void test_recipes__run_in_miniature(void **state)
{
    (void)state;
    static const char *const names[] = {"lightglue", "lightglue-cpu-small"};
    static const char *const sizes[][2] = {{"points", "12"},     {"pairs", "3"},       {"validation", "1"},
                                           {"view_height", "64"}, {"view_width", "96"}, {"batch", "2"},
                                           {"steps", "3"},        {"warmup", "0"},      {"checkpoint_every", "1"}};
    for (int i = 0; i < 2; i++) {
        static cairn_program_run run;
        cairn_recipe *recipe;
        char *text;
        assert_ok(cairn_recipe_load(&recipe, names[i], cairn_stage_kinds, NULL));
        assert_int_equal(recipe->stage_count, 1);
        const cairn_recipe_stage *stage = &recipe->stages[0];
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
            set(stage->settings, stage->kind->settings, sizes[k][0], sizes[k][1]);
        set(stage->settings, stage->kind->settings, "model", test_path("detector.safetensors"));
        set(&recipe->photos, cairn_photos_table, "root", test_path("photos"));
        set(&recipe->photos, cairn_photos_table, "height", "96");
        set(&recipe->photos, cairn_photos_table, "width", "128");
        assert_ok(cairn_recipe_print(&text, recipe));
        test_put_text(test_path("%s.yaml", names[i]), text);
        const char *words[] = {"run", test_path("%s.yaml", names[i]), "--out", test_path("%s", names[i]), NULL};
        cairn_program_call(&run, words, NULL, 0);
        if (run.code) fail_msg("%s: exit code %d: %s", names[i], run.code, run.err);
        assert_true(cairn_file_exists(test_path("%s/matcher/comparison.json", names[i])));
        cairn_recipe_destroy(&recipe);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stage__trains_and_judges),
        cmocka_unit_test(test_stage__resumes_with_the_same_bits),
        cmocka_unit_test(test_stage__takes_a_student),
        cmocka_unit_test(test_stage__mistakes_are_named),
        cmocka_unit_test(test_evaluate__takes_the_matcher),
        cmocka_unit_test(test_recipes__run_in_miniature),
    };
    return test_gpu_main("matcher stage", tests, sizeof tests / sizeof *tests, set_up, test_scratch_remove);
}
