/* Homographic adaptation against plain loops on the host, and the files of its labels. */
#include "experiments/labelling/labeller.h"
#include "formats/npz.h"
#include "geometry/homography.h"
#include "graph/store.h"
#include "ops/pointwise/pointwise.h"
#include "support/device/test_gpu.h"
#include "support/scratch.h"
#include "teacher/labels/adaptation.h"
#include "teacher/labels/label_file.h"

#include <math.h>
#include <stdlib.h>

enum { H = 56, W = 72, PIXELS = H * W, SEED = 5, STAGE = 7, SAMPLE = 9, VIEW_PURPOSE = 0x76696577 };

/* Stands in for a network: not linear, so that warping before and after it differ. */
static cairn_tid square(cairn_model *m, cairn_tid image, const void *payload)
{
    (void)payload;
    return cairn_op_mul(m->g, image, image);
}

static void picture(cairn_image *image)
{
    assert_ok(cairn_image_create(image, H, W, 1));
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            image->pixels[y * W + x] = (float)(0.5 + 0.25 * sin(0.11 * x + 0.3) + 0.2 * cos(0.13 * y - 0.05 * x));
}

static cairn_adaptation_options options_of(cairn_aggregation aggregation, int views, int chunk, int filter)
{
    return (cairn_adaptation_options){.h = H, .w = W, .views = views, .chunk = chunk, .margin = 3,
                                      .aggregation = aggregation, .filter_counts = filter,
                                      .homography = CAIRN_HOMOGRAPHY_OPTIONS_INIT};
}

static void run_device(float *heatmap, cairn_gpu *gpu, const cairn_image *image, const cairn_adaptation_options *o)
{
    cairn_store *store = NULL;
    cairn_adaptation *a = NULL;
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_adaptation_create(&a, gpu, store, square, NULL, o));
    assert_ok(cairn_adaptation_run(a, image->pixels, SEED, STAGE, SAMPLE, heatmap));
    cairn_adaptation_destroy(&a);
    cairn_store_destroy(&store);
    test_gpu_assert_valid(gpu);
}

/* teacher.md 5, step by step. count [PIXELS] receives C. */
static void run_host(double *heatmap, double *count, const cairn_image *image, const cairn_adaptation_options *o)
{
    cairn_rng rng = cairn_rng_stream(SEED, STAGE, 0, SAMPLE, VIEW_PURPOSE);
    double *sum = calloc(PIXELS, sizeof *sum), *most = calloc(PIXELS, sizeof *most);
    float *seen = malloc(PIXELS * sizeof *seen), *back_seen = malloc(PIXELS * sizeof *back_seen);
    memset(count, 0, PIXELS * sizeof *count);
    for (int v = 0; v < o->views; v++) {
        cairn_homography h = CAIRN_HOMOGRAPHY_IDENTITY, inverse;
        cairn_image warped, back;
        if (v) assert_ok(cairn_homography_sample(&h, &rng, H, W, &o->homography));
        assert_ok(cairn_homography_invert(&inverse, &h));
        assert_ok(cairn_homography_warp(&warped, seen, image, &h, H, W));
        cairn_mask_erode(seen, H, W, o->margin);
        for (int i = 0; i < PIXELS; i++) warped.pixels[i] *= warped.pixels[i] * seen[i];
        assert_ok(cairn_homography_warp(&back, back_seen, &warped, &inverse, H, W));
        cairn_mask_erode(back_seen, H, W, o->margin);
        for (int i = 0; i < PIXELS; i++) {
            const double value = back_seen[i] > 0 ? (double)back.pixels[i] : 0;
            sum[i] += value;
            most[i] = fmax(most[i], value);
            count[i] += back_seen[i] > 0;
        }
        cairn_image_free(&warped);
        cairn_image_free(&back);
    }
    for (int i = 0; i < PIXELS; i++) {
        heatmap[i] = o->aggregation == CAIRN_AGGREGATE_MAX    ? most[i]
                     : o->aggregation == CAIRN_AGGREGATE_MEAN ? sum[i] / o->views
                                                              : count[i] > 0 ? sum[i] / count[i] : 0;
        if (count[i] < o->filter_counts) heatmap[i] = 0;
    }
    free(sum);
    free(most);
    free(seen);
    free(back_seen);
}

/* A mask's edge may fall on the other side of a pixel centre in single precision; so a few pixels may differ. */
static void compare(const char *what, const float *got, const double *expected)
{
    int different = 0;
    for (int i = 0; i < PIXELS; i++) different += !(fabs((double)got[i] - expected[i]) < 2e-4);
    if (different > PIXELS / 200) fail_msg("%s: %d of %d pixels differ", what, different, PIXELS);
}

