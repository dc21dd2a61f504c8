/* The formulas on cases whose answers are known on paper. */
#include "base/rng.h"
#include "experiments/baselines/baselines.h"
#include "experiments/evaluation/evaluate.h"
#include "support/test.h"

#include <math.h>

static cairn_keypoints make_points(int count, int dimension, uint32_t seed, int h, int w)
{
    cairn_keypoints k;
    cairn_rng rng = cairn_rng_stream(seed, 1, 2, 3, 4);
    assert_ok(cairn_keypoints_create(&k, count, dimension));
    for (int i = 0; i < count; i++) {
        float x = (float)cairn_rng_integer(&rng, 0, w - 1), y = (float)cairn_rng_integer(&rng, 0, h - 1);
        k.points[i] = (cairn_keypoint){x, y, (float)cairn_rng_uniform(&rng)};
        double norm = 0;
        float *desc = k.descriptors + (size_t)i * (size_t)dimension;
        for (int d = 0; d < dimension; d++) {
            desc[d] = (float)cairn_rng_normal(&rng);
            norm += desc[d] * desc[d];
        }
        for (int d = 0; d < dimension; d++) desc[d] /= (float)sqrt(norm);
    }
    return k;
}

static void repeatability_of_equal_points_is_one(void **state)
{
    (void)state;
    cairn_keypoints a = make_points(500, 0, 1, 240, 320);
    cairn_view view = {&a, 240, 320};
    cairn_homography identity = CAIRN_HOMOGRAPHY_IDENTITY;
    cairn_repeatability result;
    assert_ok(cairn_metric_repeatability(&result, &view, &view, &identity, 3, 300));
    assert_true(result.defined);
    assert_int_equal(result.count_a, 300);
    assert_near(result.value, 1.0, 0);
    assert_near(result.error, 0.0, 0);
    cairn_keypoints_free(&a);
}

/* 1 - exp(-300 pi 9 / (240 * 320)) = 0.1046 */
static void repeatability_of_random_points_is_chance(void **state)
{
    (void)state;
    enum { PAIRS = 60 };
    cairn_homography identity = CAIRN_HOMOGRAPHY_IDENTITY;
    double sum = 0;
    for (uint32_t i = 0; i < PAIRS; i++) {
        cairn_keypoints a = make_points(300, 0, 100 + 2 * i, 240, 320), b = make_points(300, 0, 101 + 2 * i, 240, 320);
        cairn_view va = {&a, 240, 320}, vb = {&b, 240, 320};
        cairn_repeatability result;
        assert_ok(cairn_metric_repeatability(&result, &va, &vb, &identity, 3, 300));
        sum += result.value;
        cairn_keypoints_free(&a);
        cairn_keypoints_free(&b);
    }
    assert_near(sum / PAIRS, 0.105, 0.01);
}

/* Translation by (10, 0): one point of a leaves the frame, one of b comes from outside. Of the three pairs left one is
 * exact, one is 2 px off, one 5 px: rep = 4/6, error = (0 + 2 + 0 + 2) / 4. */
