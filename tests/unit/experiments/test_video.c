/* The measurement on video, on frames that move by known homographies. */
#include "base/rng.h"
#include "experiments/baselines/baselines.h"
#include "experiments/measurements/video.h"
#include "support/test.h"

#include <math.h>

enum { H = 120, W = 160, FRAMES = 13, METHODS = 2, SIFT = 0, HARRIS = 1 };

static cairn_detector detectors[METHODS];
static cairn_predictions methods[METHODS];
static cairn_image frames[FRAMES];

/* Blobs on a ground twice as large, seen by a camera that shifts, turns and grows lighter. */
static void film(void)
{
    cairn_image ground;
    cairn_rng rng = cairn_rng_stream(3, 0, 0, 0, 0);
    assert_ok(cairn_image_create(&ground, 2 * H, 2 * W, 1));
    for (int n = 0; n < 700; n++) {
        const double cx = cairn_rng_between(&rng, 0, 2 * W), cy = cairn_rng_between(&rng, 0, 2 * H);
        const double size = cairn_rng_between(&rng, 1.5, 5), strength = cairn_rng_between(&rng, 0.1, 0.7);
        for (int y = (int)fmax(0, cy - 15); y < 2 * H && y < cy + 15; y++)
            for (int x = (int)fmax(0, cx - 15); x < 2 * W && x < cx + 15; x++) {
                const double d = ((x - cx) * (x - cx) + (y - cy) * (y - cy)) / (2 * size * size);
                ground.pixels[y * 2 * W + x] =
                    (float)fmin(1, ground.pixels[y * 2 * W + x] + strength * exp(-d));
            }
    }
    for (int i = 0; i < FRAMES; i++) {
        const double c = cos(0.01 * i), s = sin(0.01 * i);
        const cairn_homography to_ground = {{c, -s, 80 + 1.7 * i, s, c, 60 - 0.8 * i, 0, 0, 1}};
        assert_ok(cairn_homography_warp(&frames[i], NULL, &ground, &to_ground, H, W));
        for (int k = 0; k < H * W; k++) frames[i].pixels[k] = frames[i].pixels[k] * 0.8f + 0.01f * (float)i;
    }
    cairn_image_free(&ground);
}

static int open_methods(void **state)
{
    (void)state;
    static const char *const names[METHODS] = {"sift", "harris"};
    static cairn_protocol protocol;
    assert_ok(cairn_protocol_find(&protocol, "recommended", "test"));
    for (int m = 0; m < METHODS; m++) {
        assert_ok(cairn_baseline_by_name(&detectors[m], names[m], 0));
        assert_ok(cairn_predictions_live(&methods[m], &detectors[m], &protocol, CAIRN_ROLE_CLASSICAL, NULL));
    }
    film();
    return 0;
}

static int close_methods(void **state)
{
    (void)state;
    for (int m = 0; m < METHODS; m++) {
        cairn_predictions_free(&methods[m]);
        cairn_detector_free(&detectors[m]);
    }
    for (int i = 0; i < FRAMES; i++) cairn_image_free(&frames[i]);
    return 0;
}

static const cairn_interval *value(const cairn_sheet *sheet, int method, int group, const char *id)
{
    for (int k = 0; k < sheet->measure_count; k++)
        if (!strcmp(sheet->measures[k].id, id)) return &sheet->methods[method].summary[group][k];
    fail_msg("no measure is called %s", id);
    return NULL;
}

static cairn_sheet measure(void)
{
    cairn_sheet sheet;
    cairn_video_options o = CAIRN_VIDEO_OPTIONS_INIT;
    o.points = 200;
    o.reference = SIFT;
    o.resamples = 50;
    o.chain = 4;
    assert_ok(cairn_video_run(&sheet, frames, FRAMES, "film", methods, METHODS, &o));
    return sheet;
}

