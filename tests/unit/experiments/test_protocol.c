/* Protocols: what each does to images and homographies, against values worked out by hand, and the parity checks that
 * hold for any correct harness (evaluation.md, section 11). */
#include "base/rng.h"
#include "experiments/baselines/baselines.h"
#include "experiments/evaluation/evaluate.h"
#include "experiments/evaluation/results/statistics.h"
#include "support/test.h"

#include <math.h>

static cairn_protocol protocol(const char *id)
{
    cairn_protocol p;
    assert_ok(cairn_protocol_find(&p, id, "test"));
    return p;
}

static void the_table_is_whole(void **state)
{
    (void)state;
    cairn_protocol p;
    char choices[256] = "";
    for (int i = 0; cairn_protocol_ids[i]; i++) {
        p = protocol(cairn_protocol_ids[i]);
        assert_string_equal(p.id, cairn_protocol_ids[i]);
        assert_true(p.view[0].used || p.view[1].used);
        assert_true(!p.view[0].used || (p.eps[0] > 0 && p.top_k > 0));
        assert_true(!p.view[1].used || (p.thresholds[0] > 0 && p.iterations > 0 && p.match_eps > 0));
        snprintf(choices + strlen(choices), sizeof choices - strlen(choices), "%s%s", i ? "," : "", p.id);
    }
    assert_string_equal(choices, CAIRN_PROTOCOL_CHOICES);
    assert_status(cairn_protocol_find(&p, "rpautrad", "here"), CAIRN_E_INVALID,
                  "here: no protocol 'rpautrad'; did you mean");
    cJSON *a = cairn_protocol_json(&p), *b;
    p = protocol("rpautrat");
    a = (cJSON_Delete(a), cairn_protocol_json(&p));
    p.view[1].suppression.size = 4;
    b = cairn_protocol_json(&p);
    assert_false(cJSON_Compare(a, b, true));
    cJSON_Delete(a);
    cJSON_Delete(b);
}

static void changes_leave_a_mark(void **state)
{
    (void)state;
    cairn_protocol p = protocol("d2-net");
    cairn_protocol_overrides o = CAIRN_PROTOCOL_OVERRIDES_INIT;
    cairn_protocol_override(&p, &o);
    assert_string_equal(p.id, "d2-net");
    o.h = 96;
    cairn_protocol_override(&p, &o);
    cairn_protocol_override(&p, &o);
    assert_string_equal(p.id, "d2-net, changed");
    assert_int_equal(p.view[1].resize, CAIRN_RESIZE_CROP);
    assert_int_equal(p.view[1].h, 96);
    assert_int_equal(p.view[1].w, 640);
}

/* Where a point of the image as it is lands in the resized one. */
static void expect_place(const char *id, int view, int h, int w, int first_h, int first_w, double x, double y,
                         int expected_h, int expected_w, double expected_x, double expected_y)
{
    const cairn_protocol p = protocol(id);
    cairn_image image, first, out;
    cairn_adaptation a;
    assert_ok(cairn_image_create(&image, h, w, 1));
    assert_ok(cairn_image_create(&first, first_h, first_w, 1));
    assert_ok(cairn_adapt_image(&out, &a, &image, &first, &p.view[view]));
    assert_int_equal(out.h, expected_h);
    assert_int_equal(out.w, expected_w);
    assert_near(a.scale_x * x - a.offset_x, expected_x, 1e-9);
    assert_near(a.scale_y * y - a.offset_y, expected_y, 1e-9);
    cairn_image_free(&image);
    cairn_image_free(&first);
    cairn_image_free(&out);
}