static void repeatability_by_hand(void **state)
{
    (void)state;
    cairn_keypoint pa[] = {{10, 20, 0.9f}, {40, 20, 0.8f}, {10, 60, 0.7f}, {95, 50, 1.0f}};
    cairn_keypoint pb[] = {{20, 20, 0.5f}, {50, 22, 0.6f}, {25, 60, 0.7f}, {5, 5, 1.0f}};
    cairn_keypoints a = {4, 0, pa, NULL}, b = {4, 0, pb, NULL};
    cairn_view va = {&a, 100, 100}, vb = {&b, 100, 100};
    cairn_homography shift = {{1, 0, 10, 0, 1, 0, 0, 0, 1}};
    cairn_repeatability result;
    assert_ok(cairn_metric_repeatability(&result, &va, &vb, &shift, 3, 300));
    assert_int_equal(result.count_a, 3);
    assert_int_equal(result.count_b, 3);
    assert_near(result.value, 4.0 / 6, 1e-12);
    assert_near(result.error, 1.0, 1e-12);
    /* The two best shared points: (10,20) and (40,20) of a, (50,22) and (25,60) of b. The points that leave the frame
     * have the best scores and must not take a place. */
    assert_ok(cairn_metric_repeatability(&result, &va, &vb, &shift, 3, 2));
    assert_int_equal(result.count_a, 2);
    assert_near(result.value, 2.0 / 4, 1e-12);
    /* eps is inclusive, and measured in image b. */
    cairn_homography doubled = {{2, 0, 0, 0, 2, 0, 0, 0, 1}};
    cairn_keypoint qa = {10, 10, 1}, qb = {20, 23, 1};
    cairn_keypoints one_a = {1, 0, &qa, NULL}, one_b = {1, 0, &qb, NULL};
    va.points = &one_a;
    vb.points = &one_b;
    assert_ok(cairn_metric_repeatability(&result, &va, &vb, &doubled, 3, 300));
    assert_near(result.value, 1.0, 0);
    assert_near(result.error, 3.0, 1e-12);
    assert_ok(cairn_metric_repeatability(&result, &va, &vb, &doubled, 2.99, 300));
    assert_near(result.value, 0.0, 0);
    assert_true(isnan(result.error));
}

static void repeatability_without_points(void **state)
{
    (void)state;
    cairn_keypoint p = {10, 10, 1};
    cairn_keypoints none = {0}, one = {1, 0, &p, NULL};
    cairn_view empty = {&none, 50, 50}, full = {&one, 50, 50};
    cairn_homography identity = CAIRN_HOMOGRAPHY_IDENTITY;
    cairn_repeatability result;
    assert_ok(cairn_metric_repeatability(&result, &empty, &full, &identity, 3, 300));
    assert_true(result.defined);
    assert_near(result.value, 0, 0);
    assert_ok(cairn_metric_repeatability(&result, &empty, &empty, &identity, 3, 300));
    assert_false(result.defined);
    cairn_homography singular = {{1, 0, 0, 1, 0, 0, 0, 0, 0}};
    assert_status(cairn_metric_repeatability(&result, &full, &full, &singular, 3, 300), CAIRN_E_NUMERIC, "");
}

static void keep_inside(cairn_keypoints *k, float x0, float y0, float x1, float y1)
{
    int kept = 0;
    for (int i = 0; i < k->count; i++) {
        cairn_keypoint p = k->points[i];
        if (p.x >= x0 && p.x <= x1 && p.y >= y0 && p.y <= y1) k->points[kept++] = p;
    }
    k->count = kept;
}

/* Every point shifted by an integer vector: Harris is covariant away from the borders. */
static void translation_keeps_points(void **state)
{
    (void)state;
    enum { DX = 7, DY = 5, H = 160, W = 200, EDGE = 12 };
    cairn_image scene, a, b;
    cairn_detector harris;
    cairn_keypoints ka, kb;
    cairn_repeatability result;
    cairn_rng rng = cairn_rng_stream(3, 0, 0, 0, 0);
    assert_ok(cairn_image_create(&scene, H + 40, W + 40, 1));
    for (int n = 0; n < 120; n++) { /* random rectangles */
        int x0 = cairn_rng_integer(&rng, 0, W + 20), y0 = cairn_rng_integer(&rng, 0, H + 20);
        int x1 = x0 + cairn_rng_integer(&rng, 8, 40), y1 = y0 + cairn_rng_integer(&rng, 8, 40);
        float v = (float)cairn_rng_uniform(&rng);
        for (int y = y0; y < y1 && y < scene.h; y++)
            for (int x = x0; x < x1 && x < scene.w; x++) scene.pixels[y * scene.w + x] = v;
    }
    assert_ok(cairn_image_crop(&a, &scene, 20, 20, H, W));
    assert_ok(cairn_image_crop(&b, &scene, 20 - DY, 20 - DX, H, W));
    assert_ok(cairn_baseline_harris(&harris, 4));
    assert_ok(cairn_detector_run(&ka, &harris, &a, 4, 4, 0, 0));
    assert_ok(cairn_detector_run(&kb, &harris, &b, 4, 4, 0, 0));
    keep_inside(&ka, EDGE, EDGE, W - EDGE - DX, H - EDGE - DY);
    keep_inside(&kb, EDGE + DX, EDGE + DY, W - EDGE, H - EDGE);
    assert_true(ka.count > 100);
    cairn_view va = {&ka, H, W}, vb = {&kb, H, W};
    cairn_homography shift = {{1, 0, DX, 0, 1, DY, 0, 0, 1}};
    assert_ok(cairn_metric_repeatability(&result, &va, &vb, &shift, 3, 100));
    assert_true(result.value > 0.98);
    cairn_keypoints_free(&ka);
    cairn_keypoints_free(&kb);
    cairn_detector_free(&harris);
    cairn_image_free(&scene);
    cairn_image_free(&a);
    cairn_image_free(&b);
}

