#include "geometry/homography.h"
#include "support/test.h"

#include <math.h>

static cairn_homography some(uint32_t sample, int h, int w)
{
    cairn_rng rng = cairn_rng_stream(7, 1, 0, sample, 0);
    cairn_homography_options o = CAIRN_HOMOGRAPHY_OPTIONS_INIT;
    cairn_homography out;
    assert_ok(cairn_homography_sample(&out, &rng, h, w, &o));
    return out;
}

static void test_inverse_undoes(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 50; n++) {
        cairn_homography h = some(n, 240, 320), g;
        assert_ok(cairn_homography_invert(&g, &h));
        cairn_homography i = cairn_homography_multiply(&g, &h);
        for (int k = 0; k < 9; k++) assert_true(fabs(i.m[k] / i.m[8] - (k % 4 == 0)) < 1e-9);
        double x, y, u, v;
        assert_true(cairn_homography_apply(&h, 17, 203, &x, &y));
        assert_true(cairn_homography_apply(&g, x, y, &u, &v));
        assert_true(hypot(u - 17, v - 203) < 1e-8);
    }
    cairn_homography flat = {{1, 2, 3, 2, 4, 6, 0, 0, 1}}, g;
    assert_status(cairn_homography_invert(&g, &flat), CAIRN_E_NUMERIC, "");
    cairn_homography vanish = {{1, 0, 0, 0, 1, 0, 0.01, 0, -1}};
    double x, y;
    assert_false(cairn_homography_apply(&vanish, 100, 5, &x, &y));
}

static void test_corners_exact(void **state)
{
    (void)state;
    cairn_rng rng = cairn_rng_stream(3, 1, 0, 0, 0);
    for (int n = 0; n < 200; n++) {
        double p[8] = {0, 0, 639, 0, 639, 479, 0, 479}, q[8], x, y;
        for (int i = 0; i < 8; i++) q[i] = p[i] + cairn_rng_between(&rng, -150, 150);
        cairn_homography h;
        assert_ok(cairn_homography_from_corners(&h, p, q));
        assert_true(h.m[8] == 1.0);
        for (int i = 0; i < 4; i++) {
            assert_true(cairn_homography_apply(&h, p[2 * i], p[2 * i + 1], &x, &y));
            assert_true(hypot(x - q[2 * i], y - q[2 * i + 1]) < 1e-9);
        }
    }
    double line[8] = {0, 0, 1, 1, 2, 2, 5, 0}, square[8] = {0, 0, 1, 0, 1, 1, 0, 1};
    cairn_homography h;
    assert_status(cairn_homography_from_corners(&h, line, square), CAIRN_E_NUMERIC, "");
}

static void test_fit_and_polish(void **state)
{
    (void)state;
    enum { N = 40 };
    double from[2 * N], to[2 * N], noisy[2 * N];
    cairn_rng rng = cairn_rng_stream(5, 1, 0, 0, 0);
    cairn_homography truth = some(4, 480, 640), h;
    for (int i = 0; i < N; i++) {
        from[2 * i] = cairn_rng_between(&rng, 0, 640);
        from[2 * i + 1] = cairn_rng_between(&rng, 0, 480);
        cairn_homography_apply(&truth, from[2 * i], from[2 * i + 1], &to[2 * i], &to[2 * i + 1]);
        noisy[2 * i] = to[2 * i] + 0.5 * cairn_rng_normal(&rng);
        noisy[2 * i + 1] = to[2 * i + 1] + 0.5 * cairn_rng_normal(&rng);
    }
    assert_ok(cairn_homography_fit(&h, from, to, NULL, N));
    for (int k = 0; k < 9; k++) assert_true(fabs(h.m[k] - truth.m[k]) < 1e-7 * (1 + fabs(truth.m[k])));
    /* Weight 0 removes a pair; one wild pair with full weight does not go unnoticed. */
    double weights[N];
    for (int i = 0; i < N; i++) weights[i] = i > 0;
    to[0] += 500;
    assert_ok(cairn_homography_fit(&h, from, to, weights, N));
    for (int k = 0; k < 9; k++) assert_true(fabs(h.m[k] - truth.m[k]) < 1e-7 * (1 + fabs(truth.m[k])));
    assert_ok(cairn_homography_fit(&h, from, to, NULL, N));
    assert_true(fabs(h.m[2] - truth.m[2]) > 1e-3);
    assert_ok(cairn_homography_fit(&h, from, noisy, NULL, N));
    double before = 0, after = 0, x, y;
    for (int pass = 0; pass < 2; pass++) {
        double *sum = pass ? &after : &before;
        for (int i = 0; i < N; i++) {
            cairn_homography_apply(&h, from[2 * i], from[2 * i + 1], &x, &y);
            *sum += pow(x - noisy[2 * i], 2) + pow(y - noisy[2 * i + 1], 2);
        }
        if (!pass) cairn_homography_polish(&h, from, noisy, NULL, N, 1e9, 20);
    }
    assert_true(after <= before * (1 + 1e-12));
    assert_true(after / (2 * N - 8) < 0.5 && after / (2 * N - 8) > 0.1); /* the variance put in is 0.25 */
    double line[10] = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4};
    assert_status(cairn_homography_fit(&h, line, line, NULL, 5), CAIRN_E_NUMERIC, "");
}