static void suppression_and_subpixel_can_be_changed(void **state)
{
    (void)state;
    cairn_protocol p = protocol("recommended");
    cairn_protocol_overrides o = CAIRN_PROTOCOL_OVERRIDES_INIT;
    o.suppression = 1 + CAIRN_SUPPRESS_BOX;
    o.subpixel = 2;
    cairn_protocol_override(&p, &o);
    assert_int_equal(p.view[1].suppression.kind, CAIRN_SUPPRESS_BOX);
    assert_int_equal(p.view[1].suppression.size, 4); /* the protocol's */
    assert_false(p.view[0].subpixel);
    assert_string_equal(p.id, "recommended, changed");
    p = protocol("rpautrat");
    o = CAIRN_PROTOCOL_OVERRIDES_INIT;
    o.suppression = 1 + CAIRN_SUPPRESS_SQUARE;
    o.radius = 7;
    o.subpixel = 1;
    cairn_protocol_override(&p, &o);
    assert_int_equal(p.view[1].suppression.kind, CAIRN_SUPPRESS_SQUARE);
    assert_int_equal(p.view[1].suppression.size, 7);
    assert_true(p.view[0].subpixel);
}

/* A network whose sub-pixel step has moved one point over the border by 0.6 pixels. */
static cairn_status moved(void *self, const cairn_image *gray, int top_k, cairn_keypoints *out)
{
    (void)self, (void)gray, (void)top_k;
    const cairn_status st = cairn_keypoints_create(out, 2, 0);
    if (st < 0) return st;
    out->points[0] = (cairn_keypoint){3.4f, 20, 0.9f};
    out->points[1] = (cairn_keypoint){30, 20, 0.8f};
    return CAIRN_OK;
}

static void ignore_view(void *self, const cairn_protocol_view *view)
{
    (void)self, (void)view;
}

static void the_border_is_cut_once(void **state)
{
    (void)state;
    cairn_protocol_view view = protocol("pytorch-superpoint").view[0];
    cairn_detector network = {.name = "moved", .detect = moved, .configure = ignore_view, .learned = true};
    cairn_image image;
    cairn_keypoints k;
    assert_true(view.subpixel && view.border == 4);
    assert_ok(cairn_image_create(&image, 48, 64, 1));
    assert_ok(cairn_detector_view(&k, &network, &image, &view));
    assert_int_equal(k.count, 2);
    cairn_keypoints_free(&k);
    network.configure = NULL; /* then the harness chooses, and its border counts */
    assert_ok(cairn_detector_view(&k, &network, &image, &view));
    assert_int_equal(k.count, 1);
    cairn_keypoints_free(&k);
    cairn_image_free(&image);
}

static void images_are_resized_as_in_the_sources(void **state)
{
    (void)state;
    /* 800x640 (w x h) to 240x320: s = max(240/640, 320/800) = 0.4, 320x256, 8 rows cut above. */
    expect_place("rpautrat", 0, 640, 800, 640, 800, 400, 320, 240, 320, 160, 120);
    /* 765x512 to 480x640: s = 480/512 = 0.9375, 717x480 (truncated), (717 - 640) / 2 = 38 columns cut. */
    expect_place("rpautrat", 1, 512, 765, 640, 800, 100, 100, 480, 640, 93.75 - 38, 93.75);
    /* Rows and columns as SP-FPN has them: s = max(256/640, 160/800) = 0.4, 320x256, 80 columns cut. */
    expect_place("sp-fpn", 0, 640, 800, 640, 800, 400, 320, 256, 160, 80, 128);
    /* The first image's s = 0.4 for both, no offset; the cut int(240/0.4) x int(320/0.4) = 600x800 of an image of
     * 700x1000. */
    expect_place("pytorch-superpoint", 0, 700, 1000, 640, 800, 500, 300, 240, 320, 200, 120);
    /* Short side 480: 765 * 480 / 512 = 717.19 becomes 717, each axis has its true scale. */
    expect_place("glue-factory", 1, 512, 765, 640, 800, 765, 512, 480, 717, 717, 480);
    expect_place("glue-factory", 1, 1024, 768, 640, 800, 768, 1024, 640, 480, 480, 640);
    expect_place("d2-net", 1, 123, 456, 640, 800, 7, 9, 123, 456, 7, 9);
}

static void pytorch_superpoint_multiplies_by_elements(void **state)
{
    (void)state;
    const double h[9] = {1.1, 0.2, 5, -0.1, 0.9, -7, 1e-4, 2e-4, 1}, s = 0.4;
    const double factors[9] = {1, 1, s, 1, 1, s, 1 / s, 1 / s, 1};
    cairn_homography truth, adapted;
    const cairn_adaptation a = {s, s, 0, 0};
    memcpy(truth.m, h, sizeof h);
    adapted = cairn_adapt_homography(&truth, &a, &a);
    for (int i = 0; i < 9; i++) assert_near(adapted.m[i] / adapted.m[8], h[i] * factors[i], 1e-12);
}

