/* The classical detectors on drawn pictures. */
#include "base/rng.h"
#include "experiments/baselines/baselines.h"
#include "experiments/evaluation/metrics/metrics.h"
#include "matching/nearest.h"
#include "support/test.h"

#include <math.h>

enum { SIDE = 200 };

/* A bright square from (60, 50) to (139, 149), both inclusive, on a dark ground. */
static cairn_image square(void)
{
    cairn_image image;
    assert_ok(cairn_image_create(&image, SIDE, SIDE, 1));
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            image.pixels[y * SIDE + x] = x >= 60 && x <= 139 && y >= 50 && y <= 149 ? 0.8f : 0.2f;
    return image;
}

/* Smooth random blobs: texture for SIFT. */
static cairn_image texture(void)
{
    cairn_image image;
    cairn_rng rng = cairn_rng_stream(2, 0, 0, 0, 0);
    assert_ok(cairn_image_create(&image, SIDE, SIDE, 1));
    for (int i = 0; i < SIDE * SIDE; i++) image.pixels[i] = 0.5f;
    for (int n = 0; n < 260; n++) {
        double cx = cairn_rng_between(&rng, 0, SIDE), cy = cairn_rng_between(&rng, 0, SIDE);
        double size = cairn_rng_between(&rng, 1.5, 6), strength = cairn_rng_between(&rng, -0.4, 0.4);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                double d = ((x - cx) * (x - cx) + (y - cy) * (y - cy)) / (2 * size * size);
                if (d < 12) image.pixels[y * SIDE + x] += (float)(strength * exp(-d));
            }
    }
    for (int i = 0; i < SIDE * SIDE; i++) image.pixels[i] = fminf(fmaxf(image.pixels[i], 0), 1);
    return image;
}

static void finds_the_corners(cairn_status (*make)(cairn_detector *, int), double tolerance)
{
    const double corners[4][2] = {{60, 50}, {139, 50}, {60, 149}, {139, 149}};
    cairn_image image = square();
    cairn_detector detector;
    cairn_keypoints found;
    assert_ok(make(&detector, 4));
    assert_ok(cairn_detector_run(&found, &detector, &image, 4, 4, 0, 4));
    assert_int_equal(found.count, 4);
    for (int c = 0; c < 4; c++) {
        double nearest = INFINITY;
        for (int i = 0; i < found.count; i++)
            nearest = fmin(nearest, hypot(found.points[i].x - corners[c][0], found.points[i].y - corners[c][1]));
        if (nearest > tolerance) fail_msg("%s: corner %d is %.2f px away", detector.name, c, nearest);
    }
    cairn_keypoints_free(&found);
    cairn_detector_free(&detector);
    cairn_image_free(&image);
}

static void corner_detectors_find_a_square(void **state)
{
    (void)state;
    finds_the_corners(cairn_baseline_harris, 2.5);
    finds_the_corners(cairn_baseline_shi_tomasi, 2.5);
    finds_the_corners(cairn_baseline_fast, 2.5);
}

static void flat_images_have_no_points(void **state)
{
    (void)state;
    static const char *const names[] = {"harris", "shi-tomasi", "fast", "sift", "hessian", "harris-laplace", "orb"};
    cairn_image image;
    assert_ok(cairn_image_create(&image, 64, 48, 1));
    for (int i = 0; i < 64 * 48; i++) image.pixels[i] = 0.5f;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cairn_detector detector;
        cairn_keypoints found;
        assert_ok(cairn_baseline_by_name(&detector, names[i], 4));
        assert_ok(cairn_detector_run(&found, &detector, &image, 4, 0, 0, 0));
        if (found.count) fail_msg("%s found %d points on a flat image", names[i], found.count);
        cairn_keypoints_free(&found);
        cairn_detector_free(&detector);
    }
    cairn_image_free(&image);
    assert_status(cairn_baseline_by_name(&(cairn_detector){0}, "surf", 4), CAIRN_E_INVALID, "surf");
}

