#include "geometry/keypoints.h"
#include "support/test.h"
#include "system/progress.h"

#include <math.h>

enum { MOST = 2000, W = 640, H = 480 };

typedef struct pairs {
    double from[2 * MOST], to[2 * MOST];
    uint8_t truth[MOST];
    int count;
    cairn_homography h;
} pairs;

/* The first `good` pairs follow a random homography with noise, the rest land anywhere. */
static void make_view(pairs *p, uint32_t seed, int count, int good, double noise, double perspective)
{
    cairn_rng rng = cairn_rng_stream(seed, 77, 0, 0, 0);
    cairn_homography_options o = CAIRN_HOMOGRAPHY_OPTIONS_INIT;
    o.perspective_x = o.perspective_y = perspective;
    assert_ok(cairn_homography_sample(&p->h, &rng, H, W, &o));
    p->count = count;
    for (int i = 0; i < count; i++) {
        double x = cairn_rng_between(&rng, 0, W), y = cairn_rng_between(&rng, 0, H), u, v;
        cairn_homography_apply(&p->h, x, y, &u, &v);
        p->truth[i] = i < good;
        p->from[2 * i] = x;
        p->from[2 * i + 1] = y;
        p->to[2 * i] = i < good ? u + noise * cairn_rng_normal(&rng) : cairn_rng_between(&rng, 0, W);
        p->to[2 * i + 1] = i < good ? v + noise * cairn_rng_normal(&rng) : cairn_rng_between(&rng, 0, H);
    }
}

static void make(pairs *p, uint32_t seed, int count, int good, double noise)
{
    make_view(p, seed, count, good, noise, 0.2);
}

static double corner_error(const cairn_homography *a, const cairn_homography *b)
{
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        double x = i & 1 ? W - 1 : 0, y = i & 2 ? H - 1 : 0, u, v, s, t;
        cairn_homography_apply(a, x, y, &u, &v);
        cairn_homography_apply(b, x, y, &s, &t);
        sum += hypot(u - s, v - t) / 4;
    }
    return sum;
}

static pairs p;
static uint8_t mask[MOST];

/* Half outliers, noise of one pixel: as good as least squares on the true inliers, in almost every case. */
static void test_half_outliers(void **state)
{
    (void)state;
    enum { CASES = 1000 };
    int bad = 0, worse = 0, wrong = 0;
    double sum = 0, oracle_sum = 0;
    for (uint32_t n = 0; n < CASES; n++) {
        make(&p, n, 200, 100, 1.0);
        cairn_homography h, oracle;
        assert_ok(cairn_homography_ransac(&h, p.from, p.to, p.count, 3, 2000, 0.999, n, mask));
        assert_ok(cairn_homography_fit(&oracle, p.from, p.to, NULL, 100));
        cairn_homography_polish(&oracle, p.from, p.to, p.truth, p.count, 1e9, 10);
        double e = corner_error(&h, &p.h), best = corner_error(&oracle, &p.h);
        sum += e / CASES;
        oracle_sum += best / CASES;
        bad += e > 3;
        worse += e > 2 * best + 0.5;
        for (int i = 0; i < p.count; i++) wrong += mask[i] != p.truth[i];
    }
    print_message(
        "corner error %.3f px (least squares on the true inliers %.3f), above 3 px %d, inlier mistakes %.2f %%\n", sum,
        oracle_sum, bad, 100.0 * wrong / CASES / 200);
    assert_true(bad <= CASES / 100);
    assert_true(worse <= CASES / 100);
    assert_true(sum < 1.08 * oracle_sum);
    assert_true(wrong < CASES * 200 / 33);
}

static void test_exact_and_heavy_outliers(void **state)
{
    (void)state;
    cairn_homography h;
    for (uint32_t n = 0; n < 50; n++) {
        make(&p, n, 300, 300, 0);
        assert_ok(cairn_homography_ransac(&h, p.from, p.to, p.count, 3, 2000, 0.999, 1, mask));
        assert_true(corner_error(&h, &p.h) < 1e-6);
        for (int i = 0; i < p.count; i++) assert_true(mask[i] == 1);
        make(&p, n, 4, 4, 0);
        if (cairn_homography_ransac(&h, p.from, p.to, 4, 3, 2000, 0.999, 1, mask) == CAIRN_OK)
            assert_true(mask[0] + mask[1] + mask[2] + mask[3] == 4);
    }
    int found = 0;
    for (uint32_t n = 0; n < 50; n++) { /* 25 % inliers: 0.4 % of the samples are clean */
        make(&p, 100 + n, 400, 100, 0.5);
        assert_ok(cairn_homography_ransac(&h, p.from, p.to, p.count, 3, 2000, 0.999, n, mask));
        found += corner_error(&h, &p.h) < 3;
    }
    print_message("a quarter of inliers: %d of 50 found\n", found);
    assert_true(found >= 48);
}

