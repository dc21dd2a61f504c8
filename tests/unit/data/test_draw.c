#include "base/rng.h"
#include "support/test.h"
#include "teacher/synthetic/draw.h"

#include <math.h>

enum { H = 60, W = 80 };

static int painted(const cairn_canvas *c)
{
    int n = 0;
    for (int i = 0; i < c->h * c->w; i++) n += c->pixels[i] != 0;
    return n;
}

static void test_areas(void **state)
{
    (void)state;
    cairn_canvas c;
    assert_ok(cairn_canvas_create(&c, H, W));
    cairn_draw_disc(&c, 40, 30, 0, 200);
    assert_int_equal(painted(&c), 1);
    assert_int_equal(c.pixels[30 * W + 40], 200);
    cairn_draw_disc(&c, 40, 30, 20, 100);
    assert_in_range(painted(&c), 1230, 1290); /* pi 400 = 1257 */
    memset(c.pixels, 0, H * W);
    cairn_draw_ellipse(&c, 40, 30, 25, 10, 30, 9);
    assert_in_range(painted(&c), 770, 800); /* pi 250 = 785 */
    /* The long axis points 30 degrees down to the right. */
    assert_true(c.pixels[(30 + 12) * W + 40 + 20] == 9 && c.pixels[(30 - 12) * W + 40 + 20] == 0);
    memset(c.pixels, 0, H * W);
    cairn_draw_polygon(&c, (cairn_point[]){{10, 10}, {30, 10}, {30, 40}, {10, 40}}, 4, 7);
    assert_int_equal(painted(&c), 21 * 31); /* the outline belongs to it */
    memset(c.pixels, 0, H * W);
    cairn_draw_line(&c, (cairn_point){20, 20}, (cairn_point){60, 20}, 7, 5);
    assert_in_range(painted(&c), 41 * 7 + 20, 41 * 7 + 40); /* and two round ends */
    memset(c.pixels, 0, H * W);
    cairn_draw_line(&c, (cairn_point){3, 4}, (cairn_point){50, 30}, 1, 5);
    assert_int_equal(painted(&c), 48); /* 8-connected: one pixel a column */
    cairn_canvas_free(&c);
    assert_status(cairn_canvas_create(&c, 0, 5), CAIRN_E_INVALID, "canvas");
}

/* Random figures, partly or far outside: nothing but the canvas may be written (the sanitizers look), and every painted
 * pixel of a thick line lies within half a thickness of the segment. */
static void test_clipping(void **state)
{
    (void)state;
    cairn_canvas c;
    assert_ok(cairn_canvas_create(&c, H, W));
    cairn_rng rng = cairn_rng_stream(1, 1, 0, 0, 0);
    for (int n = 0; n < 2000; n++) {
        int reach = n % 10 ? 100 : CAIRN_DRAW_REACH;
        cairn_point p[5];
        for (int i = 0; i < 5; i++)
            p[i] = (cairn_point){cairn_rng_integer(&rng, -reach, reach), cairn_rng_integer(&rng, -reach, reach)};
        cairn_draw_polygon(&c, p, cairn_rng_integer(&rng, 1, 5), 3);
        cairn_draw_disc(&c, p[0].x, p[0].y, cairn_rng_integer(&rng, 0, 50), 4);
        cairn_draw_ellipse(&c, p[1].x, p[1].y, cairn_rng_integer(&rng, 1, 90), cairn_rng_integer(&rng, 1, 90), n, 5);
        memset(c.pixels, 0, H * W);
        int thickness = cairn_rng_integer(&rng, 2, 18);
        cairn_draw_line(&c, p[0], p[1], thickness, 6);
        double dx = p[1].x - p[0].x, dy = p[1].y - p[0].y, length = dx * dx + dy * dy;
        for (int i = 0; i < H * W; i++) {
            double x = i % W - p[0].x, y = (int)(i / W) - p[0].y;
            double t = length > 0 ? fmax(0, fmin(1, (x * dx + y * dy) / length)) : 0;
            double d = hypot(x - t * dx, y - t * dy), r = thickness / 2.0;
            assert_true(c.pixels[i] ? d < r + 1e-6 : d > r - 1e-6);
        }
    }
    cairn_canvas_free(&c);
}

static void test_box_blur(void **state)
{
    (void)state;
    cairn_rng rng = cairn_rng_stream(2, 1, 0, 0, 0);
    const int sizes[][3] = {{17, 23, 5}, {17, 23, 4}, {30, 20, 1}, {12, 40, 31}, {40, 12, 60}, {1, 9, 3}};
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
        int h = sizes[n][0], w = sizes[n][1], k = sizes[n][2];
        cairn_canvas a, b;
        assert_ok(cairn_canvas_create(&a, h, w));
        assert_ok(cairn_canvas_create(&b, h, w));
        for (int i = 0; i < h * w; i++) a.pixels[i] = (uint8_t)cairn_rng_integer(&rng, 0, 255);
        assert_ok(cairn_canvas_box_blur(&b, &a, k));
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                double sum = 0;
                for (int j = y - k / 2; j < y - k / 2 + k; j++)
                    for (int i = x - k / 2; i < x - k / 2 + k; i++)
                        sum += a.pixels[cairn_mirror(j, h) * w + cairn_mirror(i, w)];
                assert_true(fabs(b.pixels[y * w + x] - sum / k / k) <= 0.5 + 1e-3);
            }
        assert_status(cairn_canvas_box_blur(&a, &a, k), CAIRN_E_INVALID, "box blur");
        cairn_canvas_free(&a);
        cairn_canvas_free(&b);
    }
    assert_int_equal(cairn_mirror(-1, 5), 1);
    assert_int_equal(cairn_mirror(5, 5), 3);
    assert_int_equal(cairn_mirror(-9, 5), 1);
    assert_int_equal(cairn_mirror(7, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_areas),
        cmocka_unit_test(test_clipping),
        cmocka_unit_test(test_box_blur),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
