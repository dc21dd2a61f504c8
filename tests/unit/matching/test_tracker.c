/* The tracker on points whose descriptors are unit vectors, so that every match is known. */
#include "matching/tracker.h"
#include "support/test.h"

enum { DIMENSION = 8, WINDOW = 3 };

/* Points that carry the unit vectors of `axes`; -1: halfway between axes 0 and 1. */
static cairn_keypoints frame(const int *axes, int count)
{
    cairn_keypoints k;
    assert_ok(cairn_keypoints_create(&k, count, DIMENSION));
    for (int i = 0; i < count; i++) {
        float *d = k.descriptors + i * DIMENSION;
        if (axes[i] >= 0)
            d[axes[i]] = 1;
        else
            d[0] = d[1] = 0.70710678f;
    }
    return k;
}

static int update(cairn_tracker *t, const int *axes, int count)
{
    int matched;
    cairn_keypoints k = frame(axes, count);
    assert_ok(cairn_tracker_update(t, &k, &matched));
    cairn_keypoints_free(&k);
    return matched;
}

static void tracks_by_hand(void **state)
{
    (void)state;
    const cairn_tracker_options options = {0.9, WINDOW};
    cairn_tracker *t;
    int count;
    int64_t lengths[6];
    assert_ok(cairn_tracker_create(&t, &options));
    assert_int_equal(update(t, (int[]){0, 2}, 2), 0);       /* tracks 0 and 1 begin */
    assert_int_equal(update(t, (int[]){3, 0}, 2), 1);       /* 0 goes on at point 1, 2 begins */
    assert_int_equal(update(t, (int[]){-1, 3}, 2), 2);      /* 0 at distance sqrt(2 - sqrt 2), 2 at 0 */
    const cairn_track *tracks = cairn_tracker_tracks(t, &count);
    assert_int_equal(count, 3);
    assert_int_equal(tracks[0].id, 0);
    assert_int_equal(tracks[0].length, 3);
    assert_int_equal(tracks[0].points[0], 0);
    assert_int_equal(tracks[0].points[1], 1);
    assert_int_equal(tracks[0].points[2], 0);
    assert_near(tracks[0].distance, 0.7653668647 / 2, 1e-6); /* first 0, then the mean of two */
    assert_int_equal(tracks[1].points[0], 1);
    assert_int_equal(tracks[1].points[2], -1);
    assert_near(tracks[1].distance, CAIRN_TRACK_UNMATCHED, 0);
    assert_int_equal(tracks[2].id, 2);
    assert_near(tracks[2].distance, 0, 1e-3); /* distances by float products */
    /* Track 1 leaves the window; too far a descriptor begins a track. */
    assert_int_equal(update(t, (int[]){5}, 1), 0);
    tracks = cairn_tracker_tracks(t, &count);
    assert_int_equal(count, 3);
    assert_int_equal(tracks[2].id, 3);
    assert_int_equal(update(t, NULL, 0), 0);
    assert_int_equal(update(t, NULL, 0), 0);
    tracks = cairn_tracker_tracks(t, &count);
    assert_int_equal(count, 1); /* only the last is in the window */
    cairn_tracker_lengths(t, lengths, 6);
    assert_int_equal(lengths[1], 2);
    assert_int_equal(lengths[2], 1);
    assert_int_equal(lengths[3], 1);
    cairn_tracker_destroy(&t);
    assert_null(t);
}

static void distances_fade(void **state)
{
    (void)state;
    const cairn_tracker_options options = {0.9, WINDOW};
    cairn_tracker *t;
    int count;
    assert_ok(cairn_tracker_create(&t, &options));
    update(t, (int[]){0}, 1);
    update(t, (int[]){-1}, 1);
    update(t, (int[]){1}, 1);
    update(t, (int[]){1}, 1); /* the window is full: the new distance weighs a half */
    const cairn_track *tracks = cairn_tracker_tracks(t, &count);
    assert_int_equal(count, 1);
    assert_int_equal(tracks[0].length, 4);
    assert_near(tracks[0].distance, 0.7653668647 / 2, 1e-3);
    cairn_tracker_destroy(&t);
}

static void mistakes_are_refused(void **state)
{
    (void)state;
    cairn_tracker *t;
    cairn_keypoints bare, k = frame((int[]){0}, 1);
    assert_status(cairn_tracker_create(&t, &(cairn_tracker_options){0, 5}), CAIRN_E_INVALID, "threshold");
    assert_status(cairn_tracker_create(&t, &(cairn_tracker_options){0.7, 1}), CAIRN_E_INVALID, "window");
    assert_ok(cairn_tracker_create(&t, &CAIRN_TRACKER_OPTIONS_INIT));
    assert_ok(cairn_keypoints_create(&bare, 1, 0));
    assert_status(cairn_tracker_update(t, &bare, NULL), CAIRN_E_SHAPE, "descriptors");
    assert_ok(cairn_tracker_update(t, &k, NULL));
    cairn_keypoints_free(&bare);
    assert_ok(cairn_keypoints_create(&bare, 1, 4));
    assert_status(cairn_tracker_update(t, &bare, NULL), CAIRN_E_SHAPE, "descriptors");
    cairn_keypoints_free(&bare);
    cairn_keypoints_free(&k);
    cairn_tracker_destroy(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tracks_by_hand), cmocka_unit_test(distances_fade),
                                       cmocka_unit_test(mistakes_are_refused)};
    return cmocka_run_group_tests_name("tracker", tests, NULL, NULL);
}
