/* The drop-in with the logits of a SuperPoint has its keypoints (student.md 8.8). */
#include "base/rng.h"
#include "geometry/postprocess.h"
#include "student/network.h"
#include "support/device/test_gpu.h"

#include <math.h>
#include <stdlib.h>

enum { H = 93, W = 131, CLASSES = 65 };
static const cairn_network_spec specs[] = {
    {.kind = CAIRN_NETWORK_DROP_IN, .sp_fpn = {0.25, 8, {1, 3, 8, 11}, {0}}, .heads = {12, true}},
    {.kind = CAIRN_NETWORK_SUPERPOINT, .superpoint = {0.125, 12, CAIRN_ORDER_NONE}},
};

/* The last layer gives these logits in every cell, whatever the image: no weights, only a bias. */
static void force_logits(cairn_network *network, const char *prefix, const float *logits)
{
    cairn_store *store = cairn_network_store(network);
    int found = 0;
    for (int i = 0; i < cairn_store_count(store); i++) {
        const cairn_shape s = cairn_store_shape(store, i);
        if (strncmp(cairn_store_name(store, i), prefix, strlen(prefix)) || s.c != CLASSES) continue;
        const bool bias = cairn_shape_count(s) == CLASSES;
        float *zeros = calloc((size_t)cairn_shape_count(s), sizeof *zeros);
        assert_non_null(zeros);
        assert_ok(cairn_store_write(store, i, bias ? logits : zeros));
        free(zeros);
        found |= bias ? 1 : 2;
    }
    assert_int_equal(found, 3);
}

static void test_drop_in__has_the_keypoints_of_superpoint(void **state)
{
    (void)state;
    static float image[H * W], heatmap[2][H * W], logits[CLASSES];
    static const char *const prefixes[] = {"detector.", "convPb."};
    cairn_keypoints points[2];
    cairn_rng rng = cairn_rng_stream(6, 0, 0, 0, 0);
    double sum = 0;
    for (int i = 0; i < H * W; i++) image[i] = (float)cairn_rng_uniform(&rng);
    for (int i = 0; i < CLASSES; i++) logits[i] = (float)(2 * cairn_rng_normal(&rng));
    for (int i = 0; i < CLASSES; i++) sum += exp((double)logits[i]);
    for (int k = 0; k < 2; k++) {
        cairn_network *network;
        assert_ok(cairn_network_create_untrained(&network, test_gpu(CAIRN_CLASS_AUTO), &specs[k], 3));
        force_logits(network, prefixes[k], logits);
        assert_ok(cairn_network_run(network, image, 1, H, W, heatmap[k], NULL));
        assert_ok(cairn_keypoints_detect(&points[k], heatmap[k], H, W, NULL, 0, &CAIRN_DETECT_OPTIONS_INIT, 0));
        cairn_network_destroy(&network);
    }
    /* A pixel's class is its place in its cell, rows first; the last class is none. */
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            assert_near(heatmap[0][y * W + x], exp((double)logits[y % 8 * 8 + x % 8]) / sum, 1e-6);
    assert_memory_equal(heatmap[0], heatmap[1], sizeof heatmap[0]);
    assert_true(points[0].count > 100);
    assert_int_equal(points[0].count, points[1].count);
    assert_memory_equal(points[0].points, points[1].points, sizeof *points[0].points * (size_t)points[0].count);
    for (int k = 0; k < 2; k++) cairn_keypoints_free(&points[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_drop_in__has_the_keypoints_of_superpoint)};
    return test_gpu_main("drop-in", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