enum { DRAWS = 1500 };

/* Mean fraction of valid pixels before erosion, and of 8x8 cells all valid after it. */
static void statistics(double *pixels, double *cells, int h, int w, int margin, const cairn_homography_options *o)
{
    float *valid = malloc(sizeof(float) * (size_t)h * (size_t)w);
    cairn_image image = {0}, warped = {0};
    assert_ok(cairn_image_create(&image, h, w, 1));
    double sum = 0, cell_sum = 0;
    for (uint32_t n = 0; n < DRAWS; n++) {
        cairn_rng rng = cairn_rng_stream(11, 2, 0, n, 0);
        cairn_homography g;
        assert_ok(cairn_homography_sample(&g, &rng, h, w, o));
        assert_ok(cairn_homography_warp(&warped, valid, &image, &g, h, w));
        cairn_image_free(&warped);
        for (int i = 0; i < h * w; i++) sum += valid[i];
        cairn_mask_erode(valid, h, w, margin);
        for (int cy = 0; cy < h / 8; cy++)
            for (int cx = 0; cx < w / 8; cx++) {
                int all = 1;
                for (int k = 0; k < 64; k++) all &= valid[(cy * 8 + k / 8) * w + cx * 8 + k % 8] > 0;
                cell_sum += all;
            }
    }
    *pixels = sum / DRAWS / (h * w);
    *cells = cell_sum * 64 / DRAWS / (h * w);
    cairn_image_free(&image);
    free(valid);
}

/* teacher.md 3.2 and 10.1 item 3: within 2 % of the published statistics, which are themselves means of 300 draws. */
static void test_sampler_statistics(void **state)
{
    (void)state;
    double pixels, cells;
    cairn_homography_options o = CAIRN_HOMOGRAPHY_OPTIONS_INIT;
    statistics(&pixels, &cells, 240, 320, 3, &o);
    print_message("training: valid pixels %.4f (0.846), cells %.4f (0.80)\n", pixels, cells);
    assert_true(fabs(pixels / 0.846 - 1) < 0.02);
    assert_true(fabs(cells / 0.80 - 1) < 0.02);
    o.patch_ratio = 0.8;
    o.translation_overflow = 0.05;
    statistics(&pixels, &cells, 120, 160, 2, &o);
    print_message("synthetic: valid pixels %.4f (0.818), cells %.4f (0.741)\n", pixels, cells);
    assert_true(fabs(pixels / 0.818 - 1) < 0.02);
    assert_true(fabs(cells / 0.741 - 1) < 0.02);
}

/* teacher.md 3.1: with the corners of the whole image the view is zoomed in, so that more of it is valid (0.947 of the
 * pixels, 0.92 of the cells) and less of the source is seen (0.68 of its cells' centres; 0.835 with the patch's). */
static void test_sampler_of_full_corners(void **state)
{
    (void)state;
    double pixels, cells;
    cairn_homography_options o = CAIRN_HOMOGRAPHY_OPTIONS_INIT;
    for (int full = 0; full < 2; full++) {
        int seen = 0;
        o.full_corners = full;
        for (uint32_t n = 0; n < DRAWS; n++) {
            cairn_rng rng = cairn_rng_stream(11, 2, 0, n, 0);
            cairn_homography to_input, to_warped;
            assert_ok(cairn_homography_sample(&to_input, &rng, 240, 320, &o));
            assert_ok(cairn_homography_invert(&to_warped, &to_input));
            for (int i = 0; i < 30 * 40; i++) {
                double x, y;
                cairn_homography_apply(&to_warped, i % 40 * 8 + 4, (int)(i / 40) * 8 + 4, &x, &y);
                seen += x >= 0 && y >= 0 && x <= 319 && y <= 239;
            }
        }
        const double share = seen / (1200.0 * DRAWS), wanted = full ? 0.68 : 0.835;
        print_message("full corners %d: seen %.4f (%.3f)\n", full, share, wanted);
        assert_true(fabs(share / wanted - 1) < 0.03);
    }
    statistics(&pixels, &cells, 240, 320, 3, &o);
    print_message("full corners: valid pixels %.4f (0.947), cells %.4f (0.92)\n", pixels, cells);
    assert_true(fabs(pixels / 0.947 - 1) < 0.02);
    assert_true(fabs(cells / 0.92 - 1) < 0.02);
}

