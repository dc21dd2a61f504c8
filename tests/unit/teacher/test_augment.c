#include "support/test.h"
#include "system/progress.h"
#include "teacher/augment.h"

#include <math.h>

static void ramp(cairn_image *image, int h, int w, int c)
{
    assert_ok(cairn_image_create(image, h, w, c));
    for (int i = 0; i < h * w * c; i++) image->pixels[i] = 0.2f + 0.6f * (float)(i / c % w) / (float)w;
}

static cairn_photometric_options nothing(void)
{
    return (cairn_photometric_options){.contrast_low = 1, .contrast_high = 1, .shade_kernel_low = 51,
                                       .shade_kernel_high = 51, .motion_kernel = 1};
}

static void statistics(const cairn_image *image, double *mean, double *deviation)
{
    double sum = 0, square = 0;
    int n = image->h * image->w * image->c;
    for (int i = 0; i < n; i++) {
        sum += image->pixels[i];
        square += (double)image->pixels[i] * image->pixels[i];
    }
    *mean = sum / n;
    *deviation = sqrt(fmax(0, square / n - *mean * *mean));
}

/* With every strength at zero the image stays; with one operation switched on it does what 2.5 says. */
static void test_operations_alone(void **state)
{
    (void)state;
    cairn_image image, copy;
    ramp(&image, 120, 160, 1);
    double mean, deviation, m, d, low = 1, high = -1, widest = 0;
    statistics(&image, &mean, &deviation);
    cairn_photometric_options o = nothing();
    cairn_rng rng = cairn_rng_stream(1, 1, 0, 0, 0);
    assert_ok(cairn_image_copy(&copy, &image));
    assert_ok(cairn_augment_photometric(&copy, &rng, &o));
    for (int i = 0; i < 120 * 160; i++) assert_float_equal(copy.pixels[i], image.pixels[i], 1e-6);
    cairn_image_free(&copy);
    for (uint32_t n = 0; n < 100; n++) { /* brightness: U(-40, 40) levels for all pixels */
        o = nothing();
        o.brightness = 40;
        rng = cairn_rng_stream(1, 1, 0, n, 0);
        assert_ok(cairn_image_copy(&copy, &image));
        assert_ok(cairn_augment_photometric(&copy, &rng, &o));
        statistics(&copy, &m, &d);
        assert_float_equal(d, deviation, 1e-5);
        low = fmin(low, m - mean);
        high = fmax(high, m - mean);
        cairn_image_free(&copy);
    }
    assert_true(low > -40 / 255.0 && low < -35 / 255.0 && high < 40 / 255.0 && high > 35 / 255.0);
    for (uint32_t n = 0; n < 50; n++) { /* contrast: about the mean */
        o = nothing();
        o.contrast_low = 0.5;
        o.contrast_high = 1.2;
        rng = cairn_rng_stream(1, 1, 0, n, 0);
        assert_ok(cairn_image_copy(&copy, &image));
        assert_ok(cairn_augment_photometric(&copy, &rng, &o));
        statistics(&copy, &m, &d);
        assert_float_equal(m, mean, 1e-5);
        assert_true(d > 0.499 * deviation && d < 1.201 * deviation);
        cairn_image_free(&copy);
    }
    for (uint32_t n = 0; n < 50; n++) { /* noise: its deviation is at most 20 levels */
        o = nothing();
        o.noise = 20;
        rng = cairn_rng_stream(1, 1, 0, n, 0);
        assert_ok(cairn_image_copy(&copy, &image));
        assert_ok(cairn_augment_photometric(&copy, &rng, &o));
        for (int i = 0; i < 120 * 160; i++) copy.pixels[i] -= image.pixels[i];
        statistics(&copy, &m, &d);
        assert_true(fabs(m) < 0.003 && d < 20.5 / 255);
        widest = fmax(widest, d);
        cairn_image_free(&copy);
    }
    assert_true(widest > 17 / 255.0);
    cairn_image_free(&image);
}

