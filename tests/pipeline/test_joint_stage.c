/* The teacher's stages: views that are fixed, the alarm of descriptors that have become alike, how many images
 * calibrate BatchNorm, validation on photographs, early stopping and steps with frozen statistics. */
#include "support/program.h"
#include "support/scratch.h"
#include "support/test.h"

#include "data/image.h"
#include "formats/safetensors.h"
#include "system/file.h"
#include "teacher/descriptor_loss.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PHOTOS = 3, STEPS = 9 };
static cairn_program_run run;

/* Without learning (lr 0) and without normalisation over the batch, a loss is that of the step's samples alone. */
static const char recipe[] = "name: joint\n"
                             "seed: 5\n"
                             "stages:\n"
                             "  - {name: shapes, kind: magicpoint, steps: 1, batch: 1, width: 0.0625, height: 32,\n"
                             "     image_width: 48, canvas_height: 64, order: none, validate_every: 0}\n"
                             "  - {name: labels, kind: adaptation, teacher: shapes, views: 1, threshold: 0,\n"
                             "     top_k: 20, previews: 0}\n"
                             "  - {name: joint, kind: superpoint, labels: labels, steps: 9, batch: 1, width: 0.0625,\n"
                             "     order: none, lr: 0, log_every: 1, calibrate: 0}\n"
                             "photos: {height: 32, width: 48, holdout: 0}\n";

static const char shapes[] = "name: calibrated\n"
                             "seed: 2\n"
                             "stages:\n"
                             "  - {name: shapes, kind: magicpoint, steps: 1, batch: 300, width: 0.0625, height: 32,\n"
                             "     image_width: 48, canvas_height: 64, validate_every: 0}\n";

static void put_photo(int number)
{
    cairn_image image;
    assert_ok(cairn_image_create(&image, 32, 48, 1));
    for (int i = 0; i < 32 * 48; i++)
        image.pixels[i] =
            (float)(0.5 + 0.4 * sin(0.3 * (number + 1) * (i % 48)) * cos(0.2 * (3 - number) * (double)(i / 48)));
    assert_ok(cairn_file_make_folder(test_path("photos")));
    assert_ok(cairn_image_save_png(&image, test_path("photos/photo%d.png", number)));
    cairn_image_free(&image);
}

/* words: 16 places; settings end with NULL. */
static void compose(const char *words[16], const char *const *settings)
{
    static char root[512];
    snprintf(root, sizeof root, "photos.root=%s", test_path("photos"));
    const char *const first[] = {"run", test_path("joint.yaml"), root, "--out", test_path("run")};
    memset(words, 0, 16 * sizeof *words);
    memcpy(words, first, sizeof first);
    for (int i = 0; settings[i]; i++) words[5 + i] = settings[i];
}

static void train_quietly(const char *const *settings)
{
    const char *words[16];
    compose(words, settings);
    cairn_program_call(&run, words, NULL, 0);
    if (run.code) fail_msg("exit code %d: %s", run.code, run.err);
}

/* Numbers of this name in the log, in order; returns how many. */
static int logged(double *out, int most, const char *name)
{
    uint8_t *text = NULL;
    size_t size = 0;
    char key[64];
    int count = 0;
    snprintf(key, sizeof key, "\"%s\":", name);
    assert_ok(cairn_file_read(&text, &size, test_path("run/joint/metrics.jsonl"), 1 << 16));
    for (const char *at = (char *)text; count < most && (at = strstr(at, key)); at++)
        out[count++] = strtod(at + strlen(key), NULL);
    free(text);
    return count;
}

/* The losses of all steps. */
static void train(double losses[STEPS], const char *const *settings)
{
    train_quietly(settings);
    assert_int_equal(logged(losses, STEPS, "loss"), STEPS);
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
    assert_int_equal(logged(first, STEPS, "validation_recall"), 0);
    train(seeing, SETTINGS("joint.validate_every=4", "joint.lr=0.01"));
    assert_memory_equal(blind, seeing, sizeof blind);
    assert_int_equal(logged(first, STEPS, "validation_recall"), 3); /* steps 4, 8 and 9 */
    assert_int_equal(logged(second, STEPS, "validation_precision"), 3);
    for (int i = 0; i < 3; i++) assert_true(first[i] > 0 && first[i] <= 1 && second[i] > 0 && second[i] <= 1);
    assert_non_null(strstr(run.err, "validated on 3 photographs as they are, of those it trains on"));
    assert_int_equal(logged(second, STEPS, "validation_map"), 3);
    train(kept, SETTINGS("joint.validate_share=0.1", "joint.fixed_views=true"));
    assert_non_null(strstr(run.err, "validated on 1 photographs as they are, kept out of training"));
    assert_int_equal(different(kept, 0), PHOTOS - 1);
}

