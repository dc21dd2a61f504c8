#include "matching/tracker.h"
#include "matching/nearest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WINDOW = 64, MOST_LENGTH = 1 << 16 };

struct cairn_tracker {
    cairn_tracker_options options;
    cairn_keypoints last; /* the newest frame */
    cairn_track *tracks;
    int count, room;
    int64_t begun;
    int64_t *ended; /* [MOST_LENGTH] tracks that ended, by length */
};

cairn_status cairn_tracker_create(cairn_tracker **out, const cairn_tracker_options *options)
{
    *out = NULL;
    if (!(options->threshold > 0) || options->window < 2 || options->window > MOST_WINDOW)
        return cairn_error_set(CAIRN_E_INVALID, "tracker: needs a threshold above 0 and a window of 2 to %d frames",
                               MOST_WINDOW);
    cairn_tracker *t = calloc(1, sizeof *t);
    if (t) t->ended = calloc(MOST_LENGTH, sizeof *t->ended);
    if (!t || !t->ended) {
        free(t);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory for a tracker");
    }
    t->options = *options;
    *out = t;
    return CAIRN_OK;
}

void cairn_tracker_destroy(cairn_tracker **tracker)
{
    cairn_tracker *t = *tracker;
    if (!t) return;
    for (int i = 0; i < t->count; i++) free(t->tracks[i].points);
    free(t->tracks);
    free(t->ended);
    cairn_keypoints_free(&t->last);
    free(t);
    *tracker = NULL;
}

/* Room for `more` tracks, and a frame further for all of them. */
static cairn_status advance(cairn_tracker *t, int more)
{
    const int window = t->options.window;
    if (t->count + more > t->room) {
        int room = t->count + more + t->room / 2;
        cairn_track *grown = realloc(t->tracks, (size_t)room * sizeof *grown);
        if (!grown) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d tracks", room);
        t->tracks = grown;
        t->room = room;
    }
    for (int i = 0; i < t->count; i++) {
        int *points = t->tracks[i].points;
        memmove(points, points + 1, (size_t)(window - 1) * sizeof *points);
        points[window - 1] = -1;
    }
    return CAIRN_OK;
}

static void extend(cairn_track *track, int window, int point, double distance)
{
    int in_window = 0;
    track->points[window - 1] = point;
    track->length++;
    for (int k = 0; k < window; k++) in_window += track->points[k] >= 0;
    if (track->distance == CAIRN_TRACK_UNMATCHED)
        track->distance = distance;
    else /* of the matches in the window; older ones fade, but do not leave */
        track->distance += (distance - track->distance) / (in_window - 1);
}

/* Extends tracks by the matches of the last frame with `points`; marks the points that found one. */
static cairn_status extend_all(cairn_tracker *t, const cairn_keypoints *points, uint8_t *taken, int *extended)
{
    cairn_status st = CAIRN_OK;
    const int window = t->options.window;
    cairn_match *matches = NULL;
    int *track_of = NULL, count = 0;
    *extended = 0;
    if (t->last.count == 0 || points->count == 0) return CAIRN_OK;
    CAIRN_TRY(cairn_match_nearest(&matches, &count, &t->last, points, 0, 0));
    track_of = malloc((size_t)t->last.count * sizeof *track_of);
    if (!track_of) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for %d tracks", t->last.count));
    for (int i = 0; i < t->last.count; i++) track_of[i] = -1;
    for (int i = 0; i < t->count; i++)
        if (t->tracks[i].points[window - 2] >= 0) track_of[t->tracks[i].points[window - 2]] = i;
    for (int i = 0; i < count; i++) {
        int track = track_of[matches[i].a];
        if (!(matches[i].distance < t->options.threshold) || track < 0) continue;
        extend(&t->tracks[track], window, matches[i].b, matches[i].distance);
        taken[matches[i].b] = 1;
        ++*extended;
    }
done:
    free(matches);
    free(track_of);
    return st;
}

/* Points without a track begin one. */
static cairn_status begin_all(cairn_tracker *t, int points, const uint8_t *taken)
{
    const size_t window = (size_t)t->options.window;
    for (int i = 0; i < points; i++) {
        if (taken[i]) continue;
        cairn_track track = {t->begun, CAIRN_TRACK_UNMATCHED, 1, malloc(window * sizeof *track.points)};
        if (!track.points) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a track");
        for (size_t k = 0; k < window; k++) track.points[k] = -1;
        track.points[window - 1] = i;
        t->tracks[t->count++] = track;
        t->begun++;
    }
    return CAIRN_OK;
}

/* Drops tracks without a point in the window. */
static void drop_ended(cairn_tracker *t)
{
    int kept = 0;
    for (int i = 0; i < t->count; i++) {
        cairn_track track = t->tracks[i];
        bool any = false;
        for (int k = 0; k < t->options.window; k++) any = any || track.points[k] >= 0;
        if (any) {
            t->tracks[kept++] = track;
        } else {
            t->ended[track.length < MOST_LENGTH ? track.length : MOST_LENGTH - 1]++;
            free(track.points);
        }
    }
    t->count = kept;
}

static cairn_status copy(cairn_keypoints *out, const cairn_keypoints *from)
{
    cairn_status st = cairn_keypoints_create(out, from->count, from->dimension);
    if (st < 0) return st;
    memcpy(out->points, from->points, (size_t)from->count * sizeof *from->points);
    memcpy(out->descriptors, from->descriptors, (size_t)from->count * (size_t)from->dimension * sizeof(float));
    return CAIRN_OK;
}

cairn_status cairn_tracker_update(cairn_tracker *t, const cairn_keypoints *points, int *matched)
{
    cairn_status st = CAIRN_OK;
    cairn_keypoints kept = {0};
    int extended = 0;
    if (matched) *matched = 0;
    if (points->count > 0 && (points->dimension < 1 || (t->last.count > 0 && t->last.dimension != points->dimension)))
        return cairn_error_set(CAIRN_E_SHAPE, "tracker: descriptors of length %d after %d; they must agree and be > 0",
                               points->dimension, t->last.dimension);
    uint8_t *taken = calloc((size_t)points->count + 1, 1);
    if (!taken) return cairn_error_set(CAIRN_E_NOMEM, "no memory to track %d points", points->count);
    if (points->count > 0) CAIRN_TRY(copy(&kept, points));
    CAIRN_TRY(advance(t, points->count));
    CAIRN_TRY(extend_all(t, points, taken, &extended));
    CAIRN_TRY(begin_all(t, points->count, taken));
    drop_ended(t);
    cairn_keypoints_free(&t->last);
    t->last = kept;
    kept = (cairn_keypoints){0};
    if (matched) *matched = extended;
done:
    cairn_keypoints_free(&kept);
    free(taken);
    return st;
}

const cairn_track *cairn_tracker_tracks(const cairn_tracker *tracker, int *count)
{
    *count = tracker->count;
    return tracker->tracks;
}

void cairn_tracker_lengths(const cairn_tracker *t, int64_t *histogram, int most)
{
    for (int i = 0; i < most; i++) histogram[i] = 0;
    for (int i = 0; i < MOST_LENGTH; i++) histogram[i < most ? i : most - 1] += t->ended[i];
    for (int i = 0; i < t->count; i++) histogram[t->tracks[i].length < most ? t->tracks[i].length : most - 1]++;
}
