#include "experiments/measurements/video.h"

#include "base/rng.h"
#include "experiments/evaluation/results/statistics.h"
#include "experiments/measurements/video_pairs.h"
#include "matching/tracker.h"
#include "system/interrupt.h"
#include "system/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    RESIDUAL,
    RESIDUAL_GAIN,
    RESIDUAL_IDENTITY,
    FAILED,
    INLIER_RATIO,
    EPIPOLAR_RATIO,
    INLIER_ERROR,
    PSEUDO_REPEATABILITY,
    FORWARD_BACKWARD,
    TRACK_LENGTH,
    TRACK_MEDIAN,
    TRACK_5,
    TRACK_10,
    TRACK_30,
    NEW_TRACKS,
    MATCHES,
    POINTS,
    DETECT_MS,
    DETECT_MS_95,
    MATCH_MS,
    MEASURES
};
static const cairn_sheet_measure measures[MEASURES] = {
    {"residual", "Stabilisation residual, median", "stabilisation", "grey levels", "residual", -1, true},
    {"residual_gain", "Residual after gain and offset, median", "stabilisation", "grey levels", "gain", -1, false},
    {"residual_identity", "Residual without any warp, median", "stabilisation", "grey levels", "identity", 0, false},
    {"failed", "Pairs without a homography", "stabilisation", "", "failed", -1, true},
    {"inlier_ratio", "Inliers of consecutive frames", "consistency", "", "inliers", 1, true},
    {"epipolar_ratio", "The same for any scene (epipolar)", "consistency", "", "epipolar", 1, false},
    {"inlier_error", "Error of these inliers, median", "consistency", "px", "error", -1, false},
    {"pseudo_repeatability", "Repeatability under the reference's homography", "consistency", "", "repeat", 1, true},
    {"forward_backward", "Points that return from a chain of matches", "consistency", "", "return", 1, false},
    {"track_length", "Track length, mean", "tracks", "frames", "length", 1, true},
    {"track_median", "Track length, median", "tracks", "frames", "median", 1, false},
    {"track_5", "Tracks that reach 5 frames", "tracks", "", "5", 1, false},
    {"track_10", "Tracks that reach 10 frames", "tracks", "", "10", 1, false},
    {"track_30", "Tracks that reach 30 frames", "tracks", "", "30", 1, false},
    {"new_tracks", "New tracks of a frame", "counts", "", "new", 0, false},
    {"matches_per_frame", "Points of a frame that continue a track", "counts", "", "matches", 0, false},
    {"points", "Points of a frame", "counts", "", "points", 0, false},
    {"detect_ms", "Detection, median", "time", "ms", "detect", -1, false},
    {"detect_ms_95", "Detection, 95th percentile", "time", "ms", "95 %", -1, false},
    {"match_ms", "Matching of two frames, median", "time", "ms", "match", -1, false},
};
enum { MOST_INTERVALS = 5, MOST_CHAINS = 5, MOST_LENGTH = 10000, TOP_K = 300 };
static const int usual_intervals[MOST_INTERVALS] = {1, 10, 30, 60, 150}, oc_intervals[MOST_INTERVALS] = {60, 150, 240};
static const double reference_inliers = 0.5, repeat_px = 3;

typedef struct frame_pair {
    int i, j, group;
} frame_pair;

typedef struct run {
    const cairn_video_options *o;
    const cairn_image *frames;
    int count;
    frame_pair *pairs; /* rows of the sheet */
    int pair_count;
    cairn_keypoints *points; /* [count] of the method at work */
    double *seconds;         /* [count] */
    cairn_homography *truth; /* [pairs] of the reference */
    bool *known;             /* [pairs] the reference found a model with enough inliers */
    cairn_progress bar;
    int64_t done;
} run;

static const int *intervals_of(const cairn_video_options *o)
{
    return o->oc ? oc_intervals : usual_intervals;
}