static void average_precision_by_hand(void **state)
{
    (void)state;
    double ap;
    const double scores[] = {0.9, 0.8, 0.7, 0.6, 0.5};
    const uint8_t perfect[] = {1, 1, 1}, mixed[] = {1, 0, 1, 0, 1};
    assert_ok(cairn_metric_average_precision(&ap, scores, perfect, 3, 3));
    assert_near(ap, 1.0, 1e-12);
    /* precision 1, 1/2, 2/3, 1/2, 3/5; envelope at the three hits 1, 2/3, 3/5 */
    assert_ok(cairn_metric_average_precision(&ap, scores, mixed, 5, 3));
    assert_near(ap, (1 + 2.0 / 3 + 3.0 / 5) / 3, 1e-12);
    /* one of four is never found */
    assert_ok(cairn_metric_average_precision(&ap, scores, mixed, 5, 4));
    assert_near(ap, (1 + 2.0 / 3 + 3.0 / 5) / 4, 1e-12);
    const double constant[] = {1, 1, 1, 1, 1};
    assert_ok(cairn_metric_average_precision(&ap, constant, mixed, 5, 3));
    assert_near(ap, 3.0 / 5, 1e-12);
    /* the order given does not matter */
    const double shuffled[] = {0.5, 0.8, 0.9, 0.6, 0.7};
    assert_ok(cairn_metric_average_precision(&ap, shuffled, mixed, 5, 3));
    assert_near(ap, (1 + 2.0 / 3 + 3.0 / 5) / 3, 1e-12);
    assert_ok(cairn_metric_average_precision(&ap, NULL, NULL, 0, 3));
    assert_near(ap, 0, 0);
    assert_status(cairn_metric_average_precision(&ap, scores, mixed, 5, 0), CAIRN_E_INVALID, "positive");
}

/* 3 corners, 5 detections; the second detection lies near a corner that the first has taken. */
static void detections_by_hand(void **state)
{
    (void)state;
    const double corners[] = {10, 10, 30, 10, 50, 50};
    cairn_keypoint p[] = {{11, 10, 0.9f}, {10, 12, 0.8f}, {30, 13, 0.7f}, {80, 80, 0.6f}, {50, 50, 0.5f}};
    cairn_keypoints found = {5, 0, p, NULL};
    cairn_detections pool = {0};
    double ap, error;
    assert_ok(cairn_detections_add(&pool, &found, corners, 3, 4, CAIRN_DETECTION_NEAREST_FREE));
    assert_ok(cairn_detections_finish(&ap, &error, &pool));
    assert_near(ap, (1 + 2.0 / 3 + 3.0 / 5) / 3, 1e-12);
    assert_near(error, (1 + 2 + 3 + 0) / 4.0, 1e-12);
    cairn_detections_free(&pool);
    /* Between two corners: the nearest free one, or the first in range and then wrong. */
    const double near_by[] = {10, 10, 14, 10};
    cairn_keypoint q[] = {{12.5f, 10, 0.9f}, {13, 10, 0.8f}};
    cairn_keypoints two = {2, 0, q, NULL};
    assert_ok(cairn_detections_add(&pool, &two, near_by, 2, 4, CAIRN_DETECTION_NEAREST_FREE));
    assert_ok(cairn_detections_finish(&ap, &error, &pool));
    assert_near(ap, 1.0, 1e-12);
    cairn_detections_free(&pool);
    assert_ok(cairn_detections_add(&pool, &two, near_by, 2, 4, CAIRN_DETECTION_FIRST_IN_RANGE));
    assert_ok(cairn_detections_finish(&ap, &error, &pool));
    assert_near(ap, 0.5, 1e-12);
    cairn_detections_free(&pool);
}