static void known_motion_is_taken_out(void **state)
{
    (void)state;
    cairn_sheet sheet = measure();
    assert_int_equal(sheet.group_count, 3); /* all, 1 frame, 10 frames */
    assert_int_equal(sheet.items[1], FRAMES - 1);
    assert_int_equal(sheet.items[2], FRAMES - 10);
    for (int g = 1; g < 3; g++) {
        const double shown = value(&sheet, SIFT, g, "residual")->mean;
        const double fitted = value(&sheet, SIFT, g, "residual_gain")->mean;
        const double bare = value(&sheet, SIFT, g, "residual_identity")->mean;
        print_message("%s: residual %.2f, fitted %.2f, without warp %.2f\n", sheet.groups[g], shown, fitted, bare);
        assert_true(shown < 0.6 * bare && shown > 2); /* the frames grow lighter by 2.55 grey levels each */
        assert_true(fitted < 1.5);
        assert_near(value(&sheet, SIFT, g, "failed")->mean, 0, 0);
    }
    assert_true(value(&sheet, SIFT, 0, "inlier_ratio")->mean > 0.8);
    assert_true(value(&sheet, SIFT, 0, "epipolar_ratio")->mean > 0.8);
    assert_true(value(&sheet, SIFT, 0, "inlier_error")->mean < 0.5);
    assert_true(value(&sheet, SIFT, 0, "pseudo_repeatability")->mean > 0.6);
    assert_true(value(&sheet, HARRIS, 0, "pseudo_repeatability")->mean > 0.6);
    assert_int_equal(value(&sheet, HARRIS, 0, "residual")->count, 0);
    const double mean = value(&sheet, SIFT, 0, "track_length")->mean;
    assert_true(mean > 2 && mean <= FRAMES);
    assert_true(value(&sheet, SIFT, 0, "track_length")->low < mean);
    assert_true(value(&sheet, SIFT, 0, "track_length")->high > mean);
    assert_true(value(&sheet, SIFT, 0, "track_5")->mean > value(&sheet, SIFT, 0, "track_10")->mean);
    assert_int_equal(value(&sheet, SIFT, 0, "track_30")->count, 0); /* the video is shorter */
    assert_true(value(&sheet, SIFT, 0, "forward_backward")->mean > 0.3);
    const double on = value(&sheet, SIFT, 0, "matches_per_frame")->mean;
    assert_true(on > 20 && on + value(&sheet, SIFT, 0, "new_tracks")->mean <= 200);
    cairn_sheet_free(&sheet);
}

static void it_is_deterministic(void **state)
{
    (void)state;
    cairn_sheet a = measure(), b = measure();
    for (int k = 0; k < a.measure_count; k++) {
        const cairn_interval *x = &a.methods[SIFT].summary[0][k], *y = &b.methods[SIFT].summary[0][k];
        if (!strcmp(a.measures[k].group, "time") || x->count == 0) continue;
        assert_true(x->mean == y->mean && x->low == y->low && x->high == y->high);
    }
    cairn_sheet_free(&a);
    cairn_sheet_free(&b);
}

/* A long loop of the same frames: every interval of the published script, there and back. */
static void the_published_rules_run(void **state)
{
    (void)state;
    enum { LONG = 62 };
    cairn_image loop[LONG];
    cairn_sheet sheet;
    cairn_video_options o = CAIRN_VIDEO_OPTIONS_INIT;
    for (int i = 0; i < LONG; i++) loop[i] = frames[i % FRAMES];
    o.oc = true;
    o.points = 150;
    o.resamples = 50;
    o.chain = 1;
    assert_ok(cairn_video_run(&sheet, loop, LONG, "loop", methods, 1, &o));
    assert_string_equal(sheet.protocol, "superpoint-pytorch");
    assert_int_equal(sheet.group_count, 2);
    assert_string_equal(sheet.groups[1], "60 frames");
    assert_true(value(&sheet, SIFT, 1, "residual")->mean < 0.8 * value(&sheet, SIFT, 1, "residual_identity")->mean);
    cairn_sheet_free(&sheet);
}

static void mistakes_are_refused(void **state)
{
    (void)state;
    cairn_sheet sheet;
    cairn_video_options o = CAIRN_VIDEO_OPTIONS_INIT;
    cairn_image odd[2] = {frames[0], frames[1]};
    assert_status(cairn_video_run(&sheet, frames, 1, "one", methods, METHODS, &o), CAIRN_E_INVALID, "2 frames");
    odd[1].h--;
    assert_status(cairn_video_run(&sheet, odd, 2, "odd", methods, METHODS, &o), CAIRN_E_SHAPE, "frame 1");
    o.oc = true;
    assert_status(cairn_video_run(&sheet, frames, FRAMES, "short", methods, METHODS, &o), CAIRN_E_INVALID, "interval");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_motion_is_taken_out),
                                       cmocka_unit_test(it_is_deterministic), cmocka_unit_test(the_published_rules_run),
                                       cmocka_unit_test(mistakes_are_refused)};
    return cmocka_run_group_tests_name("video", tests, open_methods, close_methods);
}
