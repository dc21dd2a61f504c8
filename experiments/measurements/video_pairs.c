#include "experiments/measurements/video_pairs.h"

#include "geometry/fundamental.h"
#include "system/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RADIUS = 4, BORDER = 4, OC_BLOCK = 4, OC_CLOSEST = 300 };
static const double threshold = 0.015, inlier_px = 3, oc_inlier_px = 5, epipolar_px = 1;

/* Of each 4x4 block the best point; they are sorted. */
static cairn_status keep_blocks(cairn_keypoints *k, int h, int w, int most)
{
    const size_t across = (size_t)(w + OC_BLOCK - 1) / OC_BLOCK, down = (size_t)(h + OC_BLOCK - 1) / OC_BLOCK;
    const size_t row = (size_t)k->dimension;
    uint8_t *taken = calloc(across * down, 1);
    int kept = 0;
    if (!taken) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the blocks of a frame");
    for (int i = 0; i < k->count && kept < most; i++) {
        const cairn_keypoint p = k->points[i];
        const size_t x = (size_t)fmax(0, fmin(w - 1, p.x)) / OC_BLOCK, y = (size_t)fmax(0, fmin(h - 1, p.y)) / OC_BLOCK;
        if (taken[y * across + x]) continue;
        taken[y * across + x] = 1;
        k->points[kept] = p;
        if (row) memmove(k->descriptors + (size_t)kept * row, k->descriptors + (size_t)i * row, row * sizeof(float));
        kept++;
    }
    k->count = kept;
    free(taken);
    return CAIRN_OK;
}

cairn_status cairn_video__detect(cairn_keypoints *out, double *seconds, const cairn_predictions *method,
                                 const cairn_image *frame, const cairn_video_options *o)
{
    cairn_status st = CAIRN_OK;
    const cairn_protocol_view view = {
        .used = true,
        .resize = CAIRN_RESIZE_NATIVE,
        .h = frame->h,
        .w = frame->w,
        .suppression = {o->oc ? CAIRN_SUPPRESS_NONE : CAIRN_SUPPRESS_SQUARE, RADIUS},
        .threshold = threshold,
        .border = BORDER,
        .classical_border = BORDER,
        .subpixel = !o->oc,
        .points = o->oc ? 0 : o->points,
    };
    const double started = cairn_seconds();
    CAIRN_TRY(cairn_detector_view(out, method->detector, frame, &view));
    *seconds = cairn_seconds() - started;
    if (o->oc) CAIRN_TRY(keep_blocks(out, frame->h, frame->w, o->points));
done:
    if (st < 0) cairn_keypoints_free(out);
    return st;
}

/* ---- the published script's matches ---- */
typedef struct close_pair {
    float distance;
    int a, b;
} close_pair;

static int closest_first(const void *left, const void *right)
{
    const close_pair *a = left, *b = right;
    if (a->distance != b->distance) return a->distance < b->distance ? -1 : 1;
    return a->a < b->a ? -1 : a->a > b->a;
}

static float l1(const float *a, const float *b, int n)
{
    float sum[8] = {0}, rest = 0;
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) sum[k] += fabsf(a[i + k] - b[i + k]);
    for (; i < n; i++) rest += fabsf(a[i] - b[i]);
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7])) + rest;
}

/* Mutual nearest neighbours in L1, closest first. *count of them in *out, which the caller frees. */
static cairn_status match_l1(close_pair **out, int *count, const cairn_keypoints *a, const cairn_keypoints *b)
{
    const size_t na = (size_t)a->count, nb = (size_t)b->count, d = (size_t)a->dimension;
    close_pair *best = malloc((na + nb + 1) * sizeof *best), *of_b = best + na;
    *out = best;
    *count = 0;
    if (!best) return cairn_error_set(CAIRN_E_NOMEM, "no memory to match %zu points", na);
    for (size_t i = 0; i < na; i++) best[i] = (close_pair){INFINITY, (int)i, -1};
    for (size_t j = 0; j < nb; j++) of_b[j] = (close_pair){INFINITY, -1, (int)j};
    for (size_t i = 0; i < na; i++)
        for (size_t j = 0; j < nb; j++) {
            const float distance = l1(a->descriptors + i * d, b->descriptors + j * d, (int)d);
            if (distance < best[i].distance) best[i] = (close_pair){distance, (int)i, (int)j};
            if (distance < of_b[j].distance) of_b[j] = (close_pair){distance, (int)i, (int)j};
        }
    for (size_t i = 0; i < na; i++)
        if (best[i].b >= 0 && of_b[best[i].b].a == (int)i) best[(*count)++] = best[i];
    qsort(best, (size_t)*count, sizeof *best, closest_first);
    return CAIRN_OK;
}

