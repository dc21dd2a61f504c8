#include "matching/matcher.h"
#include "support/test.h"
#include "system/progress.h"

#include <math.h>

static void random_set(cairn_keypoints *k, int count, int dimension, uint32_t seed)
{
    cairn_rng rng = cairn_rng_stream(seed, 3, 0, 0, 0);
    assert_ok(cairn_keypoints_create(k, count, dimension));
    for (int i = 0; i < count; i++) {
        float *d = k->descriptors + (size_t)i * dimension;
        double norm = 0;
        for (int j = 0; j < dimension; j++) {
            d[j] = (float)cairn_rng_normal(&rng);
            norm += d[j] * d[j];
        }
        for (int j = 0; j < dimension; j++) d[j] /= (float)sqrt(norm);
    }
}

static double distance(const cairn_keypoints *a, int i, const cairn_keypoints *b, int j)
{
    double sum = 0;
    for (int k = 0; k < a->dimension; k++)
        sum += pow((double)a->descriptors[i * a->dimension + k] - b->descriptors[j * a->dimension + k], 2);
    return sqrt(sum);
}

/* Index of the nearest, or -1 when the runner-up is too close to tell apart in single precision. */
static int nearest_of(const cairn_keypoints *a, int i, const cairn_keypoints *b, int skip)
{
    int best = -1;
    for (int j = 0; j < b->count; j++)
        if (j != skip && (best < 0 || distance(a, i, b, j) < distance(a, i, b, best))) best = j;
    return best;
}

static void test_against_definition(void **state)
{
    (void)state;
    const int sizes[][3] = {{1, 1, 4}, {7, 13, 5}, {33, 70, 64}, {70, 129, 17}, {130, 65, 256}, {5, 0, 8}, {0, 5, 8}};
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
        cairn_keypoints a, b;
        random_set(&a, sizes[n][0], sizes[n][2], 1);
        random_set(&b, sizes[n][1], sizes[n][2], 2);
        cairn_match *matches;
        int count, expected = 0, next = 0;
        assert_ok(cairn_match_nearest(&matches, &count, &a, &b, 0, 0));
        for (int i = 0; i < a.count; i++) {
            int j = nearest_of(&a, i, &b, -1);
            if (j < 0 || nearest_of(&b, j, &a, -1) != i) continue;
            expected++;
            assert_true(next < count);
            assert_int_equal(matches[next].a, i);
            assert_int_equal(matches[next].b, j);
            assert_float_equal(matches[next].distance, distance(&a, i, &b, j), 1e-3);
            next++;
        }
        assert_int_equal(count, expected);
        free(matches);
        cairn_keypoints_free(&a);
        cairn_keypoints_free(&b);
    }
}

static void test_limits(void **state)
{
    (void)state;
    cairn_keypoints a, b;
    random_set(&a, 60, 32, 1);
    random_set(&b, 60, 32, 2);
    memcpy(b.descriptors, a.descriptors, 30 * 32 * sizeof(float)); /* thirty perfect matches */
    cairn_match *matches;
    int count;
    assert_ok(cairn_match_nearest(&matches, &count, &a, &b, 0.1f, 0));
    assert_int_equal(count, 30);
    for (int i = 0; i < count; i++) assert_true(matches[i].a == i && matches[i].b == i && matches[i].distance < 2e-3f);
    free(matches);
    assert_ok(cairn_match_nearest(&matches, &count, &a, &b, 0, 0.5f));
    assert_int_equal(count, 30);
    free(matches);
    assert_ok(cairn_match_nearest(&matches, &count, &a, &b, 0, 0.97f));
    for (int i = 0; i < count; i++) {
        int second = nearest_of(&a, matches[i].a, &b, matches[i].b);
        assert_true(matches[i].distance < 0.971 * distance(&a, matches[i].a, &b, second));
    }
    free(matches);
    cairn_keypoints_free(&b);
    random_set(&b, 3, 16, 2);
    assert_status(cairn_match_nearest(&matches, &count, &a, &b, 0, 0), CAIRN_E_SHAPE, "");
    assert_null(matches);
    cairn_keypoints_free(&a);
    cairn_keypoints_free(&b);
}

static float second_distance(const cairn_keypoints *a, int i, const cairn_keypoints *b, int best)
{
    return (float)distance(a, i, b, nearest_of(a, i, b, best));
}

