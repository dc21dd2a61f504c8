/* Matched masks: matching, drawing, files. */
#include "matching/masks.h"
#include "formats/npz.h"
#include "support/scratch.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>

enum { H = 120, W = 160, POINTS = 40, EXTRA = 10 };

/* I' shows I moved by (7, -4) and enlarged a little. */
static const cairn_homography to_warped = {{1.1, 0, 7, 0, 1.1, -4, 0, 0, 1}};
static cairn_keypoints left, right; /* the first POINTS belong together, off by less than 1.5 pixels; others do not */

static int make_points(void **state)
{
    if (test_scratch_create(state)) return -1;
    cairn_rng rng = cairn_rng_stream(3, 90, 0, 0, 0);
    assert_ok(cairn_keypoints_create(&left, POINTS + EXTRA, 4));
    assert_ok(cairn_keypoints_create(&right, POINTS + EXTRA, 4));
    for (int i = 0; i < POINTS + EXTRA; i++) {
        /* a grid with steps of 15 pixels, moved a little */
        double x = 10 + 15 * (i % 9) + cairn_rng_between(&rng, 0, 3), y = 12 + 15 * (i / 9), u, v;
        assert_true(cairn_homography_apply(&to_warped, x, y, &u, &v));
        if (i >= POINTS) u = cairn_rng_between(&rng, 20, 140), v = 3; /* above all others */
        left.points[i] = (cairn_keypoint){(float)x, (float)y, 0.5f};
        right.points[i] = (cairn_keypoint){(float)(u + cairn_rng_between(&rng, -1, 1)),
                                           (float)(v + cairn_rng_between(&rng, -1, 1)), 0.25f};
        for (int k = 0; k < 4; k++) {
            left.descriptors[4 * i + k] = k == i % 4;
            right.descriptors[4 * i + k] = k == i % 4;
        }
    }
    return 0;
}

static int free_points(void **state)
{
    cairn_keypoints_free(&left);
    cairn_keypoints_free(&right);
    return test_scratch_remove(state);
}

static void test_oracle(void **state)
{
    (void)state;
    cairn_masked_pair pair;
    const cairn_match_side a = {&left, H, W}, b = {&right, H, W};
    assert_ok(cairn_masks_match(&pair, &a, &b, &to_warped, NULL, &CAIRN_MASK_OPTIONS_INIT));
    assert_int_equal(pair.a.count, POINTS);
    assert_int_equal(pair.b.count, POINTS);
    assert_int_equal(pair.lost_a.count, EXTRA);
    assert_int_equal(pair.lost_b.count, EXTRA);
    for (int i = 0; i < POINTS; i++) {
        assert_memory_equal(&pair.a.points[i], &left.points[i], sizeof *left.points);
        assert_memory_equal(&pair.b.points[i], &right.points[i], sizeof *right.points);
        assert_true(pair.scores[i] > 0.4f && pair.scores[i] <= 1);
    }
    assert_near(pair.lost_a.points[0].x, left.points[POINTS].x, 0);
    cairn_masked_pair_free(&pair);
    assert_status(cairn_masks_match(&pair, &a, &b, &to_warped, NULL, &(cairn_mask_options){0}), CAIRN_E_INVALID,
                  "above 0 without a matcher");
}

/* A matcher that is wrong about some: the geometric check finds them. */
static cairn_status shifted(void *state, const cairn_match_side *a, const cairn_match_side *b, cairn_match **out,
                            int *count)
{
    (void)state;
    (void)b;
    *count = a->points->count;
    *out = malloc((size_t)*count * sizeof **out);
    assert_non_null(*out);
    for (int i = 0; i < *count; i++)
        (*out)[i] = (cairn_match){i, i < 30 ? i : i == 30 ? 31 : i == 31 ? 30 : i, 0, 0.5f};
    return CAIRN_OK;
}

