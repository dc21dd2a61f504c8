/* cairn label and the stage adaptation: what they write, what is refused, and that a killed call goes on to the same
 * bytes. */
#include "support/program.h"
#include "support/scratch.h"
#include "support/test.h"

#include "data/image.h"
#include "experiments/run/folder.h"
#include "system/file.h"
#include "teacher/labels/label_file.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PHOTOS = 5, H = 64, W = 96 };
static cairn_program_run run;
static const char recipe[] = "name: toy\n"
                             "seed: 3\n"
                             "stages:\n"
                             "  - {name: shapes, kind: magicpoint, steps: 2, batch: 1, width: 0.125, height: 64,\n"
                             "     image_width: 96, canvas_height: 128, calibrate: 1}\n"
                             "  - {name: labels, kind: adaptation, teacher: shapes, views: 4, threshold: 0.008}\n"
                             "photos: {height: 64, width: 96}\n";
#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})
#define RUN(out) WORDS("run", test_path("toy.yaml"), photos_root(), "--out", out)
/* Half of the probability over 64 pixels: an untrained detector is hardly surer of any. */
#define LABEL(out, ...)                                                                                                \
    WORDS("label", test_path("photos"), "--model", test_path("run/shapes/model.safetensors"), "--out", out,            \
          "--height", "64", "--width", "96", "--threshold", "0.008", __VA_ARGS__)

static const char *photos_root(void)
{
    static char text[512];
    snprintf(text, sizeof text, "photos.root=%s", test_path("photos"));
    return text;
}

static void expect_success(const char *const *words)
{
    cairn_program_succeed(&run, words);
}

static void expect_failure(const char *const *words, int code, const char *expected)
{
    cairn_program_fail(&run, words, code, expected);
}

static const char *label_of(const char *out, int photo)
{
    return test_path("%s/photo%d.npz", out, photo);
}

static void expect_same(const char *a, const char *b)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    assert_ok(cairn_file_read(&bytes, &size, a, 1 << 24));
    test_expect_bytes(b, bytes, size);
    free(bytes);
}

static void test_label__writes_files_that_say_how(void **state)
{
    (void)state;
    cairn_label_info info;
    cairn_keypoints points;
    const char *out = test_path("whole");
    test_put_text(test_path("photos/broken.png"), "no image");
    expect_success(LABEL(out, "--views", "4", "--preview", "2"));
    assert_non_null(strstr(run.out, "5 photographs labelled"));
    assert_non_null(strstr(run.out, "1 left out"));
    assert_non_null(strstr(run.err, "broken.png"));
    for (int i = 0; i < PHOTOS; i++) {
        assert_ok(cairn_label_file_read(label_of("whole", i), H, W, &info, &points));
        assert_int_equal(info.views, 4);
        assert_true(points.count > 0 && fabsf(info.threshold - 0.008f) < 1e-9f);
        assert_non_null(strstr(info.options, "suppression=box size=4"));
        assert_non_null(strstr(info.options, "aggregation=sum"));
        cairn_keypoints_free(&points);
    }
    assert_false(cairn_file_exists(test_path("whole/broken.npz")));
    assert_true(test_count_entries(test_path("whole/previews")) >= 1);
    assert_true(cairn_file_exists(test_path("whole/labels.json")));
    remove(test_path("photos/broken.png"));
}

static void test_label__knows_what_is_done(void **state)
{
    (void)state;
    struct stat before, after;
    const char *out = test_path("whole");
    assert_int_equal(stat(label_of("whole", 3), &before), 0);
    assert_int_equal(remove(label_of("whole", 4)), 0);
    expect_success(LABEL(out, "--views", "4"));
    assert_non_null(strstr(run.out, "1 photographs labelled"));
    assert_non_null(strstr(run.out, "4 were there"));
    assert_int_equal(stat(label_of("whole", 3), &after), 0);
    assert_true(before.st_ino == after.st_ino && cairn_file_exists(label_of("whole", 4)));
}

