/* Validation of a detector in training: the numbers of maps that are known, and the drawings. */
#include "experiments/stages/validation.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>

enum { H = 40, W = 56 };

static double number(const cairn_train_measured *m, const char *name)
{
    for (int i = 0; i < m->count; i++)
        if (!strcmp(m->values[i].name, name)) return m->values[i].value;
    fail_msg("there is no number %s", name);
    return 0;
}

static void add(cairn_validation_sum *sum, const float (*at)[3], int peaks, const float (*labels)[2], int count)
{
    float map[H * W] = {0};
    cairn_keypoints points;
    assert_ok(cairn_keypoints_create(&points, count, 0));
    for (int i = 0; i < count; i++) points.points[i] = (cairn_keypoint){labels[i][0], labels[i][1], 1};
    for (int i = 0; i < peaks; i++) map[(int)at[i][1] * W + (int)at[i][0]] = at[i][2];
    assert_ok(cairn_validation_add(sum, map, &points, H, W));
    cairn_keypoints_free(&points);
}

/* Six peaks and five labels, counted by hand. */
static void known_maps(void **state)
{
    (void)state;
    cairn_validation_sum sum = {0};
    cairn_train_measured m = {0};
    const float labels[][2] = {{10, 10}, {30.4f, 9.6f}, {10, 30}, {55.9f, 39.7f}, {30, 30}};
    const float peaks[][3] = {
        {10, 10, 0.9f},    /* exact */
        {30, 10, 0.8f},    /* exact after rounding, 0.566 px away */
        {12, 30, 0.5f},    /* 2 px away: wrong as a pixel, right within 4 px */
        {45, 20, 0.3f},    /* nowhere */
        {55, 39, 0.0005f}, /* exact after clamping, but below the threshold of pixels and of the error */
        {13, 13, 0.2f},    /* 3 px from a label that is taken; suppressed by squares, not by boxes */
    };
    add(&sum, peaks, 6, labels, 5);
    assert_int_equal(sum.labels, 5);
    assert_int_equal(sum.found, 5);
    assert_int_equal(sum.right, 2);
    assert_ok(cairn_validation_numbers(&m, "x", &sum));
    assert_near(number(&m, "x_precision"), 2 / 5.0, 1e-12);
    assert_near(number(&m, "x_recall"), 2 / 5.0, 1e-12);
    /* In order right, right, right, wrong, right (0.0005): precision 1 up to recall 3/5, then 4/5 for one more. */
    assert_near(number(&m, "x_map"), 3 / 5.0 + 4 / 5.0 / 5, 1e-9);
    assert_near(number(&m, "x_error"), (0 + hypot(0.4, 0.4) + 2) / 3, 1e-5);
    assert_near(number(&m, "x_recall3"), 4 / 5.0, 1e-12); /* all but (30,30): the five best are those of the mAP */
    assert_string_equal(m.note, "mAP 0.760");
    assert_near(cairn_validation_score(&m, "x"), 0.4, 1e-12); /* F of two equal numbers */
    assert_true(cairn_validation_score(&m, "y") == 0);        /* there are none of this name */
    /* An image without points adds wrong detections only; one with two labels on a pixel has one pixel. */
    add(&sum, (const float[][3]){{20, 20, 0.95f}}, 1, NULL, 0);
    add(&sum, NULL, 0, (const float[][2]){{5, 5}, {5.2f, 4.9f}}, 2);
    assert_int_equal(sum.labels, 6);
    assert_int_equal(sum.found, 6);
    cairn_train_measured n = {0};
    assert_ok(cairn_validation_numbers(&n, "y", &sum));
    assert_near(number(&n, "y_recall"), 2 / 6.0, 1e-12);
    assert_near(number(&n, "y_recall3"), 4 / 7.0, 1e-12);
    /* wrong, right, right, right, wrong, right over 7 labels; precision is the best at this or a higher recall */
    assert_near(number(&n, "y_map"), (3 * (3 / 4.0) + 4 / 6.0) / 7, 1e-9);
    cairn_validation_sum_free(&sum);
}

static void nothing_is_no_number(void **state)
{
    (void)state;
    cairn_validation_sum sum = {0};
    cairn_train_measured m = {0};
    add(&sum, NULL, 0, NULL, 0);
    assert_ok(cairn_validation_numbers(&m, "x", &sum));
    assert_int_equal(m.count, 5);
    for (int i = 0; i < 5; i++) assert_true(isnan(m.values[i].value));
    assert_true(cairn_validation_score(&m, "x") == 0);
    m = (cairn_train_measured){0};
    cairn_train_measured_add(&m, "x", "precision", 0.25);
    cairn_train_measured_add(&m, "x", "recall", 0.75);
    assert_near(cairn_validation_score(&m, "x"), 0.375, 1e-12);
    assert_ok(cairn_validation_check(0, 0, "x.yaml:3"));
    assert_ok(cairn_validation_check(10, 2, "x.yaml:3"));
    assert_status(cairn_validation_check(0, 2, "x.yaml:3"), CAIRN_E_INVALID, "x.yaml:3: patience counts validations");
    cairn_validation_sum_free(&sum);
}

/* The same drawings each time, in the published mixture; the noisy ones are others with the same points. */
static void drawings(void **state)
{
    (void)state;
    enum { N = 24, SH = 64, SW = 80 };
    cairn_validation_set clean, noisy, again, noisy_again;
    assert_ok(cairn_validation_set_shapes(&clean, &noisy, N, SH, SW, 64, false));
    assert_ok(cairn_validation_set_shapes(&again, &noisy_again, N, SH, SW, 64, false));
    assert_memory_equal(clean.images, again.images, sizeof(float) * N * SH * SW);
    assert_memory_equal(noisy.images, noisy_again.images, sizeof(float) * N * SH * SW);
    int points = 0;
    for (int i = 0; i < N; i++) {
        assert_int_equal(clean.points[i].count, noisy.points[i].count);
        for (int k = 0; k < clean.points[i].count; k++) {
            const cairn_keypoint p = clean.points[i].points[k];
            assert_true(p.x >= 0 && p.y >= 0 && p.x <= SW - 1 && p.y <= SH - 1);
            assert_true(p.x == noisy.points[i].points[k].x && p.y == noisy.points[i].points[k].y);
        }
        points += clean.points[i].count;
        assert_memory_not_equal(clean.images + i * SH * SW, noisy.images + i * SH * SW, sizeof(float) * SH * SW);
    }
    assert_true(points > 3 * N);
    cairn_validation_set_free(&clean);
    cairn_validation_set_free(&noisy);
    cairn_validation_set_free(&again);
    cairn_validation_set_free(&noisy_again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_maps),
        cmocka_unit_test(nothing_is_no_number),
        cmocka_unit_test(drawings),
    };
    return cmocka_run_group_tests_name("validation", tests, NULL, NULL);
}