/* matching.md 7.4 asks for corners within a pixel in 99 % of the cases: 100 pairs, half of them outliers, noise of one
 * pixel. With normal noise on one side, least squares on the true inliers is the maximum-likelihood estimate, which no
 * other beats; it is printed beside. Fifty inliers do not give 99 %, unless a pixel is the length of the error and not
 * each coordinate's. Of 1000 (this test):
 *
 *     pairs  noise of a coordinate  perspective   least squares on the true inliers   ours
 *       100                    1           0.2                               879    857
 *       100                    1           0.05                              921    900
 *       200                    1           0.05                              994    991
 *       100                    0.71        0.05                              996    994
 *
 * Before the final refinement took in pairs beyond the threshold and a loss that follows their noise, ours were 797 and
 * 862 in the first two rows. */
static void test_a_thousand_seeds(void **state)
{
    (void)state;
    enum { CASES = 1000 };
    static const struct {
        int pairs;
        double noise, perspective;
        int least; /* of ours, where matching.md's share is within reach */
    } kinds[] = {{100, 1, 0.2, 0}, {100, 1, 0.05, 0}, {200, 1, 0.05, 980}, {100, 0.7071, 0.05, 990}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        int within = 0, oracle_within = 0, near_truth = 0;
        const int good = kinds[k].pairs / 2;
        for (uint32_t n = 0; n < CASES; n++) {
            cairn_homography h, oracle;
            make_view(&p, n, kinds[k].pairs, good, kinds[k].noise, kinds[k].perspective);
            assert_ok(cairn_homography_ransac(&h, p.from, p.to, p.count, 3, 2000, 0.999, n, mask));
            assert_ok(cairn_homography_fit(&oracle, p.from, p.to, NULL, good));
            cairn_homography_polish(&oracle, p.from, p.to, p.truth, p.count, 1e9, 10);
            double e = corner_error(&h, &p.h), best = corner_error(&oracle, &p.h);
            within += e < 1;
            oracle_within += best < 1;
            near_truth += e < 2 * best + 0.5;
        }
        print_message("%d pairs, noise %.2f, perspective %.2f: corner error below 1 px %d, least squares on the true "
                      "inliers %d, near that %d of %d\n",
                      kinds[k].pairs, kinds[k].noise, kinds[k].perspective, within, oracle_within, near_truth, CASES);
        assert_true(near_truth >= CASES * 99 / 100);
        assert_true(within >= oracle_within * 96 / 100);
        assert_true(within >= kinds[k].least);
    }
}

static void test_four_exact_points(void **state)
{
    (void)state;
    int models = 0;
    for (uint32_t n = 0; n < 200; n++) {
        cairn_homography h;
        make(&p, n, 4, 4, 0);
        if (cairn_homography_ransac(&h, p.from, p.to, 4, 3, 2000, 0.999, 1, mask) < 0) continue; /* three near a line */
        models++;
        for (int i = 0; i < 4; i++) {
            double x, y;
            assert_true(cairn_homography_apply(&h, p.from[2 * i], p.from[2 * i + 1], &x, &y));
            assert_true(hypot(x - p.to[2 * i], y - p.to[2 * i + 1]) < 1e-9);
        }
    }
    assert_true(models > 180);
}