static void test_label__settings_change_the_labels(void **state)
{
    (void)state;
    cairn_label_info info;
    cairn_keypoints points;
    bool between = false;
    expect_success(LABEL(test_path("other"), "--views", "4", "--aggregation", "max", "--suppression", "box", "--radius",
                         "8", "--subpixel", "--top-k", "5", "--limit", "2"));
    cairn_file_list list = {0};
    assert_ok(cairn_file_list_folder(&list, test_path("other"), (const char *const[]){"npz", NULL}, false));
    assert_int_equal(list.count, 2);
    assert_ok(cairn_label_file_read(list.paths[0], H, W, &info, &points));
    assert_non_null(strstr(info.options, "suppression=box size=8 border=0 top_k=5 subpixel=true aggregation=max"));
    assert_in_range(points.count, 1, 5);
    for (int i = 0; i < points.count; i++) between |= points.points[i].x != rintf(points.points[i].x);
    assert_true(between);
    cairn_keypoints_free(&points);
    cairn_file_list_free(&list);
}

static void test_label__refuses(void **state)
{
    (void)state;
    const char *whole = test_path("whole"), *never = test_path("never");
    int lock;
    expect_failure(LABEL(whole, "--views", "5"), 1, "made with views 4, now it is 5");
    expect_failure(LABEL(whole, "--views", "4", "--aggregation", "mean"), 1, "aggregation=mean");
    expect_failure(LABEL(whole, "--views", "4", "--seed", "1"), 1, "made with seed 0, now it is 1");
    expect_failure(LABEL(never, "--views", "4", "--chunk", "3"), 2, "it must divide views, 4");
    expect_failure(LABEL(never, "--views", "4", "--filter-counts", "5"), 2, "no label would be left");
    expect_failure(LABEL(never, "--aggregation", "median"), 2, "sum,mean,max");
    expect_failure(WORDS("label", test_path("photos"), "--out", never), 2, "--model FILE is missing");
    expect_failure(WORDS("label", test_path("photos"), "--model", "x"), 2, "--out DIR is missing");
    expect_failure(LABEL(never, "--width", "100"), 2, "multiples of 8");
    test_put_text(test_path("alien/photo1.npz"), "whose?");
    expect_failure(LABEL(test_path("alien"), "--views", "4"), 1, "no labels.json");
    test_put_text(test_path("damaged/labels.json"), "{");
    expect_failure(LABEL(test_path("damaged"), "--views", "4"), 1, "damaged");
    assert_ok(cairn_run_folder_lock(&lock, whole));
    expect_failure(LABEL(whole, "--views", "4"), 1, "another cairn is at work");
    cairn_run_folder_unlock(lock);
    assert_false(cairn_file_is_folder(never));
}