/* Three points of a; b has two of them in place and one decoy. Identity. */
static void mutual_repeatability_by_hand(void **state)
{
    (void)state;
    const cairn_homography identity = CAIRN_HOMOGRAPHY_IDENTITY;
    cairn_repeatability r;
    cairn_keypoint p[] = {{10, 10, 3}, {12, 10, 2}, {50, 50, 1}}, q[] = {{11, 10, 3}, {80, 80, 2}};
    cairn_keypoints ka = {3, 0, p, NULL}, kb = {2, 0, q, NULL};
    const cairn_view a = {&ka, 100, 100}, b = {&kb, 100, 100};
    assert_ok(cairn_metric_repeatability(&r, &a, &b, &identity, 3, 0));
    assert_near(r.value, 3.0 / 5, 1e-12); /* many to one: both neighbours of (11, 10) count */
    assert_ok(cairn_metric_repeatability_mutual(&r, &a, &b, &identity, 3, 0));
    assert_near(r.value, 2.0 / 5, 1e-12); /* one pair, seen from either side */
    assert_near(r.error, 1, 1e-12);
    assert_ok(cairn_metric_repeatability_mutual(&r, &a, &b, &identity, 3, 1)); /* top-k first */
    assert_near(r.value, 1, 1e-12);
    assert_int_equal(r.count_a, 1);
    const cairn_homography away = {{1, 0, 95, 0, 1, 0, 0, 0, 1}}; /* nothing stays in view */
    assert_ok(cairn_metric_repeatability_mutual(&r, &a, &b, &away, 3, 0));
    assert_false(r.defined);
}

/* Matches whose errors are 0, 2 and 20 pixels under the identity. */
static void shares_of_matches_by_hand(void **state)
{
    (void)state;
    enum { N = 3 };
    const cairn_homography identity = CAIRN_HOMOGRAPHY_IDENTITY;
    double from[] = {10, 10, 40, 10, 10, 40}, to[] = {10, 10, 42, 10, 30, 40}, distance[] = {0.1, 0.3, 0.2};
    double mma[10], value;
    const cairn_matches m = {.count = N, .from = from, .to = to, .distance = distance}, none = {0};
    cairn_metric_mma(mma, 10, &m, &identity);
    assert_near(mma[0], 1.0 / 3, 1e-12);
    assert_near(mma[1], 2.0 / 3, 1e-12); /* inclusive */
    assert_near(mma[9], 2.0 / 3, 1e-12);
    cairn_metric_mma(mma, 10, &none, &identity);
    assert_near(mma[9], 0, 0);
    assert_ok(cairn_metric_transfer_precision(&value, &m, &identity, 2));
    assert_near(value, 1.0 / 3, 1e-12); /* exclusive */
    assert_ok(cairn_metric_transfer_precision(&value, &none, &identity, 2));
    assert_near(value, 0, 0);
    /* Inliers 0 and 1: ranks by distance are 0 (right), 2 (wrong), 1 (right): precisions 1, -, 2/3. */
    assert_ok(cairn_metric_inlier_precision(&value, &m, (uint8_t[]){1, 1, 0}));
    assert_near(value, (1 + 2.0 / 3) / 2, 1e-12);
    assert_ok(cairn_metric_inlier_precision(&value, &m, (uint8_t[]){0, 0, 0}));
    assert_near(value, 0, 0);
    /* 100 wide, 50 high: (60, 20) is visible, but not with x and y confused. */
    cairn_keypoint p[] = {{1, 1, 1}, {2, 2, 1}}, q[] = {{60, 20, 1}, {20, 20, 1}};
    cairn_keypoints ka = {2, 0, p, NULL}, kb = {2, 0, q, NULL};
    const cairn_view a = {&ka, 50, 100}, b = {&kb, 50, 100};
    assert_ok(cairn_metric_inlier_score(&value, &a, &b, &identity, 1, false));
    assert_near(value, 2.0 / 4, 1e-12);
    assert_ok(cairn_metric_inlier_score(&value, &a, &b, &identity, 1, true));
    assert_near(value, 2.0 / 3, 1e-12);
}