/* A corner in image 1 at a known place, its double in image 2 of another size: both paths agree (check 3). */
static void corners_follow_the_homography(void **state)
{
    (void)state;
    const cairn_homography h = {{0.9, -0.2, 60, 0.15, 1.05, -20, 1e-4, -5e-5, 1}};
    const int sizes[2][2] = {{640, 800}, {700, 933}};
    for (int i = 0; cairn_protocol_ids[i]; i++) {
        const cairn_protocol p = protocol(cairn_protocol_ids[i]);
        for (int v = 0; v < 2; v++) {
            cairn_image image[2], out;
            cairn_adaptation a[2];
            if (!p.view[v].used) continue;
            for (int k = 0; k < 2; k++) assert_ok(cairn_image_create(&image[k], sizes[k][0], sizes[k][1], 1));
            for (int k = 0; k < 2; k++) {
                assert_ok(cairn_adapt_image(&out, &a[k], &image[k], &image[0], &p.view[v]));
                cairn_image_free(&out);
            }
            const cairn_homography adapted = cairn_adapt_homography(&h, &a[0], &a[1]);
            for (int c = 0; c < 4; c++) { /* corners of a square */
                const double x = 200 + 150 * (c % 2), y = 180 + 150 * (c / 2);
                double u, w, tx, ty;
                assert_true(cairn_homography_apply(&h, x, y, &tx, &ty));
                assert_true(cairn_homography_apply(&adapted, a[0].scale_x * x - a[0].offset_x,
                                                   a[0].scale_y * y - a[0].offset_y, &u, &w));
                assert_near(u, a[1].scale_x * tx - a[1].offset_x, 1e-3);
                assert_near(w, a[1].scale_y * ty - a[1].offset_y, 1e-3);
            }
            for (int k = 0; k < 2; k++) cairn_image_free(&image[k]);
        }
    }
}

static cairn_keypoints scatter(int count, int h, int w, uint32_t sample)
{
    cairn_keypoints k;
    cairn_rng rng = cairn_rng_stream(3, 1, 4, sample, 1);
    assert_ok(cairn_keypoints_create(&k, count, 0));
    for (int i = 0; i < count; i++)
        k.points[i] = (cairn_keypoint){(float)cairn_rng_between(&rng, 0, w - 1),
                                       (float)cairn_rng_between(&rng, 0, h - 1), (float)cairn_rng_uniform(&rng)};
    return k;
}

/* Check 1: identical images have repeatability 1 without error; chance is 1 - exp(-k pi eps^2 / area) = 0.105. */
static void identity_and_chance(void **state)
{
    (void)state;
    const int h = 240, w = 320, rounds = 60;
    double sum = 0;
    cairn_repeatability found;
    for (int i = 0; i < rounds; i++) {
        cairn_keypoints a = scatter(300, h, w, 2 * (uint32_t)i), b = scatter(300, h, w, 2 * (uint32_t)i + 1);
        const cairn_view va = {&a, h, w}, vb = {&b, h, w};
        assert_ok(cairn_metric_repeatability(&found, &va, &va, &CAIRN_HOMOGRAPHY_IDENTITY, 3, 300));
        assert_near(found.value, 1, 0);
        assert_near(found.error, 0, 0);
        assert_ok(cairn_metric_repeatability(&found, &va, &vb, &CAIRN_HOMOGRAPHY_IDENTITY, 3, 300));
        sum += found.value;
        cairn_keypoints_free(&a);
        cairn_keypoints_free(&b);
    }
    assert_near(sum / rounds, 0.105, 0.01);
}