/* Nothing is learned, so no validation is better than the first. */
static void test_joint__ends_early(void **state)
{
    (void)state;
    double losses[STEPS];
    train_quietly(SETTINGS("joint.validate_every=2", "joint.patience=2"));
    assert_int_equal(logged(losses, STEPS, "loss"), 6);
    assert_non_null(strstr(run.err, "joint: ended at step 6 of 9: the last 2 validations scored no better"));
    cairn_safetensors model = {0};
    assert_ok(cairn_safetensors_read(&model, test_path("run/joint/model.safetensors")));
    assert_string_equal(cairn_safetensors_metadata(&model, "step"), "6");
    cairn_safetensors_free(&model);
    const char *words[16];
    compose(words, SETTINGS("joint.validate_every=0", "joint.patience=2"));
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
    train_quietly(SETTINGS("joint.order=bn-relu", "joint.lr=0.01", "joint.steps=6", "joint.validate_every=0"));
    assert_int_equal(rename(test_path("run/joint/model.safetensors"), test_path("six.safetensors")), 0);
    train_quietly(frozen);
    assert_non_null(strstr(run.err, "running statistics normalise from step 7 on"));
    assert_null(strstr(run.err, "resuming"));
    differences(counts, "six.safetensors");
    assert_int_equal(counts[0], 0);
    assert_true(counts[1] > 20);
    /* Killed anywhere and gone on with, it is the same. */
    assert_int_equal(rename(test_path("run/joint"), test_path("whole")), 0);
    const char *words[16];
    compose(words, frozen);
    cairn_program_kill_at(words, test_path("log"), test_path("run/joint/checkpoint.safetensors"));
    train_quietly(frozen);
    test_expect_same_file(test_path("run/joint/model.safetensors"), test_path("whole/model.safetensors"));
    test_expect_same_file(test_path("run/joint/checkpoint.safetensors"), test_path("whole/checkpoint.safetensors"));
}

/* The detector's mean loss of three photographs in one batch, and the mean of their losses one by one. */
static void by_batch_and_one_by_one(double *by_batch, double *alone, const char *freeze)
{
    double losses[STEPS];
    train_quietly(SETTINGS("joint.order=bn-relu", "joint.light=adaptation", "joint.detector_loss=soft",
                           "joint.validate_every=0", "joint.batch=3", freeze));
    assert_int_equal(logged(losses, STEPS, "detector"), STEPS);
    *by_batch = losses[0];
    train_quietly(SETTINGS("joint.order=bn-relu", "joint.light=adaptation", "joint.detector_loss=soft",
                           "joint.validate_every=0", "joint.batch=1", freeze));
    assert_int_equal(logged(losses, STEPS, "detector"), STEPS);
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
    cairn_program_call(&run, words, NULL, 0);
    if (run.code) fail_msg("exit code %d: %s", run.code, run.err);
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

static int prepare(void **state)
{
    if (test_scratch_create(state)) return -1;
    for (int i = 0; i < PHOTOS; i++) put_photo(i);
    test_put_text(test_path("joint.yaml"), recipe);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joint__alarm_rings_once_when_descriptors_collapse),
        cmocka_unit_test(test_joint__views_are_fixed_by_photograph),
        cmocka_unit_test(test_calibration__takes_500_images_whatever_the_batch),
        cmocka_unit_test(test_joint__device_makes_the_views_of_the_host),
        cmocka_unit_test(test_joint__is_validated_on_photographs),
        cmocka_unit_test(test_joint__ends_early),
        cmocka_unit_test(test_frozen__statistics_stay),
        cmocka_unit_test(test_frozen__images_do_not_see_each_other),
    };
    return cmocka_run_group_tests(tests, prepare, test_scratch_remove);
}