static void test_aggregations(void **state)
{
    (void)state;
    static const struct {
        cairn_aggregation aggregation;
        int views, chunk, filter;
    } cases[] = {{CAIRN_AGGREGATE_SUM, 20, 10, 0},
                 {CAIRN_AGGREGATE_MEAN, 20, 10, 0},
                 {CAIRN_AGGREGATE_MAX, 14, 7, 0}, /* odd batches halve unevenly */
                 {CAIRN_AGGREGATE_SUM, 20, 20, 15},
                 {CAIRN_AGGREGATE_MAX, 20, 20, 15},
                 {CAIRN_AGGREGATE_SUM, 1, 1, 0}};
    static float got[PIXELS];
    static double expected[PIXELS], count[PIXELS];
    cairn_image image;
    picture(&image);
    for (int k = 0; k < 2; k++) {
        cairn_gpu *gpu = test_gpu(k ? CAIRN_CLASS_SIMT : CAIRN_CLASS_TEXEL);
        for (size_t i = 0; gpu && i < sizeof cases / sizeof *cases; i++) {
            char what[64];
            const cairn_adaptation_options o =
                options_of(cases[i].aggregation, cases[i].views, cases[i].chunk, cases[i].filter);
            snprintf(what, sizeof what, "%s of %d views", cairn_aggregation_name(o.aggregation), o.views);
            run_host(expected, count, &image, &o);
            run_device(got, gpu, &image, &o);
            compare(what, got, expected);
            int few = 0;
            for (int p = 0; p < PIXELS; p++) few += count[p] < 15;
            if (o.filter_counts) assert_true(few > PIXELS / 50 && few < PIXELS); /* the filter had something to do */
        }
    }
    cairn_image_free(&image);
}

/* Chunks change the order of the additions only; the views stay. */
static void test_chunks_see_the_same_views(void **state)
{
    (void)state;
    static float one[PIXELS], four[PIXELS];
    cairn_image image;
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_TEXEL);
    if (!gpu) gpu = test_gpu(CAIRN_CLASS_SIMT);
    picture(&image);
    for (int aggregation = 0; aggregation < CAIRN_AGGREGATIONS; aggregation++) {
        cairn_adaptation_options o = options_of((cairn_aggregation)aggregation, 12, 12, 0);
        run_device(one, gpu, &image, &o);
        o.chunk = 3;
        run_device(four, gpu, &image, &o);
        for (int i = 0; i < PIXELS; i++) assert_near((double)four[i], (double)one[i], 1e-6);
    }
    cairn_image_free(&image);
}

static cairn_keypoints three_points(void)
{
    cairn_keypoints k;
    assert_ok(cairn_keypoints_create(&k, 3, 0));
    for (int i = 0; i < 3; i++) k.points[i] = (cairn_keypoint){3.25f * (float)i, 2 + (float)i, 1 - 0.1f * (float)i};
    return k;
}

static void test_label_files_come_back(void **state)
{
    (void)state;
    const cairn_label_info info = {H, W, 100, 0.015f, 0x0123456789abcdefu, "suppression=box size=4 aggregation=sum"};
    cairn_label_info back;
    cairn_keypoints points = three_points(), read;
    const char *path = test_path("photo.npz");
    assert_ok(cairn_label_file_write(path, &info, &points));
    assert_ok(cairn_label_file_read(path, H, W, &back, &read));
    assert_int_equal(back.h, H);
    assert_int_equal(back.views, 100);
    assert_true(back.threshold == info.threshold && back.checkpoint == info.checkpoint);
    assert_string_equal(back.options, info.options);
    assert_int_equal(read.count, 3);
    assert_memory_equal(read.points, points.points, 3 * sizeof *points.points);
    cairn_keypoints_free(&read);
    assert_status(cairn_label_file_read(path, H, W + 8, &back, &read), CAIRN_E_SHAPE, "training uses 80x56");
    cairn_keypoints_free(&points);
}

/* Writes the members of a label file but for the last `without`, with this version and these options. */
static const char *write_version(const char *name, int without, int32_t version, const char *options)
{
    float points[3] = {1, 2, 0.5f}, threshold = 0.015f;
    int32_t size[2] = {H, W}, views = 10;
    uint8_t checkpoint[8] = {1};
    const cairn_npz_array arrays[] = {
        {.name = (char[]){"points"}, .type = CAIRN_NPZ_F32, .rank = 2, .shape = {1, 3}, .data = points},
        {.name = (char[]){"size"}, .type = CAIRN_NPZ_I32, .rank = 1, .shape = {2}, .data = size},
        {.name = (char[]){"views"}, .type = CAIRN_NPZ_I32, .rank = 1, .shape = {1}, .data = &views},
        {.name = (char[]){"threshold"}, .type = CAIRN_NPZ_F32, .rank = 1, .shape = {1}, .data = &threshold},
        {.name = (char[]){"checkpoint"}, .type = CAIRN_NPZ_U8, .rank = 1, .shape = {8}, .data = checkpoint},
        {.name = (char[]){"version"}, .type = CAIRN_NPZ_I32, .rank = 1, .shape = {1}, .data = &version},
        {.name = (char[]){"options"},
         .type = CAIRN_NPZ_U8,
         .rank = 1,
         .shape = {(int64_t)strlen(options)},
         .data = (char *)(uintptr_t)options},
    };
    const char *path = test_path("%s", name);
    assert_ok(cairn_npz_write(path, arrays, 7 - without, false));
    return path;
}

