/* Training views that the device makes against those of the host: labels, valid cells and homographies are the same,
 * images differ by rounding. */
#include "experiments/stages/teacher/samples.h"
#include "graph/program.h"
#include "support/device/test_gpu.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N = 3, H = 48, W = 64, PIXELS = H * W, CELLS = PIXELS / 64 };

typedef struct views {
    float image[N * PIXELS * 3], labels[N * CELLS], valid[N * CELLS], rows[N * CAIRN_PHOTOMETRIC_FLOATS];
    float matrices[N * 9];
    cairn_homography to_warped[N];
} views;

/* Smooth, so that a coordinate's last digit does not show. */
static void photo(cairn_image *image, cairn_keypoints *points, int n)
{
    assert_ok(cairn_image_create(image, H, W, 1));
    for (int i = 0; i < PIXELS; i++)
        image->pixels[i] = 0.5f + 0.4f * sinf(0.2f * (float)(i % W) + (float)n) * cosf(0.15f * (float)(i / W));
    assert_ok(cairn_keypoints_create(points, 12, 0));
    for (int i = 0; i < 12; i++)
        points->points[i] = (cairn_keypoint){(float)(5 * i + n), (float)(i * 37 % H), 1};
}

/* Sample n of `out`; stride 0: made by the host. */
static void make(views *out, int n, bool joint, int stride, int mask, bool keep_photo)
{
    const cairn_photometric_options light = cairn_photometric_preset(CAIRN_AUGMENT_SYNTHETIC);
    const cairn_homographic_options warp = cairn_homographic_preset(CAIRN_AUGMENT_SUPERPOINT);
    const cairn_sample_stream stream = {1, 2, 3, (uint32_t)n};
    cairn_sample_view view = {.labels = out->labels + n * CELLS, .valid = out->valid + n * CELLS};
    cairn_image image;
    cairn_keypoints points;
    photo(&image, &points, n);
    view.image = out->image + n * PIXELS * (stride ? stride : 1);
    if (stride) {
        view.stride = stride;
        view.mask = view.image + mask;
        view.light = out->rows + n * CAIRN_PHOTOMETRIC_FLOATS;
        view.matrix = out->matrices + n * 9;
        if (keep_photo) view.image = NULL;
    }
    if (joint)
        assert_ok(cairn_sample_warped(&view, &out->to_warped[n], &image, &points, &light, &warp, &stream));
    else
        assert_ok(cairn_sample_detector(&view, &image, &points, &light, n ? &warp : NULL, &stream));
    cairn_image_free(&image);
    cairn_keypoints_free(&points);
}

static void compare(const views *device, const views *host, const float *image)
{
    double worst = 0;
    assert_memory_equal(device->labels, host->labels, sizeof host->labels);
    assert_memory_equal(device->valid, host->valid, sizeof host->valid);
    for (int i = 0; i < N * PIXELS; i++)
        worst = fmax(worst, fabs((double)image[i] - (double)host->image[i]));
    if (worst > 1e-4) fail_msg("images are %.3g apart", worst);
    double changed = 0; /* and there is something to see */
    for (int i = 0; i < N * PIXELS; i++) changed += fabs((double)host->image[i] - 0.5) / (N * PIXELS);
    assert_true(changed > 0.05);
}

static void run(cairn_graph *g, const cairn_tid *inputs, const float *const *values, int count, cairn_tid y, float *out)
{
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_SIMT);
    cairn_store *store = NULL;
    cairn_program *program = NULL;
    const cairn_program_options options = {0};
    if (!gpu) gpu = test_gpu(CAIRN_CLASS_TEXEL);
    cairn_graph_output(g, y, "seen");
    assert_ok(cairn_graph_status(g));
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, g, store, &options));
    for (int i = 0; i < count; i++) assert_ok(cairn_program_write(program, inputs[i], values[i]));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_read(program, y, out));
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    test_gpu_assert_valid(gpu);
}

/* As MagicPoint's stages: light first, then the view, which sample 0 goes without. */
static void test_detector_views(void **state)
{
    (void)state;
    static views host, device;
    static float seen[N * PIXELS];
    const cairn_sample_layout layout = {3, H, W, 1, true, true, true};
    cairn_training t = {.input_count = 3};
    for (int n = 0; n < N; n++) make(&host, n, false, 0, 0, false);
    for (int n = 0; n < N; n++) make(&device, n, false, 2, 1, false);
    float *arrays[5] = {device.image, device.labels, device.valid, device.rows, device.matrices};
    const cairn_sample_view last = cairn_sample_detector_view(arrays, N - 1, &layout, false);
    assert_ptr_equal(last.image, device.image + (N - 1) * PIXELS * 2);
    assert_ptr_equal(last.mask, last.image + 1);
    assert_ptr_equal(last.light, device.rows + (N - 1) * CAIRN_PHOTOMETRIC_FLOATS);
    assert_ptr_equal(last.matrix, device.matrices + (N - 1) * 9);
    assert_ok(cairn_graph_create(&t.g));
    const cairn_tid y = cairn_sample_detector_input(&t, N, &layout);
    assert_int_equal(t.input_count, 5);
    const cairn_tid inputs[3] = {t.inputs[0], t.inputs[3], t.inputs[4]};
    run(t.g, inputs, (const float *const[3]){device.image, device.rows, device.matrices}, 3, y, seen);
    compare(&device, &host, seen);
    cairn_graph_destroy(&t.g);
}

