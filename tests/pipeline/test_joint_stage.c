/* The teacher's stages: views that are fixed, the alarm of descriptors that have become alike, and how many images
 * calibrate BatchNorm. */
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

/* The losses of all steps; settings end with NULL. */
static void train(double losses[STEPS], const char *const *settings)
{
    char root[512];
    uint8_t *text = NULL;
    size_t size = 0;
    int step = 0;
    snprintf(root, sizeof root, "photos.root=%s", test_path("photos"));
    const char *words[12] = {"run", test_path("joint.yaml"), root, "--out", test_path("run")};
    for (int i = 0; settings[i]; i++) words[5 + i] = settings[i];
    cairn_program_call(&run, words, NULL, 0);
    if (run.code) fail_msg("exit code %d: %s", run.code, run.err);
    assert_ok(cairn_file_read(&text, &size, test_path("run/joint/metrics.jsonl"), 1 << 16));
    for (const char *at = (char *)text; step < STEPS && (at = strstr(at, "\"loss\":")); at++)
        losses[step++] = strtod(at + 7, NULL);
    assert_int_equal(step, STEPS);
    free(text);
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
    };
    return cmocka_run_group_tests(tests, prepare, test_scratch_remove);
}