/* Check 2: a picture moved by whole pixels; points near the border are lost, the rest must stay. */
static void translation_repeats(void **state)
{
    (void)state;
    enum { H = 240, W = 320, DX = 16, DY = 8 };
    const cairn_protocol p = protocol("rpautrat");
    cairn_image whole, a, b;
    cairn_rng rng = cairn_rng_stream(1, 2, 3, 4, 5);
    assert_ok(cairn_image_create(&whole, H + DY, W + DX, 1));
    for (int n = 0; n < 300; n++) {
        const int x0 = cairn_rng_integer(&rng, 0, W), y0 = cairn_rng_integer(&rng, 0, H);
        const int x1 = x0 + cairn_rng_integer(&rng, 6, 40), y1 = y0 + cairn_rng_integer(&rng, 6, 40);
        const float v = (float)cairn_rng_between(&rng, 0.1, 0.9);
        for (int y = y0; y < y1 && y < H + DY; y++)
            for (int x = x0; x < x1 && x < W + DX; x++) whole.pixels[y * (W + DX) + x] = v;
    }
    assert_ok(cairn_image_crop(&a, &whole, 0, 0, H, W));
    assert_ok(cairn_image_crop(&b, &whole, DY, DX, H, W));
    const cairn_homography a_to_b = {{1, 0, -DX, 0, 1, -DY, 0, 0, 1}};
    const char *const names[] = {"harris", "shi-tomasi", "fast", "sift", "orb"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cairn_detector detector;
        cairn_keypoints ka, kb;
        cairn_repeatability found;
        assert_ok(cairn_baseline_by_name(&detector, names[i], 4));
        assert_ok(cairn_detector_view(&ka, &detector, &a, &p.view[0]));
        assert_ok(cairn_detector_view(&kb, &detector, &b, &p.view[0]));
        for (int k = 0; k < 2; k++) { /* away from borders: their mirrored pixels are not the neighbour's */
            cairn_keypoints *set = k ? &kb : &ka;
            assert_ok(cairn_keypoints_suppress(set, H, W, 0, 20, 0));
        }
        const cairn_view va = {&ka, H, W}, vb = {&kb, H, W};
        assert_ok(cairn_metric_repeatability(&found, &va, &vb, &a_to_b, 3, 300));
        /* Points that only one border of 20 pixels removes are lost: at most a band of DX + DY of the frame. */
        if (!(found.value > (strcmp(names[i], "sift") && strcmp(names[i], "orb") ? 0.85 : 0.75)))
            fail_msg("%s repeats %g of its points under a translation", names[i], found.value);
        cairn_keypoints_free(&ka);
        cairn_keypoints_free(&kb);
        cairn_detector_free(&detector);
    }
    cairn_image_free(&whole);
    cairn_image_free(&a);
    cairn_image_free(&b);
}

/* The box rule at size 8: (8 - dx)(8 - dy) > 128/11 = 11.6; at size 4: all within 3 but (2,3), (3,2), (3,3). */
static void boxes_suppress_by_overlap(void **state)
{
    (void)state;
    const struct {
        int size, dx, dy;
        bool removed;
    } cases[] = {{8, 6, 0, true},  {8, 7, 0, false}, {8, 4, 5, true},  {8, 5, 5, false}, {8, 6, 2, true},
                 {8, 6, 3, false}, {4, 3, 1, true},  {4, 3, 0, true},  {4, 2, 2, true},  {4, 2, 3, false},
                 {4, 3, 2, false}, {4, 3, 3, false}, {4, 4, 0, false}, {4, 1, 3, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cairn_keypoints k;
        const cairn_suppression box = {CAIRN_SUPPRESS_BOX, cases[i].size};
        assert_ok(cairn_keypoints_create(&k, 2, 0));
        k.points[0] = (cairn_keypoint){30, 30, 1};
        k.points[1] = (cairn_keypoint){30 - (float)cases[i].dx, 30 + (float)cases[i].dy, 0.5f};
        assert_ok(cairn_keypoints_thin(&k, 64, 64, &box, 0, 0));
        if ((k.count == 1) != cases[i].removed)
            fail_msg("box %d at (%d, %d): %d points are left", cases[i].size, cases[i].dx, cases[i].dy, k.count);
        cairn_keypoints_free(&k);
    }
}

/* Cells must not change what a plain search over all kept points gives. */
static void cells_change_nothing(void **state)
{
    (void)state;
    const cairn_suppression rules[] = {
        {CAIRN_SUPPRESS_SQUARE, 4}, {CAIRN_SUPPRESS_BOX, 8}, {CAIRN_SUPPRESS_BOX, 4}, {CAIRN_SUPPRESS_SQUARE, 30}};
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
        cairn_keypoints k = scatter(1500, 100, 140, (uint32_t)r), sorted = scatter(1500, 100, 140, (uint32_t)r);
        const double b = rules[r].size;
        int kept = 0;
        assert_ok(cairn_keypoints_thin(&k, 100, 140, &rules[r], 0, 0));
        assert_ok(cairn_keypoints_sort(&sorted, 0));
        for (int i = 0; i < sorted.count; i++) {
            bool removed = false;
            for (int j = 0; j < kept && !removed; j++) {
                const double dx = fabs((double)sorted.points[i].x - (double)k.points[j].x);
                const double dy = fabs((double)sorted.points[i].y - (double)k.points[j].y);
                removed = rules[r].kind == CAIRN_SUPPRESS_SQUARE
                              ? dx <= b && dy <= b
                              : dx < b && dy < b && (b - dx) * (b - dy) > 2 * b * b / 11;
            }
            if (removed) continue;
            assert_true(kept < k.count);
            assert_memory_equal(&k.points[kept++], &sorted.points[i], sizeof(cairn_keypoint));
        }
        assert_int_equal(kept, k.count);
        cairn_keypoints_free(&k);
        cairn_keypoints_free(&sorted);
    }
}

