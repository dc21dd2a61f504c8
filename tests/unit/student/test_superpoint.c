/* SuperPoint's options: what a checkpoint says of its normalisation and what that does; descriptors before their
 * normalisation, and the convention that interpolates those. */
#include "base/rng.h"
#include "experiments/detectors/learned.h"
#include "graph/program.h"
#include "support/device/material.h"
#include "support/device/test_gpu.h"
#include "support/scratch.h"
#include "teacher/import.h"

#include <math.h>

enum { H = 64, W = 88, HC = H / 8, WC = W / 8, D = 12 };

static cairn_network_spec spec_with(double eps, double momentum)
{
    return (cairn_network_spec){.kind = CAIRN_NETWORK_SUPERPOINT,
                                .superpoint = {0.125, D, CAIRN_ORDER_BN_RELU, eps, momentum}};
}

static void make_image(float *image)
{
    cairn_rng rng = cairn_rng_stream(6, 0, 0, 0, 0);
    for (int i = 0; i < H * W; i++) image[i] = (float)cairn_rng_uniform(&rng);
}

static void a_description_is_read_back(void **state)
{
    (void)state;
    static const char *const wrong[] = {"superpoint width=0.5 descriptor=8 order=none eps=1e-5",
                                        "superpoint width=0.5 descriptor=8 order=none eps=0 momentum=0.1",
                                        "superpoint width=0.5 descriptor=8 order=none eps=nan momentum=0.1",
                                        "superpoint width=0.5 descriptor=8 order=none eps=1e-5 momentum=1.5",
                                        "superpoint width=0.5 descriptor=8 order=none eps=1e-5 momentum=-1"};
    char text[128];
    cairn_superpoint_options o = {0.25, 64, CAIRN_ORDER_RELU_BN, 0, 0}, read;
    cairn_superpoint_describe(text, sizeof text, &o);
    assert_string_equal(text, "superpoint width=0.25 descriptor=64 order=relu-bn");
    o.eps = CAIRN_SUPERPOINT_EPS;
    o.momentum = CAIRN_SUPERPOINT_MOMENTUM;
    cairn_superpoint_describe(text, sizeof text, &o);
    assert_string_equal(text, "superpoint width=0.25 descriptor=64 order=relu-bn"); /* old checkpoints stay as they are */
    o.eps = 1e-5;
    cairn_superpoint_describe(text, sizeof text, &o);
    assert_string_equal(text, "superpoint width=0.25 descriptor=64 order=relu-bn eps=1e-05 momentum=0.01");
    assert_true(cairn_superpoint_parse(&read, text));
    assert_true(read.eps == 1e-5 && read.momentum == 0.01 && read.order == CAIRN_ORDER_RELU_BN);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) assert_false(cairn_superpoint_parse(&read, wrong[i]));
}

/* Looks at the image by a checkpoint of these options, and by the same one imported. */
static void look(float *heatmap, float *imported, double eps)
{
    static float image[H * W];
    cairn_network *network;
    cairn_weights weights;
    cairn_import_report report;
    const cairn_network_spec spec = spec_with(eps, 0.1);
    make_image(image);
    test_save_network(test_path("own.safetensors"), &spec);
    assert_ok(cairn_weights_read(&weights, test_path("own.safetensors")));
    assert_ok(cairn_import(&report, &weights, "cairn", test_path("imported.safetensors")));
    cairn_import_report_free(&report);
    cairn_weights_free(&weights);
    assert_ok(cairn_network_load(&network, test_gpu(CAIRN_CLASS_AUTO), test_path("own.safetensors")));
    assert_true(cairn_network_get_spec(network)->superpoint.eps == eps);
    assert_ok(cairn_network_run(network, image, 1, H, W, heatmap, NULL));
    cairn_network_destroy(&network);
    assert_ok(cairn_network_load(&network, test_gpu(CAIRN_CLASS_AUTO), test_path("imported.safetensors")));
    assert_ok(cairn_network_run(network, image, 1, H, W, imported, NULL));
    cairn_network_destroy(&network);
}

static void epsilon_counts_and_survives_an_import(void **state)
{
    (void)state;
    static float small[H * W], large[H * W], imported[H * W];
    look(small, imported, 1e-5);
    assert_memory_equal(small, imported, sizeof small);
    look(large, imported, 0.5);
    assert_memory_equal(large, imported, sizeof large);
    double worst = 0;
    for (int i = 0; i < H * W; i++) worst = fmax(worst, fabs((double)small[i] - (double)large[i]));
    assert_true(worst > 1e-4);
}

