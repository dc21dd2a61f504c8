#include "geometry/keypoints.h"
#include "geometry/postprocess.h"
#include "support/test.h"

#include <math.h>

static void test_suppression(void **state)
{
    (void)state;
    enum { H = 40, W = 50 };
    float heat[H * W] = {0};
    cairn_keypoints k;
    heat[10 * W + 10] = 0.9f;
    heat[12 * W + 14] = 0.8f; /* Chebyshev distance 4: falls */
    heat[10 * W + 15] = 0.7f; /* 5 from the first; 1 from the fallen one, which kills nobody */
    heat[30 * W + 3] = 0.95f; /* in the border */
    heat[30 * W + 4] = 0.2f;
    heat[35 * W + 45] = 0.3f; /* the last pixels inside */
    heat[36 * W + 30] = 0.6f; /* in the border */
    heat[20 * W + 20] = 0.1f; /* not above the threshold */
    assert_ok(cairn_keypoints_from_heatmap(&k, heat, H, W, 0.1f, 4, 4, 0));
    assert_int_equal(k.count, 4);
    const float expected[4][3] = {{10, 10, 0.9f}, {15, 10, 0.7f}, {45, 35, 0.3f}, {4, 30, 0.2f}};
    for (int i = 0; i < 4; i++) {
        assert_float_equal(k.points[i].x, expected[i][0], 0);
        assert_float_equal(k.points[i].y, expected[i][1], 0);
        assert_float_equal(k.points[i].score, expected[i][2], 0);
    }
    cairn_keypoints_free(&k);
    assert_ok(cairn_keypoints_from_heatmap(&k, heat, H, W, 0.1f, 4, 4, 2));
    assert_int_equal(k.count, 2);
    cairn_keypoints_free(&k);
    assert_ok(cairn_keypoints_from_heatmap(&k, heat, H, W, 0.1f, 0, 30, 0)); /* all is border */
    assert_int_equal(k.count, 0);
    cairn_keypoints_free(&k);
    assert_status(cairn_keypoints_from_heatmap(&k, heat, 0, W, 0.1f, 4, 4, 0), CAIRN_E_INVALID, "");
    assert_status(cairn_keypoints_from_heatmap(&k, heat, H, W, 0.1f, -1, 4, 0), CAIRN_E_INVALID, "");
}

/* Against the definition: no two kept within the radius, and each dropped candidate has a better kept one near it. */
static void test_suppression_is_greedy(void **state)
{
    (void)state;
    enum { H = 60, W = 80, R = 4, BORDER = 3 };
    float heat[H * W];
    cairn_rng rng = cairn_rng_stream(1, 1, 0, 0, 0);
    for (int i = 0; i < H * W; i++) heat[i] = (float)cairn_rng_integer(&rng, 0, 99) / 100; /* many ties */
    cairn_keypoints k;
    assert_ok(cairn_keypoints_from_heatmap(&k, heat, H, W, 0.5f, R, BORDER, 0));
    assert_true(k.count > 20);
    for (int i = 0; i < k.count; i++)
        for (int j = 0; j < i; j++) {
            assert_true(fmaxf(fabsf(k.points[i].x - k.points[j].x), fabsf(k.points[i].y - k.points[j].y)) > R);
            assert_true(k.points[j].score >= k.points[i].score);
        }
    for (int y = BORDER; y < H - BORDER; y++)
        for (int x = BORDER; x < W - BORDER; x++) {
            int explained = !(heat[y * W + x] > 0.5f);
            for (int i = 0; i < k.count && !explained; i++)
                explained = fabsf(k.points[i].x - x) <= R && fabsf(k.points[i].y - y) <= R &&
                            k.points[i].score >= heat[y * W + x];
            assert_true(explained);
        }
    cairn_keypoints_free(&k);
}

static void test_sort(void **state)
{
    (void)state;
    cairn_keypoints k;
    assert_ok(cairn_keypoints_create(&k, 5, 2));
    const cairn_keypoint points[5] = {{1, 1, 0.5f}, {2, 1, 0.9f}, {7, 0, 0.5f}, {0, 1, 0.5f}, {3, 3, 0.1f}};
    memcpy(k.points, points, sizeof points);
    for (int i = 0; i < 10; i++) k.descriptors[i] = (float)i;
    assert_ok(cairn_keypoints_sort(&k, 4));
    const int order[4] = {1, 2, 3, 0};
    assert_int_equal(k.count, 4);
    for (int i = 0; i < 4; i++) {
        assert_float_equal(k.points[i].x, points[order[i]].x, 0);
        assert_float_equal(k.descriptors[2 * i + 1], 2 * order[i] + 1, 0);
    }
    cairn_keypoints_free(&k);
    assert_ok(cairn_keypoints_create(&k, 0, 256));
    assert_ok(cairn_keypoints_sort(&k, 10));
    cairn_keypoints_free(&k);
    assert_status(cairn_keypoints_create(&k, -1, 0), CAIRN_E_INVALID, "");
}

