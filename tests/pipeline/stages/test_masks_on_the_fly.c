/* A student whose matched pairs are made while it trains is, bit by bit, the one that reads the same pairs from files;
 * each source of matches works so. */
#include "formats/safetensors.h"
#include "support/device/material.h"
#include "support/device/test_gpu.h"
#include "support/program.h"
#include "support/scratch.h"
#include "support/test.h"
#include "system/file.h"

#include <stdlib.h>
#include <string.h>

enum { PHOTOS = 4, PAIRS = 3 };
static const char recipe[] =
    "name: student\n"
    "seed: 3\n"
    "photos: {root: PHOTOS, height: 96, width: 128, holdout: 0}\n"
    "stages:\n"
    "  - {name: masks, kind: matched-masks, model: PHOTOS/../detector.safetensors, source: nearest, pairs: 3,\n"
    "     top_k: 60, threshold: 0, previews: 1}\n"
    "  - {name: start, kind: import, file: PHOTOS/../student.safetensors}\n"
    "  - {name: student, kind: student-phase2, start: start, masks: masks, batch: 5, steps: 2, lr: 0.001,\n"
    "     calibrate: 0}\n";
/* A LightGlue that has hardly learned. */
static const char matcher_recipe[] =
    "name: matcher\n"
    "seed: 3\n"
    "photos: {root: PHOTOS, height: 96, width: 128, holdout: 0.5}\n"
    "stages:\n"
    "  - {name: matcher, kind: lightglue, model: PHOTOS/../detector.safetensors, layers: 1, heads: 1, width: 8,\n"
    "     points: 10, pairs: 2, validation: 1, view_height: 64, view_width: 96, batch: 1, steps: 1}\n";

static cairn_program_run run;

static int set_up(void **state)
{
    if (test_save_stage_material(state, PHOTOS)) return 1;
    test_save_recipe("student.yaml", recipe);
    test_save_recipe("matcher.yaml", matcher_recipe);
    return 0;
}

static void run_student(const char *out, const char *stored, const char *second, const char *third)
{
    const char *words[] = {"run", test_path("student.yaml"), "--out", test_path("%s", out), stored, second, third,
                           NULL};
    cairn_program_succeed(&run, words);
}

/* How many tensors of two students differ in a bit; the texts in the files differ by the settings. */
static int differences(const char *a, const char *b)
{
    cairn_safetensors first, second;
    int different = 0;
    assert_ok(cairn_safetensors_read(&first, test_path("%s/student/model.safetensors", a)));
    assert_ok(cairn_safetensors_read(&second, test_path("%s/student/model.safetensors", b)));
    assert_true(first.count > 50 && first.count == second.count);
    for (int i = 0; i < first.count; i++) {
        const cairn_safetensor *other = cairn_safetensors_find(&second, first.tensors[i].name);
        assert_non_null(other);
        assert_int_equal(first.tensors[i].count, other->count);
        different += memcmp(first.tensors[i].data, other->data, sizeof(float) * other->count) != 0;
    }
    cairn_safetensors_free(&first);
    cairn_safetensors_free(&second);
    return different;
}

static void test_on_the_fly__same_bits_as_from_files(void **state)
{
    (void)state;
    run_student("stored", "masks.stored=true", NULL, NULL);
    assert_int_equal(test_count_entries(test_path("stored/masks/masks")), PHOTOS * PAIRS);
    run_student("made", "masks.stored=false", NULL, NULL);
    assert_false(cairn_file_exists(test_path("made/masks/masks")));
    assert_true(cairn_file_exists(test_path("made/masks/pictures/00000-00-matches.png")));
    assert_non_null(strstr(run.err, "keypoints matched")); /* of what is shown */
    assert_int_equal(differences("stored", "made"), 0);
}

/* Other matches, other masks, another student. */
static void test_on_the_fly__each_source(void **state)
{
    (void)state;
    char weights[512];
    const char *words[] = {"run", test_path("matcher.yaml"), "--out", test_path("trained"), NULL};
    cairn_program_succeed(&run, words);
    snprintf(weights, sizeof weights, "masks.weights=%s", test_path("trained/matcher/model.safetensors"));
    run_student("lightglue", "masks.stored=false", "masks.source=lightglue", weights);
    assert_true(differences("stored", "lightglue") > 10);
    run_student("oracle", "masks.stored=false", "masks.source=oracle", "masks.pairs=0"); /* a new warp each time */
    assert_true(differences("stored", "oracle") > 10);
}

static void test_on_the_fly__mistakes_are_named(void **state)
{
    (void)state;
    const char *words[] = {"run", test_path("student.yaml"), "--out", test_path("no"), "masks.pairs=0", NULL};
    cairn_program_call(&run, words, NULL, 0);
    assert_int_not_equal(run.code, 0);
    if (!strstr(run.err, "needs stored: false")) fail_msg("%s", run.err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_on_the_fly__same_bits_as_from_files),
                                       cmocka_unit_test(test_on_the_fly__each_source),
                                       cmocka_unit_test(test_on_the_fly__mistakes_are_named)};
    return test_gpu_main("masks on the fly", tests, sizeof tests / sizeof *tests, set_up, test_scratch_remove);
}
