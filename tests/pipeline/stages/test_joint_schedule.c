/* The teacher's stages: early stopping, and last steps with frozen statistics. */
#include "formats/safetensors.h"
#include "support/joint.h"
#include "support/scratch.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>

static cairn_program_run run;

#define SETTINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Nothing is learned, so no validation is better than the first. */
static void test_schedule__ends_early(void **state)
{
    (void)state;
    double losses[TEST_JOINT_STEPS];
    test_joint_train(&run, SETTINGS("joint.validate_every=2", "joint.patience=2"));
    assert_int_equal(test_joint_logged(losses, TEST_JOINT_STEPS, "loss"), 6);
    assert_non_null(strstr(run.err, "joint: ended at step 6 of 9: the last 2 validations scored no better"));
    cairn_safetensors model = {0};
    assert_ok(cairn_safetensors_read(&model, test_path("run/joint/model.safetensors")));
    assert_string_equal(cairn_safetensors_metadata(&model, "step"), "6");
    cairn_safetensors_free(&model);
    const char *words[TEST_JOINT_WORDS];
    test_joint_words(words, SETTINGS("joint.validate_every=0", "joint.patience=2"));
    cairn_program_call(&run, words, NULL, 0);
    assert_int_equal(run.code, 1);
    assert_non_null(strstr(run.err, "patience counts validations"));
}

static bool is_running(const char *name)
{
    return strstr(name, ".running_") != NULL;
}

/* Tensors of the model in `run` that differ from those of `other`: running statistics, and all others. */
static void differences(int counts[2], const char *other)
{
    cairn_safetensors a = {0}, b = {0};
    counts[0] = counts[1] = 0;
    assert_ok(cairn_safetensors_read(&a, test_path("run/joint/model.safetensors")));
    assert_ok(cairn_safetensors_read(&b, test_path("%s", other)));
    assert_int_equal(a.count, b.count);
    for (int i = 0; i < a.count; i++) {
        const cairn_safetensor *same = cairn_safetensors_find(&b, a.tensors[i].name);
        assert_non_null(same);
        counts[!is_running(a.tensors[i].name)] +=
            memcmp(a.tensors[i].data, same->data, same->count * sizeof *same->data) != 0;
    }
    cairn_safetensors_free(&a);
    cairn_safetensors_free(&b);
}

/* Behind step 6 of 9 the weights move, and the statistics stay those of 6 steps. */
static void test_frozen__statistics_stay(void **state)
{
    (void)state;
    const char *const frozen[] = {"joint.order=bn-relu", "joint.lr=0.01",           "joint.freeze_norm=0.34",
                                  "joint.calibrate=2",   "joint.validate_every=0", "joint.checkpoint_every=1", NULL};
    int counts[2];
    test_joint_train(&run, SETTINGS("joint.order=bn-relu", "joint.lr=0.01", "joint.steps=6", "joint.validate_every=0"));
    assert_int_equal(rename(test_path("run/joint/model.safetensors"), test_path("six.safetensors")), 0);
    test_joint_train(&run, frozen);
    assert_non_null(strstr(run.err, "running statistics normalise from step 7 on"));
    assert_null(strstr(run.err, "resuming"));
    differences(counts, "six.safetensors");
    assert_int_equal(counts[0], 0);
    assert_true(counts[1] > 20);
    /* Killed anywhere and gone on with, it is the same. */
    assert_int_equal(rename(test_path("run/joint"), test_path("whole")), 0);
    const char *words[TEST_JOINT_WORDS];
    test_joint_words(words, frozen);
    cairn_program_kill_at(words, test_path("log"), test_path("run/joint/checkpoint.safetensors"));
    test_joint_train(&run, frozen);
    test_expect_same_file(test_path("run/joint/model.safetensors"), test_path("whole/model.safetensors"));
    test_expect_same_file(test_path("run/joint/checkpoint.safetensors"), test_path("whole/checkpoint.safetensors"));
}

/* The detector's mean loss of three photographs in one batch, and the mean of their losses one by one. */
static void by_batch_and_one_by_one(double *by_batch, double *alone, const char *freeze)
{
    double losses[TEST_JOINT_STEPS];
    test_joint_train(&run, SETTINGS("joint.order=bn-relu", "joint.light=adaptation", "joint.detector_loss=soft",
                           "joint.validate_every=0", "joint.batch=3", freeze));
    assert_int_equal(test_joint_logged(losses, TEST_JOINT_STEPS, "detector"), TEST_JOINT_STEPS);
    *by_batch = losses[0];
    test_joint_train(&run, SETTINGS("joint.order=bn-relu", "joint.light=adaptation", "joint.detector_loss=soft",
                           "joint.validate_every=0", "joint.batch=1", freeze));
    assert_int_equal(test_joint_logged(losses, TEST_JOINT_STEPS, "detector"), TEST_JOINT_STEPS);
    *alone = (losses[0] + losses[1] + losses[2]) / 3;
}

/* As in evaluation, what training sees of an image does not depend on the others of its batch. */
static void test_frozen__images_do_not_see_each_other(void **state)
{
    (void)state;
    double by_batch, alone;
    by_batch_and_one_by_one(&by_batch, &alone, "joint.freeze_norm=1");
    assert_float_equal(by_batch, alone, 1e-5 * alone);
    by_batch_and_one_by_one(&by_batch, &alone, "joint.freeze_norm=0");
    assert_true(fabs(by_batch - alone) > 1e-3 * alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedule__ends_early),
        cmocka_unit_test(test_frozen__statistics_stay),
        cmocka_unit_test(test_frozen__images_do_not_see_each_other),
    };
    return cmocka_run_group_tests(tests, test_joint_create, test_scratch_remove);
}