static void test_speckle_shade_motion(void **state)
{
    (void)state;
    cairn_image image, copy;
    cairn_rng rng;
    int black = 0, white = 0;
    double darkest = 1, mean, deviation;
    for (uint32_t n = 0; n < 60; n++) {
        cairn_photometric_options o = nothing();
        ramp(&image, 120, 160, 3);
        o.speckle = 0.1;
        rng = cairn_rng_stream(1, 1, 0, n, 0);
        assert_ok(cairn_augment_photometric(&image, &rng, &o));
        for (int i = 0; i < 120 * 160; i++) {
            const float *p = image.pixels + 3 * i;
            assert_true(p[0] == p[1] && p[1] == p[2]); /* a speckle has no colour */
            black += p[0] == 0;
            white += p[0] == 1;
        }
        cairn_image_free(&image);
        assert_ok(cairn_image_create(&image, 120, 160, 1));
        for (int i = 0; i < 120 * 160; i++) image.pixels[i] = 0.5f;
        o = nothing();
        o.shade_low = o.shade_high = 0.8;
        assert_ok(cairn_augment_photometric(&image, &rng, &o));
        for (int i = 0; i < 120 * 160; i++) {
            assert_true(image.pixels[i] > 0.0999f && image.pixels[i] < 0.5001f);
            darkest = fmin(darkest, image.pixels[i]);
            if (i % 160) assert_true(fabsf(image.pixels[i] - image.pixels[i - 1]) < 0.03f); /* smooth */
        }
        cairn_image_free(&image);
    }
    double share = black / (60.0 * 120 * 160), light = white / (60.0 * 120 * 160);
    assert_true(fabs(share - 0.05) < 0.012 && fabs(light - share) < 0.003); /* p = U(0, 0.1) */
    assert_true(darkest < 0.2);
    int changed = 0;
    for (uint32_t n = 0; n < 40; n++) { /* a dot becomes a line of the same weight */
        cairn_photometric_options o = nothing();
        assert_ok(cairn_image_create(&image, 40, 40, 1));
        image.pixels[20 * 40 + 20] = 1;
        o.motion_kernel = 7;
        rng = cairn_rng_stream(2, 1, 0, n, 0);
        assert_ok(cairn_image_copy(&copy, &image));
        assert_ok(cairn_augment_photometric(&copy, &rng, &o));
        statistics(&copy, &mean, &deviation);
        assert_float_equal(mean * 1600, 1, 1e-4);
        int lit = 0;
        for (int i = 0; i < 1600; i++) lit += copy.pixels[i] > 0;
        assert_true(lit == 1 || lit == 3 || lit == 5 || lit == 7);
        changed += lit > 1;
        cairn_image_free(&copy);
        cairn_image_free(&image);
    }
    assert_true(changed > 20 && changed < 40);
}

/* What the sources' presets change: the number of ellipses, the order of the operations, the point contrast turns on. */
static void test_sources(void **state)
{
    (void)state;
    cairn_image image, copy;
    ramp(&image, 120, 160, 1);
    double covered[2] = {0};
    for (int i = 0; i < 2; i++) /* half the ellipses darken fewer pixels */
        for (uint32_t n = 0; n < 20; n++) {
            cairn_photometric_options o = nothing();
            cairn_rng rng = cairn_rng_stream(6, 1, 0, n, 0);
            o.shade_low = o.shade_high = 0.5;
            o.shade_kernel_low = o.shade_kernel_high = 1;
            o.ellipses = i ? 10 : 0;
            assert_ok(cairn_image_copy(&copy, &image));
            assert_ok(cairn_augment_photometric(&copy, &rng, &o));
            for (int k = 0; k < 120 * 160; k++) covered[i] += copy.pixels[k] < 0.75f * image.pixels[k];
            cairn_image_free(&copy);
        }
    assert_true(covered[1] > 0.4 * covered[0] && covered[1] < 0.9 * covered[0]);
    cairn_photometric_options o = nothing();
    cairn_rng rng = cairn_rng_stream(6, 1, 1, 0, 0);
    o.contrast_low = o.contrast_high = 0;
    o.mid_grey = true;
    for (int i = 0; i < 120 * 160; i++) image.pixels[i] = 0.3f;
    assert_ok(cairn_augment_photometric(&image, &rng, &o));
    for (int i = 0; i < 120 * 160; i++) assert_float_equal(image.pixels[i], 0.5, 1e-6);
    o.brightness = 75; /* in the fixed order contrast 0 comes after it and leaves nothing of it */
    o.fixed_order = true;
    for (uint32_t n = 0; n < 20; n++) {
        rng = cairn_rng_stream(6, 1, 2, n, 0);
        assert_ok(cairn_augment_photometric(&image, &rng, &o));
        assert_float_equal(image.pixels[0], 0.5, 1e-6);
    }
    cairn_image_free(&image);
    assert_int_equal(cairn_photometric_preset(CAIRN_AUGMENT_SHAOFENGZENG).ellipses, 15);
    assert_true(cairn_photometric_preset(CAIRN_AUGMENT_PYTORCH_SUPERPOINT).fixed_order);
    assert_true(cairn_homographic_preset(CAIRN_AUGMENT_PYTORCH_SUPERPOINT).sampler.full_corners);
    assert_true(cairn_homographic_preset(CAIRN_AUGMENT_OMERCOHEN).sampler.affine);
}

