#include "support/test.h"
#include "system/progress.h"
#include "teacher/synthetic/synthetic_shapes.h"

#include <math.h>

static void draw(cairn_image *image, cairn_keypoints *corners, uint32_t sample, cairn_primitive shape,
                 const cairn_shapes_options *options)
{
    cairn_rng rng = cairn_rng_stream(20, 1, 0, sample, 0);
    assert_ok(cairn_shapes_draw(image, corners, &rng, shape, options));
}

/* Every primitive: labels inside, pixels in range, the number of corners that the definition allows. */
static void test_every_primitive(void **state)
{
    (void)state;
    static const int least[] = {2, 3, 0, 0, 4, 0, 0, 0, 0}, most[] = {18, 7, 210, 0, 6, 49, 26, 7, 0};
    const cairn_shapes_options sizes[] = {
        {120, 160, 240, false}, {120, 160, 480, true}, {240, 320, 240, false}, {64, 64, 100, false}};
    for (int o = 0; o < 4; o++) {
        for (int shape = 0; shape < CAIRN_SHAPE_COUNT; shape++) {
            double total = 0;
            for (uint32_t n = 0; n < 40; n++) {
                cairn_image image;
                cairn_keypoints corners;
                draw(&image, &corners, n, (cairn_primitive)shape, &sizes[o]);
                assert_true(image.h == sizes[o].h && image.w == sizes[o].w && image.c == 1);
                assert_in_range(corners.count, least[shape], most[shape]);
                total += corners.count;
                for (int i = 0; i < corners.count; i++) {
                    const cairn_keypoint *p = &corners.points[i];
                    assert_true(p->x >= 0 && p->y >= 0 && p->x <= image.w - 1 && p->y <= image.h - 1 && p->score == 1);
                }
                for (int i = 0; i < image.h * image.w; i++) assert_true(image.pixels[i] >= 0 && image.pixels[i] <= 1);
                cairn_image_free(&image);
                cairn_keypoints_free(&corners);
            }
            assert_true((total > 0) == (most[shape] > 0));
        }
    }
}

static void test_deterministic(void **state)
{
    (void)state;
    cairn_shapes_options o = CAIRN_SHAPES_OPTIONS_INIT;
    o.canvas_height = 240;
    for (uint32_t n = 0; n < 20; n++) {
        cairn_image a, b;
        cairn_keypoints p, q;
        draw(&a, &p, n, CAIRN_SHAPES_ANY, &o);
        draw(&b, &q, n, CAIRN_SHAPES_ANY, &o);
        assert_memory_equal(a.pixels, b.pixels, sizeof(float) * 120 * 160);
        assert_int_equal(p.count, q.count);
        assert_memory_equal(p.points, q.points, sizeof *p.points * (size_t)p.count);
        cairn_image_free(&b);
        cairn_keypoints_free(&q);
        draw(&b, &q, n + 1000, CAIRN_SHAPES_ANY, &o);
        assert_memory_not_equal(a.pixels, b.pixels, sizeof(float) * 120 * 160);
        cairn_image_free(&a);
        cairn_image_free(&b);
        cairn_keypoints_free(&p);
        cairn_keypoints_free(&q);
    }
}

/* The published mixture, 2.4 item 4: ellipses and noise are the only kinds that never have corners, 0.4 of 6.6. */
static void test_mixture(void **state)
{
    (void)state;
    cairn_shapes_options o = {16, 24, 60, false};
    int empty = 0, possible = 0;
    enum { N = 3000 };
    for (uint32_t n = 0; n < N; n++) {
        cairn_image image;
        cairn_keypoints corners;
        draw(&image, &corners, n, CAIRN_SHAPES_ANY, &o);
        empty += corners.count == 0;
        possible += corners.count >= 2;
        cairn_image_free(&image);
        cairn_keypoints_free(&corners);
    }
    print_message("without corners: %.3f (0.061, and a few stripes)\n", (double)empty / N);
    assert_true(empty > 0.045 * N && empty < 0.085 * N);
    assert_true(possible > 0.9 * N);
}

static float at(const cairn_image *image, int y, int x)
{
    return image->pixels[(size_t)y * image->w + x];
}

/* The point where the lines through the edges around p meet best (Foerstner), from the gradients in a window of radius
 * 4 weighted by distance; false where the window has no corner. */