/* Pairs of each interval, spread evenly. With pairs == NULL only counts. */
static int list_pairs(frame_pair *pairs, int count, const cairn_video_options *o)
{
    int n = 0, group = 0;
    for (int k = 0; k < MOST_INTERVALS; k++) {
        const int interval = intervals_of(o)[k], all = count - interval;
        if (interval == 0 || all < 1) continue;
        const int most = o->pairs && o->pairs < all ? o->pairs : all;
        group++;
        for (int p = 0; p < most; p++, n++) {
            const int i = (int)((int64_t)p * all / most);
            if (pairs) pairs[n] = (frame_pair){i, i + interval, group};
        }
    }
    return n;
}

static void forget_points(run *r)
{
    for (int i = 0; i < r->count; i++) cairn_keypoints_free(&r->points[i]);
}

static cairn_status detect_all(run *r, const cairn_predictions *method)
{
    cairn_status st = CAIRN_OK;
    forget_points(r);
    for (int i = 0; i < r->count; i++) {
        if (cairn_interrupted()) CAIRN_TRY(cairn_interrupted_status());
        CAIRN_TRY(cairn_video__detect(&r->points[i], &r->seconds[i], method, &r->frames[i], r->o));
        if (r->o->progress) cairn_progress_update(&r->bar, ++r->done, method->name);
    }
done:
    return st;
}

/* The reference's homographies, kept for everyone. */
static cairn_status find_truth(run *r, const cairn_predictions *method)
{
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(detect_all(r, method));
    for (int p = 0; p < r->pair_count; p++) {
        const frame_pair *pair = &r->pairs[p];
        cairn_video_pair found;
        CAIRN_TRY(cairn_video__pair(&found, &r->points[pair->i], &r->points[pair->j], &r->frames[pair->i],
                                    &r->frames[pair->j], false, r->o));
        r->truth[p] = found.i_to_j;
        r->known[p] = found.found && found.inliers >= reference_inliers * found.matches;
        if (r->o->progress) cairn_progress_update(&r->bar, ++r->done, "reference");
    }
done:
    return st;
}