static void test_check_and_symmetrise(void **state)
{
    (void)state;
    cairn_masked_pair pair;
    const cairn_match_side a = {&left, H, W}, b = {&right, H, W};
    const cairn_matcher matcher = {.name = "shifted", .match = shifted};
    assert_ok(cairn_masks_match(&pair, &a, &b, &to_warped, &matcher, &(cairn_mask_options){0}));
    assert_int_equal(pair.a.count, POINTS + EXTRA); /* no check */
    cairn_masked_pair_free(&pair);
    assert_ok(cairn_masks_match(&pair, &a, &b, &to_warped, &matcher, &(cairn_mask_options){3, true}));
    assert_int_equal(pair.a.count, POINTS - 2);
    assert_int_equal(pair.lost_a.count, EXTRA + 2);
    double moved = 0;
    for (int i = 0; i < pair.a.count; i++) {
        double x, y;
        assert_true(cairn_homography_apply(&to_warped, pair.a.points[i].x, pair.a.points[i].y, &x, &y));
        assert_near(pair.b.points[i].x, x, 1e-4);
        assert_near(pair.b.points[i].y, y, 1e-4);
        if (i < 30) moved = fmax(moved, fabs((double)pair.a.points[i].x - left.points[i].x));
    }
    assert_true(moved > 0.1 && moved < 0.6);
    cairn_masked_pair_free(&pair);
}

static void test_drop_invalid(void **state)
{
    (void)state;
    static float valid[H * W];
    cairn_keypoints k;
    for (int i = 0; i < H * W; i++) valid[i] = i % W >= 50;
    assert_ok(cairn_keypoints_create(&k, 4, 1));
    const float x[4] = {49, 56, 60, 159};
    for (int i = 0; i < 4; i++) k.points[i] = (cairn_keypoint){x[i], 60, 1}, k.descriptors[i] = (float)i;
    assert_ok(cairn_masks_drop_invalid(&k, valid, H, W, 8));
    assert_int_equal(k.count, 2);
    assert_true(k.points[0].x == 60 && k.descriptors[0] == 2);
    assert_true(k.points[1].x == 159 && k.descriptors[1] == 3); /* the image's own edge does not count */
    cairn_keypoints_free(&k);
}

/* Against the formula at every pixel. */
static void test_drawing(void **state)
{
    (void)state;
    static float mask[H * W], weight[H * W];
    cairn_keypoint at[3] = {{20, 30, 1}, {25.5f, 30.25f, 1}, {158, 2, 1}}, lost_at[2] = {{32, 30, 1}, {80, 80, 1}};
    const cairn_keypoints points = {.count = 3, .points = at}, lost = {.count = 2, .points = lost_at}, none = {0};
    const cairn_mask_style style = CAIRN_MASK_STYLE_INIT;
    cairn_masks_draw(mask, weight, H, W, &points, &lost, &style);
    for (int y = 0; y < H; y++) {
        for (int x = 0; x < W; x++) {
            double nearest = INFINITY, astray = INFINITY;
            for (int i = 0; i < 3; i++) nearest = fmin(nearest, hypot(x - (double)at[i].x, y - (double)at[i].y));
            for (int i = 0; i < 2; i++)
                astray = fmin(astray, hypot(x - (double)lost_at[i].x, y - (double)lost_at[i].y));
            assert_near(mask[y * W + x], 0.1 + 0.8 * exp(-nearest * nearest / 18), 5e-4); /* cut at 4 sigma */
            if (fabs(nearest - astray) > 1e-3)
                assert_true(weight[y * W + x] == (astray <= 6 && astray < nearest ? 0.0f : 1.0f));
        }
    }
    assert_near(mask[30 * W + 20], 0.9, 1e-6); /* a neighbour does not lower the peak */
    cairn_masks_draw(mask, NULL, H, W, &none, &none, &style);
    for (int i = 0; i < H * W; i++) assert_true(mask[i] == 0.1f);
}

/* student.md 5.3 and 8.5: the profile of a point that has no neighbour within reach, however many others there are. */
static void test_profile_of_a_point(void **state)
{
    (void)state;
    static const double profile[][2] = {{0, 0.900}, {1, 0.857}, {2, 0.741}, {3, 0.585}, {4, 0.429},
                                        {5, 0.299}, {6, 0.208}, {8, 0.123}, {10, 0.103}, {12, 0.100}};
    static float mask[H * W];
    cairn_keypoint at[1 + 150];
    const cairn_mask_style style = CAIRN_MASK_STYLE_INIT;
    at[0] = (cairn_keypoint){40, 60, 1};
    for (int i = 0; i < 150; i++)
        at[1 + i] = (cairn_keypoint){(float)(80 + 5 * (i % 15)), (float)(10 + 5 * (i / 15)), 1};
    for (int others = 0; others <= 150; others += 75) {
        const cairn_keypoints points = {.count = 1 + others, .points = at};
        cairn_masks_draw(mask, NULL, H, W, &points, NULL, &style);
        for (size_t i = 0; i < sizeof profile / sizeof *profile; i++) {
            const int d = (int)profile[i][0];
            assert_near(mask[60 * W + 40 + d], profile[i][1], 6e-4);
            assert_near(mask[(60 - d) * W + 40], profile[i][1], 6e-4);
        }
    }
}