static bool meeting_point(const cairn_image *image, double px, double py, double *dx, double *dy)
{
    double a = 0, b = 0, c = 0, u = 0, v = 0;
    int cx = (int)lround(px), cy = (int)lround(py);
    if (cx < 6 || cy < 6 || cx >= image->w - 6 || cy >= image->h - 6) return false;
    for (int y = cy - 4; y <= cy + 4; y++)
        for (int x = cx - 4; x <= cx + 4; x++) {
            double gx = at(image, y, x + 1) - at(image, y, x - 1), gy = at(image, y + 1, x) - at(image, y - 1, x);
            double weight = exp(-((x - px) * (x - px) + (y - py) * (y - py)) / 8);
            a += weight * gx * gx;
            b += weight * gx * gy;
            c += weight * gy * gy;
            u += weight * (gx * gx * (x - px) + gx * gy * (y - py));
            v += weight * (gx * gy * (x - px) + gy * gy * (y - py));
        }
    double det = a * c - b * b, trace = a + c;
    if (trace < 0.05 || 4 * det < 0.2 * trace * trace) return false; /* faint, or one edge only */
    *dx = (c * u - b * v) / det;
    *dy = (a * v - b * u) / det;
    return true;
}

static void offsets(double *mean_x, double *mean_y, double *near, int *count, cairn_primitive shape, bool literal,
                    int canvas)
{
    cairn_shapes_options o = {120, 160, canvas, literal};
    double sx = 0, sy = 0;
    int n = 0, close = 0;
    for (uint32_t k = 0; k < 80; k++) {
        cairn_image image;
        cairn_keypoints corners;
        draw(&image, &corners, k, shape, &o);
        for (int i = 0; i < corners.count; i++) {
            double dx, dy;
            if (!meeting_point(&image, corners.points[i].x, corners.points[i].y, &dx, &dy)) continue;
            if (hypot(dx, dy) > 1.5) continue;
            close += hypot(dx, dy) < 0.75;
            sx += dx;
            sy += dy;
            n++;
        }
        cairn_image_free(&image);
        cairn_keypoints_free(&corners);
    }
    *mean_x = sx / n;
    *mean_y = sy / n;
    *near = (double)close / n;
    *count = n;
}

/* Where the image itself says the corner is. With the corrected rule labels have no bias; with the literal one they lie
 * right of and below the corner by 0.5 - 0.5 * 120 / canvas rows (2.4 item 3: 0.44 px on the published canvas). */
static void test_labels_sit_on_corners(void **state)
{
    (void)state;
    /* Not lines and stars: their blunt, rounded ends are no meeting point of edges. */
    static const cairn_primitive kinds[] = {CAIRN_SHAPE_POLYGON, CAIRN_SHAPE_CHECKERBOARD, CAIRN_SHAPE_CUBE,
                                        CAIRN_SHAPE_POLYGONS};
    static const double share[] = {0.9, 0.75, 0.55, 0.7};
    for (int k = 0; k < 4; k++) {
        for (int literal = 0; literal < 2; literal++) {
            double x, y, near;
            int count;
            offsets(&x, &y, &near, &count, kinds[k], literal, 480);
            print_message("%-12s %s: %d corners, mean offset %+.3f %+.3f, within 0.75 px %.2f\n",
                          cairn_shape_name(kinds[k]), literal ? "literal" : "ours   ", count, x, y, near);
            double expected = literal ? -0.375 : 0; /* 480 rows */
            assert_true(count > 100);
            assert_true(fabs(x - expected) < 0.15 && fabs(y - expected) < 0.15);
            if (!literal) assert_true(near > share[k]);
        }
    }
}

/* A label is worth learning only if something can be seen there. */
static void test_contrast_at_corners(void **state)
{
    (void)state;
    static const cairn_primitive kinds[] = {CAIRN_SHAPE_LINES,        CAIRN_SHAPE_POLYGON, CAIRN_SHAPE_STAR,
                                        CAIRN_SHAPE_CHECKERBOARD, CAIRN_SHAPE_STRIPES, CAIRN_SHAPE_CUBE};
    cairn_shapes_options o = {120, 160, 480, false};
    for (int k = 0; k < 6; k++) {
        int visible = 0, count = 0;
        for (uint32_t n = 0; n < 60; n++) {
            cairn_image image;
            cairn_keypoints corners;
            draw(&image, &corners, n, kinds[k], &o);
            for (int i = 0; i < corners.count; i++) {
                int cx = (int)lround(corners.points[i].x), cy = (int)lround(corners.points[i].y);
                float low = 1, high = 0;
                for (int y = cy - 3; y <= cy + 3; y++)
                    for (int x = cx - 3; x <= cx + 3; x++) {
                        if (y < 0 || x < 0 || y >= image.h || x >= image.w) continue;
                        low = fminf(low, at(&image, y, x));
                        high = fmaxf(high, at(&image, y, x));
                    }
                visible += high - low > 0.05f;
                count++;
            }
            cairn_image_free(&image);
            cairn_keypoints_free(&corners);
        }
        print_message("%-12s %d of %d labels with contrast\n", cairn_shape_name(kinds[k]), visible, count);
        assert_true(count > 0 && visible > 0.93 * count);
    }
}