/* Angle, scale, shear and shift of affine draws fill their ranges and stay in them. */
static void test_sampler_affine(void **state)
{
    (void)state;
    cairn_homography_options o = {.affine = true, .max_angle = 0.1, .affine_translation = 0.2, .affine_low = 1.2,
                                  .affine_high = 1.5, .affine_shear = 0.25};
    double low[5] = {9, 9, 9, 9, 9}, high[5] = {-9, -9, -9, -9, -9};
    for (uint32_t n = 0; n < 500; n++) {
        cairn_rng rng = cairn_rng_stream(11, 3, 0, n, 0);
        cairn_homography h, g;
        double x, y;
        assert_ok(cairn_homography_sample(&h, &rng, 240, 320, &o));
        assert_ok(cairn_homography_invert(&g, &h));
        assert_true(fabs(g.m[6]) < 1e-12 && fabs(g.m[7]) < 1e-12 && fabs(g.m[8] - 1) < 1e-12);
        assert_true(cairn_homography_apply(&g, 159.5, 119.5, &x, &y)); /* the centre only shifts */
        const double scale = hypot(g.m[0], g.m[3]), c = g.m[0] / scale, s = g.m[3] / scale;
        const double shear = (c * g.m[1] + s * g.m[4]) / scale;
        const double found[5] = {(x - 159.5) / 320, (y - 119.5) / 240, scale, atan2(s, c), atan(shear)};
        for (int i = 0; i < 5; i++) {
            low[i] = fmin(low[i], found[i]);
            high[i] = fmax(high[i], found[i]);
        }
        assert_float_equal(c * g.m[4] - s * g.m[1], scale, 1e-9); /* the shear keeps areas */
    }
    const double lows[5] = {-0.2, -0.2, 1.2, -0.1, -0.25}, highs[5] = {0.2, 0.2, 1.5, 0.1, 0.25};
    for (int i = 0; i < 5; i++) {
        const double margin = 0.03 * (highs[i] - lows[i]);
        assert_true(low[i] > lows[i] - 1e-9 && low[i] < lows[i] + margin);
        assert_true(high[i] < highs[i] + 1e-9 && high[i] > highs[i] - margin);
    }
    cairn_rng rng = cairn_rng_stream(1, 2, 0, 0, 0);
    cairn_homography h;
    o.affine_low = 2;
    assert_status(cairn_homography_sample(&h, &rng, 240, 320, &o), CAIRN_E_INVALID, "affine");
}

static void test_sampler_without_artifacts_stays_inside(void **state)
{
    (void)state;
    cairn_homography_options o = CAIRN_HOMOGRAPHY_OPTIONS_INIT;
    o.allow_artifacts = false;
    o.patch_ratio = 0.5;
    o.scaling_amplitude = o.perspective_x = o.perspective_y = 0.1;
    for (uint32_t n = 0; n < 300; n++) {
        cairn_rng rng = cairn_rng_stream(1, 2, 0, n, 0), again = rng;
        cairn_homography h, g;
        assert_ok(cairn_homography_sample(&h, &rng, 240, 320, &o));
        assert_ok(cairn_homography_sample(&g, &again, 240, 320, &o));
        assert_memory_equal(&h, &g, sizeof h);
        for (int i = 0; i < 4; i++) { /* the central patch lands inside the image */
            double x, y;
            cairn_homography_apply(&h, i & 1 ? 240 : 80, i & 2 ? 180 : 60, &x, &y);
            assert_true(x > -1e-6 && y > -1e-6 && x < 320 + 1e-6 && y < 240 + 1e-6);
        }
    }
    o.patch_ratio = 0;
    cairn_rng rng = cairn_rng_stream(1, 2, 0, 0, 0);
    cairn_homography h;
    assert_status(cairn_homography_sample(&h, &rng, 240, 320, &o), CAIRN_E_INVALID, "");
}