/* Phase 1's targets without blobs. */
static void test_points_without_blobs(void **state)
{
    (void)state;
    static float mask[H * W];
    cairn_keypoint at[4] = {{20, 30, 1}, {40.4f, 50.6f, 1}, {W - 0.4f, 3, 1}, {-0.4f, 7, 1}};
    cairn_masks_draw(mask, NULL, H, W, &(cairn_keypoints){.count = 4, .points = at}, NULL,
                     &(cairn_mask_style){.sigma = 0, .floor = 0, .peak = 1});
    for (int i = 0; i < H * W; i++)
        assert_true(mask[i] == (i == 30 * W + 20 || i == 51 * W + 40 || i == 7 * W ? 1.0f : 0.0f));
}

static void test_files(void **state)
{
    (void)state;
    cairn_masked_pair pair, again;
    cairn_mask_info info = {.teacher = UINT64_C(0x123456789abcdef0), .seed = 7, .stream = 9, .pair = 3}, back;
    const cairn_match_side a = {&left, H, W}, b = {&right, H, W};
    strcpy(info.image, "photo-00001");
    strcpy(info.options, "matcher=oracle");
    assert_ok(cairn_masks_match(&pair, &a, &b, &to_warped, NULL, &CAIRN_MASK_OPTIONS_INIT));
    assert_ok(cairn_masks_write(test_path("m.npz"), &pair, &info));
    assert_ok(cairn_masks_read(&again, &back, test_path("m.npz"), H, W));
    assert_memory_equal(&back.teacher, &info.teacher, sizeof info.teacher);
    assert_true(back.seed == 7 && back.stream == 9 && back.pair == 3);
    assert_string_equal(back.image, info.image);
    assert_string_equal(back.options, info.options);
    assert_int_equal(again.a.count, pair.a.count);
    assert_memory_equal(again.a.points, pair.a.points, (size_t)pair.a.count * sizeof *pair.a.points);
    assert_memory_equal(again.b.points, pair.b.points, (size_t)pair.a.count * sizeof *pair.a.points);
    assert_memory_equal(again.scores, pair.scores, (size_t)pair.a.count * sizeof *pair.scores);
    assert_memory_equal(&again.to_warped, &to_warped, sizeof to_warped);
    assert_int_equal(again.lost_b.count, EXTRA);
    cairn_masked_pair_free(&again);
    assert_status(cairn_masks_read(&again, NULL, test_path("m.npz"), H, W + 8), CAIRN_E_SHAPE, "160x120");
    assert_status(cairn_masks_read(&again, NULL, test_path("none.npz"), H, W), CAIRN_E_NOTFOUND, "none.npz");
    /* Damage: a point outside, a homography of zeros, a score that is none. */
    pair.a.points[3].x = W;
    assert_ok(cairn_masks_write(test_path("bad.npz"), &pair, &info));
    assert_status(cairn_masks_read(&again, NULL, test_path("bad.npz"), H, W), CAIRN_E_FORMAT, "point 3 of points_a");
    assert_null(again.a.points);
    pair.a.points[3].x = 5;
    pair.scores[2] = NAN;
    assert_ok(cairn_masks_write(test_path("bad.npz"), &pair, &info));
    assert_status(cairn_masks_read(&again, NULL, test_path("bad.npz"), H, W), CAIRN_E_FORMAT, "score 2");
    memset(&pair.to_warped, 0, sizeof pair.to_warped);
    assert_ok(cairn_masks_write(test_path("bad.npz"), &pair, &info));
    assert_status(cairn_masks_read(&again, NULL, test_path("bad.npz"), H, W), CAIRN_E_FORMAT, "inverted");
    cairn_masked_pair_free(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_oracle), cmocka_unit_test(test_check_and_symmetrise),
                                       cmocka_unit_test(test_drop_invalid), cmocka_unit_test(test_drawing),
                                       cmocka_unit_test(test_profile_of_a_point),
                                       cmocka_unit_test(test_points_without_blobs),
                                       cmocka_unit_test(test_files)};
    return cmocka_run_group_tests(tests, make_points, free_points);
}
