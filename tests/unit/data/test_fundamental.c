/* Fundamental matrices of two cameras that look at points in space. */
#include "geometry/fundamental.h"
#include "support/test.h"

#include <math.h>

enum { PAIRS = 120 };

/* Camera 2 stands 0.5 to the right and is turned by 0.1; focal length 300 pixels. Every third pair is wrong. */
static void make(double *from, double *to, uint32_t seed, double noise, int wrong_every)
{
    cairn_rng rng = cairn_rng_stream(seed, 9, 0, 0, 0);
    for (int i = 0; i < PAIRS; i++) {
        const double X = cairn_rng_between(&rng, -3, 3), Y = cairn_rng_between(&rng, -2, 2);
        const double Z = cairn_rng_between(&rng, 4, 12), c = cos(0.1), s = sin(0.1);
        const double x = c * (X - 0.5) - s * Z, z = s * (X - 0.5) + c * Z;
        from[2 * i] = 320 + 300 * X / Z + noise * cairn_rng_normal(&rng);
        from[2 * i + 1] = 240 + 300 * Y / Z + noise * cairn_rng_normal(&rng);
        to[2 * i] = 320 + 300 * x / z + noise * cairn_rng_normal(&rng);
        to[2 * i + 1] = 240 + 300 * Y / z + noise * cairn_rng_normal(&rng);
        if (wrong_every && i % wrong_every == 0) {
            to[2 * i] = cairn_rng_between(&rng, 0, 640);
            to[2 * i + 1] = cairn_rng_between(&rng, 0, 480);
        }
    }
}

static void exact_pairs_fit_exactly(void **state)
{
    (void)state;
    double from[2 * PAIRS], to[2 * PAIRS], f[9];
    uint8_t inliers[PAIRS];
    make(from, to, 1, 0, 0);
    assert_ok(cairn_fundamental_ransac(f, from, to, PAIRS, 1, 500, 0.999, 0, inliers));
    for (int i = 0; i < PAIRS; i++) {
        assert_int_equal(inliers[i], 1);
        assert_true(cairn_fundamental_sampson(f, from + 2 * i, to + 2 * i) < 1e-6);
    }
    const double det = f[0] * (f[4] * f[8] - f[5] * f[7]) - f[1] * (f[3] * f[8] - f[5] * f[6]) +
                       f[2] * (f[3] * f[7] - f[4] * f[6]);
    assert_near(det, 0, 1e-15); /* rank 2 */
}

static void wrong_pairs_are_left_out(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        double from[2 * PAIRS], to[2 * PAIRS], f[9], again[9];
        uint8_t inliers[PAIRS];
        int right = 0, wrong = 0;
        make(from, to, seed, 0.2, 3);
        assert_ok(cairn_fundamental_ransac(f, from, to, PAIRS, 1, 2000, 0.999, seed, inliers));
        for (int i = 0; i < PAIRS; i++) *(i % 3 ? &right : &wrong) += inliers[i];
        assert_true(right >= 74); /* of 80 */
        assert_true(wrong <= 6);  /* of 40: some lie on their line by chance */
        assert_ok(cairn_fundamental_ransac(again, from, to, PAIRS, 1, 2000, 0.999, seed, NULL));
        assert_memory_equal(f, again, sizeof f);
    }
}

/* A sideways motion: the lines are the rows, and the distance is that of the rows over sqrt 2. */
static void sampson_by_hand(void **state)
{
    (void)state;
    const double f[9] = {0, 0, 0, 0, 0, -1, 0, 1, 0};
    assert_near(cairn_fundamental_sampson(f, (double[]){10, 20}, (double[]){90, 20}), 0, 1e-12);
    assert_near(cairn_fundamental_sampson(f, (double[]){10, 20}, (double[]){90, 23}), 3 / sqrt(2), 1e-12);
}

static void too_few_pairs_have_no_model(void **state)
{
    (void)state;
    double from[2 * PAIRS], to[2 * PAIRS], f[9];
    make(from, to, 1, 0, 0);
    assert_status(cairn_fundamental_ransac(f, from, to, 7, 1, 100, 0.99, 0, NULL), CAIRN_E_NUMERIC, "8 matches");
    assert_status(cairn_fundamental_ransac(f, from, to, PAIRS, 0, 100, 0.99, 0, NULL), CAIRN_E_INVALID, "threshold");
    for (int i = 0; i < 2 * PAIRS; i++) from[i] = to[i] = 5;
    assert_status(cairn_fundamental_ransac(f, from, to, PAIRS, 1, 50, 0.99, 0, NULL), CAIRN_E_NUMERIC, "no model");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exact_pairs_fit_exactly),
                                       cmocka_unit_test(wrong_pairs_are_left_out), cmocka_unit_test(sampson_by_hand),
                                       cmocka_unit_test(too_few_pairs_have_no_model)};
    return cmocka_run_group_tests_name("fundamental matrix", tests, NULL, NULL);
}