/* A map that is linear in position, read at the pixel (x, y), gives back the cell coordinate (x + 0.5) / 8 - 0.5. */
static void test_sampling(void **state)
{
    (void)state;
    enum { HC = 6, WC = 7 };
    float map[HC * WC * 3];
    for (int r = 0; r < HC; r++)
        for (int c = 0; c < WC; c++) {
            map[(r * WC + c) * 3] = (float)c;
            map[(r * WC + c) * 3 + 1] = (float)r;
            map[(r * WC + c) * 3 + 2] = 1;
        }
    cairn_keypoints k;
    assert_ok(cairn_keypoints_create(&k, 3, 0));
    k.points[0] = (cairn_keypoint){20.25f, 13, 1};
    k.points[1] = (cairn_keypoint){0, 0, 1};   /* clamped to cell 0 */
    k.points[2] = (cairn_keypoint){55, 47, 1}; /* clamped to the last cell */
    assert_ok(cairn_keypoints_sample(&k, map, HC, WC, 3, 8));
    const double expected[3][2] = {{20.75 / 8 - 0.5, 13.5 / 8 - 0.5}, {0, 0}, {6, 5}};
    for (int i = 0; i < 3; i++) {
        const float *d = k.descriptors + 3 * i;
        assert_float_equal(d[0] / d[2], expected[i][0], 1e-5);
        assert_float_equal(d[1] / d[2], expected[i][1], 1e-5);
        assert_float_equal(d[0] * d[0] + d[1] * d[1] + d[2] * d[2], 1, 1e-5);
    }
    assert_status(cairn_keypoints_sample(&k, map, HC, 0, 3, 8), CAIRN_E_INVALID, "");
    cairn_keypoints_free(&k);
}

/* Two cells of different length, read half way, 1.5 cells behind the last and at the first: x / 8, with taps inside. */
static void test_legacy_sampling(void **state)
{
    (void)state;
    const float map[2][2] = {{1, 0}, {0, 3}};
    cairn_keypoints k;
    assert_ok(cairn_keypoints_create(&k, 3, 0));
    k.points[0] = (cairn_keypoint){4, 5, 1};
    k.points[1] = (cairn_keypoint){15, 7, 1};
    k.points[2] = (cairn_keypoint){0, 0, 1};
    assert_ok(cairn_keypoints_sample_as(&k, map[0], 1, 2, 2, 8, CAIRN_SAMPLE_LEGACY));
    const double expected[3][2] = {{1 / sqrt(10), 3 / sqrt(10)}, {0, 1}, {1, 0}}; /* (0.5, 1.5): not (1, 1) / sqrt(2) */
    for (int i = 0; i < 6; i++) assert_float_equal(k.descriptors[i], expected[i / 2][i % 2], 1e-6);
    cairn_keypoints_free(&k);
}

static void test_refinement(void **state)
{
    (void)state;
    enum { H = 20, W = 20 };
    float heat[H * W];
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            heat[y * W + x] = (float)exp(-(pow(x - 10.3, 2) + pow(y - 7.8, 2)) / (2 * 0.7 * 0.7));
    cairn_keypoints k;
    assert_ok(cairn_keypoints_create(&k, 3, 0));
    k.points[0] = (cairn_keypoint){10, 8, 1};
    k.points[1] = (cairn_keypoint){12, 8, 1}; /* the window's mass lies further away than a pixel: clamped */
    k.points[2] = (cairn_keypoint){0, 19, 1}; /* at the frame, next to nothing to see */
    cairn_keypoints_refine(&k, heat, H, W);
    assert_float_equal(k.points[0].x, 10.3, 0.02);
    assert_float_equal(k.points[0].y, 7.8, 0.02);
    assert_float_equal(k.points[1].x, 11, 1e-6);
    assert_true(fabsf(k.points[2].x) <= 1 && fabsf(k.points[2].y - 19) <= 1);
    cairn_keypoints_free(&k);
}

/* A blob as broad as a student's: the vertex is exact, the window of 5x5 goes less than half of the way. */
static void test_refinement__by_a_parabola(void **state)
{
    (void)state;
    enum { H = 20, W = 20 };
    static float heat[H * W], flat[H * W], spike[H * W];
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            heat[y * W + x] = (float)exp(-(pow(x - 10.3, 2) + pow(y - 7.8, 2)) / (2 * 2.5 * 2.5));
    cairn_keypoints k, again;
    assert_ok(cairn_keypoints_create(&k, 2, 0));
    k.points[0] = (cairn_keypoint){10, 8, 1};
    k.points[1] = (cairn_keypoint){0, 19, 1}; /* no neighbours on both sides */
    cairn_keypoints_refine(&k, heat, H, W);
    assert_true(k.points[0].x < 10.15f && k.points[0].y > 7.9f);
    k.points[0] = (cairn_keypoint){10, 8, 1};
    k.points[1] = (cairn_keypoint){0, 19, 1};
    cairn_keypoints_refine_parabola(&k, heat, H, W);
    assert_float_equal(k.points[0].x, 10.3, 1e-4);
    assert_float_equal(k.points[0].y, 7.8, 1e-4);
    assert_true(k.points[1].x == 0 && k.points[1].y == 19);
    k.points[0] = (cairn_keypoint){10, 8, 1};
    cairn_keypoints_refine_parabola(&k, flat, H, W);
    assert_true(k.points[0].x == 10 && k.points[0].y == 8);
    for (int x = 10; x < W; x++) spike[8 * W + x] = 0.5f; /* an edge: half a pixel at most, along it nothing */
    cairn_keypoints_refine_parabola(&k, spike, H, W);
    assert_true(k.points[0].x > 10 && k.points[0].x <= 10.5f && k.points[0].y == 8);
    const cairn_detect_options o = {.threshold = 0.5, .radius = 4, .refine = true, .parabola = true};
    assert_ok(cairn_keypoints_detect(&again, heat, H, W, NULL, 0, &o, 0));
    assert_int_equal(again.count, 1);
    assert_float_equal(again.points[0].x, 10.3, 1e-4);
    cairn_keypoints_free(&again);
    cairn_keypoints_free(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suppression), cmocka_unit_test(test_suppression_is_greedy),
        cmocka_unit_test(test_sort),        cmocka_unit_test(test_sampling),
        cmocka_unit_test(test_refinement),  cmocka_unit_test(test_legacy_sampling),
        cmocka_unit_test(test_refinement__by_a_parabola),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