static cairn_status measure_pair(run *r, cairn_sheet *sheet, int m, int p, bool described)
{
    cairn_status st = CAIRN_OK;
    const frame_pair *pair = &r->pairs[p];
    const cairn_image *i = &r->frames[pair->i], *j = &r->frames[pair->j];
    if (described) {
        cairn_video_pair found;
        const bool consecutive = pair->j == pair->i + 1;
        CAIRN_TRY(cairn_video__pair(&found, &r->points[pair->i], &r->points[pair->j], i, j, consecutive, r->o));
        *cairn_sheet_value(sheet, m, p, RESIDUAL) = found.residual;
        *cairn_sheet_value(sheet, m, p, RESIDUAL_GAIN) = found.gain;
        *cairn_sheet_value(sheet, m, p, RESIDUAL_IDENTITY) = found.identity;
        *cairn_sheet_value(sheet, m, p, FAILED) = !found.found;
        *cairn_sheet_value(sheet, m, p, MATCH_MS) = found.match_ms;
        if (consecutive) {
            const double matches = found.matches ? found.matches : 1;
            *cairn_sheet_value(sheet, m, p, INLIER_RATIO) = found.inliers / matches;
            *cairn_sheet_value(sheet, m, p, EPIPOLAR_RATIO) = found.epipolar / matches;
            *cairn_sheet_value(sheet, m, p, INLIER_ERROR) = found.inlier_error;
        }
    }
    if (r->known[p]) {
        cairn_repeatability repeat;
        const cairn_view a = {&r->points[pair->i], i->h, i->w}, b = {&r->points[pair->j], j->h, j->w};
        CAIRN_TRY(cairn_metric_repeatability(&repeat, &a, &b, &r->truth[p], repeat_px, TOP_K));
        if (repeat.defined) *cairn_sheet_value(sheet, m, p, PSEUDO_REPEATABILITY) = repeat.value;
    }
    if (r->o->progress) cairn_progress_update(&r->bar, ++r->done, sheet->methods[m].name);
done:
    return st;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* ---- tracks ---- */
static void set(cairn_sheet *sheet, int m, int measure, double value, int count)
{
    sheet->methods[m].summary[0][measure] = (cairn_interval){value, value, value, count};
}

/* Counts of tracks by length, and the points that went on in each frame but the first. */
static cairn_status track(int64_t *lengths, double *matched, const run *r)
{
    cairn_status st = CAIRN_OK;
    cairn_tracker *tracker = NULL;
    CAIRN_TRY(cairn_tracker_create(&tracker, &CAIRN_TRACKER_OPTIONS_INIT));
    for (int i = 0; i < r->count; i++) {
        int found;
        CAIRN_TRY(cairn_tracker_update(tracker, &r->points[i], &found));
        if (i > 0) matched[i - 1] = found;
    }
    cairn_tracker_lengths(tracker, lengths, MOST_LENGTH + 1);
done:
    cairn_tracker_destroy(&tracker);
    return st;
}

typedef struct track_sums {
    double length, reach[3]; /* sum of lengths; tracks of 5, 10 and 30 frames and more */
} track_sums;

static void add_track(track_sums *sums, int length)
{
    sums->length += length;
    sums->reach[0] += length >= 5;
    sums->reach[1] += length >= 10;
    sums->reach[2] += length >= 30;
}

/* Intervals over resampled tracks. The work is bounded: many tracks need few resamples. */
static cairn_status resample_tracks(cairn_sheet *sheet, int m, const int *lengths, int tracks, const run *r)
{
    enum { LEAST_RESAMPLES = 100, PURPOSE = 0x7472, MOST_DRAWS = 50000000 };
    cairn_status st = CAIRN_OK;
    const int bound = MOST_DRAWS / tracks > LEAST_RESAMPLES ? MOST_DRAWS / tracks : LEAST_RESAMPLES;
    const int resamples = r->o->resamples < bound ? r->o->resamples : bound;
    const int low = (int)(0.025 * (resamples - 1)), high = (int)ceil(0.975 * (resamples - 1));
    double *values = malloc(4 * (size_t)resamples * sizeof *values);
    track_sums sums = {0};
    if (!values) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a bootstrap over %d tracks", tracks);
    for (int n = 0; n < resamples; n++) {
        cairn_rng rng = cairn_rng_stream(r->o->seed, 0, (uint32_t)n, 0, PURPOSE);
        sums = (track_sums){0};
        for (int i = 0; i < tracks; i++) add_track(&sums, lengths[cairn_rng_integer(&rng, 0, tracks - 1)]);
        values[n] = sums.length / tracks;
        for (int k = 0; k < 3; k++) values[(k + 1) * resamples + n] = sums.reach[k] / tracks;
    }
    sums = (track_sums){0};
    for (int i = 0; i < tracks; i++) add_track(&sums, lengths[i]);
    for (int k = 0; k < 4; k++) {
        double *sorted = values + (size_t)k * (size_t)resamples;
        qsort(sorted, (size_t)resamples, sizeof *sorted, ascending);
        const double value = k == 0 ? sums.length / tracks : sums.reach[k - 1] / tracks;
        if (r->count < (k == 0 ? 2 : k == 1 ? 5 : k == 2 ? 10 : 30)) continue; /* the video is shorter */
        sheet->methods[m].summary[0][k == 0 ? TRACK_LENGTH : TRACK_5 + k - 1] =
            (cairn_interval){value, sorted[low], sorted[high], tracks};
    }
    free(values);
    return st;
}

static cairn_status measure_tracks(cairn_sheet *sheet, int m, const run *r)
{
    cairn_status st = CAIRN_OK;
    const size_t steps = (size_t)r->count - 1;
    double *matched = malloc((steps + 1) * sizeof *matched);
    int64_t *histogram = malloc((MOST_LENGTH + 1) * sizeof *histogram), tracks = 0;
    int *lengths = NULL, n = 0;
    if (!matched || !histogram) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the tracks of %d frames", r->count);
        goto done;
    }
    CAIRN_TRY(track(histogram, matched, r));
    for (int i = 1; i <= MOST_LENGTH; i++) tracks += histogram[i];
    CAIRN_TRY(cairn_metric_bootstrap(&sheet->methods[m].summary[0][MATCHES], matched, steps, r->o->resamples,
                                     r->o->seed));
    for (size_t i = 0; i < steps; i++) matched[i] = r->points[i + 1].count - matched[i];
    CAIRN_TRY(cairn_metric_bootstrap(&sheet->methods[m].summary[0][NEW_TRACKS], matched, steps, r->o->resamples,
                                     r->o->seed));
    if (tracks == 0 || tracks > INT32_MAX) goto done;
    lengths = malloc((size_t)tracks * sizeof *lengths);
    if (!lengths) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for %lld tracks", (long long)tracks));
    for (int length = 1; length <= MOST_LENGTH; length++)
        for (int64_t i = 0; i < histogram[length]; i++) lengths[n++] = length;
    CAIRN_TRY(resample_tracks(sheet, m, lengths, n, r));
    set(sheet, m, TRACK_MEDIAN, lengths[(n - 1) / 2], n);
done:
    free(matched);
    free(histogram);
    free(lengths);
    return st;
}