/* Check 6, and that the interval's statistic is the plain one. */
static void areas_and_medians(void **state)
{
    (void)state;
    const double half[] = {0.5, INFINITY}, zeros[] = {0, 0, 0}, far[] = {1, 2, INFINITY, NAN};
    cairn_interval v;
    double plain;
    assert_ok(cairn_statistic_bootstrap(&v, half, 2, CAIRN_POOL_AUC, 1, 200, 0));
    assert_near(v.mean, 0.375, 1e-15);
    assert_near(v.low, 0, 0);
    assert_near(v.high, 0.625, 0); /* twice 0.5 */
    assert_ok(cairn_statistic_bootstrap(&v, zeros, 3, CAIRN_POOL_AUC, 1, 50, 0));
    assert_true(v.mean == 1 && v.low == 1 && v.high == 1);
    assert_ok(cairn_statistic_bootstrap(&v, far, 4, CAIRN_POOL_AUC, 1, 50, 0));
    assert_true(v.mean == 0 && v.high == 0 && v.count == 3);
    assert_ok(cairn_statistic_bootstrap(&v, far, 4, CAIRN_POOL_MEDIAN, 0, 200, 0));
    assert_true(v.mean == 2 && v.low == 1 && v.high == INFINITY);
    double errors[57];
    cairn_rng rng = cairn_rng_stream(9, 9, 9, 9, 9);
    for (int i = 0; i < 57; i++) errors[i] = i % 9 ? cairn_rng_between(&rng, 0, 8) : INFINITY;
    assert_ok(cairn_metric_auc(&plain, errors, 57, 5));
    assert_ok(cairn_statistic_bootstrap(&v, errors, 57, CAIRN_POOL_AUC, 5, 500, 1));
    assert_near(v.mean, plain, 1e-15);
    assert_true(v.low < plain && plain < v.high && v.high - v.low < 0.4);
    assert_ok(cairn_statistic_bootstrap(&v, NULL, 0, CAIRN_POOL_MEDIAN, 0, 10, 0));
    assert_true(v.count == 0 && isnan(v.mean));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(changes_leave_a_mark),
        cmocka_unit_test(suppression_and_subpixel_can_be_changed),
        cmocka_unit_test(the_border_is_cut_once),
        cmocka_unit_test(images_are_resized_as_in_the_sources),
        cmocka_unit_test(pytorch_superpoint_multiplies_by_elements),
        cmocka_unit_test(corners_follow_the_homography),
        cmocka_unit_test(identity_and_chance),
        cmocka_unit_test(translation_repeats),
        cmocka_unit_test(boxes_suppress_by_overlap),
        cmocka_unit_test(cells_change_nothing),
        cmocka_unit_test(areas_and_medians),
    };
    return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
