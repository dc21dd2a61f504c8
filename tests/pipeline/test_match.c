/* cairn match on one pair, a folder and a list: outputs, resumption, refusals. Needs no device: SIFT finds the points.
 */
#include "support/program.h"
#include "support/scratch.h"
#include "support/test.h"

#include "data/image.h"
#include "formats/npz.h"
#include "geometry/homography.h"
#include "system/file.h"

#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { H = 150, W = 200, VIEWS = 4 };
static cairn_program_run run;
static cairn_homography first_to[VIEWS]; /* from view 0 */

#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})

static void expect(const char *const *words, int code, const char *text)
{
    cairn_program_call(&run, words, NULL, 0);
    if (run.code != code) fail_msg("exit code %d, not %d: %s", run.code, code, run.err);
    if (code && cairn_program_error_lines(&run) != 1) fail_msg("not one error line: %s", run.err);
    if (!strstr(code ? run.err : run.out, text)) fail_msg("'%s%s' lacks '%s'", run.out, run.err, text);
}

/* Views of a plane of blobs; names so that byte order is not natural order. */
static int make_views(void **state)
{
    if (test_scratch_create(state)) return -1;
    static const char *const names[VIEWS] = {"frame1", "frame2", "frame10", "frame11"};
    cairn_image plane = {0}, view = {0};
    cairn_rng rng = cairn_rng_stream(5, 81, 0, 0, 0);
    assert_ok(cairn_image_create(&plane, H, W, 1));
    for (int i = 0; i < 220; i++) {
        double x = cairn_rng_between(&rng, 0, W), y = cairn_rng_between(&rng, 0, H);
        double r = cairn_rng_between(&rng, 1.5, 5), v = cairn_rng_between(&rng, -0.5, 0.5);
        for (int p = 0; p < H * W; p++)
            plane.pixels[p] += (float)(v * exp(-(pow(p % W - x, 2) + pow(p / W - y, 2)) / (2 * r * r)));
    }
    for (int p = 0; p < H * W; p++) plane.pixels[p] = fminf(1, fmaxf(0, 0.5f + plane.pixels[p]));
    assert_ok(cairn_file_make_folder(test_path("frames")));
    for (int n = 0; n < VIEWS; n++) {
        /* view n shows the plane moved by 4 n pixels and turned a little */
        const double c = cos(0.04 * n), s = sin(0.04 * n);
        const cairn_homography to_plane = {{c, -s, 4 * n, s, c, -2 * n, 0, 0, 1}};
        assert_ok(cairn_homography_invert(&first_to[n], &to_plane));
        assert_ok(cairn_homography_warp(&view, NULL, &plane, &to_plane, H, W));
        assert_ok(cairn_image_save_png(&view, test_path("frames/%s.png", names[n])));
        cairn_image_free(&view);
    }
    cairn_image_free(&plane);
    return 0;
}

/* Numbers of a pair: shapes, indices, and the homography beside the true one from view i to view j. */
static void check_npz(const char *path, int i, int j)
{
    cairn_npz npz = {0};
    const cairn_npz_array *a, *b, *matches, *inliers, *scores, *found;
    assert_ok(cairn_npz_read(&npz, path));
    assert_ok(cairn_npz_require(&a, &npz, "keypoints0", CAIRN_NPZ_F32, 2, (int64_t[]){-1, 3}));
    assert_ok(cairn_npz_require(&b, &npz, "keypoints1", CAIRN_NPZ_F32, 2, (int64_t[]){-1, 3}));
    assert_ok(cairn_npz_require(&matches, &npz, "matches", CAIRN_NPZ_I32, 2, (int64_t[]){-1, 2}));
    const int64_t count = matches->shape[0];
    assert_ok(cairn_npz_require(&inliers, &npz, "inliers", CAIRN_NPZ_U8, 1, &count));
    assert_ok(cairn_npz_require(&scores, &npz, "scores", CAIRN_NPZ_F32, 1, &count));
    assert_ok(cairn_npz_require(&found, &npz, "homography", CAIRN_NPZ_F64, 2, (int64_t[]){3, 3}));
    cairn_homography h, back, truth;
    memcpy(h.m, found->data, sizeof h.m);
    assert_ok(cairn_homography_invert(&back, &first_to[i]));
    truth = cairn_homography_multiply(&first_to[j], &back);
    int agreeing = 0;
    for (int64_t k = 0; k < count; k++) {
        const int32_t *m = (const int32_t *)matches->data + 2 * k;
        assert_true(m[0] >= 0 && m[0] < a->shape[0] && m[1] >= 0 && m[1] < b->shape[0]);
        agreeing += ((const uint8_t *)inliers->data)[k];
        assert_true(((const float *)scores->data)[k] >= 0 && ((const float *)scores->data)[k] <= 1);
    }
    assert_true(agreeing >= 20);
    for (int k = 0; k < 4; k++) {
        double x, y, u, v;
        cairn_homography_apply(&h, k & 1 ? W : 0, k & 2 ? H : 0, &x, &y);
        cairn_homography_apply(&truth, k & 1 ? W : 0, k & 2 ? H : 0, &u, &v);
        assert_true(hypot(x - u, y - v) < 1.5);
    }
    cairn_npz_free(&npz);
}