/* ---- chains of matches, there and back ---- */
/* Moves each of the `count` places (indices into the points of frame `from`) to its nearest neighbour in frame `to`. */
static cairn_status step(int *at, int count, const run *r, int from, int to)
{
    cairn_status st = CAIRN_OK;
    const cairn_image *f = &r->frames[0];
    const cairn_view a = {&r->points[from], f->h, f->w}, b = {&r->points[to], f->h, f->w};
    const cairn_homography identity = CAIRN_HOMOGRAPHY_IDENTITY;
    cairn_matches matches = {0};
    int *next = malloc(((size_t)r->points[from].count + 1) * sizeof *next);
    if (!next) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a chain of matches");
    for (int i = 0; i < r->points[from].count; i++) next[i] = -1;
    CAIRN_TRY(cairn_metric_matches(&matches, &a, &b, &identity, &(cairn_match_options){.rule = CAIRN_MATCH_NEAREST}));
    for (int i = 0; i < matches.count; i++) next[matches.a[i]] = matches.b[i];
    for (int i = 0; i < count; i++) at[i] = at[i] < 0 ? -1 : next[at[i]];
done:
    cairn_matches_free(&matches);
    free(next);
    return st;
}

static cairn_status chain(double *share, const run *r, int first, int length)
{
    cairn_status st = CAIRN_OK;
    const cairn_keypoints *k = &r->points[first];
    int *at = malloc(((size_t)k->count + 1) * sizeof *at), back = 0;
    *share = NAN;
    if (!at) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a chain of matches");
    for (int i = 0; i < k->count; i++) at[i] = i;
    for (int n = 0; n < length; n++) CAIRN_TRY(step(at, k->count, r, first + n, first + n + 1));
    for (int n = length; n > 0; n--) CAIRN_TRY(step(at, k->count, r, first + n, first + n - 1));
    for (int i = 0; i < k->count; i++)
        back += at[i] >= 0 && hypot(k->points[i].x - k->points[at[i]].x, k->points[i].y - k->points[at[i]].y) <= 3;
    if (k->count > 0) *share = (double)back / k->count;
done:
    free(at);
    return st;
}

