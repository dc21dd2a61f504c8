#include "geometry/keypoints.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

cairn_status cairn_keypoints_create(cairn_keypoints *out, int count, int dimension)
{
    *out = (cairn_keypoints){0};
    if (count < 0 || dimension < 0)
        return cairn_error_set(CAIRN_E_INVALID, "keypoints: count %d and dimension %d must not be negative", count,
                               dimension);
    cairn_keypoints made = {.count = count, .dimension = dimension};
    /* One element at least, so that an empty set has a valid pointer. */
    made.points = calloc((size_t)count + 1, sizeof *made.points);
    if (dimension > 0) made.descriptors = calloc((size_t)count + 1, (size_t)dimension * sizeof *made.descriptors);
    if (!made.points || (dimension > 0 && !made.descriptors)) {
        cairn_keypoints_free(&made);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d keypoints", count);
    }
    *out = made;
    return CAIRN_OK;
}

void cairn_keypoints_free(cairn_keypoints *k)
{
    free(k->points);
    free(k->descriptors);
    *k = (cairn_keypoints){0};
}

typedef struct ranked {
    cairn_keypoint point;
    int index;
} ranked;

static int better(const cairn_keypoint *p, const cairn_keypoint *q)
{
    if (p->score != q->score) return p->score > q->score ? -1 : 1;
    if (p->y != q->y) return p->y < q->y ? -1 : 1;
    return p->x < q->x ? -1 : p->x > q->x;
}

static int by_rank(const void *a, const void *b)
{
    const ranked *p = a, *q = b;
    int order = better(&p->point, &q->point);
    return order ? order : p->index < q->index ? -1 : p->index > q->index; /* equal points keep their order */
}

static int by_score(const void *a, const void *b)
{
    return better(a, b);
}

cairn_status cairn_keypoints_sort(cairn_keypoints *k, int top_k)
{
    size_t n = (size_t)k->count, d = (size_t)k->dimension;
    ranked *order = malloc((n + 1) * sizeof *order);
    float *descriptors = d ? calloc(n + 1, d * sizeof *descriptors) : NULL;
    if (!order || (d && !descriptors)) {
        free(order);
        free(descriptors);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory to sort %d keypoints", k->count);
    }
    for (size_t i = 0; i < n; i++) order[i] = (ranked){k->points[i], (int)i};
    qsort(order, n, sizeof *order, by_rank);
    if (top_k > 0 && (size_t)top_k < n) n = (size_t)top_k;
    for (size_t i = 0; i < n; i++) {
        k->points[i] = order[i].point;
        if (d) memcpy(descriptors + i * d, k->descriptors + (size_t)order[i].index * d, d * sizeof *descriptors);
    }
    if (d) {
        free(k->descriptors);
        k->descriptors = descriptors;
    }
    k->count = (int)n;
    free(order);
    return CAIRN_OK;
}

/* Pixels above the threshold inside the border; *out holds at least one element. */
static cairn_status collect(cairn_keypoint **out, int *count, const float *heatmap, int h, int w, float threshold,
                            int border)
{
    size_t n = 0;
    for (int y = border; y < h - border; y++)
        for (int x = border; x < w - border; x++) n += heatmap[(size_t)y * w + x] > threshold;
    cairn_keypoint *points = malloc((n + 1) * sizeof *points);
    if (!points) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu candidate points", n);
    *count = (int)n;
    *out = points;
    for (int y = border; y < h - border; y++)
        for (int x = border; x < w - border; x++) {
            float v = heatmap[(size_t)y * w + x];
            if (v > threshold) *points++ = (cairn_keypoint){(float)x, (float)y, v};
        }
    return CAIRN_OK;
}

static void suppress(uint8_t *taken, int h, int w, int x, int y, int radius)
{
    int x0 = x - radius < 0 ? 0 : x - radius, x1 = x + radius >= w ? w - 1 : x + radius;
    for (int yy = y - radius < 0 ? 0 : y - radius; yy <= y + radius && yy < h; yy++)
        memset(taken + (size_t)yy * w + x0, 1, (size_t)(x1 - x0 + 1));
}

