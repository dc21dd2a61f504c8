#include "matching/masks.h"

#include "matching/lightglue/truth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void cairn_masked_pair_free(cairn_masked_pair *pair)
{
    cairn_keypoints_free(&pair->a);
    cairn_keypoints_free(&pair->b);
    cairn_keypoints_free(&pair->lost_a);
    cairn_keypoints_free(&pair->lost_b);
    free(pair->scores);
    *pair = (cairn_masked_pair){0};
}

cairn_status cairn_masks_drop_invalid(cairn_keypoints *k, const float *valid, int h, int w, int margin)
{
    const size_t pixels = (size_t)h * (size_t)w, d = (size_t)k->dimension;
    float *far = malloc(pixels * sizeof *far);
    int kept = 0;
    if (!far) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a mask of %dx%d", w, h);
    memcpy(far, valid, pixels * sizeof *far);
    if (margin > 0) cairn_mask_erode(far, h, w, margin);
    for (int i = 0; i < k->count; i++) {
        const int x = (int)lrintf(k->points[i].x), y = (int)lrintf(k->points[i].y);
        if (x < 0 || y < 0 || x >= w || y >= h || far[(size_t)y * (size_t)w + (size_t)x] < 0.5f) continue;
        k->points[kept] = k->points[i];
        if (d) memmove(k->descriptors + (size_t)kept * d, k->descriptors + (size_t)i * d, d * sizeof *k->descriptors);
        kept++;
    }
    k->count = kept;
    free(far);
    return CAIRN_OK;
}

/* ---- matching ---- */

/* Larger of the errors in both images, pixels. */
static double error_of(const cairn_homography *h, const cairn_homography *back, const cairn_keypoint *a,
                       const cairn_keypoint *b)
{
    double x, y, u, v;
    if (!cairn_homography_apply(h, (double)a->x, (double)a->y, &x, &y)) return INFINITY;
    if (!cairn_homography_apply(back, (double)b->x, (double)b->y, &u, &v)) return INFINITY;
    const double d0 = hypot(x - (double)b->x, y - (double)b->y), d1 = hypot(u - (double)a->x, v - (double)a->y);
    return d0 <= d1 ? d1 : d0 > d1 ? d0 : INFINITY; /* NaN */
}

/* Mutual nearest neighbours in position. Score: 1 where they agree exactly, 0 at `reach`. */
static cairn_status ask_oracle(cairn_match **out, int *count, const cairn_keypoints *a, const cairn_keypoints *b,
                               const cairn_homography *h, const cairn_homography *back, double reach)
{
    cairn_status st = CAIRN_OK;
    const size_t n = (size_t)a->count, m = (size_t)b->count;
    int *of = malloc((n + m + 1) * sizeof *of), found = 0;
    cairn_match *matches = malloc((n + 1) * sizeof *matches);
    if (!of || !matches) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu and %zu points", n, m));
    CAIRN_TRY(cairn_match_truth(of, of + n, a, b, h, reach, reach));
    for (int i = 0; i < a->count; i++) {
        if (of[i] < 0) continue;
        const double e = error_of(h, back, &a->points[i], &b->points[of[i]]);
        matches[found++] = (cairn_match){i, of[i], 0, (float)fmax(0, 1 - e / reach)};
    }
    *out = matches;
    *count = found;
    matches = NULL;
done:
    free(of);
    free(matches);
    return st;
}

/* Copies the points whose mark is 0. */
static cairn_status copy_lost(cairn_keypoints *out, const cairn_keypoints *all, const uint8_t *matched)
{
    cairn_status st = cairn_keypoints_create(out, all->count, 0);
    int n = 0;
    for (int i = 0; i < all->count && st >= 0; i++)
        if (!matched[i]) out->points[n++] = all->points[i];
    if (st >= 0) out->count = n;
    return st;
}

static bool inside(const cairn_keypoint *p, int h, int w)
{
    return p->x >= 0 && p->y >= 0 && p->x <= (float)(w - 1) && p->y <= (float)(h - 1);
}

/* The midpoint in I and its image in I'; left as they are where that leaves the image. */
static void symmetrise(cairn_keypoint *a, cairn_keypoint *b, const cairn_homography *h, const cairn_homography *back,
                       const cairn_masked_pair *pair)
{
    cairn_keypoint p = *a, q = *b;
    double x, y, u, v;
    if (!cairn_homography_apply(back, (double)b->x, (double)b->y, &x, &y)) return;
    p.x = (float)(0.5 * ((double)a->x + x)), p.y = (float)(0.5 * ((double)a->y + y));
    if (!cairn_homography_apply(h, (double)p.x, (double)p.y, &u, &v)) return;
    q.x = (float)u, q.y = (float)v;
    if (inside(&p, pair->h, pair->w) && inside(&q, pair->h, pair->w)) *a = p, *b = q;
}

