/* Folders of photographs with damage in them, from labels to training: what cannot be used is told and passed over, and
 * neither that nor the memory for crops changes what is learnt from the rest. */
#include "support/program.h"

#include "data/image.h"
#include "support/pictures.h"
#include "support/scratch.h"
#include "support/test.h"
#include "system/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PHOTOS = 24, STEPS = 8 };

static cairn_program_run run;
static const char recipe[] =
    "name: damage\n"
    "seed: 5\n"
    "photos: {height: 64, width: 96, crops: 2, holdout: 0}\n"
    "stages:\n"
    "  - {name: shapes, kind: magicpoint, steps: 1, batch: 1, width: 0.125, height: 64, image_width: 96,\n"
    "     canvas_height: 128, calibrate: 0}\n"
    "  - {name: labels, kind: adaptation, teacher: shapes, views: 1, threshold: 0, top_k: 30, previews: 0}\n"
    "  - {name: teacher, kind: superpoint, labels: labels, start: shapes, steps: 8, batch: 8, width: 0.125,\n"
    "     descriptor: 32, calibrate: 0, log_every: 1, checkpoint_every: 3}\n";

static void put_photo(const char *path, int number)
{
    const int h = 150, w = 200, cell = 9 + number;
    cairn_image image;
    uint8_t *bytes;
    size_t size;
    assert_ok(cairn_image_create(&image, h, w, 3));
    for (int i = 0; i < h * w; i++)
        for (int c = 0; c < 3; c++)
            image.pixels[3 * i + c] =
                (float)((((i % w) / cell + i / w / cell) % 2 ? 0.9 : 0.3) * (0.5 + 0.4 * sin(0.05 * (i % w) + number)));
    test_make_jpeg(&bytes, &size, &image);
    test_put(path, bytes, strstr(path, "cut") ? size - size / 3 : size);
    free(bytes);
    cairn_image_free(&image);
}

static void put_set(const char *set, bool damaged)
{
    for (int i = 0; i < PHOTOS; i++) put_photo(test_path("%s/p%02d.jpg", set, i), i);
    if (!damaged) return;
    put_photo(test_path("%s/cut.jpg", set), 3);
    test_put(test_path("%s/a-empty.jpg", set), "", 0);
    test_put_text(test_path("%s/m-huge.ppm", set), "P6\n16000 16000\n255\nabc");
    test_put_text(test_path("%s/z-text.png", set), "no picture");
    assert_int_equal(symlink(".", test_path("%s/again", set)), 0);
    assert_int_equal(symlink("nowhere.jpg", test_path("%s/gone.jpg", set)), 0);
}

/* The losses of all steps, as text: equal only where all bits of the crops, labels and weights before were. */
static void train(const char *set, const char *memory, const char *out, char losses[STEPS][32])
{
    char root[512], photos_memory[64], path[512];
    uint8_t *text;
    size_t size;
    int step = 0;
    snprintf(root, sizeof root, "photos.root=%s", test_path("%s", set));
    snprintf(photos_memory, sizeof photos_memory, "photos.memory=%s", memory);
    const char *const words[] = {"run",   test_path("damage.yaml"), root, photos_memory,
                                 "--out", test_path("%s", out),     NULL};
    test_put_text(test_path("damage.yaml"), recipe);
    cairn_program_succeed(&run, words);
    snprintf(path, sizeof path, "%s", test_path("%s/teacher/metrics.jsonl", out));
    assert_ok(cairn_file_read(&text, &size, path, 1 << 16));
    for (const char *at = (char *)text; (at = strstr(at, "\"loss\":")) && step < STEPS; at++, step++)
        snprintf(losses[step], sizeof losses[step], "%.*s", (int)strcspn(at + 7, ","), at + 7);
    assert_int_equal(step, STEPS);
    free(text);
}

static void expect_same(char a[STEPS][32], char b[STEPS][32])
{
    for (int i = 0; i < STEPS; i++) assert_string_equal(a[i], b[i]);
    assert_string_not_equal(a[0], a[STEPS - 1]);
}

static void test_memory__changes_no_bit(void **state)
{
    (void)state;
    char kept[STEPS][32], made[STEPS][32];
    put_set("sound", false);
    train("sound", "2048", "kept", kept);
    assert_null(strstr(run.err, "photos.memory"));
    train("sound", "1", "made", made);
    assert_non_null(strstr(run.err, "48 training crops do not fit into photos.memory"));
    assert_null(strstr(run.err, "left out"));
    expect_same(kept, made);
}

static void test_damage__is_told_and_passed_over(void **state)
{
    (void)state;
    char sound[STEPS][32], kept[STEPS][32], made[STEPS][32], again[STEPS][32];
    put_set("sound", false);
    put_set("damaged", true);
    train("sound", "2048", "kept", sound);
    train("damaged", "2048", "kept-damaged", kept);
    assert_non_null(strstr(run.err, "warning: 4 of 28 photographs are left out"));
    expect_same(sound, kept);
    train("damaged", "1", "made-damaged", made);
    assert_non_null(strstr(run.err, "warning: a photograph cannot be used, others take its place"));
    assert_non_null(strstr(run.err, "warning: 4 of 28 photographs are left out"));
    train("damaged", "1", "again", again);
    expect_same(made, again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory__changes_no_bit),
        cmocka_unit_test(test_damage__is_told_and_passed_over),
    };
    if (!getenv("CAIRN_TEST_PROGRAM")) return 77;
    return cmocka_run_group_tests(tests, test_scratch_create, test_scratch_remove);
}
