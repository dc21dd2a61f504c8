/* The photographs of a recipe: the same crops whether they are kept or made when they are wanted, what cannot be used,
 * and the batches and labels drawn from them. */
#include "experiments/stages/photo_feed.h"

#include "base/rng.h"
#include "experiments/stages/common.h"
#include "experiments/stages/labelling.h"
#include "system/file.h"
#include "system/parallel.h"
#include "teacher/labels/label_file.h"

#include "support/pictures.h"
#include "support/scratch.h"
#include "support/test.h"

#include <stdlib.h>

enum { H = 64, W = 96, PHOTOS = 24, CROPS = 3, COUNT = PHOTOS * CROPS };
enum { SMALL = 1, LARGE = 2048 }; /* MiB: 42 crops, all crops */

/* Stripes and steps: the same picture on every machine. */
static void put_photo(const char *path, int h, int w, int number)
{
    char header[32];
    const int start = snprintf(header, sizeof header, "P5\n%d %d\n255\n", w, h);
    uint8_t *bytes = malloc((size_t)(start + h * w));
    assert_non_null(bytes);
    memcpy(bytes, header, (size_t)start);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            bytes[start + y * w + x] = (uint8_t)(x / (3 + number % 5) * 37 + y / (4 + number % 3) * 59 + number * 11);
    test_put(path, bytes, (size_t)(start + h * w));
    free(bytes);
}

static void put_set(const char *set, int count)
{
    for (int i = 0; i < count; i++) put_photo(test_path("%s/p%02d.pgm", set, i), 150 + i, 230 - i, i);
}

static cairn_photos settings_for(const char *set, int64_t memory, int64_t crops)
{
    cairn_photos s;
    cairn_settings_defaults(&s, cairn_photos_table);
    snprintf(s.root, sizeof s.root, "%s", test_path("%s", set));
    s.height = H;
    s.width = W;
    s.crops = crops;
    s.holdout = 0;
    s.memory = memory;
    return s;
}

static cairn_stage stage_for(const cairn_photos *s)
{
    return (cairn_stage){.name = "stage", .seed = 9, .stream = 77, .photos = s};
}

static void expect_same(const cairn_image *a, const cairn_image *b)
{
    assert_int_equal(a->h, H);
    assert_int_equal(a->w, W);
    assert_memory_equal(a->pixels, b->pixels, sizeof(float) * H * W);
}

typedef struct two {
    cairn_stage_photos *kept, *made;
} two;

static cairn_status compare_one(void *payload, int i)
{
    cairn_status st = CAIRN_OK;
    two *t = payload;
    cairn_image a = {0}, b = {0};
    const int crop = i * 31 % COUNT;
    CAIRN_TRY(cairn_stage_photos_read(&a, t->kept, crop));
    CAIRN_TRY(cairn_stage_photos_read(&b, t->made, crop));
    if (memcmp(a.pixels, b.pixels, sizeof(float) * H * W)) st = cairn_error_set(CAIRN_E_FAIL, "crop %d differs", crop);
done:
    cairn_image_free(&a);
    cairn_image_free(&b);
    return st;
}

