/* Suppression, sub-pixel positions and descriptor sampling against the public implementations' formulas. */
#include "support/test.h"
#include "support/device/test_gpu.h"
#include "support/torch.h"

#include "base/rng.h"
#include "geometry/postprocess.h"

#include <math.h>

enum { HC = 9, WC = 12, DIMENSION = 5, POINTS = 40, H = 61, W = 83 };

/* Random points, among them the corners of the image and its outermost half cells. */
static void add_sampling(test_arrays *a, cairn_sampling sampling)
{
    const char *name = cairn_sampling_name(sampling);
    cairn_rng rng = cairn_rng_stream(3, 0, 0, (uint32_t)sampling, 0);
    float *map = test_arrays_add(a, 3, (const int64_t[]){HC, WC, DIMENSION}, "%s|map", name);
    float *places = test_arrays_add(a, 2, (const int64_t[]){POINTS, 3}, "%s|points", name);
    float *descriptors = test_arrays_add(a, 2, (const int64_t[]){POINTS, DIMENSION}, "%s|descriptors", name);
    cairn_keypoints k;
    for (int i = 0; i < HC * WC * DIMENSION; i++) map[i] = (float)cairn_rng_between(&rng, -1, 1);
    assert_ok(cairn_keypoints_create(&k, POINTS, 0));
    for (int i = 0; i < POINTS; i++) {
        k.points[i].x = (float)cairn_rng_between(&rng, 0, 8 * WC - 1);
        k.points[i].y = (float)cairn_rng_between(&rng, 0, 8 * HC - 1);
        if (i % 2) k.points[i].x = rintf(k.points[i].x);
        if (i % 3) k.points[i].y = rintf(k.points[i].y);
    }
    for (int i = 0; i < 4; i++) k.points[i] = (cairn_keypoint){i % 2 ? 8 * WC - 1 : 0, i / 2 ? 8 * HC - 1 : 0, 0};
    k.points[4] = (cairn_keypoint){1.5f, 30, 0};
    k.points[5] = (cairn_keypoint){40, 8 * HC - 2.5f, 0};
    assert_ok(cairn_keypoints_sample_as(&k, map, HC, WC, DIMENSION, 8, sampling));
    memcpy(places, k.points, POINTS * sizeof *k.points);
    memcpy(descriptors, k.descriptors, sizeof(float) * POINTS * DIMENSION);
    cairn_keypoints_free(&k);
}

/* Blobs and noise. */
static void draw_heatmap(float *heatmap, cairn_rng *rng)
{
    for (int i = 0; i < H * W; i++) heatmap[i] = (float)cairn_rng_between(rng, 0.001, 0.02);
    for (int n = 0; n < 60; n++) {
        const double x = cairn_rng_between(rng, 0, W - 1), y = cairn_rng_between(rng, 0, H - 1);
        const double height = cairn_rng_between(rng, 0.05, 0.9);
        for (int i = 0; i < H * W; i++) {
            const double dx = i % W - x, dy = i / W - y;
            heatmap[i] = fmaxf(heatmap[i], (float)(height * exp(-(dx * dx + dy * dy) / 1.5)));
        }
    }
}

static void add_detection(test_arrays *a, int number, const cairn_detect_options *o, int top_k)
{
    cairn_rng rng = cairn_rng_stream(4, 0, 0, (uint32_t)number, 0);
    cairn_keypoints k;
    float *heatmap = test_arrays_add(a, 2, (const int64_t[]){H, W}, "detect%d|heatmap", number);
    float *options = test_arrays_add(a, 1, (const int64_t[]){6}, "detect%d|options", number);
    draw_heatmap(heatmap, &rng);
    const float values[6] = {(float)o->suppression, (float)o->radius, (float)o->border,
                             (float)top_k,          o->refine,        (float)o->threshold};
    memcpy(options, values, sizeof values);
    assert_ok(cairn_keypoints_detect(&k, heatmap, H, W, NULL, 0, o, top_k));
    assert_true(k.count > 4);
    float *points = test_arrays_add(a, 2, (const int64_t[]){k.count, 3}, "detect%d|points", number);
    memcpy(points, k.points, (size_t)k.count * sizeof *k.points);
    cairn_keypoints_free(&k);
}

static void test_postprocess(void **state)
{
    (void)state;
    test_arrays a = {0};
    static const struct {
        cairn_detect_options o;
        int top_k;
    } cases[] = {{{0.015, 4, 4, true, CAIRN_SUPPRESS_SQUARE, CAIRN_SAMPLE_CENTRES, false}, 0},
                 {{0.015, 4, 0, true, CAIRN_SUPPRESS_SQUARE, CAIRN_SAMPLE_CENTRES, false}, 25},
                 {{0.010, 4, 4, false, CAIRN_SUPPRESS_BOX, CAIRN_SAMPLE_CENTRES, false}, 0},
                 {{0.010, 8, 0, true, CAIRN_SUPPRESS_BOX, CAIRN_SAMPLE_CENTRES, false}, 0},
                 {{0.010, 5, 2, false, CAIRN_SUPPRESS_BOX, CAIRN_SAMPLE_CENTRES, false}, 17},
                 {{0.018, 0, 3, false, CAIRN_SUPPRESS_NONE, CAIRN_SAMPLE_CENTRES, false}, 300}};
    for (int s = 0; s < CAIRN_SAMPLINGS; s++) add_sampling(&a, (cairn_sampling)s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) add_detection(&a, (int)i, &cases[i].o, cases[i].top_k);
    test_torch_compare(&a, "points/torch_postprocess.py");
}

int main(void)
{
    return test_torch_main(test_postprocess);
}