static void test_label_file_versions(void **state)
{
    (void)state;
    static char endless[CAIRN_LABEL_OPTIONS_BYTES + 1];
    cairn_label_info info;
    cairn_keypoints points;
    assert_ok(cairn_label_file_read(write_version("one.npz", 2, 0, ""), H, W, &info, &points)); /* as of version 1 */
    assert_string_equal(info.options, "");
    assert_int_equal(points.count, 1);
    cairn_keypoints_free(&points);
    assert_status(cairn_label_file_read(write_version("later.npz", 0, 3, "x"), H, W, &info, &points),
                  CAIRN_E_UNSUPPORTED, "format version 3");
    assert_status(cairn_label_file_read(write_version("zero.npz", 0, 0, "x"), H, W, &info, &points), CAIRN_E_FORMAT,
                  "version 0");
    assert_status(cairn_label_file_read(write_version("none.npz", 1, 2, ""), H, W, &info, &points), CAIRN_E_NOTFOUND,
                  "options");
    assert_status(cairn_label_file_read(write_version("line.npz", 0, 2, "two\nlines"), H, W, &info, &points),
                  CAIRN_E_FORMAT, "'options'");
    memset(endless, 'x', sizeof endless - 1);
    assert_status(cairn_label_file_read(write_version("long.npz", 0, 2, endless), H, W, &info, &points), CAIRN_E_FORMAT,
                  "'options'");
    assert_null(points.points);
}

/* ---- one look ---- */

/* At the image twice as large, as SP-FPN's source looks at it (student.md 4.1): x = (x' + 0.5) / 2 - 0.5. */
static void test_look__at_another_size(void **state)
{
    (void)state;
    enum { POINTS = 30 };
    static float heatmap[4 * PIXELS];
    const cairn_network_spec spec = {.kind = CAIRN_NETWORK_SUPERPOINT, .superpoint = {0.125, 0, CAIRN_ORDER_NONE}};
    const cairn_detect_options detect = {.radius = 4, .border = 4};
    cairn_labelling o = {.adaptation = {.views = 1}, .radius = 4, .border = 4, .top_k = POINTS, .side = 2 * W};
    cairn_network *network;
    cairn_labeller *labeller;
    cairn_image image, larger;
    cairn_keypoints points, expected;
    const float *seen;
    double sum = 0;
    picture(&image);
    assert_ok(cairn_image_resize(&larger, &image, 2 * H, 2 * W));
    assert_ok(cairn_network_create_untrained(&network, test_gpu(CAIRN_CLASS_AUTO), &spec, 3));
    assert_ok(cairn_network_run(network, larger.pixels, 1, 2 * H, 2 * W, heatmap, NULL));
    assert_ok(cairn_keypoints_detect(&expected, heatmap, 2 * H, 2 * W, NULL, 0, &detect, POINTS));
    assert_ok(cairn_labeller_create(&labeller, test_gpu(CAIRN_CLASS_AUTO), network, 7, &o, H, W));
    assert_non_null(strstr(cairn_labeller_info(labeller)->options, "side=144"));
    assert_int_equal(cairn_labeller_info(labeller)->h, H);
    assert_ok(cairn_labeller_run(labeller, &image, SEED, STAGE, "photo", &points, &seen));
    assert_int_equal(points.count, expected.count);
    assert_true(points.count >= 20);
    for (int i = 0; i < points.count; i++) {
        assert_near(points.points[i].x, (expected.points[i].x + 0.5) / 2 - 0.5, 1e-5);
        assert_near(points.points[i].y, (expected.points[i].y + 0.5) / 2 - 0.5, 1e-5);
        assert_true(points.points[i].score == expected.points[i].score);
    }
    for (int k = 0; k < 4; k++) sum += heatmap[(2 * 5 + k / 2) * 2 * W + 2 * 9 + k % 2];
    assert_near(seen[5 * W + 9], sum / 4, 1e-6);
    cairn_labeller_destroy(&labeller);
    o.adaptation.views = 2;
    assert_status(cairn_labeller_create(&labeller, test_gpu(CAIRN_CLASS_AUTO), network, 7, &o, H, W), CAIRN_E_INVALID,
                  "not for 2 views");
    cairn_keypoints_free(&points);
    cairn_keypoints_free(&expected);
    cairn_network_destroy(&network);
    cairn_image_free(&image);
    cairn_image_free(&larger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aggregations),
        cmocka_unit_test(test_chunks_see_the_same_views),
        cmocka_unit_test(test_label_files_come_back),
        cmocka_unit_test(test_label_file_versions),
        cmocka_unit_test(test_look__at_another_size),
    };
    return test_gpu_main("adaptation", tests, sizeof tests / sizeof *tests, test_scratch_create, test_scratch_remove);
}