/* A smaller canvas changes the resolution of the drawing, not its statistics. */
static void test_canvas_size(void **state)
{
    (void)state;
    static const int heights[2] = {960, 240};
    double deviation[CAIRN_SHAPE_COUNT][2], corners_per[CAIRN_SHAPE_COUNT][2];
    for (int shape = 0; shape < CAIRN_SHAPE_COUNT; shape++) {
        for (int c = 0; c < 2; c++) {
            cairn_shapes_options o = {120, 160, heights[c], false};
            int points = 0, n = c ? 200 : 24;
            double sum = 0;
            for (uint32_t k = 0; k < (uint32_t)n; k++) {
                cairn_image image;
                cairn_keypoints corners;
                draw(&image, &corners, k, (cairn_primitive)shape, &o);
                double mean = 0, square = 0;
                for (int i = 0; i < 120 * 160; i++) {
                    mean += image.pixels[i] / (120 * 160);
                    square += (double)image.pixels[i] * image.pixels[i] / (120 * 160);
                }
                sum += sqrt(fmax(0, square - mean * mean));
                points += corners.count;
                cairn_image_free(&image);
                cairn_keypoints_free(&corners);
            }
            deviation[shape][c] = sum / n;
            corners_per[shape][c] = (double)points / n;
        }
        print_message("%-12s deviation %.4f at 960 rows, %.4f at 240; corners %.1f, %.1f\n",
                      cairn_shape_name((cairn_primitive)shape), deviation[shape][0], deviation[shape][1],
                      corners_per[shape][0], corners_per[shape][1]);
        assert_true(fabs(deviation[shape][1] / deviation[shape][0] - 1) < 0.35);
        assert_true(fabs(corners_per[shape][1] - corners_per[shape][0]) < 1 + 0.3 * corners_per[shape][0]);
    }
}

static void test_refusals_and_sheet(void **state)
{
    (void)state;
    cairn_image image;
    cairn_keypoints corners;
    cairn_rng rng = cairn_rng_stream(1, 1, 0, 0, 0);
    const cairn_shapes_options bad[] = {
        {4, 160, 960, false}, {120, 160, 100, false}, {120, 160, 5000, false}, {10, 100, 240, false}};
    for (int i = 0; i < 4; i++) {
        assert_status(cairn_shapes_draw(&image, &corners, &rng, CAIRN_SHAPE_STAR, &bad[i]), CAIRN_E_INVALID, "image");
        assert_null(image.pixels);
    }
    cairn_shapes_options o = {48, 64, 240, false};
    assert_ok(cairn_shapes_contact_sheet(&image, 3, 2, 9, NULL, &o));
    assert_true(image.h == 2 * (48 * 3 + 6) + 6 && image.w == 9 * (64 * 3 + 6) + 6 && image.c == 3);
    int green = 0;
    for (int i = 0; i < image.h * image.w; i++) green += image.pixels[3 * i + 1] > image.pixels[3 * i] + 0.5f;
    assert_true(green > 200);
    cairn_image_free(&image);
    assert_status(cairn_shapes_contact_sheet(&image, 3, 0, 9, NULL, &o), CAIRN_E_INVALID, "rows");
}