cairn_status cairn_keypoints_from_heatmap(cairn_keypoints *out, const float *heatmap, int h, int w, float threshold,
                                          int radius, int border, int top_k)
{
    cairn_keypoint *candidates = NULL;
    uint8_t *taken = NULL;
    cairn_status st = CAIRN_OK;
    int count = 0, kept = 0;
    *out = (cairn_keypoints){0};
    if (h < 1 || w < 1 || radius < 0 || border < 0 || h > 1 << 15 || w > 1 << 15)
        return cairn_error_set(CAIRN_E_INVALID,
                               "suppression: heatmap %dx%d (1..32768 a side), radius %d and border %d "
                               "(0 or more)",
                               w, h, radius, border);
    if (radius > h + w) radius = h + w;
    CAIRN_TRY(collect(&candidates, &count, heatmap, h, w, threshold, border));
    taken = calloc((size_t)h * w, 1);
    if (!taken) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a %dx%d suppression grid", w, h));
    qsort(candidates, (size_t)count, sizeof *candidates, by_score);
    for (int i = 0; i < count && (top_k <= 0 || kept < top_k); i++) {
        int x = (int)candidates[i].x, y = (int)candidates[i].y;
        if (taken[(size_t)y * w + x]) continue;
        suppress(taken, h, w, x, y, radius);
        candidates[kept++] = candidates[i];
    }
    CAIRN_TRY(cairn_keypoints_create(out, kept, 0));
    memcpy(out->points, candidates, (size_t)kept * sizeof *candidates);
done:
    free(candidates);
    free(taken);
    return st;
}

static float clampf(float v, float low, float high)
{
    return v > low ? (v < high ? v : high) : low; /* NaN: low */
}

void cairn_keypoints_refine(cairn_keypoints *k, const float *heatmap, int h, int w)
{
    for (int i = 0; i < k->count; i++) {
        cairn_keypoint *p = &k->points[i];
        int x = (int)rintf(clampf(p->x, 0, (float)(w - 1))), y = (int)rintf(clampf(p->y, 0, (float)(h - 1)));
        double sum = 0, sx = 0, sy = 0;
        for (int dy = -2; dy <= 2; dy++) {
            for (int dx = -2; dx <= 2; dx++) {
                if (y + dy < 0 || y + dy >= h || x + dx < 0 || x + dx >= w) continue;
                double v = heatmap[(size_t)(y + dy) * w + x + dx];
                if (!(v > 0)) continue;
                sum += v;
                sx += v * dx;
                sy += v * dy;
            }
        }
        if (!(sum > 0)) continue;
        p->x = (float)x + clampf((float)(sx / sum), -1, 1);
        p->y = (float)y + clampf((float)(sy / sum), -1, 1);
    }
}

/* From the maximum `at`, place `x` of `size` along an axis whose pixels lie `step` apart. */
static float vertex(const float *at, ptrdiff_t step, int x, int size)
{
    const double least = 1e-12;
    if (x < 1 || x > size - 2) return (float)x;
    const double before = log(fmax((double)at[-step], least)), here = log(fmax((double)*at, least));
    const double behind = log(fmax((double)at[step], least)), curvature = before - 2 * here + behind;
    return curvature < 0 ? (float)(x + fmin(fmax((before - behind) / (2 * curvature), -0.5), 0.5)) : (float)x;
}

void cairn_keypoints_refine_parabola(cairn_keypoints *k, const float *heatmap, int h, int w)
{
    for (int i = 0; i < k->count; i++) {
        cairn_keypoint *p = &k->points[i];
        const int x = (int)rintf(clampf(p->x, 0, (float)(w - 1))), y = (int)rintf(clampf(p->y, 0, (float)(h - 1)));
        const float *at = heatmap + (size_t)y * (size_t)w + (size_t)x;
        p->x = vertex(at, 1, x, w);
        p->y = vertex(at, w, y, h);
    }
}