static cairn_status measure_chains(cairn_sheet *sheet, int m, const run *r)
{
    cairn_status st = CAIRN_OK;
    double shares[MOST_CHAINS];
    const int length = r->o->chain < r->count - 1 ? r->o->chain : r->count - 1, room = r->count - length;
    const int chains = room < MOST_CHAINS ? room : MOST_CHAINS;
    for (int c = 0; c < chains; c++) CAIRN_TRY(chain(&shares[c], r, (int)((int64_t)c * room / chains), length));
    CAIRN_TRY(cairn_metric_bootstrap(&sheet->methods[m].summary[0][FORWARD_BACKWARD], shares, (size_t)chains,
                                     r->o->resamples, r->o->seed));
done:
    return st;
}

/* ---- a method ---- */
static cairn_status measure_frames(cairn_sheet *sheet, int m, const run *r)
{
    cairn_status st = CAIRN_OK;
    const size_t n = (size_t)r->count;
    double *values = malloc(n * sizeof *values);
    if (!values) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d frames", r->count);
    for (size_t i = 0; i < n; i++) values[i] = r->points[i].count;
    CAIRN_TRY(cairn_metric_bootstrap(&sheet->methods[m].summary[0][POINTS], values, n, r->o->resamples, r->o->seed));
    for (size_t i = 0; i < n; i++) values[i] = 1000 * r->seconds[i];
    CAIRN_TRY(cairn_statistic_bootstrap(&sheet->methods[m].summary[0][DETECT_MS], values, n, CAIRN_POOL_MEDIAN, 0,
                                        r->o->resamples, r->o->seed));
    qsort(values, n, sizeof *values, ascending);
    set(sheet, m, DETECT_MS_95, values[(size_t)(0.95 * (double)(n - 1))], r->count);
done:
    free(values);
    return st;
}

static bool is_median(int measure)
{
    return measure <= RESIDUAL_IDENTITY || measure == INLIER_ERROR || measure == MATCH_MS;
}

static cairn_status measure_method(run *r, cairn_sheet *sheet, const cairn_predictions *method, int m)
{
    static const int of_rows[] = {RESIDUAL,       RESIDUAL_GAIN, RESIDUAL_IDENTITY,    FAILED,  INLIER_RATIO,
                                  EPIPOLAR_RATIO, INLIER_ERROR,  PSEUDO_REPEATABILITY, MATCH_MS};
    cairn_status st = CAIRN_OK;
    const bool described = method->dimension > 0;
    CAIRN_TRY(detect_all(r, method));
    for (int p = 0; p < r->pair_count; p++) {
        if (cairn_interrupted()) CAIRN_TRY(cairn_interrupted_status());
        CAIRN_TRY(measure_pair(r, sheet, m, p, described));
    }
    for (int g = 0; g < sheet->group_count; g++)
        for (size_t k = 0; k < sizeof of_rows / sizeof *of_rows; k++)
            CAIRN_TRY(cairn_sheet_summarise(sheet, m, g, of_rows[k], is_median(of_rows[k]), r->o->resamples,
                                            r->o->seed));
    CAIRN_TRY(measure_frames(sheet, m, r));
    if (described) {
        CAIRN_TRY(measure_tracks(sheet, m, r));
        CAIRN_TRY(measure_chains(sheet, m, r));
    }
done:
    return st;
}

static void describe(cairn_sheet *sheet, const run *r, const cairn_predictions *methods)
{
    const cairn_video_options *o = r->o;
    cJSON *p = sheet->parameters;
    cJSON_AddNumberToObject(p, "frames", r->count);
    cJSON_AddNumberToObject(p, "height", r->frames[0].h);
    cJSON_AddNumberToObject(p, "width", r->frames[0].w);
    cJSON_AddNumberToObject(p, "points", o->points);
    cJSON_AddNumberToObject(p, "most_pairs_of_an_interval", o->pairs);
    cJSON_AddNumberToObject(p, "chain", o->chain);
    cJSON_AddNumberToObject(p, "seed", o->seed);
    cJSON_AddStringToObject(p, "reference", o->reference < 0 ? "none" : methods[o->reference].name);
    for (int k = 0; k < MOST_INTERVALS; k++) {
        char name[32];
        const int interval = intervals_of(o)[k];
        if (interval == 0 || r->count - interval < 1) continue;
        snprintf(name, sizeof name, "%d frame%s", interval, interval == 1 ? "" : "s");
        cairn_sheet_add_group(sheet, name);
    }
    sheet->items[0] = r->pair_count;
    for (int i = 0; i < r->pair_count; i++) {
        snprintf(sheet->rows[i].name, sizeof sheet->rows[i].name, "%06d-%06d", r->pairs[i].i, r->pairs[i].j);
        sheet->rows[i].group = r->pairs[i].group;
        sheet->items[r->pairs[i].group]++;
    }
}

