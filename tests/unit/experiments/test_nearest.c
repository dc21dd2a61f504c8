#include "matching/nearest.h"
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
                                       cmocka_unit_test(test_speed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