/* Kills the call as soon as the file is there. */
static void kill_after(const char *const *words, const char *path)
{
    int status = 0;
    const int child = cairn_program_start(words, test_path("log"));
    for (int i = 0; i < 60000 && !cairn_file_exists(path); i++) {
        if (waitpid(child, &status, WNOHANG)) return; /* quicker than the signal: nothing is left to resume */
        usleep(1000);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
}

static void test_label__killed_anywhere_ends_with_the_same_bytes(void **state)
{
    (void)state;
    for (int photo = 0; photo < PHOTOS; photo += 3)
        kill_after(LABEL(test_path("killed"), "--views", "4"), label_of("killed", photo));
    test_put_text(test_path("killed/.photo4.npz.1-1.tmp"), "half");
    expect_success(LABEL(test_path("killed"), "--views", "4"));
    for (int i = 0; i < PHOTOS; i++) expect_same(label_of("whole", i), label_of("killed", i));
    assert_false(cairn_file_exists(test_path("killed/.photo4.npz.1-1.tmp")));
}

static void test_stage__killed_anywhere_ends_with_the_same_bytes(void **state)
{
    (void)state;
    static const char *const extensions[] = {"npz", NULL};
    cairn_file_list labels = {0};
    assert_ok(cairn_file_list_folder(&labels, test_path("run/labels/labels"), extensions, false));
    assert_int_equal(labels.count, PHOTOS - 1); /* one is held back for evaluation */
    char *second = cairn_file_stem(labels.paths[1]);
    kill_after(RUN(test_path("run2")), test_path("run2/labels/labels/%s.npz", second));
    assert_false(cairn_file_exists(test_path("run2/labels/stage.json")));
    free(second);
    expect_success(RUN(test_path("run2")));
    for (size_t i = 0; i < labels.count; i++) {
        char *stem = cairn_file_stem(labels.paths[i]);
        expect_same(labels.paths[i], test_path("run2/labels/labels/%s.npz", stem));
        free(stem);
    }
    cairn_file_list_free(&labels);
}

/* ---- labels from a folder, in a recipe ---- */
static const char outside_recipe[] = "name: outside\n"
                                     "seed: 3\n"
                                     "stages:\n"
                                     "  - {name: labels, kind: import-labels}\n"
                                     "  - {name: detector, kind: magicpoint-photos, labels: labels, steps: 2, batch: 1,\n"
                                     "     width: 0.125, calibrate: 1, augment: device}\n"
                                     "  - {name: teacher, kind: superpoint, labels: labels, start: detector, steps: 2,\n"
                                     "     batch: 1, width: 0.125, calibrate: 1}\n"
                                     "photos: {height: 64, width: 96}\n";

static const char *labels_from(const char *folder)
{
    static char text[512];
    snprintf(text, sizeof text, "labels.folder=%s", test_path("%s", folder));
    return text;
}

/* A folder with labels.json of `whole`, and of its labels those of the first `count` photographs. */
static void copy_labels(const char *folder, int count)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    assert_ok(cairn_file_make_folder(test_path("%s", folder)));
    for (int i = -1; i < count; i++) {
        assert_ok(cairn_file_read(&bytes, &size, i < 0 ? test_path("whole/labels.json") : label_of("whole", i),
                                  1 << 20));
        test_put(i < 0 ? test_path("%s/labels.json", folder) : label_of(folder, i), bytes, size);
        free(bytes);
    }
}

#define OUTSIDE(folder, ...)                                                                                           \
    WORDS("run", test_path("outside.yaml"), photos_root(), labels_from(folder), "--out", test_path("outside"),         \
          __VA_ARGS__)

/* Detector and joint training take them as they take those of a stage. */
static void test_import__trains_on_labels_from_a_folder(void **state)
{
    (void)state;
    char model[600];
    cairn_file_list labels = {0};
    test_put_text(test_path("outside.yaml"), outside_recipe);
    snprintf(model, sizeof model, "labels.model=%s", test_path("run/shapes/model.safetensors"));
    expect_success(OUTSIDE("whole", model));
    assert_true(cairn_file_exists(test_path("outside/teacher/model.safetensors")));
    assert_ok(cairn_file_list_folder(&labels, test_path("outside/labels/labels"), (const char *const[]){"npz", NULL},
                                     false));
    assert_int_equal(labels.count, PHOTOS - 1); /* of the photographs to train on */
    for (size_t i = 0; i < labels.count; i++) {
        char *stem = cairn_file_stem(labels.paths[i]);
        expect_same(labels.paths[i], test_path("whole/%s.npz", stem));
        free(stem);
    }
    cairn_file_list_free(&labels);
    /* What is copied is what is trained on: the folder may go. */
    remove(test_path("outside/detector/stage.json"));
    assert_int_equal(rename(test_path("whole"), test_path("elsewhere")), 0);
    expect_success(OUTSIDE("whole", model));
    assert_non_null(strstr(run.err, "labels: done before"));
    assert_int_equal(rename(test_path("elsewhere"), test_path("whole")), 0);
}

