#include "support/test.h"
#include "teacher/labels/labels.h"

#include <math.h>

enum { H = 32, W = 48 };

static cairn_keypoints points_of(int count, const float (*xy)[2])
{
    cairn_keypoints k;
    assert_ok(cairn_keypoints_create(&k, count, 0));
    for (int i = 0; i < count; i++) k.points[i] = (cairn_keypoint){xy[i][0], xy[i][1], 1};
    return k;
}

/* teacher.md 10.1 item 2, for every pixel of an image, and the way back. */
static void test_every_pixel(void **state)
{
    (void)state;
    float labels[H / 8 * W / 8];
    cairn_rng rng = cairn_rng_stream(1, 1, 0, 0, 0);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            cairn_keypoints k = points_of(1, (const float[][2]){{(float)x, (float)y}});
            assert_ok(cairn_labels_from_points(labels, &k, H, W, &rng));
            for (int i = 0; i < H / 8 * (W / 8); i++) {
                bool here = i == y / 8 * (W / 8) + x / 8;
                assert_int_equal((int)labels[i], here ? y % 8 * 8 + x % 8 : 64);
                if (!here) continue;
                int label = (int)labels[i];
                assert_int_equal(i % (W / 8) * 8 + label % 8, x);
                assert_int_equal(i / (W / 8) * 8 + label / 8, y);
            }
            cairn_keypoints_free(&k);
        }
}

static void test_rounding_and_outside(void **state)
{
    (void)state;
    float labels[H / 8 * W / 8];
    cairn_rng rng = cairn_rng_stream(1, 1, 0, 0, 0);
    cairn_keypoints k = points_of(
        7, (const float[][2]){{2.5f, 3.5f}, {46.9f, 30.8f}, {-0.1f, 5}, {47.2f, 5}, {5, 31.5f}, {NAN, 3}, {1e20f, 3}});
    assert_ok(cairn_labels_from_points(labels, &k, H, W, &rng));
    assert_int_equal((int)labels[0], 4 * 8 + 2); /* half to even: (2, 4) */
    assert_int_equal((int)labels[H / 8 * W / 8 - 1], 63);
    int points = 0;
    for (int i = 0; i < H / 8 * (W / 8); i++) points += labels[i] != 64;
    assert_int_equal(points, 2);
    assert_status(cairn_labels_from_points(labels, &k, H + 4, W, &rng), CAIRN_E_SHAPE, "multiples of 8");
    assert_status(cairn_labels_valid_cells(labels, labels, 0, W), CAIRN_E_SHAPE, "multiples of 8");
    cairn_keypoints_free(&k);
}

/* Several points in a cell: each pixel equally often, and the dustbin never. */
static void test_ties(void **state)
{
    (void)state;
    float labels[H / 8 * W / 8];
    cairn_keypoints k = points_of(4, (const float[][2]){{1, 1}, {6, 2}, {3, 7}, {3, 7}});
    int counts[65] = {0};
    enum { N = 3000 };
    for (uint32_t n = 0; n < N; n++) {
        cairn_rng rng = cairn_rng_stream(1, 1, n, 0, 0);
        assert_ok(cairn_labels_from_points(labels, &k, H, W, &rng));
        counts[(int)labels[0]]++;
    }
    const int expected[3] = {9, 22, 59};
    for (int i = 0; i < 3; i++) assert_true(fabs(counts[expected[i]] / (double)N - 1 / 3.0) < 0.04);
    assert_int_equal(counts[9] + counts[22] + counts[59], N);
    cairn_keypoints_free(&k);
}

static void test_valid_cells(void **state)
{
    (void)state;
    float mask[H * W], cells[H / 8 * W / 8];
    for (int i = 0; i < H * W; i++) mask[i] = 1;
    mask[15 * W + 16] = 0; /* lowest row of cell row 1, first column of cell column 2 */
    mask[31 * W + 47] = 0;
    assert_ok(cairn_labels_valid_cells(cells, mask, H, W));
    for (int i = 0; i < H / 8 * (W / 8); i++) assert_true(cells[i] == (i == 1 * 6 + 2 || i == 3 * 6 + 5 ? 0 : 1));
}

/* teacher.md 4.2: bilinear masses, divided by their sum in each cell; the dustbin is 1 only where nothing is. */
static void test_soft(void **state)
{
    (void)state;
    enum { CELLS = H / 8 * W / 8 };
    static float target[CELLS * 65];
    cairn_keypoints k = points_of(5, (const float[][2]){{2.25f, 3.5f}, {5, 6}, {7.5f, 12}, {47, 31}, {-1, 3}});
    assert_ok(cairn_labels_soft(target, &k, H, W));
    for (int i = 0; i < CELLS; i++) {
        double sum = 0;
        for (int c = 0; c < 65; c++) sum += target[i * 65 + c];
        assert_float_equal(sum, 1, 1e-6);
        assert_true(target[i * 65 + 64] == (i == 0 || i == 6 || i == 7 || i == CELLS - 1 ? 0.0f : 1.0f));
    }
    assert_float_equal(target[3 * 8 + 2], 0.75 * 0.5 / 2, 1e-6); /* two points share cell 0 */
    assert_float_equal(target[3 * 8 + 3], 0.25 * 0.5 / 2, 1e-6);
    assert_float_equal(target[4 * 8 + 2], 0.75 * 0.5 / 2, 1e-6);
    assert_float_equal(target[6 * 8 + 5], 0.5, 1e-6);
    assert_float_equal(target[6 * 65 + 4 * 8 + 7], 1, 1e-6); /* half of a point, alone in its cell */
    assert_float_equal(target[7 * 65 + 4 * 8], 1, 1e-6);
    assert_float_equal(target[(CELLS - 1) * 65 + 63], 1, 1e-6);
    assert_status(cairn_labels_soft(target, &k, H, W + 1), CAIRN_E_SHAPE, "multiples of 8");
    cairn_keypoints_free(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pixel),
        cmocka_unit_test(test_rounding_and_outside),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_valid_cells),
        cmocka_unit_test(test_soft),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