/* One way, and the ratio one way and both, against the definitions. */
static void test_options(void **state)
{
    (void)state;
    cairn_keypoints a, b;
    random_set(&a, 80, 16, 4);
    random_set(&b, 50, 16, 5);
    cairn_match *all, *one, *both;
    int n_all, n_one, n_both, expected_one = 0, expected_both = 0;
    assert_ok(cairn_nearest_match(&all, &n_all, &a, &b, &(cairn_nearest_options){.mutual = false}));
    assert_int_equal(n_all, 80);
    for (int i = 0; i < n_all; i++) {
        assert_int_equal(all[i].b, nearest_of(&a, i, &b, -1));
        assert_near(all[i].score, 1 - distance(&a, i, &b, all[i].b) / 2, 1e-3);
        if (nearest_of(&b, all[i].b, &a, -1) != i) continue;
        bool from_a = all[i].distance < 0.95f * second_distance(&a, i, &b, all[i].b);
        expected_one += from_a;
        expected_both += from_a && all[i].distance < 0.95f * second_distance(&b, all[i].b, &a, i);
    }
    assert_ok(cairn_match_nearest(&one, &n_one, &a, &b, 0, 0.95f));
    assert_ok(cairn_nearest_match(&both, &n_both, &a, &b, &(cairn_nearest_options){.mutual = true, .ratio = 0.95f}));
    assert_int_equal(n_one, expected_one);
    assert_int_equal(n_both, expected_both);
    assert_true(n_both < n_one && n_both > 0);
    free(one);
    assert_status(cairn_nearest_match(&one, &n_one, &a, &b, &(cairn_nearest_options){.ratio = NAN}), CAIRN_E_INVALID,
                  "ratio");
    free(all);
    free(both);
    cairn_keypoints_free(&a);
    cairn_keypoints_free(&b);
}

static void test_matcher(void **state)
{
    (void)state;
    cairn_matcher matcher = {0};
    cairn_keypoints a, b, none = {0}, other;
    cairn_match *matches, *expected;
    int count, expected_count;
    random_set(&a, 40, 16, 4);
    random_set(&b, 50, 16, 5);
    random_set(&other, 5, 8, 6);
    const cairn_match_side left = {&a, 480, 640}, right = {&b, 480, 640}, empty = {&none, 480, 640};
    assert_ok(cairn_matcher_nearest(&matcher, NULL));
    assert_ok(cairn_matcher_run(&matcher, &left, &right, &matches, &count));
    assert_ok(cairn_match_nearest(&expected, &expected_count, &a, &b, 0, 0));
    assert_int_equal(count, expected_count);
    assert_memory_equal(matches, expected, (size_t)count * sizeof *matches);
    free(matches);
    free(expected);
    assert_ok(cairn_matcher_run(&matcher, &left, &empty, &matches, &count)); /* no points, no descriptors either */
    assert_int_equal(count, 0);
    assert_non_null(matches);
    free(matches);
    assert_status(cairn_matcher_run(&matcher, &left, &(cairn_match_side){&other, 480, 640}, &matches, &count),
                  CAIRN_E_SHAPE, "16 and 8");
    matcher.dimension = 256;
    assert_status(cairn_matcher_run(&matcher, &left, &right, &matches, &count), CAIRN_E_SHAPE, "256");
    cairn_matcher_free(&matcher);
    cairn_matcher_free(&matcher);
    cairn_keypoints_free(&a);
    cairn_keypoints_free(&b);
    cairn_keypoints_free(&other);
}

static void test_speed(void **state)
{
    (void)state;
    cairn_keypoints a, b;
    random_set(&a, 1000, 256, 1);
    random_set(&b, 1000, 256, 2);
    double start = cairn_seconds();
    cairn_match *matches;
    int count;
    assert_ok(cairn_match_nearest(&matches, &count, &a, &b, 0, 0));
    print_message("1000 x 1000 x 256: %.1f ms, %d mutual\n", 1e3 * (cairn_seconds() - start), count);
    free(matches);
    cairn_keypoints_free(&a);
    cairn_keypoints_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_definition), cmocka_unit_test(test_limits),
                                       cmocka_unit_test(test_options), cmocka_unit_test(test_matcher),
                                       cmocka_unit_test(test_speed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