/* As the second view of joint training: the view first, the photo being there already. */
static void test_warped_views(void **state)
{
    (void)state;
    static views host, device;
    static float seen[N * PIXELS];
    cairn_graph *g = NULL;
    for (int n = 0; n < N; n++) {
        make(&host, n, true, 0, 0, false);
        make(&device, n, false, 3, 1, false); /* writes the photo */
        make(&device, n, true, 3, 2, true);
        assert_memory_equal(host.to_warped[n].m, device.to_warped[n].m, sizeof host.to_warped[n].m);
    }
    assert_ok(cairn_graph_create(&g));
    const cairn_tid in[3] = {cairn_graph_input(g, "photo", (cairn_shape){N, H, W, 3}),
                             cairn_graph_input(g, "rows", (cairn_shape){N, 1, 1, CAIRN_PHOTOMETRIC_FLOATS}),
                             cairn_graph_input(g, "matrices", (cairn_shape){N, 1, 1, 9})};
    const cairn_device_view view = {in[0], in[1], in[2], 1, true};
    run(g, in, (const float *const[3]){device.image, device.rows, device.matrices}, 3,
        cairn_sample_device_view(g, &view), seen);
    compare(&device, &host, seen);
    cairn_graph_destroy(&g);
}

/* Information, not a bound: processor time of 8 views, of all threads, in class texel where the device has it. */
static void cost(int h, int w)
{
    enum { COUNT = 8, ROUNDS = 5 };
    const size_t pixels = (size_t)h * (size_t)w;
    const cairn_sample_layout layouts[2] = {{3, h, w, 1, false, true, true}, {3, h, w, 1, true, true, true}};
    const cairn_photometric_options light = cairn_photometric_preset(CAIRN_AUGMENT_SUPERPOINT);
    const cairn_homographic_options warp = cairn_homographic_preset(CAIRN_AUGMENT_SUPERPOINT);
    const cairn_program_options options = {0};
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_TEXEL);
    cairn_store *store = NULL;
    cairn_program *program = NULL;
    cairn_image image;
    cairn_keypoints points = {0};
    float *arrays[5];
    double ms[3] = {1e30, 1e30, 1e30}; /* the host's views, its share of the device's, these */
    if (!gpu) gpu = test_gpu(CAIRN_CLASS_SIMT);
    cairn_training t = {.input_count = 3};
    for (int i = 0; i < 5; i++) arrays[i] = calloc(COUNT * (2 * pixels + 64), sizeof(float));
    assert_ok(cairn_image_create(&image, h, w, 1));
    for (size_t i = 0; i < pixels; i++) image.pixels[i] = 0.5f;
    assert_ok(cairn_graph_create(&t.g));
    cairn_graph_output(t.g, cairn_sample_detector_input(&t, COUNT, &layouts[1]), "seen");
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, t.g, store, &options));
    for (int round = 0; round < ROUNDS; round++) {
        clock_t start = clock();
        for (int device = 0; device < 2; device++) {
            for (int i = 0; i < COUNT; i++) {
                const cairn_sample_stream stream = {1, 2, (uint32_t)round, (uint32_t)i};
                cairn_sample_view view = cairn_sample_detector_view(arrays, i, &layouts[device], false);
                assert_ok(cairn_sample_detector(&view, &image, &points, &light, &warp, &stream));
            }
            ms[device] = fmin(ms[device], 1e3 * (double)(clock() - start) / CLOCKS_PER_SEC);
            start = clock();
        }
        for (int i = 0; i < 5; i++)
            if (i == 0 || i > 2) assert_ok(cairn_program_write(program, t.inputs[i], arrays[i]));
        assert_ok(cairn_program_run(program));
        ms[2] = fmin(ms[2], 1e3 * (double)(clock() - start) / CLOCKS_PER_SEC);
    }
    print_message("8 views of %dx%d, ms of processor time: host %.1f; for the device %.1f, which takes %.1f more\n", w, h,
                  ms[0], ms[1], ms[2]);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&t.g);
    cairn_image_free(&image);
    for (int i = 0; i < 5; i++) free(arrays[i]);
}

static void test_cost(void **state)
{
    (void)state;
    cost(120, 160);
    cost(240, 320);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detector_views),
        cmocka_unit_test(test_warped_views),
        cmocka_unit_test(test_cost),
    };
    return test_gpu_main("samples", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