/* A dot drawn at p appears at the mapped point within half a pixel. */
static void test_points_and_pixels_agree(void **state)
{
    (void)state;
    enum { H = 120, W = 160 };
    int seen = 0;
    for (uint32_t n = 0; n < 200; n++) {
        cairn_homography h = some(n, H, W), inverse;
        assert_ok(cairn_homography_invert(&inverse, &h));
        cairn_rng rng = cairn_rng_stream(9, 1, 0, n, 0);
        int px = cairn_rng_integer(&rng, 5, W - 6), py = cairn_rng_integer(&rng, 5, H - 6);
        double x, y, sum = 0, sx = 0, sy = 0;
        cairn_homography_apply(&inverse, px, py, &x, &y);
        if (x < 5 || y < 5 || x > W - 6 || y > H - 6) continue;
        cairn_image image = {0}, warped = {0};
        assert_ok(cairn_image_create(&image, H, W, 1));
        for (int dy = -2; dy <= 2; dy++)
            for (int dx = -2; dx <= 2; dx++)
                image.pixels[(py + dy) * W + px + dx] = (float)exp(-0.5 * (dx * dx + dy * dy));
        assert_ok(cairn_homography_warp(&warped, NULL, &image, &h, H, W));
        for (int i = 0; i < H * W; i++) {
            sum += warped.pixels[i];
            sx += warped.pixels[i] * (i % W);
            sy += warped.pixels[i] * (i / W);
        }
        assert_true(sum > 0);
        assert_true(hypot(sx / sum - x, sy / sum - y) < 0.5);
        seen++;
        cairn_image_free(&image);
        cairn_image_free(&warped);
    }
    assert_true(seen > 80);
}

static void test_warp_borders(void **state)
{
    (void)state;
    cairn_image image = {0}, out = {0};
    float valid[6 * 8];
    assert_ok(cairn_image_create(&image, 6, 8, 3));
    for (int i = 0; i < 6 * 8 * 3; i++) image.pixels[i] = 1;
    cairn_homography h = {{1, 0, -1.25, 0, 1, 0, 0, 0, 1}}; /* warped x -> input x - 1.25 */
    assert_ok(cairn_homography_warp(&out, valid, &image, &h, 6, 8));
    assert_float_equal(out.pixels[0], 0, 1e-6);    /* input -1.25 */
    assert_float_equal(out.pixels[3], 0.75, 1e-6); /* input -0.25: one tap is outside and reads 0 */
    assert_float_equal(out.pixels[6], 1, 1e-6);
    assert_true(valid[0] == 0 && valid[1] == 1 && valid[2] == 1); /* -0.25 rounds to pixel 0 */
    cairn_image_free(&out);
    for (int i = 0; i < 9; i++) h.m[i] = -h.m[i]; /* the sign of a homography is free */
    assert_ok(cairn_homography_warp(&out, NULL, &image, &h, 6, 8));
    assert_float_equal(out.pixels[3], 0.75, 1e-6);
    cairn_image_free(&out);
    cairn_image_free(&image);
}

static void test_erosion(void **state)
{
    (void)state;
    enum { H = 11, W = 13 };
    float mask[H * W];
    for (int i = 0; i < H * W; i++) mask[i] = 1;
    cairn_mask_erode(mask, H, W, 3);
    for (int i = 0; i < H * W; i++) assert_true(mask[i] == 1); /* the frame does not erode */
    mask[5 * W + 6] = 0;
    cairn_mask_erode(mask, H, W, 3);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            int d = (x - 6) * (x - 6) + (y - 5) * (y - 5);
            assert_true(mask[y * W + x] == (d <= 6 ? 0 : 1)); /* disc of 2.5 */
        }
    float before[H * W];
    memcpy(before, mask, sizeof mask);
    cairn_mask_erode(mask, H, W, 0);
    assert_memory_equal(before, mask, sizeof mask);
    cairn_mask_erode(mask, H, W, 2);
    int zeros = 0;
    for (int i = 0; i < H * W; i++) zeros += mask[i] == 0;
    assert_true(zeros > 21 && zeros < H * W);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inverse_undoes),
        cmocka_unit_test(test_corners_exact),
        cmocka_unit_test(test_fit_and_polish),
        cmocka_unit_test(test_sampler_statistics),
        cmocka_unit_test(test_sampler_of_full_corners),
        cmocka_unit_test(test_sampler_affine),
        cmocka_unit_test(test_sampler_without_artifacts_stays_inside),
        cmocka_unit_test(test_points_and_pixels_agree),
        cmocka_unit_test(test_warp_borders),
        cmocka_unit_test(test_erosion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