static void test_crops__are_the_same_kept_or_made(void **state)
{
    (void)state;
    put_set("set", PHOTOS);
    const cairn_photos large = settings_for("set", LARGE, CROPS), small = settings_for("set", SMALL, CROPS);
    const cairn_stage a = stage_for(&large), b = stage_for(&small);
    two t;
    assert_ok(cairn_stage_photos_open(&t.kept, &a, false));
    assert_ok(cairn_stage_photos_open(&t.made, &b, false));
    assert_true(cairn_stage_photos_all_there(t.kept));
    assert_false(cairn_stage_photos_all_there(t.made));
    assert_int_equal(cairn_stage_photos_count(t.kept), COUNT);
    assert_int_equal(cairn_stage_photos_count(t.made), COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_string_equal(cairn_stage_photos_key(t.kept, i), cairn_stage_photos_key(t.made, i));
    assert_string_equal(cairn_stage_photos_key(t.made, 4), "p01-001");
    cairn_stage_photos_expect_after(t.made, 0);
    assert_ok(cairn_parallel_for(5 * COUNT, 4, compare_one, &t));
    cairn_stage_photos_close(&t.kept);
    cairn_stage_photos_close(&t.made);
}

/* Numbers from the crops as they were when all photographs were kept in memory (commit 2a06228). */
static void test_crops__are_those_of_earlier_versions(void **state)
{
    (void)state;
    static const struct {
        int crop, at;
        double value, sum;
    } known[] = {
        {0, 3077, 0.643137217, 148920.303}, {29, 4150, 0.101960786, 150947.528}, {58, 5223, 0.00784313772, 148909.827}};
    put_set("set", PHOTOS);
    const cairn_photos small = settings_for("set", SMALL, CROPS);
    const cairn_stage stage = stage_for(&small);
    cairn_stage_photos *photos;
    assert_ok(cairn_stage_photos_open(&photos, &stage, false));
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        cairn_image crop;
        double sum = 0;
        assert_ok(cairn_stage_photos_read(&crop, photos, known[k].crop));
        for (int i = 0; i < H * W; i++) sum += (double)crop.pixels[i] * (i % 97 + 1);
        assert_near((double)crop.pixels[known[k].at], known[k].value, 1e-6);
        assert_near(sum, known[k].sum, 1e-2);
        cairn_image_free(&crop);
    }
    cairn_stage_photos_close(&photos);
}

/* A photo of its own, a JPEG that ends too soon, an empty file, a header that promises too much, a text, a tiny one. */
static void put_bad(const char *set)
{
    cairn_image image;
    uint8_t *bytes;
    size_t size;
    test_picture(&image, 150, 200, 3);
    test_make_jpeg(&bytes, &size, &image);
    test_put(test_path("%s/bad-cut.jpg", set), bytes, size / 2);
    test_put(test_path("%s/bad-empty.jpg", set), "", 0);
    test_put_text(test_path("%s/bad-huge.pgm", set), "P5\n16000 16000\n255\nabc");
    test_put_text(test_path("%s/bad-huge.ppm", set), "P6\n99999999 99999999\n255\nabc");
    test_put_text(test_path("%s/bad-text.png", set), "no picture");
    put_photo(test_path("%s/bad-tiny.pgm", set), 20, 20, 1);
    free(bytes);
    cairn_image_free(&image);
}
enum { BAD = 6 };

static void test_damage__leaves_photographs_out(void **state)
{
    (void)state;
    put_set("damaged", PHOTOS);
    put_bad("damaged");
    const cairn_photos large = settings_for("damaged", LARGE, CROPS), small = settings_for("damaged", SMALL, CROPS),
                       sound_settings = settings_for("set", LARGE, CROPS);
    const cairn_stage a = stage_for(&large), b = stage_for(&small), c = stage_for(&sound_settings);
    cairn_stage_photos *kept, *made, *sound;
    put_set("set", PHOTOS);
    assert_ok(cairn_stage_photos_open(&kept, &a, false));
    assert_ok(cairn_stage_photos_open(&made, &b, false));
    assert_ok(cairn_stage_photos_open(&sound, &c, false));
    assert_int_equal(cairn_stage_photos_count(kept), COUNT);
    assert_int_equal(cairn_stage_photos_count(made), COUNT + BAD * CROPS);
    int failed = 0, good = 0;
    for (int i = 0; i < COUNT + BAD * CROPS; i++) {
        cairn_image crop, expected;
        const cairn_status st = cairn_stage_photos_read(&crop, made, i);
        const bool bad = !strncmp(cairn_stage_photos_key(made, i), "bad-", 4);
        assert_int_equal(st, bad ? CAIRN_E_FORMAT : CAIRN_OK);
        failed += bad;
        if (bad) continue;
        assert_ok(cairn_stage_photos_read(&expected, sound, good)); /* other files change no crop */
        expect_same(&crop, &expected);
        cairn_image_free(&expected);
        assert_ok(cairn_stage_photos_read(&expected, kept, good++));
        expect_same(&crop, &expected);
        cairn_image_free(&expected);
        cairn_image_free(&crop);
    }
    assert_int_equal(failed, BAD * CROPS);
    cairn_stage_photos_close(&kept);
    cairn_stage_photos_close(&made);
    cairn_stage_photos_close(&sound);
}