/* Scores that tell inliers from outliers a little save most samples; scores that lie cost some, not the model. */
static void test_ranked_samples(void **state)
{
    (void)state;
    enum { CASES = 100 };
    static double scores[MOST];
    int found[3] = {0}, samples[3] = {0};
    for (uint32_t n = 0; n < CASES; n++) {
        make(&p, 100 + n, 400, 120, 0.5);
        cairn_rng rng = cairn_rng_stream(n, 79, 0, 0, 0);
        for (int kind = 0; kind < 3; kind++) { /* uniform, helpful, misleading */
            cairn_homography h;
            int drawn;
            cairn_robust_options o = CAIRN_ROBUST_OPTIONS_INIT;
            for (int i = 0; i < p.count; i++)
                scores[i] = cairn_rng_normal(&rng) + (kind == 1 ? 1.0 : -0.5) * p.truth[i];
            scores[7] = NAN; /* counts as the worst */
            if (kind) o.scores = scores;
            o.seed = n;
            assert_ok(cairn_homography_robust(&h, mask, &drawn, p.from, p.to, p.count, &o));
            found[kind] += corner_error(&h, &p.h) < 3;
            samples[kind] += drawn;
        }
    }
    print_message("30 %% inliers: found %d, %d and %d of %d; samples %d, %d and %d (uniform, ranked, ranked wrongly)\n",
                  found[0], found[1], found[2], CASES, samples[0] / CASES, samples[1] / CASES, samples[2] / CASES);
    assert_true(found[0] >= 97 && found[1] >= 97 && found[2] >= 95);
    assert_true(2 * samples[1] < samples[0]);
}

static void test_deterministic(void **state)
{
    (void)state;
    cairn_homography a, b;
    make(&p, 5, 300, 120, 1);
    assert_ok(cairn_homography_ransac(&a, p.from, p.to, p.count, 3, 2000, 0.99, 9, NULL));
    assert_ok(cairn_homography_ransac(&b, p.from, p.to, p.count, 3, 2000, 0.99, 9, mask));
    assert_memory_equal(&a, &b, sizeof a);
}

static void test_refusals(void **state)
{
    (void)state;
    cairn_homography h;
    make(&p, 5, 50, 50, 1);
    assert_status(cairn_homography_ransac(&h, p.from, p.to, 3, 3, 2000, 0.99, 9, mask), CAIRN_E_NUMERIC, "");
    assert_status(cairn_homography_ransac(&h, p.from, p.to, 0, 3, 2000, 0.99, 9, NULL), CAIRN_E_NUMERIC, "");
    assert_status(cairn_homography_ransac(&h, p.from, p.to, 50, 0, 2000, 0.99, 9, mask), CAIRN_E_INVALID, "");
    assert_status(cairn_homography_ransac(&h, p.from, p.to, 50, 3, 2000, 1, 9, mask), CAIRN_E_INVALID, "");
    for (int i = 0; i < 50; i++) { /* all on one line */
        p.from[2 * i] = p.to[2 * i] = 3 * i;
        p.from[2 * i + 1] = p.to[2 * i + 1] = 2 * i + 1;
    }
    assert_status(cairn_homography_ransac(&h, p.from, p.to, 50, 3, 2000, 0.99, 9, mask), CAIRN_E_NUMERIC, "");
    for (int i = 0; i < 50; i++) p.from[2 * i] = p.from[0], p.from[2 * i + 1] = p.from[1]; /* one point */
    assert_status(cairn_homography_ransac(&h, p.from, p.to, 50, 3, 2000, 0.99, 9, mask), CAIRN_E_NUMERIC, "");
    for (int i = 0; i < 50; i++) p.from[2 * i] = NAN;
    assert_status(cairn_homography_ransac(&h, p.from, p.to, 50, 3, 2000, 0.99, 9, mask), CAIRN_E_NUMERIC, "");
}

/* Information, not a bound: machines differ. */
static void test_speed(void **state)
{
    (void)state;
    cairn_homography h;
    for (int good = 60; good <= 240; good += 60) {
        double start = cairn_seconds();
        enum { RUNS = 50 };
        for (uint32_t n = 0; n < RUNS; n++) {
            make(&p, n, 300, good, 1);
            cairn_homography_ransac(&h, p.from, p.to, p.count, 3, 2000, 0.999, n, mask);
        }
        print_message("300 matches, %d inliers: %.2f ms\n", good, 1e3 * (cairn_seconds() - start) / RUNS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_outliers), cmocka_unit_test(test_exact_and_heavy_outliers),
        cmocka_unit_test(test_deterministic), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_speed),
        cmocka_unit_test(test_a_thousand_seeds), cmocka_unit_test(test_four_exact_points),
        cmocka_unit_test(test_ranked_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