static void test_one_pair(void **state)
{
    (void)state;
    const char *a = test_path("frames/frame1.png"), *b = test_path("frames/frame2.png");
    expect(WORDS("match", "--baseline", "sift", a, b, "--out", test_path("one.png")), 0, "agree on one homography");
    cairn_image drawing = {0};
    assert_ok(cairn_image_load(&drawing, test_path("one.png"), 3));
    assert_true(drawing.w > 2 * W);
    cairn_image_free(&drawing);
    expect(WORDS("match", "--baseline", "sift", a, b, "--estimator", "cv", "--out", test_path("one.npz")), 0, "agree");
    check_npz(test_path("one.npz"), 0, 1);
    expect(WORDS("match", "--baseline", "sift", a, b, "--ranked", "--ratio", "0.9", "--out", test_path("two.npz")), 0,
           "agree");
    check_npz(test_path("two.npz"), 0, 1);
    expect(WORDS("match", "--baseline", "sift", a, a, "--out", test_path("same.npz")), 0, "agree");
    check_npz(test_path("same.npz"), 0, 0);
}

static int64_t written_at(const char *path)
{
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    return (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec;
}

static void test_folder_in_natural_order_and_resumed(void **state)
{
    (void)state;
    const char *frames = test_path("frames"), *out = test_path("out");
    const char *const words[] = {"match", "--baseline", "sift", frames, "--out", out, NULL};
    expect(words, 0, "3 pairs: 3 matched, 0 were there");
    assert_int_equal(test_count_entries(out), 2 * 3 + 1);
    check_npz(test_path("out/00001-frame1-frame2.npz"), 0, 1);
    check_npz(test_path("out/00002-frame2-frame10.npz"), 1, 2);
    check_npz(test_path("out/00003-frame10-frame11.npz"), 2, 3);
    const int64_t before = written_at(test_path("out/00001-frame1-frame2.npz"));
    assert_int_equal(remove(test_path("out/00002-frame2-frame10.png")), 0);
    expect(words, 0, "3 pairs: 1 matched, 2 were there");
    assert_int_equal(test_count_entries(out), 2 * 3 + 1);
    assert_true(written_at(test_path("out/00001-frame1-frame2.npz")) == before);
    expect(WORDS("match", "--baseline", "sift", frames, "--out", out, "--ratio", "0.8"), 2, "other images or settings");
    expect(WORDS("match", "--baseline", "sift", frames, "--out", out, "--order", "first"), 2, "give another --out");
    expect(WORDS("match", "--baseline", "sift", frames, "--out", test_path("first"), "--order", "first", "--format",
                 "npz"),
           0, "3 pairs: 3 matched");
    check_npz(test_path("first/00003-frame1-frame11.npz"), 0, 3);
    assert_int_equal(test_count_entries(test_path("first")), 3 + 1);
}

static void test_list(void **state)
{
    (void)state;
    test_put_text(test_path("list.txt"), "# a comment\n\nframes/frame1.png frames/frame10.png\r\n"
                                         "frames/frame1.png\tframes/frame2.png\n");
    expect(WORDS("match", "--baseline", "sift", "--pairs", test_path("list.txt"), "--out", test_path("listed")), 0,
           "2 pairs: 2 matched");
    check_npz(test_path("listed/00001-frame1-frame10.npz"), 0, 2);
    static const char *const bad[][2] = {{"frames/frame1.png\n", "bad.txt:1: expected two paths"},
                                         {"\nframes/frame1.png frames/none.png\n", "bad.txt:2"},
                                         {"a b c\n", "bad.txt:1: expected two paths"},
                                         {"# nothing\n", "no pairs"},
                                         {"frames frames\n", "bad.txt:1"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        test_put_text(test_path("bad.txt"), bad[i][0]);
        expect(WORDS("match", "--baseline", "sift", "--pairs", test_path("bad.txt"), "--out", test_path("never")), 1,
               bad[i][1]);
    }
    test_put(test_path("bad.txt"), "a\0b c", 5);
    expect(WORDS("match", "--baseline", "sift", "--pairs", test_path("bad.txt"), "--out", test_path("never")), 1,
           "not a text file");
    assert_false(cairn_file_exists(test_path("never")));
}

static void test_refusals(void **state)
{
    (void)state;
    const char *a = test_path("frames/frame1.png"), *b = test_path("frames/frame2.png"), *out = test_path("x.png");
    expect(WORDS("match", a, b, "--out", out), 2, "--model FILE or --baseline NAME");
    expect(WORDS("match", "--baseline", "sift", a, b), 2, "is missing");
    expect(WORDS("match", "--baseline", "sift", a, "--out", out), 2, "two images or more");
    expect(WORDS("match", "--baseline", "sift", a, b, a, "--out", out), 2, "there are 2 pairs");
    expect(WORDS("match", "--baseline", "harris", a, b, "--out", out), 1, "no descriptors");
    expect(WORDS("match", "--baseline", "shift", a, b, "--out", out), 1, "sift");
    expect(WORDS("match", "--baseline", "sift", a, b, "--pairs", a, "--out", out), 2, "one too many");
    expect(WORDS("match", "--baseline", "sift", a, b, "--matcher-model", a, "--out", out), 1, "no weights");
    expect(WORDS("match", "--baseline", "sift", a, b, "--matcher", "lightglue", "--out", out), 1, "weights is missing");
    expect(WORDS("match", "--baseline", "sift", a, b, "--format", "gif", "--out", test_path("y")), 2, "expected npz");
    test_put_text(test_path("frames/frame3.png"), "no image");
    expect(WORDS("match", "--baseline", "sift", test_path("frames"), "--out", test_path("broken")), 1,
           "2 of 4 pairs could not be matched");
    assert_true(cairn_file_exists(test_path("broken/00001-frame1-frame2.npz")));
    assert_true(cairn_file_exists(test_path("broken/00004-frame10-frame11.npz")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_pair),
                                       cmocka_unit_test(test_folder_in_natural_order_and_resumed),
                                       cmocka_unit_test(test_list), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, make_views, test_scratch_remove);
}