static cairn_status keep(cairn_masked_pair *out, const cairn_match *matches, int count, const cairn_match_side *a,
                         const cairn_match_side *b, const cairn_homography *back, const cairn_mask_options *o)
{
    cairn_status st = CAIRN_OK;
    const size_t n = (size_t)a->points->count, m = (size_t)b->points->count;
    uint8_t *matched = calloc(n + m + 1, 1);
    int kept = 0;
    out->scores = malloc(((size_t)count + 1) * sizeof *out->scores);
    if (!matched || !out->scores) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for %d matches", count));
    CAIRN_TRY(cairn_keypoints_create(&out->a, count, 0));
    CAIRN_TRY(cairn_keypoints_create(&out->b, count, 0));
    for (int i = 0; i < count; i++) {
        cairn_keypoint p = a->points->points[matches[i].a], q = b->points->points[matches[i].b];
        const double e = error_of(&out->to_warped, back, &p, &q);
        if (o->reach > 0 && !(e <= o->reach)) continue;
        matched[matches[i].a] = matched[n + (size_t)matches[i].b] = 1;
        if (o->symmetrise) symmetrise(&p, &q, &out->to_warped, back, out);
        out->a.points[kept] = p;
        out->b.points[kept] = q;
        out->scores[kept++] = matches[i].score;
    }
    out->a.count = out->b.count = kept;
    CAIRN_TRY(copy_lost(&out->lost_a, a->points, matched));
    CAIRN_TRY(copy_lost(&out->lost_b, b->points, matched + n));
done:
    free(matched);
    return st;
}

cairn_status cairn_masks_match(cairn_masked_pair *out, const cairn_match_side *a, const cairn_match_side *b,
                               const cairn_homography *to_warped, const cairn_matcher *matcher,
                               const cairn_mask_options *options)
{
    cairn_status st = CAIRN_OK;
    cairn_homography back;
    cairn_match *matches = NULL;
    int count = 0;
    *out = (cairn_masked_pair){.h = a->h, .w = a->w, .to_warped = *to_warped};
    if (a->h != b->h || a->w != b->w)
        CAIRN_TRY(cairn_error_set(CAIRN_E_SHAPE, "matched masks: images of %dx%d and %dx%d; they must be of one size",
                                  a->w, a->h, b->w, b->h));
    if (!(options->reach >= 0) || (!matcher && !(options->reach > 0)))
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID,
                                  "matched masks: a reach of %g pixels; expected 0 or more, and above "
                                  "0 without a matcher",
                                  options->reach));
    CAIRN_TRY(cairn_homography_invert(&back, to_warped));
    if (matcher)
        CAIRN_TRY(cairn_matcher_run(matcher, a, b, &matches, &count));
    else
        CAIRN_TRY(ask_oracle(&matches, &count, a->points, b->points, to_warped, &back, options->reach));
    CAIRN_TRY(keep(out, matches, count, a, b, &back, options));
done:
    free(matches);
    if (st < 0) cairn_masked_pair_free(out);
    return st;
}

/* ---- drawing ---- */

typedef struct window {
    int x0, x1, y0, y1; /* inclusive; empty where x1 < x0 or y1 < y0 */
} window;

static window around(const cairn_keypoint *p, double reach, int h, int w)
{
    return (window){(int)fmax(0, ceil((double)p->x - reach)), (int)fmin(w - 1, floor((double)p->x + reach)),
                    (int)fmax(0, ceil((double)p->y - reach)), (int)fmin(h - 1, floor((double)p->y + reach))};
}

/* The Gaussian of one point, where it is the largest yet. */
static void add_point(float *mask, int h, int w, const cairn_keypoint *point, double sigma)
{
    const double scale = -0.5 / (sigma * sigma);
    const window o = around(point, 4 * sigma, h, w);
    for (int y = o.y0; y <= o.y1; y++) {
        for (int x = o.x0; x <= o.x1; x++) {
            const double dx = x - (double)point->x, dy = y - (double)point->y;
            float *at = &mask[(size_t)y * (size_t)w + (size_t)x], v = (float)exp(scale * (dx * dx + dy * dy));
            if (v > *at) *at = v;
        }
    }
}

static void add_pixel(float *mask, int h, int w, const cairn_keypoint *point)
{
    const long x = lround((double)point->x), y = lround((double)point->y);
    if (x >= 0 && y >= 0 && x < w && y < h) mask[(size_t)y * (size_t)w + (size_t)x] = 1;
}

void cairn_masks_draw(float *mask, float *weight, int h, int w, const cairn_keypoints *points,
                      const cairn_keypoints *lost, const cairn_mask_style *style)
{
    const double scale = -0.5 / (style->sigma * style->sigma);
    const size_t pixels = (size_t)h * (size_t)w;
    /* First the Gaussians alone: their value tells how near the nearest point is. */
    memset(mask, 0, pixels * sizeof *mask);
    for (int i = 0; i < points->count; i++) {
        if (style->sigma > 0)
            add_point(mask, h, w, &points->points[i], style->sigma);
        else
            add_pixel(mask, h, w, &points->points[i]);
    }
    for (size_t i = 0; weight && i < pixels; i++) weight[i] = 1;
    for (int i = 0; weight && style->ignore > 0 && i < lost->count; i++) {
        const cairn_keypoint *p = &lost->points[i];
        const window o = around(p, style->ignore, h, w);
        for (int y = o.y0; y <= o.y1; y++) {
            for (int x = o.x0; x <= o.x1; x++) {
                const double dx = x - (double)p->x, dy = y - (double)p->y, d2 = dx * dx + dy * dy;
                const size_t at = (size_t)y * (size_t)w + (size_t)x;
                if (d2 <= style->ignore * style->ignore && exp(scale * d2) > (double)mask[at]) weight[at] = 0;
            }
        }
    }
    const float low = (float)style->floor, range = (float)(style->peak - style->floor);
    for (size_t i = 0; i < pixels; i++) mask[i] = low + range * mask[i];
}
