/* The teacher's stages: views that are fixed, the alarm of descriptors that have become alike, how many images
 * calibrate BatchNorm, and validation on photographs. */
#include "support/joint.h"
#include "support/program.h"
#include "support/scratch.h"
#include "support/test.h"

#include "formats/safetensors.h"
#include "system/file.h"
#include "teacher/descriptor_loss.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PHOTOS = TEST_JOINT_PHOTOS, STEPS = TEST_JOINT_STEPS };
static cairn_program_run run;

static const char shapes[] = "name: calibrated\n"
                             "seed: 2\n"
                             "stages:\n"
                             "  - {name: shapes, kind: magicpoint, steps: 1, batch: 300, width: 0.0625, height: 32,\n"
                             "     image_width: 48, canvas_height: 64, validate_every: 0}\n";

/* The losses of all steps. */
static void train(double losses[STEPS], const char *const *settings)
{
    test_joint_train(&run, settings);
    assert_int_equal(test_joint_logged(losses, STEPS, "loss"), STEPS);
}

#define SETTINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static int different(const double *losses, double tolerance)
{
    int count = 0;
    for (int i = 0; i < STEPS; i++) {
        bool seen = false;
        for (int k = 0; k < i; k++) seen |= fabs(losses[i] - losses[k]) <= tolerance;
        count += !seen;
    }
    return count;
}

/* Three photographs, three losses, in each pass the same; else every step has a loss of its own. */
static void test_joint__views_are_fixed_by_photograph(void **state)
{
    (void)state;
    double fixed[STEPS], drawn[STEPS], pairs[STEPS];
    train(fixed, SETTINGS("joint.fixed_views=true"));
    assert_int_equal(different(fixed, 0), PHOTOS);
    for (int pass = 0; pass < STEPS / PHOTOS; pass++) /* each comes once in a pass */
        for (int i = 0; i < PHOTOS; i++)
            for (int k = 0; k < i; k++) assert_true(fixed[PHOTOS * pass + i] != fixed[PHOTOS * pass + k]);
    train(drawn, SETTINGS("joint.fixed_views=false"));
    assert_int_equal(different(drawn, 1e-5), STEPS);
    /* By the photograph, not by its place in the batch: all three in another order in each pass give one loss. */
    train(pairs, SETTINGS("joint.fixed_views=true", "joint.batch=3"));
    assert_int_equal(different(pairs, 1e-4), 1);
}

/* Views made by the device are those of the host but for rounding, in both layouts of the inputs. */
static void test_joint__device_makes_the_views_of_the_host(void **state)
{
    (void)state;
    double host[STEPS], device[STEPS];
    for (int sparse = 0; sparse < 2; sparse++) {
        const char *loss = sparse ? "joint.descriptor_loss=sparse" : "joint.descriptor_loss=balanced";
        train(host, SETTINGS(loss, "joint.matches=20", "joint.negatives=5", "joint.augment=host"));
        train(device, SETTINGS(loss, "joint.matches=20", "joint.negatives=5", "joint.augment=device"));
        for (int i = 0; i < STEPS; i++) assert_float_equal(host[i], device[i], 2e-4 * fabs(host[i]));
    }
}

/* Measured on photographs with their labels, whose numbers are the same in each run; training does not notice. One of
 * the three is kept out of it where a share is wanted. */
static void test_joint__is_validated_on_photographs(void **state)
{
    (void)state;
    double blind[STEPS], seeing[STEPS], first[STEPS], second[STEPS], kept[STEPS];
    train(blind, SETTINGS("joint.validate_every=0", "joint.lr=0.01"));
    assert_int_equal(test_joint_logged(first, STEPS, "validation_recall"), 0);
    train(seeing, SETTINGS("joint.validate_every=4", "joint.lr=0.01"));
    assert_memory_equal(blind, seeing, sizeof blind);
    assert_int_equal(test_joint_logged(first, STEPS, "validation_recall"), 3); /* steps 4, 8 and 9 */
    assert_int_equal(test_joint_logged(second, STEPS, "validation_precision"), 3);
    for (int i = 0; i < 3; i++) assert_true(first[i] > 0 && first[i] <= 1 && second[i] > 0 && second[i] <= 1);
    assert_non_null(strstr(run.err, "validated on 3 photographs as they are, of those it trains on"));
    assert_int_equal(test_joint_logged(second, STEPS, "validation_map"), 3);
    train(kept, SETTINGS("joint.validate_share=0.1", "joint.fixed_views=true"));
    assert_non_null(strstr(run.err, "validated on 1 photographs as they are, kept out of training"));
    assert_int_equal(different(kept, 0), PHOTOS - 1);
}

static void test_joint__alarm_rings_once_when_descriptors_collapse(void **state)
{
    (void)state;
    cairn_collapse_alarm alarm = {0};
    assert_false(cairn_collapse_alarm_rings(&alarm, 0, 1));
    assert_false(cairn_collapse_alarm_rings(&alarm, 1999, 0.99));
    assert_false(cairn_collapse_alarm_rings(&alarm, 2000, 0.5));
    assert_false(cairn_collapse_alarm_rings(&alarm, 2001, NAN));
    assert_false(cairn_collapse_alarm_rings(&alarm, 100000, 0.1));
    assert_true(cairn_collapse_alarm_rings(&alarm, 100001, 0.51));
    assert_false(cairn_collapse_alarm_rings(&alarm, 100002, 1)); /* said once */
    alarm = (cairn_collapse_alarm){0};
    assert_true(cairn_collapse_alarm_rings(&alarm, 2000, 1));
}

static void calibrated_mean(float mean[4], const char *setting)
{
    cairn_safetensors model = {0};
    const char *const words[] = {"run", test_path("shapes.yaml"), "--out", test_path("shapes"), setting, NULL};
    cairn_program_succeed(&run, words);
    assert_ok(cairn_safetensors_read(&model, test_path("shapes/shapes/model.safetensors")));
    const cairn_safetensor *found = cairn_safetensors_find(&model, "bn1a.running_mean");
    assert_non_null(found);
    assert_int_equal(found->count, 4);
    memcpy(mean, found->data, 4 * sizeof *mean);
    cairn_safetensors_free(&model);
}

/* 500, in whole batches: two of 300. */
static void test_calibration__takes_500_images_whatever_the_batch(void **state)
{
    (void)state;
    float one[4], two[4], by_default[4];
    test_put_text(test_path("shapes.yaml"), shapes);
    calibrated_mean(by_default, NULL);
    calibrated_mean(two, "shapes.calibrate=2");
    calibrated_mean(one, "shapes.calibrate=1");
    assert_memory_equal(by_default, two, sizeof two);
    assert_memory_not_equal(by_default, one, sizeof one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joint__alarm_rings_once_when_descriptors_collapse),
        cmocka_unit_test(test_joint__views_are_fixed_by_photograph),
        cmocka_unit_test(test_calibration__takes_500_images_whatever_the_batch),
        cmocka_unit_test(test_joint__device_makes_the_views_of_the_host),
        cmocka_unit_test(test_joint__is_validated_on_photographs),
    };
    return cmocka_run_group_tests(tests, test_joint_create, test_scratch_remove);
}