/* bn1a's running mean behind one pass, from zero: momentum times the mean of the batch. */
static void first_mean(float mean[8], double momentum)
{
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    cairn_model m;
    static float image[H * W];
    const cairn_network_spec spec = spec_with(0, momentum);
    make_image(image);
    assert_ok(cairn_graph_create(&g));
    assert_ok(cairn_store_create(&store, test_gpu(CAIRN_CLASS_AUTO)));
    cairn_model_init(&m, g, true);
    cairn_tid x = cairn_graph_input(g, "image", (cairn_shape){1, H, W, 1});
    cairn_graph_output(g, cairn_network_build(&m, &spec, x).heatmap, "heatmap");
    assert_ok(cairn_model_initialise(&m, store, 4));
    assert_ok(cairn_program_create(&program, test_gpu(CAIRN_CLASS_AUTO), g, store, NULL));
    assert_ok(cairn_program_write(program, x, image));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_store_read(store, cairn_store_find(store, "bn1a.running_mean"), mean));
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_model_uninit(&m);
    cairn_graph_destroy(&g);
}

static void momentum_is_the_share_of_a_new_batch(void **state)
{
    (void)state;
    float usual[8], faster[8];
    first_mean(usual, 0);
    first_mean(faster, 0.1);
    for (int i = 0; i < 8; i++) {
        assert_true(fabsf(usual[i]) > 1e-6f);
        assert_near((double)faster[i] / (double)usual[i], 10, 1e-4);
    }
}

static double norm(const float *d)
{
    double sum = 0;
    for (int i = 0; i < D; i++) sum += (double)d[i] * (double)d[i];
    return sqrt(sum);
}

/* The map at x / 8, y / 8, with taps that stay inside, then normalised. */
static void legacy(double out[D], const float *map, double x, double y)
{
    const double u = fmin(x / 8, WC - 1), v = fmin(y / 8, HC - 1), fx = u - floor(u), fy = v - floor(v);
    const int x0 = (int)u, y0 = (int)v, x1 = x0 + 1 < WC ? x0 + 1 : x0, y1 = y0 + 1 < HC ? y0 + 1 : y0;
    double sum = 0;
    for (int i = 0; i < D; i++) {
        const double a = (double)map[(y0 * WC + x0) * D + i], b = (double)map[(y0 * WC + x1) * D + i];
        const double c = (double)map[(y1 * WC + x0) * D + i], d = (double)map[(y1 * WC + x1) * D + i];
        out[i] = (1 - fy) * ((1 - fx) * a + fx * b) + fy * ((1 - fx) * c + fx * d);
        sum += out[i] * out[i];
    }
    for (int i = 0; i < D; i++) out[i] /= sqrt(sum);
}

static void legacy_interpolates_what_is_not_normalised(void **state)
{
    (void)state;
    static float image[H * W], heatmap[H * W], unit[HC * WC * D], raw[HC * WC * D];
    const cairn_network_spec spec = spec_with(0, 0);
    cairn_network *network;
    cairn_detector detector;
    cairn_keypoints found = {0};
    cairn_detect_options options = CAIRN_DETECT_OPTIONS_INIT;
    double apart = 0, least = 1e9, most = 0;
    make_image(image);
    assert_ok(cairn_network_create_untrained(&network, test_gpu(CAIRN_CLASS_AUTO), &spec, 3));
    assert_ok(cairn_network_run(network, image, 1, H, W, heatmap, unit));
    cairn_network_use_raw_descriptors(network, true);
    assert_ok(cairn_network_run(network, image, 1, H, W, heatmap, raw));
    for (int i = 0; i < HC * WC; i++) {
        const double length = norm(raw + i * D);
        least = fmin(least, length);
        most = fmax(most, length);
        for (int k = 0; k < D; k++) assert_near((double)raw[i * D + k] / length, unit[i * D + k], 1e-5);
    }
    assert_true(most > 1.2 * least); /* else the order of the two steps does not show */
    options.sampling = CAIRN_SAMPLE_LEGACY;
    options.threshold = 0;
    options.border = 0;
    assert_ok(cairn_detector_wrap(&detector, network, "x", &options));
    const cairn_image gray = {.h = H, .w = W, .c = 1, .pixels = image};
    assert_ok(detector.detect(detector.state, &gray, 60, &found));
    assert_int_equal(found.count, 60);
    for (int i = 0; i < found.count; i++) {
        double first[D], second[D];
        const cairn_keypoint p = found.points[i];
        legacy(first, raw, (double)p.x, (double)p.y);
        legacy(second, unit, (double)p.x, (double)p.y);
        for (int k = 0; k < D; k++) {
            assert_near(found.descriptors[i * D + k], first[k], 1e-5);
            apart = fmax(apart, fabs(first[k] - second[k]));
        }
    }
    assert_true(apart > 1e-3);
    cairn_keypoints_free(&found);
    cairn_detector_free(&detector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_description_is_read_back), cmocka_unit_test(epsilon_counts_and_survives_an_import),
        cmocka_unit_test(momentum_is_the_share_of_a_new_batch),
        cmocka_unit_test(legacy_interpolates_what_is_not_normalised)};
    return test_gpu_main("superpoint", tests, sizeof tests / sizeof *tests, test_scratch_create, test_scratch_remove);
}