static void test_import__refuses(void **state)
{
    (void)state;
    cairn_label_info info;
    cairn_keypoints points;
    char model[600];
    test_put_text(test_path("outside.yaml"), outside_recipe);
    expect_failure(OUTSIDE("whole", "photos.height=72"), 1,
                   "labels of 96x64 images; training uses 96x72: set photos.width=96 and photos.height=64");
    expect_failure(OUTSIDE("whole", "photos.crops=2"), 1, "set photos.crops=1");
    snprintf(model, sizeof model, "labels.model=%s", test_path("run/shapes/checkpoint.safetensors"));
    expect_failure(OUTSIDE("whole", model), 1, "checkpoint.safetensors is ");
    expect_failure(OUTSIDE("photos", "seed=3"), 1, "labels.json is missing; name a folder that cairn label");
    expect_failure(WORDS("run", test_path("outside.yaml"), photos_root()), 1, "stage labels: folder is not set");
    copy_labels("part", 1);
    expect_failure(OUTSIDE("part", "seed=3"), 1, "the photograph has no labels; they were made of other photographs");
    copy_labels("mixed", PHOTOS);
    for (int i = 0; i < PHOTOS; i++) {
        assert_ok(cairn_label_file_read(label_of("whole", i), H, W, &info, &points));
        info.checkpoint ^= i > 1;
        assert_ok(cairn_label_file_write(label_of("mixed", i), &info, &points));
        cairn_keypoints_free(&points);
    }
    expect_failure(OUTSIDE("mixed", "seed=3"), 1, "the folder is mixed");
    for (int i = 0; i < PHOTOS; i++) test_put_text(label_of("mixed", i), "PK damaged");
    expect_failure(OUTSIDE("mixed", "seed=3"), 1, "mixed/photo");
    static const char *const damaged[] = {
        "{", "[]", "{\"format\":\"cairn labels\"}", "{\"format\":7,\"version\":2}",
        "{\"format\":\"cairn labels\",\"version\":2,\"checkpoint\":\"12\",\"height\":64,\"width\":96,\"views\":4,"
        "\"threshold\":0.1,\"options\":\"\"}",
        "{\"format\":\"cairn labels\",\"version\":2,\"checkpoint\":\"0123456789abcdef\",\"height\":64.5,\"width\":96,"
        "\"views\":4,\"threshold\":0.1,\"options\":\"\"}"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        test_put_text(test_path("mixed/labels.json"), damaged[i]);
        expect_failure(OUTSIDE("mixed", "seed=3"), 1, "mixed/labels.json: ");
    }
    test_put_text(test_path("mixed/labels.json"), "{\"format\":\"cairn labels\",\"version\":3}");
    expect_failure(OUTSIDE("mixed", "seed=3"), 1, "format version 3; this program knows versions up to 2");
}

/* Each photograph a pattern of its own. */
static int prepare(void **state)
{
    if (test_scratch_create(state)) return -1;
    for (int n = 0; n < PHOTOS; n++) {
        cairn_image image;
        assert_ok(cairn_image_create(&image, 80, 110, 1));
        for (int i = 0; i < 80 * 110; i++)
            image.pixels[i] = (i / 110 / (8 + n) + i % 110 / (11 + n)) % 2 ? 0.8f : 0.2f;
        assert_ok(cairn_file_make_folder(test_path("photos")));
        assert_ok(cairn_image_save_png(&image, test_path("photos/photo%d.png", n)));
        cairn_image_free(&image);
    }
    test_put_text(test_path("toy.yaml"), recipe);
    expect_success(RUN(test_path("run")));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_label__writes_files_that_say_how),
        cmocka_unit_test(test_label__knows_what_is_done),
        cmocka_unit_test(test_label__settings_change_the_labels),
        cmocka_unit_test(test_label__refuses),
        cmocka_unit_test(test_label__killed_anywhere_ends_with_the_same_bytes),
        cmocka_unit_test(test_stage__killed_anywhere_ends_with_the_same_bytes),
        cmocka_unit_test(test_import__trains_on_labels_from_a_folder),
        cmocka_unit_test(test_import__refuses),
    };
    return cmocka_run_group_tests(tests, prepare, test_scratch_remove);
}
