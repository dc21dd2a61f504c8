/* Nearest neighbours on the device beside those of the host. */
#include "matching/nearest_device.h"
#include "support/device/test_gpu.h"
#include "system/progress.h"

#include <math.h>
#include <stdlib.h>

/* The first third of b are points of a, moved a little. */
static void make(cairn_keypoints *a, cairn_keypoints *b, int na, int nb, int dimension, uint32_t seed)
{
    cairn_rng rng = cairn_rng_stream(seed, 3, 0, 0, 0);
    assert_ok(cairn_keypoints_create(a, na, dimension));
    assert_ok(cairn_keypoints_create(b, nb, dimension));
    for (int i = 0; i < na + nb; i++) {
        float *d = i < na ? a->descriptors + (size_t)i * dimension : b->descriptors + (size_t)(i - na) * dimension;
        const int near = i >= na && i - na < na / 3;
        double norm = 0;
        for (int k = 0; k < dimension; k++) {
            d[k] = (float)cairn_rng_normal(&rng) * (near ? 0.1f : 1.0f);
            if (near) d[k] += 3 * a->descriptors[(size_t)(i - na) * dimension + k];
            norm += d[k] * d[k];
        }
        for (int k = 0; k < dimension; k++) d[k] /= (float)sqrt(norm);
    }
}

static cairn_nearest_device *device;

static void same_as_the_host(void)
{
    static const int sizes[][3] = {{1, 1, 4}, {300, 200, 32}, {0, 5, 32}, {127, 513, 33}, {1100, 260, 16}};
    static const cairn_nearest_options options[] = {
        {.mutual = true}, {.mutual = false, .ratio = 0.9f}, {.mutual = true, .ratio = 0.95f, .max_distance = 1.1f}};
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
        cairn_keypoints a, b;
        make(&a, &b, sizes[n][0], sizes[n][1], sizes[n][2], (uint32_t)n);
        for (size_t k = 0; k < sizeof options / sizeof *options; k++) {
            cairn_nearest_pair pair = {&a, &b, NULL, 0};
            cairn_match *expected;
            int count;
            assert_ok(cairn_nearest_match(&expected, &count, &a, &b, &options[k]));
            assert_ok(cairn_nearest_device_match(device, &pair, 1, &options[k]));
            assert_int_equal(pair.count, count);
            for (int i = 0; i < count; i++) {
                assert_int_equal(pair.matches[i].a, expected[i].a);
                assert_int_equal(pair.matches[i].b, expected[i].b);
                assert_near(pair.matches[i].distance, expected[i].distance, 1e-3);
            }
            free(expected);
            free(pair.matches);
        }
        cairn_keypoints_free(&a);
        cairn_keypoints_free(&b);
    }
}

static void test_same_as_the_host(void **state)
{
    (void)state;
    static const cairn_kernel_class classes[] = {CAIRN_CLASS_TEXEL, CAIRN_CLASS_SIMT};
    for (int i = 0; i < 2; i++) {
        cairn_gpu *gpu = test_gpu(classes[i]);
        if (!gpu) continue;
        assert_ok(cairn_nearest_device_create(&device, gpu));
        same_as_the_host();
        cairn_nearest_device_destroy(&device);
        test_gpu_assert_valid(gpu);
    }
}

/* Pairs of different sizes in one run are matched as each by itself. */
static void test_several_pairs(void **state)
{
    (void)state;
    static const int sizes[3][2] = {{90, 140}, {200, 30}, {1, 256}};
    cairn_keypoints a[3], b[3];
    cairn_nearest_pair pairs[3];
    const cairn_nearest_options options = CAIRN_NEAREST_OPTIONS_INIT;
    for (int i = 0; i < 3; i++) {
        make(&a[i], &b[i], sizes[i][0], sizes[i][1], 64, 10 + (uint32_t)i);
        pairs[i] = (cairn_nearest_pair){&a[i], &b[i], NULL, 0};
    }
    assert_ok(cairn_nearest_device_match(device, pairs, 3, &options));
    for (int i = 0; i < 3; i++) {
        cairn_match *expected;
        int count;
        assert_ok(cairn_nearest_match(&expected, &count, &a[i], &b[i], &options));
        assert_int_equal(pairs[i].count, count);
        for (int k = 0; k < count; k++)
            assert_true(pairs[i].matches[k].a == expected[k].a && pairs[i].matches[k].b == expected[k].b);
        free(expected);
        free(pairs[i].matches);
    }
    cairn_nearest_pair wrong[2] = {{&a[0], &b[0], NULL, 0}, {&a[1], &b[1], NULL, 0}};
    a[1].dimension = b[1].dimension = 32;
    assert_status(cairn_nearest_device_match(device, wrong, 2, &options), CAIRN_E_SHAPE, "64 and 32");
    assert_status(cairn_nearest_device_match(device, wrong, 0, &options), CAIRN_E_INVALID, "1 to 64");
    for (int i = 0; i < 3; i++) {
        cairn_keypoints_free(&a[i]);
        cairn_keypoints_free(&b[i]);
    }
}

/* Information, not a bound. */
static void test_speed(void **state)
{
    (void)state;
    enum { RUNS = 3 };
    const cairn_nearest_options options = CAIRN_NEAREST_OPTIONS_INIT;
    for (int points = 1000; points <= 2000; points += 1000) {
        cairn_keypoints a, b;
        double host = 1e9, ours = 1e9;
        make(&a, &b, points, points, 256, 20);
        for (int i = 0; i < RUNS; i++) {
            cairn_nearest_pair pair = {&a, &b, NULL, 0};
            double start = cairn_cpu_seconds();
            assert_ok(cairn_nearest_match(&pair.matches, &pair.count, &a, &b, &options));
            host = fmin(host, cairn_cpu_seconds() - start);
            free(pair.matches);
            start = cairn_cpu_seconds();
            assert_ok(cairn_nearest_device_match(device, &pair, 1, &options));
            ours = fmin(ours, cairn_cpu_seconds() - start);
            free(pair.matches);
        }
        print_message("%d x %d x 256, processor time: host %.1f ms, device %.1f ms\n", points, points, 1e3 * host,
                      1e3 * ours);
        cairn_keypoints_free(&a);
        cairn_keypoints_free(&b);
    }
}

static int open_device(void **state)
{
    (void)state;
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_TEXEL);
    if (!gpu) gpu = test_gpu(CAIRN_CLASS_SIMT);
    return !gpu || cairn_nearest_device_create(&device, gpu) < 0;
}

static int close_device(void **state)
{
    (void)state;
    cairn_nearest_device_destroy(&device);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_the_host),
        cmocka_unit_test_setup_teardown(test_several_pairs, open_device, close_device),
        cmocka_unit_test_setup_teardown(test_speed, open_device, close_device)};
    return test_gpu_main("nearest_device", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