static void test_presets(void **state)
{
    (void)state;
    for (int preset = 0; preset < CAIRN_AUGMENT_COUNT; preset++) {
        const bool dark = preset == CAIRN_AUGMENT_ADAPTATION || preset == CAIRN_AUGMENT_OMERCOHEN_ADAPTATION;
        cairn_photometric_options o = cairn_photometric_preset((cairn_augment_preset)preset);
        double change = 0;
        for (uint32_t n = 0; n < 20; n++) {
            cairn_image a, b;
            cairn_rng rng = cairn_rng_stream(3, 1, 0, n, 0), again = rng;
            ramp(&a, 120, 160, 1);
            assert_ok(cairn_image_copy(&b, &a));
            assert_ok(cairn_augment_photometric(&a, &rng, &o));
            for (int i = 0; i < 120 * 160; i++) {
                assert_true(a.pixels[i] >= 0 && a.pixels[i] <= 1);
                change += fabs(a.pixels[i] - b.pixels[i]) / (120 * 160 * 20);
            }
            assert_ok(cairn_augment_photometric(&b, &again, &o));
            assert_memory_equal(a.pixels, b.pixels, sizeof(float) * 120 * 160);
            cairn_image_free(&a);
            cairn_image_free(&b);
        }
        assert_true(dark ? change < 1e-6 : change > 0.03 && change < 0.4);
    }
    cairn_image tiny;
    cairn_rng rng = cairn_rng_stream(3, 1, 0, 0, 0);
    cairn_photometric_options o = cairn_photometric_preset(CAIRN_AUGMENT_SUPERPOINT);
    ramp(&tiny, 8, 8, 1);
    assert_status(cairn_augment_photometric(&tiny, &rng, &o), CAIRN_E_INVALID, "16x16");
    cairn_image_free(&tiny);
    ramp(&tiny, 16, 16, 1);
    assert_ok(cairn_augment_photometric(&tiny, &rng, &o)); /* kernels far wider than the image */
    o.shade_kernel_high = 300;
    assert_status(cairn_augment_photometric(&tiny, &rng, &o), CAIRN_E_INVALID, "odd");
    cairn_image_free(&tiny);
    assert_float_equal(cairn_homographic_preset(CAIRN_AUGMENT_SYNTHETIC).sampler.translation_overflow, 0.05, 0);
    assert_int_equal(cairn_homographic_preset(CAIRN_AUGMENT_SYNTHETIC).margin, 2);
    assert_true(cairn_homographic_preset(CAIRN_AUGMENT_ADAPTATION).sampler.max_angle > 3.14);
}

/* A dot drawn at each point is found within half a pixel of where the point went, unless that left the image; and where
 * the mask says valid, the nearest pixel of the image exists, so that at least a quarter of a white image is seen. */