static cairn_status check(const cairn_image *frames, int count, int method_count, const cairn_video_options *o)
{
    if (count < 2 || o->points < 4 || o->points > 100000 || o->pairs < 0 || o->chain < 1 || o->resamples < 1 ||
        o->reference >= method_count)
        return cairn_error_set(CAIRN_E_INVALID, "video: needs 2 frames or more, 4 to 100000 points, a chain of 1 frame "
                                                "or more");
    for (int i = 0; i < count; i++)
        if (frames[i].c != 1 || frames[i].h != frames[0].h || frames[i].w != frames[0].w)
            return cairn_error_set(CAIRN_E_SHAPE, "video: frame %d has %dx%d pixels, the first %dx%d", i, frames[i].w,
                                   frames[i].h, frames[0].w, frames[0].h);
    if (list_pairs(NULL, count, o) < 1)
        return cairn_error_set(CAIRN_E_INVALID, "video: %d frames are fewer than the shortest interval of %d", count,
                               intervals_of(o)[0]);
    return CAIRN_OK;
}

static cairn_status prepare(run *r)
{
    r->pair_count = list_pairs(NULL, r->count, r->o);
    const size_t pairs = (size_t)r->pair_count, frames = (size_t)r->count;
    r->pairs = malloc(pairs * sizeof *r->pairs);
    r->truth = calloc(pairs, sizeof *r->truth);
    r->known = calloc(pairs, sizeof *r->known);
    r->points = calloc(frames, sizeof *r->points);
    r->seconds = calloc(frames, sizeof *r->seconds);
    if (!r->pairs || !r->truth || !r->known || !r->points || !r->seconds)
        return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d frames", r->count);
    list_pairs(r->pairs, r->count, r->o);
    return CAIRN_OK;
}

cairn_status cairn_video_run(cairn_sheet *out, const cairn_image *frames, int count, const char *name,
                             const cairn_predictions *methods, int method_count, const cairn_video_options *o)
{
    cairn_status st = CAIRN_OK;
    cairn_sheet sheet = {0};
    char set_name[128];
    run r = {.o = o, .frames = frames, .count = count};
    *out = (cairn_sheet){0};
    CAIRN_TRY(check(frames, count, method_count, o));
    CAIRN_TRY(prepare(&r));
    snprintf(set_name, sizeof set_name, "video %.100s", name);
    CAIRN_TRY(cairn_sheet_create(&sheet, o->oc ? "superpoint-pytorch" : "recommended", set_name, measures, MEASURES,
                                 r.pair_count, methods, method_count));
    describe(&sheet, &r, methods);
    const int64_t passes = method_count + (o->reference >= 0);
    if (o->progress) cairn_progress_start(&r.bar, "video", passes * (r.pair_count + count), 0);
    if (o->reference >= 0) CAIRN_TRY(find_truth(&r, &methods[o->reference]));
    for (int m = 0; m < method_count; m++) CAIRN_TRY(measure_method(&r, &sheet, &methods[m], m));
    if (o->progress) cairn_progress_finish(&r.bar);
    *out = sheet;
    sheet = (cairn_sheet){0};
done:
    cairn_sheet_free(&sheet);
    if (r.points) forget_points(&r);
    free(r.pairs);
    free(r.truth);
    free(r.known);
    free(r.points);
    free(r.seconds);
    return st;
}