/* A method with descriptors recovers a rotation by 30 degrees with a change of scale, contrast and brightness. */
static void matches_a_rotated_image(const char *name, double least_score)
{
    const double angle = 30 * 3.14159265358979 / 180, scale = 0.9, centre = (SIDE - 1) / 2.0;
    const double c = scale * cos(angle), s = scale * sin(angle);
    cairn_homography a_to_b = {
        {c, -s, centre - c * centre + s * centre, s, c, centre - s * centre - c * centre, 0, 0, 1}};
    cairn_homography b_to_a;
    cairn_image a = texture(), b;
    cairn_detector detector;
    cairn_keypoints ka, kb;
    cairn_homography_estimate found;
    cairn_labels labels;
    cairn_estimate_options options = CAIRN_ESTIMATE_OPTIONS_INIT;
    assert_ok(cairn_homography_invert(&b_to_a, &a_to_b));
    assert_ok(cairn_homography_warp(&b, NULL, &a, &b_to_a, SIDE, SIDE));
    for (int i = 0; i < SIDE * SIDE; i++) b.pixels[i] = 0.8f * b.pixels[i] + 0.05f;
    assert_ok(cairn_baseline_by_name(&detector, name, 4));
    assert_ok(cairn_detector_run(&ka, &detector, &a, 4, 4, 0, 500));
    assert_ok(cairn_detector_run(&kb, &detector, &b, 4, 4, 0, 500));
    cairn_view va = {&ka, SIDE, SIDE}, vb = {&kb, SIDE, SIDE};
    if (ka.count < 50) fail_msg("%s found %d points only", name, ka.count);
    assert_ok(cairn_metric_labels(&labels, &va, &vb, &a_to_b, 3));
    assert_ok(cairn_metric_homography(&found, &va, &vb, &a_to_b, &options));
    print_message("%s: %d and %d points, matching score %.2f, corner error %.2f px\n", name, ka.count, kb.count,
                  cairn_labels_score(&labels), found.error);
    if (!(found.error < 1)) fail_msg("%s: corner error %.2f px", name, found.error);
    if (!(cairn_labels_score(&labels) > least_score))
        fail_msg("%s: matching score %.2f", name, cairn_labels_score(&labels));
    for (int i = 0; i < ka.count; i++) {
        double norm = 0;
        for (int d = 0; d < ka.dimension; d++)
            norm += (double)ka.descriptors[i * ka.dimension + d] * ka.descriptors[i * ka.dimension + d];
        assert_near(norm, 1, 1e-4);
    }
    cairn_labels_free(&labels);
    cairn_keypoints_free(&ka);
    cairn_keypoints_free(&kb);
    cairn_detector_free(&detector);
    cairn_image_free(&a);
    cairn_image_free(&b);
}

static void descriptors_survive_a_rotation(void **state)
{
    (void)state;
    matches_a_rotated_image("sift", 0.3);
    matches_a_rotated_image("rootsift", 0.3);
    matches_a_rotated_image("hessian", 0.3);
    matches_a_rotated_image("hessian-affine", 0.3);
    matches_a_rotated_image("multiscale-harris", 0.3);
    matches_a_rotated_image("orb", 0.2);
}

static void the_same_image_gives_the_same_points(void **state)
{
    (void)state;
    static const char *const names[] = {"harris", "fast", "random", "sift", "hessian", "orb"};
    cairn_image image = texture();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cairn_detector detector;
        cairn_keypoints first, second;
        assert_ok(cairn_baseline_by_name(&detector, names[i], 4));
        assert_ok(detector.detect(detector.state, &image, 100, &first));
        assert_ok(detector.detect(detector.state, &image, 100, &second));
        assert_true(first.count > 10 && first.count <= 100);
        assert_int_equal(first.count, second.count);
        assert_memory_equal(first.points, second.points, (size_t)first.count * sizeof *first.points);
        for (int k = 1; k < first.count; k++) assert_true(first.points[k - 1].score >= first.points[k].score);
        cairn_keypoints_free(&first);
        cairn_keypoints_free(&second);
        cairn_detector_free(&detector);
    }
    cairn_image_free(&image);
}

static void small_images_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"harris", "sift", "hessian"};
    cairn_image image;
    assert_ok(cairn_image_create(&image, 3, 3, 1));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cairn_detector detector;
        cairn_keypoints found = {0};
        assert_ok(cairn_baseline_by_name(&detector, names[i], 4));
        assert_status(detector.detect(detector.state, &image, 0, &found), CAIRN_E_SHAPE, "3x3");
        cairn_detector_free(&detector);
    }
    cairn_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corner_detectors_find_a_square), cmocka_unit_test(flat_images_have_no_points),
        cmocka_unit_test(descriptors_survive_a_rotation), cmocka_unit_test(the_same_image_gives_the_same_points),
        cmocka_unit_test(small_images_are_refused),
    };
    return cmocka_run_group_tests_name("baselines", tests, NULL, NULL);
}