/* Several detections share a corner, a missed corner costs nothing. */
static void box_detections_by_hand(void **state)
{
    (void)state;
    const double corners[] = {10, 10, 80, 80};
    cairn_keypoint p[] = {{17, 17, 0.9f}, {30, 30, 0.8f}, {10, 10, 0.7f}};
    cairn_keypoints found = {3, 0, p, NULL};
    cairn_detections pool = {0};
    double ap, error;
    assert_ok(cairn_detections_add(&pool, &found, corners, 2, 8, CAIRN_DETECTION_BOX));
    assert_int_equal(pool.positives, 2);
    assert_ok(cairn_detections_finish(&ap, &error, &pool));
    assert_near(ap, (1 + 2.0 / 3) / 2, 1e-12);
    assert_near(error, sqrt(98) / 2, 1e-9); /* beyond 8 px: the box has corners */
    cairn_detections_free(&pool);
}

/* An error of translation moves either kind of corners alike; one of scale the outer ones more. */
static void corners_by_hand(void **state)
{
    (void)state;
    const cairn_homography identity = CAIRN_HOMOGRAPHY_IDENTITY, scaled = {{1.1, 0, 0, 0, 1, 0, 0, 0, 1}};
    assert_near(cairn_metric_corner_error(&scaled, &identity, 50, 101, CAIRN_CORNERS_CENTRES), 5, 1e-12);
    assert_near(cairn_metric_corner_error(&scaled, &identity, 50, 101, CAIRN_CORNERS_FRAME), 5.05, 1e-12);
}

static void auc_by_hand(void **state)
{
    (void)state;
    double auc;
    const double zeros[] = {0, 0, 0}, large[] = {1, 2, INFINITY}, mixed[] = {INFINITY, 0.5};
    assert_ok(cairn_metric_auc(&auc, zeros, 3, 1));
    assert_near(auc, 1, 1e-12);
    assert_ok(cairn_metric_auc(&auc, large, 3, 1));
    assert_near(auc, 0, 1e-12);
    assert_ok(cairn_metric_auc(&auc, mixed, 2, 1));
    assert_near(auc, 0.375, 1e-12);
}

static void bootstrap_covers_the_mean(void **state)
{
    (void)state;
    enum { N = 400 };
    double values[N];
    cairn_interval first, second;
    cairn_rng rng = cairn_rng_stream(5, 0, 0, 0, 0);
    for (int i = 0; i < N; i++) values[i] = cairn_rng_normal(&rng);
    values[7] = NAN;
    assert_ok(cairn_metric_bootstrap(&first, values, N, 1000, 9));
    assert_ok(cairn_metric_bootstrap(&second, values, N, 1000, 9));
    assert_int_equal(first.count, N - 1);
    assert_near(first.low, second.low, 0);
    assert_near(first.high, second.high, 0);
    assert_true(first.low < first.mean && first.mean < first.high);
    assert_near(first.high - first.low, 2 * 1.96 / sqrt(N), 0.04); /* the normal approximation */
    values[0] = NAN;
    assert_ok(cairn_metric_bootstrap(&first, values, 1, 1000, 9));
    assert_int_equal(first.count, 0);
    assert_true(isnan(first.mean));
}

