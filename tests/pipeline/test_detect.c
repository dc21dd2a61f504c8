/* cairn detect, match and evaluate on files from outside: good ones, damaged ones, a full disk. */
#include "support/program.h"

#include "data/image.h"
#include "formats/npz.h"
#include "formats/safetensors.h"
#include "system/file.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static cairn_program_run run;
static char folder[64];
static const char recipe[] = "name: toy\n"
                             "seed: 3\n"
                             "stages:\n"
                             "  - {name: shapes, kind: magicpoint, steps: 2, batch: 1, width: 0.125, height: 64,\n"
                             "     image_width: 96, canvas_height: 128, calibrate: 1}\n";

#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})

static char *in_folder(const char *name)
{
    static char paths[16][160];
    static int next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static const char *model(void)
{
    return in_folder("run/shapes/model.safetensors");
}

static void call(const char *const *words, long file_limit)
{
    cairn_program_call(&run, words, NULL, file_limit);
}

static void expect_failure(const char *const *words, int code, const char *expected)
{
    call(words, 0);
    if (run.code != code) fail_msg("exit code %d, not %d: %s", run.code, code, run.err);
    if (cairn_program_error_lines(&run) != 1) fail_msg("not one error line: %s", run.err);
    if (!strstr(run.err, expected)) fail_msg("'%s' lacks '%s'", run.err, expected);
}

static void expect_success(const char *const *words)
{
    call(words, 0);
    if (run.code) fail_msg("exit code %d: %s", run.code, run.err);
}

/* Bright squares on a dark ground. */
static void write_image(const char *name, int h, int w)
{
    cairn_image image = {0};
    assert_int_equal(cairn_image_create(&image, h, w, 1), CAIRN_OK);
    for (int i = 0; i < h * w; i++) image.pixels[i] = (i / w / 16 + i % w / 16) % 2 ? 0.8f : 0.2f;
    assert_int_equal(cairn_image_save_png(&image, in_folder(name)), CAIRN_OK);
    cairn_image_free(&image);
}

static void test_detect__writes_npz_and_png(void **state)
{
    (void)state;
    write_image("board.png", 75, 101);
    expect_success(WORDS("detect", "--model", model(), in_folder("board.png"), "--out", in_folder("out"), "--threshold",
                         "0", "--top-k", "20"));
    cairn_npz npz = {0};
    const cairn_npz_array *keypoints = NULL;
    const int64_t shape[] = {-1, 3};
    assert_int_equal(cairn_npz_read(&npz, in_folder("out/board.npz")), CAIRN_OK);
    assert_int_equal(cairn_npz_require(&keypoints, &npz, "keypoints", CAIRN_NPZ_F32, 2, shape), CAIRN_OK);
    assert_int_equal(npz.count, 1); /* magicpoint has no descriptors */
    assert_int_equal(keypoints->shape[0], 20);
    const float *rows = keypoints->data;
    for (int i = 0; i < 20; i++) {
        assert_true(rows[3 * i] >= 0 && rows[3 * i] <= 100 && rows[3 * i + 1] >= 0 && rows[3 * i + 1] <= 74);
        assert_true(!i || rows[3 * i + 2] <= rows[3 * i - 1]);
    }
    cairn_npz_free(&npz);
    cairn_image overlay = {0};
    assert_int_equal(cairn_image_load(&overlay, in_folder("out/board.png"), 3), CAIRN_OK);
    cairn_image_free(&overlay);
    expect_success(
        WORDS("detect", "--model", model(), in_folder("board.png"), "--out", in_folder("only"), "--format", "npz"));
    assert_true(cairn_file_exists(in_folder("only/board.npz")));
    assert_false(cairn_file_exists(in_folder("only/board.png")));
}

/* The map that the points were taken from: each is a largest value of its neighbourhood. */
static void test_detect__writes_heatmaps(void **state)
{
    (void)state;
    cairn_npz npz = {0};
    const cairn_npz_array *keypoints = NULL, *heatmap = NULL;
    write_image("board.png", 75, 101);
    write_image("second.png", 75, 101);
    expect_success(WORDS("detect", "--model", model(), in_folder("board.png"), in_folder("second.png"), "--out",
                         in_folder("maps"), "--threshold", "0", "--top-k", "20", "--subpixel=false", "--heatmap"));
    assert_true(cairn_file_exists(in_folder("maps/heatmaps/board.png")));
    assert_true(cairn_file_exists(in_folder("maps/heatmaps/second.png")));
    assert_int_equal(cairn_npz_read(&npz, in_folder("maps/second.npz")), CAIRN_OK);
    assert_int_equal(cairn_npz_require(&keypoints, &npz, "keypoints", CAIRN_NPZ_F32, 2, (int64_t[]){20, 3}), CAIRN_OK);
    assert_int_equal(cairn_npz_require(&heatmap, &npz, "heatmap", CAIRN_NPZ_F32, 2, (int64_t[]){75, 101}), CAIRN_OK);
    const float *rows = keypoints->data, *map = heatmap->data;
    for (int i = 0; i < 20; i++) {
        const int x = (int)rows[3 * i], y = (int)rows[3 * i + 1];
        assert_true(map[101 * y + x] == rows[3 * i + 2]);
        for (int dy = -4; dy <= 4; dy++)
            for (int dx = -4; dx <= 4; dx++)
                if (y + dy >= 0 && y + dy < 75 && x + dx >= 0 && x + dx < 101 && !i)
                    assert_true(map[101 * (y + dy) + x + dx] <= rows[2]);
    }
    cairn_npz_free(&npz);
}

/* The model again, with a threshold of its own. */
static char *model_with_threshold(const char *name, const char *threshold)
{
    cairn_safetensors file = {0};
    char *path = in_folder(name);
    cairn_safetensors_pair metadata[8];
    assert_int_equal(cairn_safetensors_read(&file, model()), CAIRN_OK);
    assert_true(file.metadata_count < 8);
    memcpy(metadata, file.metadata, sizeof *metadata * (size_t)file.metadata_count);
    metadata[file.metadata_count] = (cairn_safetensors_pair){(char[]){"threshold"}, (char *)(uintptr_t)threshold};
    assert_int_equal(
        cairn_safetensors_write(path, file.tensors, file.count, metadata, file.metadata_count + 1), CAIRN_OK);
    cairn_safetensors_free(&file);
    return path;
}

static int count_detected(const char *checkpoint, const char *threshold)
{
    cairn_npz npz = {0};
    char option[32];
    snprintf(option, sizeof option, "--threshold=%s", threshold ? threshold : "-1");
    expect_success(WORDS("detect", "--model", checkpoint, in_folder("board.png"), "--out", in_folder("own"), "--format",
                         "npz", "--top-k", "0", threshold ? option : NULL));
    assert_int_equal(cairn_npz_read(&npz, in_folder("own/board.npz")), CAIRN_OK);
    const int count = (int)npz.arrays[0].shape[0];
    cairn_npz_free(&npz);
    return count;
}

static void test_detect__takes_the_checkpoints_own_threshold(void **state)
{
    (void)state;
    write_image("board.png", 75, 101);
    const char *own = model_with_threshold("own.safetensors", "0.001");
    const int all = count_detected(own, "0.001"), few = count_detected(model(), NULL);
    assert_int_equal(few, count_detected(own, "0.015"));
    assert_true(all > few);
    assert_int_equal(count_detected(own, NULL), all);
    expect_failure(WORDS("detect", "--model", model_with_threshold("no.safetensors", "nan"), in_folder("board.png"),
                         "--out", in_folder("own")),
                   1, "metadata 'threshold' is 'nan'");
    expect_failure(WORDS("detect", "--model", model_with_threshold("no.safetensors", "0.1x"), in_folder("board.png"),
                         "--out", in_folder("own")),
                   1, "metadata 'threshold' is '0.1x'");
}

static void test_detect__bad_images_are_one_line(void **state)
{
    (void)state;
    uint8_t *bytes = NULL;
    size_t size = 0;
    write_image("small.png", 8, 8);
    write_image("whole.png", 64, 64);
    assert_int_equal(cairn_file_read(&bytes, &size, in_folder("whole.png"), 1 << 20), CAIRN_OK);
    assert_int_equal(cairn_file_write(in_folder("cut.png"), bytes, size / 2), CAIRN_OK);
    free(bytes);
    assert_int_equal(cairn_file_write(in_folder("text.png"), "no image", 8), CAIRN_OK);
    static const char *const bad[][2] = {{"absent.png", "absent.png: no such file"},
                                         {"small.png", "small.png"},
                                         {"cut.png", "cut.png"},
                                         {"text.png", "text.png is not an image"}};
    for (int i = 0; i < 4; i++)
        expect_failure(WORDS("detect", "--model", model(), in_folder(bad[i][0]), "--out", in_folder("bad")), 1,
                       bad[i][1]);
    /* One bad image among good ones: the good ones are done, the end is a failure. */
    expect_failure(
        WORDS("detect", "--model", model(), in_folder("cut.png"), in_folder("whole.png"), "--out", in_folder("bad")), 1,
        "1 of 2 images");
    assert_non_null(strstr(run.err, "cut.png"));
    assert_true(cairn_file_exists(in_folder("bad/whole.npz")));
    assert_false(cairn_file_exists(in_folder("bad/cut.npz")));
}

/* The same buffer for every call. */
static const char *read_text(const char *path)
{
    static char text[1 << 14];
    uint8_t *bytes = NULL;
    size_t size = 0;
    assert_int_equal(cairn_file_read(&bytes, &size, path, sizeof text - 1), CAIRN_OK);
    memcpy(text, bytes, size + 1);
    free(bytes);
    return text;
}

static void expect_equal_points(const char *a, const char *b)
{
    cairn_npz one = {0}, other = {0};
    const cairn_npz_array *p, *q;
    const int64_t shape[] = {-1, 3};
    assert_int_equal(cairn_npz_read(&one, a), CAIRN_OK);
    assert_int_equal(cairn_npz_read(&other, b), CAIRN_OK);
    assert_int_equal(cairn_npz_require(&p, &one, "keypoints", CAIRN_NPZ_F32, 2, shape), CAIRN_OK);
    assert_int_equal(cairn_npz_require(&q, &other, "keypoints", CAIRN_NPZ_F32, 2, shape), CAIRN_OK);
    assert_int_equal(p->shape[0], q->shape[0]);
    assert_true(p->shape[0] > 0);
    for (size_t i = 0; i < p->count; i++)
        assert_float_equal(((const float *)p->data)[i], ((const float *)q->data)[i], 1e-4);
    cairn_npz_free(&one);
    cairn_npz_free(&other);
}

/* Frames of two sizes in turn, more than a batch of each, and one that is no image: each frame gets its own points. */
static void test_detect__batches_give_what_single_images_give(void **state)
{
    (void)state;
    assert_int_equal(cairn_file_make_folder(in_folder("frames")), CAIRN_OK);
    for (int i = 1; i <= 11; i++) {
        char name[64];
        cairn_image image = {0};
        const int h = i % 3 ? 64 : 72, w = i % 3 ? 96 : 80;
        assert_int_equal(cairn_image_create(&image, h, w, 1), CAIRN_OK);
        for (int k = 0; k < h * w; k++) image.pixels[k] = (k / w / (4 + i) + k % w / (7 + i)) % 2 ? 0.8f : 0.2f;
        snprintf(name, sizeof name, "frames/f%d.png", i);
        assert_int_equal(cairn_image_save_png(&image, in_folder(name)), CAIRN_OK);
        cairn_image_free(&image);
    }
    const char *frames = in_folder("frames"), *batched = in_folder("batched"), *single = in_folder("single");
    expect_success(WORDS("detect", "--model", model(), frames, "--out", batched, "--format", "npz", "--threshold", "0",
                         "--top-k", "20", "--batch", "3"));
    assert_non_null(strstr(run.out, "11 images, 220 keypoints"));
    expect_success(WORDS("detect", "--model", model(), frames, "--out", single, "--format", "npz", "--threshold", "0",
                         "--top-k", "20", "--batch", "1"));
    for (int i = 1; i <= 11; i++) {
        char a[64], b[64];
        snprintf(a, sizeof a, "batched/f%d.npz", i);
        snprintf(b, sizeof b, "single/f%d.npz", i);
        expect_equal_points(in_folder(a), in_folder(b));
    }
    const char *summary = read_text(in_folder("batched/summary.csv"));
    const char *two = strstr(summary, "f2.png\",96,64,20,"), *ten = strstr(summary, "f10.png\",96,64,20,");
    assert_true(two && ten && two < ten); /* natural order */
    assert_int_equal(cairn_file_write(in_folder("frames/f5.png"), "no image", 8), CAIRN_OK);
    expect_failure(
        WORDS("detect", "--model", model(), in_folder("frames"), "--out", in_folder("some"), "--format", "npz"), 1,
        "1 of 11 images");
    summary = read_text(in_folder("some/summary.csv"));
    assert_non_null(strstr(summary, "f5.png\",,,,,\""));
}

static void test_detect__wrong_command_lines(void **state)
{
    (void)state;
    const char *image = in_folder("board.png"), *out = in_folder("never");
    expect_failure(WORDS("detect", image, "--out", out), 2, "--model FILE is missing");
    expect_failure(WORDS("detect", "--model", model(), image), 2, "--out DIR is missing");
    expect_failure(WORDS("detect", "--model", model(), "--out", out), 2, "usage: cairn detect");
    expect_failure(WORDS("detect", "--model", model(), image, "--out", out, "--format", "jpg"), 2, "expected npz, png");
    expect_failure(WORDS("detect", "--model", model(), image, "--out", out, "--threshold", "2"), 2, "number in -1..1");
    expect_failure(WORDS("detect", "--model", model(), image, image, "--out", out), 2,
                   "would both be written as 'board'");
    expect_failure(WORDS("detect", "--model", in_folder("toy.yaml"), image, "--out", out), 1, "not a safetensors file");
    expect_failure(WORDS("detect", "--model", in_folder("none"), image, "--out", out), 1, "none");
    expect_failure(WORDS("match", "--model", model(), image, image, "--out", in_folder("m.png")), 1, "no descriptors");
    expect_failure(WORDS("match", "--model", model(), image, "--out", in_folder("m.png")), 2, "two images or more");
    /* Pictures do not take the place of what they show. */
    expect_failure(WORDS("detect", "--model", model(), image, "--out", folder), 2, "would overwrite");
    expect_failure(WORDS("match", "--model", model(), image, image, "--out", image), 2, "would overwrite");
    expect_failure(WORDS("report", in_folder("none")), 1, "none: no folder of cairn run");
    expect_failure(WORDS("report", folder), 1, "no folder of cairn run");
    expect_failure(WORDS("report", "a", "b"), 2, "several runs share one page");
    assert_false(cairn_file_is_folder(out));
}

static void test_evaluate__measures_and_refuses(void **state)
{
    (void)state;
    const char *photos = in_folder("photos");
    assert_int_equal(cairn_file_make_folder(photos), CAIRN_OK);
    write_image("photos/a.png", 120, 160);
    write_image("photos/b.png", 160, 120);
    expect_success(WORDS("evaluate", "--model", model(), "--photos", photos, "--baselines", "harris", "--height", "64",
                         "--width", "96", "--out", in_folder("scores"), "--suppression", "box", "--subpixel", "off",
                         "--sampling", "corners"));
    assert_non_null(strstr(run.out, "recommended, changed"));
    assert_non_null(strstr(run.out, "shapes (corners)"));
    assert_non_null(strstr(run.out, "Harris"));
    assert_non_null(strstr(run.out, "shapes "));
    assert_non_null(strstr(run.out, "untrained teacher"));
    assert_true(cairn_file_exists(in_folder("scores/evaluation.json")));
    expect_failure(WORDS("evaluate", "--model", model()), 2, "--sequences DIR or --photos DIR");
    expect_failure(WORDS("evaluate", "--photos", in_folder("absent")), 1, "absent: no such file");
    expect_failure(WORDS("evaluate", "--sequences", photos), 1, "layout of HPatches");
    expect_failure(WORDS("evaluate", "--photos", photos, "--baselines", "harys"), 1, "harys");
}

/* Two steps give the table of one, whoever wrote the files. */
static void test_evaluate__export_and_score(void **state)
{
    (void)state;
    const char *photos = in_folder("photos"), *pred = in_folder("pred"), *harris = in_folder("harris");
    char one_go[sizeof run.out];
    write_image("photos/a.png", 120, 160);
    expect_success(WORDS("evaluate", "export", "--model", model(), "--photos", photos, "--height", "64", "--width",
                         "96", "--out", pred));
    expect_success(WORDS("evaluate", "export", "--baselines", "harris", "--photos", photos, "--height", "64", "--width",
                         "96", "--out", harris));
    assert_true(cairn_file_exists(in_folder("harris/a/1b.64x96.npz")));
    expect_success(WORDS("evaluate", "--model", model(), "--untrained=false", "--baselines", "harris", "--photos",
                         photos, "--height", "64", "--width", "96"));
    snprintf(one_go, sizeof one_go, "%s", run.out);
    expect_success(WORDS("evaluate", "score", pred, harris, "--photos", photos, "--height", "64", "--width", "96",
                         "--markdown", in_folder("table.md")));
    /* All but the last block, which has the times. */
    *strstr(one_go, "  points") = 0;
    *strstr(run.out, "  points") = 0;
    assert_string_equal(run.out, one_go);
    assert_true(cairn_file_exists(in_folder("table.md")));
    expect_failure(WORDS("evaluate", "score", pred, "--photos", photos), 1, "not comparable");
    expect_failure(WORDS("evaluate", "score", pred, pred, "--photos", photos, "--height", "64", "--width", "96"), 1,
                   "second method of the name");
    expect_failure(WORDS("evaluate", "score", "--photos", photos), 2, "usage: cairn evaluate score");
    expect_failure(WORDS("evaluate", "score", in_folder("none"), "--photos", photos), 1, "no predictions.json");
    expect_failure(WORDS("evaluate", "export", "--baselines", "harris,fast", "--photos", photos, "--out", pred), 2,
                   "one --baselines NAME");
    expect_failure(WORDS("evaluate", "export", "--baselines", "fast", "--photos", photos, "--height", "64", "--width",
                         "96", "--out", harris),
                   1, "another \"method\"");
    expect_failure(WORDS("evaluate", "exprot"), 2, "did you mean 'evaluate export'?");
    expect_failure(WORDS("evaluate", "--photos", photos, "--protocol", "rpautrad"), 2, "did you mean 'rpautrat'?");
    expect_success(
        WORDS("evaluate", "images", "--photos", photos, "--protocol", "sp-fpn", "--out", in_folder("images")));
    assert_true(cairn_file_exists(in_folder("images/a/1a.256x160.png")));
}

static void test_evaluate__sequences(void **state)
{
    (void)state;
    const char *sequences = getenv("CAIRN_TEST_SEQUENCES");
    if (!sequences || !*sequences) {
        print_message("skipped: CAIRN_TEST_SEQUENCES is not set\n");
        skip();
    }
    expect_success(WORDS("evaluate", "--sequences", sequences, "--pairs", "3", "--baselines", "harris,random"));
    assert_non_null(strstr(run.out, "protocol recommended: 3 pairs"));
}

static void expect_nothing_temporary(const char *path, size_t expected)
{
    cairn_file_list list = {0};
    assert_int_equal(cairn_file_list_folder(&list, path, NULL, false), CAIRN_OK);
    assert_int_equal(list.count, expected);
    cairn_file_list_free(&list);
}

static void test_detect__full_disk_leaves_what_exists_whole(void **state)
{
    (void)state;
    const char *const words[] = {"detect",   "--model", model(), in_folder("board.png"), "--out", in_folder("full"),
                                 "--format", "png",     NULL};
    uint8_t *before = NULL, *after = NULL;
    size_t size_before = 0, size_after = 0;
    expect_success(words);
    assert_int_equal(cairn_file_read(&before, &size_before, in_folder("full/board.png"), 1 << 24), CAIRN_OK);
    assert_true(size_before > 600);
    call(words, 512);
    assert_int_equal(run.code, 1);
    assert_int_equal(cairn_program_error_lines(&run), 1);
    assert_non_null(strstr(run.err, "board.png"));
    assert_int_equal(cairn_file_read(&after, &size_after, in_folder("full/board.png"), 1 << 24), CAIRN_OK);
    assert_int_equal(size_before, size_after);
    assert_memory_equal(before, after, size_before);
    expect_nothing_temporary(in_folder("full"), 2); /* board.png and summary.csv */
    free(before);
    free(after);
}

static void test_run__full_disk_is_one_line_and_can_be_resumed(void **state)
{
    (void)state;
    const char *const words[] = {"run", in_folder("toy.yaml"), "--out", in_folder("disk"), NULL};
    call(words, 4096);
    assert_int_equal(run.code, 1);
    assert_int_equal(cairn_program_error_lines(&run), 1);
    assert_non_null(strstr(run.err, "File too large"));
    assert_false(cairn_file_exists(in_folder("disk/shapes/stage.json")));
    expect_success(words);
    assert_true(cairn_file_exists(in_folder("disk/shapes/model.safetensors")));
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

static int prepare(void **state)
{
    (void)state;
    strcpy(folder, "cairn-test-detect-XXXXXX");
    if (!mkdtemp(folder) || cairn_file_write(in_folder("toy.yaml"), recipe, strlen(recipe)) < 0) return -1;
    expect_success(WORDS("run", in_folder("toy.yaml"), "--out", in_folder("run")));
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
        cmocka_unit_test(test_detect__writes_npz_and_png),
        cmocka_unit_test(test_detect__writes_heatmaps),
        cmocka_unit_test(test_detect__takes_the_checkpoints_own_threshold),
        cmocka_unit_test(test_detect__bad_images_are_one_line),
        cmocka_unit_test(test_detect__batches_give_what_single_images_give),
        cmocka_unit_test(test_detect__wrong_command_lines),
        cmocka_unit_test(test_evaluate__measures_and_refuses),
        cmocka_unit_test(test_evaluate__export_and_score),
        cmocka_unit_test(test_evaluate__sequences),
        cmocka_unit_test(test_detect__full_disk_leaves_what_exists_whole),
        cmocka_unit_test(test_run__full_disk_is_one_line_and_can_be_resumed),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