/* from, to: [2 * points of a], caller-allocated. */
static cairn_status match(double *from, double *to, int *count, const cairn_keypoints *a, const cairn_keypoints *b,
                          const cairn_image *frame, const cairn_video_options *o)
{
    cairn_status st = CAIRN_OK;
    *count = 0;
    if (o->oc) {
        close_pair *pairs = NULL;
        CAIRN_TRY(match_l1(&pairs, count, a, b));
        if (*count > OC_CLOSEST) *count = OC_CLOSEST;
        for (int i = 0; i < *count; i++) {
            from[2 * i] = a->points[pairs[i].a].x;
            from[2 * i + 1] = a->points[pairs[i].a].y;
            to[2 * i] = b->points[pairs[i].b].x;
            to[2 * i + 1] = b->points[pairs[i].b].y;
        }
        free(pairs);
    } else {
        cairn_matches mutual;
        const cairn_view view_a = {a, frame->h, frame->w}, view_b = {b, frame->h, frame->w};
        const cairn_homography identity = CAIRN_HOMOGRAPHY_IDENTITY;
        CAIRN_TRY(cairn_metric_matches(&mutual, &view_a, &view_b, &identity, &(cairn_match_options){0}));
        *count = mutual.count;
        memcpy(from, mutual.from, 2 * (size_t)mutual.count * sizeof *from);
        memcpy(to, mutual.to, 2 * (size_t)mutual.count * sizeof *to);
        cairn_matches_free(&mutual);
    }
done:
    return st;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* `errors` has room for all matches. */
static double median_inlier_error(double *errors, const cairn_homography *h, const double *from, const double *to,
                                  const uint8_t *inliers, int count)
{
    int n = 0;
    for (int i = 0; i < count; i++) {
        double x, y;
        if (!inliers[i] || !cairn_homography_apply(h, from[2 * i], from[2 * i + 1], &x, &y)) continue;
        errors[n++] = hypot(x - to[2 * i], y - to[2 * i + 1]);
    }
    if (n == 0) return NAN;
    qsort(errors, (size_t)n, sizeof *errors, ascending);
    return n % 2 ? errors[n / 2] : (errors[n / 2 - 1] + errors[n / 2]) / 2;
}

static cairn_status estimate(cairn_video_pair *out, const double *from, const double *to, int count,
                             const cairn_video_options *o)
{
    cairn_status st;
    uint8_t *inliers = calloc((size_t)count + 1, 1);
    double *errors = malloc(((size_t)count + 1) * sizeof *errors);
    if (!inliers || !errors) {
        free(inliers);
        free(errors);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d matches", count);
    }
    if (o->oc) { /* the script estimates from frame j to frame i */
        cairn_homography j_to_i;
        st = cairn_homography_ransac_cv(&j_to_i, to, from, count, oc_inlier_px, 2000, 0.995, inliers);
        if (st >= 0) st = cairn_homography_invert(&out->i_to_j, &j_to_i);
    } else {
        st = cairn_homography_ransac(&out->i_to_j, from, to, count, inlier_px, 2000, 0.999, o->seed, inliers);
    }
    out->found = st >= 0;
    if (out->found) {
        for (int i = 0; i < count; i++) out->inliers += inliers[i];
        out->inlier_error = median_inlier_error(errors, &out->i_to_j, from, to, inliers, count);
    }
    free(inliers);
    free(errors);
    return st == CAIRN_E_NUMERIC ? CAIRN_OK : st;
}

/* The scene need not be plane: matches that agree with any motion of the camera. */
static cairn_status count_epipolar(cairn_video_pair *out, const double *from, const double *to,
                                   const cairn_video_options *o)
{
    double f[9];
    uint8_t *inliers = calloc((size_t)out->matches + 1, 1);
    if (!inliers) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d matches", out->matches);
    cairn_status st = cairn_fundamental_ransac(f, from, to, out->matches, epipolar_px, 2000, 0.999, o->seed, inliers);
    for (int i = 0; i < out->matches; i++) out->epipolar += inliers[i];
    free(inliers);
    return st == CAIRN_E_NUMERIC ? CAIRN_OK : st;
}

typedef struct sums {
    double n, a, b, aa, ab, difference; /* over the pixels compared: a of frame i, b of frame j */
} sums;

/* Mean |i - j| over the crop where `valid` (NULL: everywhere), and the same after the best gain and offset of j. The
 * crop leaves out 100/696 of the width on either side and 50/392 of the height, the published script's margins. */
static bool compare(double *residual, double *gain, const cairn_image *i, const cairn_image *j, const float *valid)
{
    const int left = (int)lrint(i->w * 100.0 / 696), top = (int)lrint(i->h * 50.0 / 392);
    sums s = {0};
    for (int y = top; y < i->h - top; y++)
        for (int x = left; x < i->w - left; x++) {
            const size_t at = (size_t)y * (size_t)i->w + (size_t)x;
            if (valid && !(valid[at] > 0)) continue;
            const double a = i->pixels[at], b = j->pixels[at];
            s.n++;
            s.a += a;
            s.b += b;
            s.aa += b * b;
            s.ab += a * b;
            s.difference += fabs(a - b);
        }
    if (s.n < 1) return false;
    const double spread = s.aa - s.b * s.b / s.n, g = spread > 1e-12 ? (s.ab - s.a * s.b / s.n) / spread : 0;
    const double offset = (s.a - g * s.b) / s.n;
    double sum = 0;
    for (int y = top; y < i->h - top; y++)
        for (int x = left; x < i->w - left; x++) {
            const size_t at = (size_t)y * (size_t)i->w + (size_t)x;
            if (!valid || valid[at] > 0) sum += fabs(i->pixels[at] - g * j->pixels[at] - offset);
        }
    *residual = 255 * s.difference / s.n;
    *gain = 255 * sum / s.n;
    return true;
}

/* Lays frame j over frame i. */
static cairn_status lay_over(cairn_video_pair *out, const cairn_image *i, const cairn_image *j)
{
    cairn_status st = CAIRN_OK;
    cairn_image warped = {0};
    double identity_gain = NAN;
    float *valid = malloc((size_t)i->h * (size_t)i->w * sizeof *valid);
    if (!valid) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a frame of %dx%d", i->w, i->h);
    out->identity = NAN;
    compare(&out->identity, &identity_gain, i, j, NULL);
    if (out->found) {
        CAIRN_TRY(cairn_homography_warp(&warped, valid, j, &out->i_to_j, i->h, i->w));
        out->found = compare(&out->residual, &out->gain, i, &warped, valid);
    }
    if (!out->found) {
        out->residual = out->identity;
        out->gain = identity_gain;
    }
done:
    cairn_image_free(&warped);
    free(valid);
    return st;
}

cairn_status cairn_video__pair(cairn_video_pair *out, const cairn_keypoints *a, const cairn_keypoints *b,
                               const cairn_image *i, const cairn_image *j, bool epipolar,
                               const cairn_video_options *o)
{
    cairn_status st = CAIRN_OK;
    const size_t room = 2 * (size_t)a->count + 2;
    double *from = malloc(room * sizeof *from), *to = malloc(room * sizeof *to);
    *out = (cairn_video_pair){.i_to_j = CAIRN_HOMOGRAPHY_IDENTITY, .inlier_error = NAN};
    if (!from || !to) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for %d matches", a->count);
        goto done;
    }
    const double started = cairn_seconds();
    if (a->count > 0 && b->count > 0) CAIRN_TRY(match(from, to, &out->matches, a, b, i, o));
    out->match_ms = 1000 * (cairn_seconds() - started);
    if (out->matches >= 4) CAIRN_TRY(estimate(out, from, to, out->matches, o));
    if (epipolar) CAIRN_TRY(count_epipolar(out, from, to, o));
    CAIRN_TRY(lay_over(out, i, j));
done:
    free(from);
    free(to);
    return st;
}