/* b holds the points of a under a known homography, with the same descriptors in another order. */
static void homography_from_true_matches(void **state)
{
    (void)state;
    enum { N = 200 };
    cairn_homography truth = {{1.1, 0.1, 5, -0.08, 0.95, 12, 1e-4, -5e-5, 1}}, inverse;
    cairn_keypoints a = make_points(N, 32, 11, 240, 320), b;
    cairn_homography_estimate found;
    cairn_labels labels;
    assert_ok(cairn_keypoints_create(&b, N, 32));
    for (int i = 0; i < N; i++) {
        int j = (i * 37 + 5) % N;
        double x, y;
        assert_true(cairn_homography_apply(&truth, a.points[i].x, a.points[i].y, &x, &y));
        b.points[j] = (cairn_keypoint){(float)x, (float)y, a.points[i].score};
        memcpy(b.descriptors + j * 32, a.descriptors + i * 32, 32 * sizeof(float));
    }
    cairn_view va = {&a, 240, 320}, vb = {&b, 240, 320};
    cairn_estimate_options options = CAIRN_ESTIMATE_OPTIONS_INIT;
    for (int shared = 0; shared < 2; shared++) {
        options.shared = shared;
        assert_ok(cairn_metric_homography(&found, &va, &vb, &truth, &options));
        assert_true(found.error < 0.01);
        assert_true(found.matches > 100 && found.matches == found.inliers);
        assert_true(shared ? found.points_a < N : found.points_a == N);
    }
    double ap;
    assert_ok(cairn_metric_labels(&labels, &va, &vb, &truth, 3));
    assert_true(labels.count > 100 && labels.count < N);
    assert_int_equal(labels.positives, labels.count);
    assert_near(cairn_labels_score(&labels), 1, 0);
    assert_ok(cairn_labels_precision(&ap, &labels));
    assert_near(ap, 1, 1e-12);
    cairn_labels_free(&labels);
    /* The wrong truth: nothing is correct. */
    assert_ok(cairn_homography_invert(&inverse, &truth));
    assert_ok(cairn_metric_homography(&found, &va, &vb, &inverse, &options));
    assert_true(found.error > 5);
    /* Other descriptors: no model, or a wrong one. */
    cairn_keypoints other = make_points(N, 32, 12, 240, 320);
    cairn_view vo = {&other, 240, 320};
    assert_ok(cairn_metric_homography(&found, &va, &vo, &truth, &options));
    assert_true(found.error > 5);
    cairn_keypoints bare = {N, 0, other.points, NULL};
    cairn_view without = {&bare, 240, 320};
    assert_status(cairn_metric_homography(&found, &va, &without, &truth, &options), CAIRN_E_SHAPE, "length");
    cairn_keypoints_free(&other);
    cairn_keypoints_free(&a);
    cairn_keypoints_free(&b);
}

static void suppression_matches_the_heatmap(void **state)
{
    (void)state;
    enum { H = 60, W = 80 };
    float map[H * W];
    cairn_rng rng = cairn_rng_stream(8, 0, 0, 0, 0);
    cairn_keypoints all, list;
    for (int i = 0; i < H * W; i++) map[i] = (float)cairn_rng_uniform(&rng) + 0.01f;
    assert_ok(cairn_keypoints_from_heatmap(&list, map, H, W, 0, 4, 4, 50));
    assert_ok(cairn_keypoints_create(&all, H * W, 0));
    for (int i = 0; i < H * W; i++) all.points[i] = (cairn_keypoint){(float)(i % W), (float)(i / W), map[i]};
    all.points[5].score = NAN;
    assert_ok(cairn_keypoints_suppress(&all, H, W, 4, 4, 50));
    assert_int_equal(all.count, list.count);
    assert_memory_equal(all.points, list.points, (size_t)list.count * sizeof *list.points);
    cairn_keypoints_free(&all);
    cairn_keypoints_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeatability_of_equal_points_is_one),
        cmocka_unit_test(repeatability_of_random_points_is_chance),
        cmocka_unit_test(repeatability_by_hand),
        cmocka_unit_test(repeatability_without_points),
        cmocka_unit_test(translation_keeps_points),
        cmocka_unit_test(average_precision_by_hand),
        cmocka_unit_test(detections_by_hand),
        cmocka_unit_test(mutual_repeatability_by_hand),
        cmocka_unit_test(shares_of_matches_by_hand),
        cmocka_unit_test(box_detections_by_hand),
        cmocka_unit_test(corners_by_hand),
        cmocka_unit_test(auc_by_hand),
        cmocka_unit_test(bootstrap_covers_the_mean),
        cmocka_unit_test(homography_from_true_matches),
        cmocka_unit_test(suppression_matches_the_heatmap),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