static void test_damage__everywhere_is_an_error(void **state)
{
    (void)state;
    put_bad("hopeless");
    cairn_photos s = settings_for("hopeless", LARGE, 8);
    cairn_stage stage = stage_for(&s);
    cairn_stage_photos *photos;
    assert_status(cairn_stage_photos_open(&photos, &stage, false), CAIRN_E_NOTFOUND,
                  "no usable photograph to train on");
    assert_null(photos);
    s.memory = SMALL; /* 48 crops do not fit: only the reading tells */
    cairn_photo_feed feed;
    assert_ok(cairn_photo_feed_open(&feed, &stage, 2));
    assert_status(cairn_photo_feed_step(&feed, 0, NULL), CAIRN_E_NOTFOUND, "none of the 48 photographs can be used");
    cairn_photo_feed_close(&feed);
}

static void test_one_photo__is_enough_to_train(void **state)
{
    (void)state;
    put_set("single", 1);
    const cairn_photos s = settings_for("single", LARGE, 1);
    const cairn_stage stage = stage_for(&s);
    cairn_stage_photos *photos;
    cairn_photo_feed feed;
    assert_status(cairn_stage_photos_open(&photos, &stage, true), CAIRN_E_NOTFOUND, "held back");
    assert_ok(cairn_photo_feed_open(&feed, &stage, 3));
    assert_ok(cairn_photo_feed_step(&feed, 5, NULL));
    for (int i = 0; i < 3; i++) assert_int_equal(feed.photo_of[i], 0);
    cairn_photo_feed_close(&feed);
}

/* Of frames wider than any crop: the height decides. */
static void test_crops__of_wide_frames(void **state)
{
    (void)state;
    put_photo(test_path("wide/a.pgm"), 128, 416, 1);
    put_photo(test_path("wide/b.pgm"), 375, 1242, 2);
    for (int64_t crops = 1; crops < 4; crops += 2) {
        cairn_photos s = settings_for("wide", LARGE, crops);
        const cairn_stage stage = stage_for(&s);
        cairn_stage_photos *photos;
        static const int sizes[][2] = {{120, 160}, {128, 416}, {240, 320}, {112, 384}};
        for (int k = 0; k < 4; k++) {
            assert_ok(cairn_stage_photos_open_sized(&photos, &stage, false, sizes[k][0], sizes[k][1]));
            assert_int_equal(cairn_stage_photos_count(photos), 2 * crops);
            for (int i = 0; i < 2 * crops; i++) {
                cairn_image crop;
                assert_ok(cairn_stage_photos_read(&crop, photos, i));
                assert_int_equal(crop.h, sizes[k][0]);
                assert_int_equal(crop.w, sizes[k][1]);
                cairn_image_free(&crop);
            }
            cairn_stage_photos_close(&photos);
        }
    }
}