static void test_homographic(void **state)
{
    (void)state;
    enum { H = 120, W = 160 };
    int seen = 0, gone = 0;
    float valid[H * W];
    for (uint32_t n = 0; n < 270; n++) {
        cairn_rng rng = cairn_rng_stream(4, 1, 0, n, 0), again = rng;
        cairn_image image, warped;
        cairn_keypoints k;
        cairn_homography h;
        assert_ok(cairn_image_create(&image, H, W, 1));
        assert_ok(cairn_keypoints_create(&k, 1, 2));
        int px = 8 + (int)(n * 37 % (W - 16)), py = 8 + (int)(n * 53 % (H - 16));
        for (int y = -2; y <= 2; y++)
            for (int x = -2; x <= 2; x++) image.pixels[(py + y) * W + px + x] = (float)exp(-0.5 * (x * x + y * y));
        k.points[0] = (cairn_keypoint){(float)px, (float)py, 0.25f};
        cairn_homographic_options o = cairn_homographic_preset((cairn_augment_preset)(n % CAIRN_AUGMENT_COUNT));
        assert_ok(cairn_augment_homographic(&warped, valid, &k, &image, &rng, &o, &h));
        double x, y, sum = 0, sx = 0, sy = 0;
        if (k.count == 0) {
            gone++;
        } else if (k.points[0].x > 6 && k.points[0].y > 6 && k.points[0].x < W - 7 && k.points[0].y < H - 7) {
            assert_true(cairn_homography_apply(&h, k.points[0].x, k.points[0].y, &x, &y));
            assert_true(hypot(x - px, y - py) < 1e-3);
            for (int i = 0; i < H * W; i++) {
                sum += warped.pixels[i];
                sx += warped.pixels[i] * (i % W);
                sy += warped.pixels[i] * (int)(i / W);
            }
            assert_true(hypot(sx / sum - k.points[0].x, sy / sum - k.points[0].y) < 0.5);
            assert_float_equal(k.points[0].score, 0.25, 0);
            seen++;
        }
        cairn_image_free(&warped);
        for (int i = 0; i < H * W; i++) image.pixels[i] = 1;
        assert_ok(cairn_augment_homographic(&warped, valid, NULL, &image, &again, &o, NULL));
        for (int i = 0; i < H * W; i++)
            if (valid[i] > 0) assert_true(warped.pixels[i] > 0.2499f);
        cairn_image_free(&warped);
        cairn_image_free(&image);
        cairn_keypoints_free(&k);
    }
    assert_true(seen > 60 && gone > 5);
}

/* Information, not a bound: machines differ. */
static void test_speed(void **state)
{
    (void)state;
    static const int sizes[2][2] = {{120, 160}, {240, 320}};
    for (int preset = 0; preset < 3; preset++) {
        int h = sizes[preset > 0][0], w = sizes[preset > 0][1], n = 0;
        cairn_photometric_options o = cairn_photometric_preset((cairn_augment_preset)preset);
        cairn_homographic_options g = cairn_homographic_preset((cairn_augment_preset)preset);
        cairn_image image, warped;
        float *valid = malloc(sizeof *valid * (size_t)(h * w));
        ramp(&image, h, w, 1);
        double start = cairn_seconds(), middle;
        for (; n < 20; n++) {
            cairn_rng rng = cairn_rng_stream(5, 1, 0, (uint32_t)n, 0);
            assert_ok(cairn_augment_photometric(&image, &rng, &o));
        }
        middle = cairn_seconds();
        for (n = 0; n < 20; n++) {
            cairn_rng rng = cairn_rng_stream(5, 1, 0, (uint32_t)n, 0);
            assert_ok(cairn_augment_homographic(&warped, valid, NULL, &image, &rng, &g, NULL));
            cairn_image_free(&warped);
        }
        print_message("%dx%d, preset %d: photometric %.2f ms, homographic %.2f ms\n", w, h, preset,
                      50 * (middle - start), 50 * (cairn_seconds() - middle));
        cairn_image_free(&image);
        free(valid);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations_alone),
        cmocka_unit_test(test_speckle_shade_motion),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_presets),
        cmocka_unit_test(test_homographic),
        cmocka_unit_test(test_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