/* Names in any order, spaces around them; an unknown one is told with those that there are. */
static void test_choice(void **state)
{
    (void)state;
    bool chosen[CAIRN_SHAPE_COUNT] = {false};
    assert_ok(cairn_shapes_choose(chosen, "all", "x"));
    for (int p = 0; p < CAIRN_SHAPE_COUNT; p++) assert_true(chosen[p]);
    assert_ok(cairn_shapes_choose(chosen, " star ,lines", "x"));
    for (int p = 0; p < CAIRN_SHAPE_COUNT; p++)
        assert_int_equal(chosen[p], p == CAIRN_SHAPE_STAR || p == CAIRN_SHAPE_LINES);
    assert_status(cairn_shapes_choose(chosen, "lines,starr", "y"), CAIRN_E_INVALID,
                  "y: there is no 'starr'; did you mean 'star'? there are all, lines, polygon, polygons, ellipses, star, "
                  "checkerboard, stripes, cube, noise");
    assert_status(cairn_shapes_choose(chosen, "lines,,cube", "x"), CAIRN_E_INVALID, "there is no ''");
    assert_status(cairn_shapes_choose(chosen, "anything that is much longer than any name", "x"), CAIRN_E_INVALID,
                  "there is no 'anything");
    assert_status(cairn_shapes_choose(chosen, "", "x"), CAIRN_E_INVALID, "none is named");
}

/* The shares of those that are left stay as they were to each other; all of them: the same draws as ever. */
static void test_choice__is_drawn_in_its_shares(void **state)
{
    (void)state;
    enum { N = 20000 };
    bool chosen[CAIRN_SHAPE_COUNT];
    int drawn[CAIRN_SHAPE_COUNT] = {0}, again[CAIRN_SHAPE_COUNT] = {0};
    assert_ok(cairn_shapes_choose(chosen, "polygon,ellipses,stripes", "x"));
    cairn_rng rng = cairn_rng_stream(3, 1, 0, 0, 0), other = rng;
    for (int n = 0; n < N; n++) drawn[cairn_shape_sample(&rng, chosen)]++;
    assert_int_equal(drawn[CAIRN_SHAPE_POLYGON] + drawn[CAIRN_SHAPE_ELLIPSES] + drawn[CAIRN_SHAPE_STRIPES], N);
    assert_near((double)drawn[CAIRN_SHAPE_POLYGON] / N, 1 / 1.5, 0.014); /* 4 standard deviations */
    assert_near((double)drawn[CAIRN_SHAPE_ELLIPSES] / N, 0.3 / 1.5, 0.014);
    assert_ok(cairn_shapes_choose(chosen, "all", "x"));
    for (int n = 0; n < N; n++) again[cairn_shape_sample(&other, n % 2 ? chosen : NULL)]++;
    for (int p = 0; p < CAIRN_SHAPE_COUNT; p++)
        assert_near((double)again[p] / N, cairn_shape_share((cairn_primitive)p) / 6.6, 0.012);
    cairn_shapes_options o = CAIRN_SHAPES_OPTIONS_INIT;
    o.canvas_height = 240;
    for (uint32_t n = 0; n < 8; n++) {
        cairn_image a, b;
        cairn_keypoints p, q;
        cairn_rng one = cairn_rng_stream(4, 1, 0, n, 0), two = one;
        assert_ok(cairn_shapes_draw(&a, &p, &one, CAIRN_SHAPES_ANY, &o));
        assert_ok(cairn_shapes_draw(&b, &q, &two, cairn_shape_sample(&two, chosen), &o));
        assert_memory_equal(a.pixels, b.pixels, sizeof(float) * 120 * 160);
        assert_int_equal(p.count, q.count);
        cairn_image_free(&a);
        cairn_image_free(&b);
        cairn_keypoints_free(&p);
        cairn_keypoints_free(&q);
    }
}

/* Information, not a bound: machines differ. One thread. */
static void test_speed(void **state)
{
    (void)state;
    static const int heights[3] = {960, 480, 240};
    for (int c = 0; c < 3; c++) {
        cairn_shapes_options o = {120, 160, heights[c], false};
        int n = 40;
        double start = cairn_seconds();
        for (uint32_t k = 0; k < (uint32_t)n; k++) {
            cairn_image image;
            cairn_keypoints corners;
            draw(&image, &corners, k, CAIRN_SHAPES_ANY, &o);
            cairn_image_free(&image);
            cairn_keypoints_free(&corners);
        }
        print_message("canvas of %d rows: %.0f images/s\n", heights[c], n / (cairn_seconds() - start));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_primitive),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_mixture),
        cmocka_unit_test(test_labels_sit_on_corners),
        cmocka_unit_test(test_contrast_at_corners),
        cmocka_unit_test(test_canvas_size),
        cmocka_unit_test(test_refusals_and_sheet),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_choice__is_drawn_in_its_shares),
        cmocka_unit_test(test_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