static void test_feed__draws_each_photo_once_in_a_pass(void **state)
{
    (void)state;
    enum { BATCH = 7 };
    put_set("set", PHOTOS);
    static const int64_t memories[] = {SMALL, LARGE};
    for (int m = 0; m < 2; m++) {
        const cairn_photos s = settings_for("set", memories[m], CROPS);
        const cairn_stage stage = stage_for(&s);
        cairn_photo_feed feed;
        uint32_t order[COUNT];
        int64_t pass = -1;
        assert_ok(cairn_photo_feed_open(&feed, &stage, BATCH));
        for (int64_t step = 0; step < 3 * COUNT / BATCH; step++) {
            assert_ok(cairn_photo_feed_step(&feed, step, NULL));
            for (int i = 0; i < BATCH; i++) {
                const int64_t position = step * BATCH + i;
                if (position / COUNT != pass) {
                    pass = position / COUNT;
                    cairn_rng rng = cairn_rng_stream(9, 77, (uint32_t)pass, 0, CAIRN_PURPOSE_ORDER);
                    cairn_rng_shuffle(&rng, order, COUNT);
                }
                assert_int_equal(feed.photo_of[i], order[position % COUNT]);
                cairn_image crop;
                assert_ok(cairn_stage_photos_read(&crop, feed.photos, feed.photo_of[i]));
                expect_same(&feed.images[i], &crop);
                cairn_image_free(&crop);
            }
        }
        cairn_photo_feed_close(&feed);
    }
}

/* Whatever was read before, a step draws the same photos, and none that cannot be used. */
static void test_feed__goes_on_behind_damage(void **state)
{
    (void)state;
    enum { BATCH = 5, LAST = 2 * (COUNT + BAD * CROPS) / BATCH };
    put_set("damaged", PHOTOS);
    put_bad("damaged");
    const cairn_photos s = settings_for("damaged", SMALL, CROPS);
    const cairn_stage stage = stage_for(&s);
    cairn_photo_feed feed, resumed;
    assert_ok(cairn_photo_feed_open(&feed, &stage, BATCH));
    for (int64_t step = 0; step <= LAST; step++) {
        assert_ok(cairn_photo_feed_step(&feed, step, NULL));
        for (int i = 0; i < BATCH; i++)
            assert_int_not_equal(strncmp(cairn_stage_photos_key(feed.photos, feed.photo_of[i]), "bad-", 4), 0);
    }
    assert_ok(cairn_photo_feed_open(&resumed, &stage, BATCH));
    assert_ok(cairn_photo_feed_step(&resumed, LAST, NULL));
    for (int i = 0; i < BATCH; i++) {
        assert_int_equal(resumed.photo_of[i], feed.photo_of[i]);
        expect_same(&resumed.images[i], &feed.images[i]);
    }
    cairn_photo_feed_close(&feed);
    cairn_photo_feed_close(&resumed);
}

enum { MADE_BY = 0x1234 };

static const char *label_path(cairn_stage_photos *photos, int i)
{
    return test_path("labels/%s.npz", cairn_stage_photos_key(photos, i));
}

static void put_label(cairn_stage_photos *photos, int i, int h, uint64_t checkpoint)
{
    const cairn_label_info info = {.h = h, .w = W, .views = 1, .threshold = 0.1f, .checkpoint = checkpoint};
    cairn_keypoints points;
    assert_ok(cairn_keypoints_create(&points, 1, 0));
    points.points[0] = (cairn_keypoint){(float)i, (float)(i % 60), 0.5f};
    assert_ok(cairn_label_file_write(label_path(photos, i), &info, &points));
    cairn_keypoints_free(&points);
}

static void put_labels(cairn_photo_feed *feed)
{
    test_put_text(test_path("labels/other.txt"), "x");
    for (int i = 0; i < feed->count; i++)
        if (strncmp(cairn_stage_photos_key(feed->photos, i), "bad-", 4)) put_label(feed->photos, i, H, MADE_BY);
}

/* With all labels read at once and with each read when its photo is drawn. */
static void test_labels__go_with_their_photo(void **state)
{
    (void)state;
    put_set("damaged", PHOTOS);
    put_bad("damaged");
    static const int64_t memories[] = {SMALL, LARGE};
    for (int m = 0; m < 2; m++) {
        const cairn_photos s = settings_for("damaged", memories[m], CROPS);
        const cairn_stage stage = stage_for(&s);
        cairn_photo_feed feed;
        assert_ok(cairn_photo_feed_open(&feed, &stage, 5));
        put_labels(&feed);
        assert_ok(cairn_photo_feed_label(&feed, test_path("labels"), MADE_BY));
        for (int64_t step = 0; step < 40; step++) {
            assert_ok(cairn_photo_feed_step(&feed, step, NULL));
            for (int i = 0; i < 5; i++) {
                assert_int_equal(feed.points[i].count, 1);
                assert_int_equal((int)feed.points[i].points[0].x, feed.photo_of[i]);
            }
        }
        cairn_photo_feed_close(&feed);
    }
}

