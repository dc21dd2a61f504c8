/* Views that pairs are made of, and how matches are judged, by cases worked out by hand. */
#include "experiments/stages/matching/comparison.h"
#include "matching/lightglue/truth.h"
#include "matching/views.h"
#include "support/test.h"

#include <math.h>

static void test_views__lie_inside_and_differ(void **state)
{
    (void)state;
    const cairn_view_options o = CAIRN_VIEW_OPTIONS_INIT;
    const double corners[8] = {0, 0, 0, 119, 159, 119, 159, 0};
    double turned = 0, smallest = 1e9, largest = 0;
    for (uint32_t i = 0; i < 500; i++) {
        cairn_homography h, again;
        cairn_rng rng = cairn_rng_stream(1, 2, i, 0, 0), same = rng;
        double area = 0, q[8];
        assert_ok(cairn_view_sample(&h, &rng, 240, 400, 120, 160, &o));
        assert_ok(cairn_view_sample(&again, &same, 240, 400, 120, 160, &o));
        assert_memory_equal(&h, &again, sizeof h);
        for (int k = 0; k < 4; k++) {
            assert_true(cairn_homography_apply(&h, corners[2 * k], corners[2 * k + 1], &q[2 * k], &q[2 * k + 1]));
            assert_true(q[2 * k] > -1e-6 && q[2 * k] < 399 + 1e-6 && q[2 * k + 1] > -1e-6 && q[2 * k + 1] < 239 + 1e-6);
        }
        for (int k = 0; k < 4; k++) { /* x down, then right: clockwise turned over, so negative */
            const double *a = q + 2 * k, *b = q + 2 * ((k + 1) % 4);
            area -= (a[0] * b[1] - a[1] * b[0]) / 2;
        }
        assert_true(area > 0);
        smallest = fmin(smallest, area / (399 * 239));
        largest = fmax(largest, area / (399 * 239));
        turned = fmax(turned, fabs(atan2(q[3] - q[1], q[2] - q[0]) - 1.5707963267948966));
    }
    assert_true(smallest < 0.4 && smallest > 0.09 && largest > 0.6 && largest <= 1);
    assert_true(turned > 0.5); /* by 31.5 degrees and by skew */
    cairn_homography h;
    cairn_rng rng = cairn_rng_stream(1, 2, 3, 0, 0);
    const cairn_view_options still = {0, 0.5, 1}, wild = {2, 0, 0};
    assert_ok(cairn_view_sample(&h, &rng, 240, 400, 240, 400, &still));
    for (int i = 0; i < 9; i++) assert_near(h.m[i], i % 4 == 0 ? 1 : 0, 1e-9);
    assert_status(cairn_view_sample(&h, &rng, 240, 400, 120, 160, &wild), CAIRN_E_INVALID, "out of range");
}

static void test_truth__by_hand(void **state)
{
    (void)state;
    /* b = a + (10, 0). Points of a: one exact, one 2 off, one 4 off, one alone; and a twin that is farther. */
    cairn_keypoint a[5] = {{10, 10, 1}, {30, 10, 1}, {50, 10, 1}, {70, 10, 1}, {10, 12, 1}};
    cairn_keypoint b[4] = {{20, 10, 1}, {42, 10, 1}, {64, 10, 1}, {200, 90, 1}};
    cairn_keypoints ka = {5, 0, a, NULL}, kb = {4, 0, b, NULL};
    const cairn_homography h = {{1, 0, 10, 0, 1, 0, 0, 0, 1}}, flat = {{0}};
    int of_a[5], of_b[4];
    assert_ok(cairn_match_truth(of_a, of_b, &ka, &kb, &h, 3, 5));
    const int want_a[5] = {0, 1, -2, -1, -2}, want_b[4] = {0, 1, -2, -1};
    assert_memory_equal(of_a, want_a, sizeof want_a);
    assert_memory_equal(of_b, want_b, sizeof want_b);
    assert_ok(cairn_match_truth(of_a, of_b, &ka, &kb, &h, 3, 3));
    assert_int_equal(of_a[2], -1); /* 4 pixels: no band to be ignored in */
    assert_int_equal(of_b[2], -1);
    ka.count = 0;
    assert_ok(cairn_match_truth(of_a, of_b, &ka, &kb, &h, 3, 5));
    for (int i = 0; i < 4; i++) assert_int_equal(of_b[i], -1);
    assert_status(cairn_match_truth(of_a, of_b, &ka, &kb, &flat, 3, 5), CAIRN_E_NUMERIC, "");
}

static void test_counts__by_hand(void **state)
{
    (void)state;
    const int of_a[5] = {0, 1, -2, -1, 3}, of_b[4] = {0, 1, -2, 4};
    /* right, wrong, ignored (either side), right, wrong: none has it */
    const cairn_match matches[] = {{0, 0, 0, 0.9f}, {1, 3, 0, 0.8f}, {2, 1, 0, 0.95f}, {3, 2, 0, 0.97f},
                                   {4, 3, 0, 0.7f}, {3, 1, 0, 0.1f}};
    cairn_match_counts c = {0};
    assert_ok(cairn_match_count(&c, matches, 6, of_a, 5, of_b, 4));
    assert_int_equal(c.predicted, 4);
    assert_int_equal(c.correct, 2);
    assert_int_equal(c.truths, 3);
    assert_near(cairn_match_precision(&c), 0.5, 1e-12);
    assert_near(cairn_match_recall(&c), 2.0 / 3, 1e-12);
    assert_near(cairn_match_average(&c), (1.0 + 2.0 / 3) / 3, 1e-12);
    const int none[5] = {-1, -1, -1, -1, -1};
    assert_ok(cairn_match_count(&c, NULL, 0, none, 5, none, 4)); /* nothing to find: does not count */
    assert_near(cairn_match_average(&c), (1.0 + 2.0 / 3) / 3, 1e-12);
    const cairn_match_counts empty = {0};
    assert_near(cairn_match_precision(&empty) + cairn_match_recall(&empty) + cairn_match_average(&empty), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views__lie_inside_and_differ),
        cmocka_unit_test(test_truth__by_hand),
        cmocka_unit_test(test_counts__by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