static void test_labels__of_something_else_are_refused(void **state)
{
    (void)state;
    put_set("set", PHOTOS);
    static const int64_t memories[] = {SMALL, LARGE};
    for (int m = 0; m < 2; m++) {
        const cairn_photos s = settings_for("set", memories[m], CROPS);
        const cairn_stage stage = stage_for(&s);
        cairn_photo_feed feed;
        assert_ok(cairn_photo_feed_open(&feed, &stage, 4));
        assert_status(cairn_photo_feed_label(&feed, test_path("nowhere"), MADE_BY), CAIRN_E_NOTFOUND, "nowhere");
        cairn_photo_feed_close(&feed);
        assert_ok(cairn_photo_feed_open(&feed, &stage, 4));
        put_labels(&feed);
        assert_status(cairn_photo_feed_label(&feed, test_path("labels"), 0xabcd), CAIRN_E_INVALID,
                      "p00-000.npz: labels by the checkpoint 0000000000001234; the stage that is named has "
                      "000000000000abcd");
        put_label(feed.photos, 0, H + 8, MADE_BY);
        assert_status(cairn_photo_feed_label(&feed, test_path("labels"), MADE_BY), CAIRN_E_SHAPE,
                      "p00-000.npz: labels of a 96x72 image; training uses 96x64");
        put_label(feed.photos, 0, H, MADE_BY);
        remove(label_path(feed.photos, 10));
        assert_status(cairn_photo_feed_label(&feed, test_path("labels"), MADE_BY), CAIRN_E_NOTFOUND,
                      "p03-001.npz is missing");
        cairn_photo_feed_close(&feed);
    }
}

/* Where labels are read with their photos, one that is wrong ends the training when it is drawn. */
static void test_labels__are_checked_when_drawn(void **state)
{
    (void)state;
    put_set("set", PHOTOS);
    const cairn_photos s = settings_for("set", SMALL, CROPS);
    const cairn_stage stage = stage_for(&s);
    cairn_photo_feed feed;
    cairn_status st = CAIRN_OK;
    assert_ok(cairn_photo_feed_open(&feed, &stage, 4));
    put_labels(&feed);
    put_label(feed.photos, 20, H, 0x77);
    assert_ok(cairn_photo_feed_label(&feed, test_path("labels"), MADE_BY));
    for (int64_t step = 0; step < COUNT / 4 && st >= 0; step++) st = cairn_photo_feed_step(&feed, step, NULL);
    assert_status(st, CAIRN_E_INVALID, "p06-002.npz: labels by the checkpoint 0000000000000077");
    cairn_photo_feed_close(&feed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crops__are_the_same_kept_or_made),
        cmocka_unit_test(test_crops__are_those_of_earlier_versions),
        cmocka_unit_test(test_damage__leaves_photographs_out),
        cmocka_unit_test(test_damage__everywhere_is_an_error),
        cmocka_unit_test(test_one_photo__is_enough_to_train),
        cmocka_unit_test(test_crops__of_wide_frames),
        cmocka_unit_test(test_feed__draws_each_photo_once_in_a_pass),
        cmocka_unit_test(test_feed__goes_on_behind_damage),
        cmocka_unit_test(test_labels__go_with_their_photo),
        cmocka_unit_test(test_labels__of_something_else_are_refused),
        cmocka_unit_test(test_labels__are_checked_when_drawn),
    };
    return cmocka_run_group_tests(tests, test_scratch_create, test_scratch_remove);
}
