#include "geometry/postprocess.h"

#include <math.h>
#include <string.h>

const char *cairn_suppression_name(cairn_suppression_kind kind)
{
    static const char *const names[] = {"square", "box", "none"};
    return kind < CAIRN_SUPPRESSIONS ? names[kind] : "unknown";
}

const char *cairn_sampling_name(cairn_sampling sampling)
{
    static const char *const names[] = {"centres", "corners", "half", "superglue", "legacy", "loss"};
    return sampling < CAIRN_SAMPLINGS ? names[sampling] : "unknown";
}

/* Moves point `from` to place `to`, its descriptor with it. */
static void move(cairn_keypoints *k, int to, int from)
{
    if (to == from) return;
    size_t row = (size_t)k->dimension;
    k->points[to] = k->points[from];
    if (k->descriptors)
        memcpy(k->descriptors + (size_t)to * row, k->descriptors + (size_t)from * row, row * sizeof(float));
}

/* Which points a kept one removes. */
typedef struct rule {
    bool box;
    double size;  /* radius of the square, or side of the box */
    double reach; /* no point further away than this, by axis, is removed */
} rule;

static bool removes(const rule *r, const cairn_keypoint *kept, const cairn_keypoint *p)
{
    const double dx = fabs((double)p->x - (double)kept->x), dy = fabs((double)p->y - (double)kept->y);
    if (!r->box) return dx <= r->size && dy <= r->size;
    return dx < r->size && dy < r->size && (r->size - dx) * (r->size - dy) > 2 * r->size * r->size / 11;
}

/* Kept points by cells as large as the rule's reach, so that only nine cells are looked at. */
typedef struct cells {
    int h, w, *first, *next; /* -1: none */
    double side;
} cells;

static cairn_status cells_create(cells *c, int h, int w, double reach, int points)
{
    c->side = reach < 4 ? 4 : reach;
    c->h = (int)(h / c->side) + 1;
    c->w = (int)(w / c->side) + 1;
    const size_t count = (size_t)c->h * (size_t)c->w;
    c->first = malloc(count * sizeof *c->first);
    c->next = malloc(((size_t)points + 1) * sizeof *c->next);
    if (!c->first || !c->next) return cairn_error_set(CAIRN_E_NOMEM, "no memory to suppress %d points", points);
    for (size_t i = 0; i < count; i++) c->first[i] = -1;
    return CAIRN_OK;
}

/* False where a kept point removes p; otherwise p becomes the kept point number `kept`. */
static bool take(cells *c, const rule *r, const cairn_keypoint *points, const cairn_keypoint *p, int kept)
{
    const int cx = (int)((double)p->x / c->side), cy = (int)((double)p->y / c->side);
    for (int y = cy ? cy - 1 : 0; y <= cy + 1 && y < c->h; y++)
        for (int x = cx ? cx - 1 : 0; x <= cx + 1 && x < c->w; x++)
            for (int i = c->first[y * c->w + x]; i >= 0; i = c->next[i])
                if (removes(r, &points[i], p)) return false;
    int *head = &c->first[cy * c->w + cx];
    c->next[kept] = *head;
    *head = kept;
    return true;
}

static cairn_status thin(cairn_keypoints *k, int h, int w, const rule *r, int border, int top_k)
{
    cairn_status st = CAIRN_OK;
    cells c = {0};
    int inside = 0, kept = 0;
    if (border < 0) border = 0;
    for (int i = 0; i < k->count; i++) {
        const cairn_keypoint *p = &k->points[i];
        if (!isfinite(p->score) || !(p->x >= border && p->x <= w - 1 - border)) continue;
        if (!(p->y >= border && p->y <= h - 1 - border)) continue;
        move(k, inside++, i);
    }
    k->count = inside;
    if (!(r->size > 0)) return cairn_keypoints_sort(k, top_k);
    CAIRN_TRY(cairn_keypoints_sort(k, 0));
    CAIRN_TRY(cells_create(&c, h, w, r->reach, inside));
    for (int i = 0; i < k->count && (top_k <= 0 || kept < top_k); i++) {
        const cairn_keypoint p = k->points[i];
        if (take(&c, r, k->points, &p, kept)) move(k, kept++, i);
    }
    k->count = kept;
done:
    free(c.first);
    free(c.next);
    return st;
}

cairn_status cairn_keypoints_thin(cairn_keypoints *k, int h, int w, const cairn_suppression *s, int border, int top_k)
{
    const bool none = s->kind == CAIRN_SUPPRESS_NONE;
    const rule r = {s->kind == CAIRN_SUPPRESS_BOX, none ? 0 : s->size, none ? 0 : s->size};
    if (s->size < 0 || s->size > 64)
        return cairn_error_set(CAIRN_E_INVALID, "suppression of size %d: expected 0 to 64 pixels", s->size);
    return thin(k, h, w, &r, border, top_k);
}

cairn_status cairn_keypoints_suppress(cairn_keypoints *k, int h, int w, double radius, int border, int top_k)
{
    const rule r = {false, radius, radius};
    return thin(k, h, w, &r, border, top_k);
}

cairn_status cairn_keypoints_choose(cairn_keypoints *out, const float *map, int h, int w, float threshold,
                                    const cairn_suppression *s, int border, int top_k)
{
    cairn_status st = CAIRN_OK;
    const bool square = s->kind == CAIRN_SUPPRESS_SQUARE;
    CAIRN_TRY(
        cairn_keypoints_from_heatmap(out, map, h, w, threshold, square ? s->size : 0, border, square ? top_k : 0));
    if (!square) CAIRN_TRY(cairn_keypoints_thin(out, h, w, s, border, top_k));
done:
    if (st < 0) cairn_keypoints_free(out);
    return st;
}

/* Where a pixel lies on a map of `count` cells, in cells. */
static double position(cairn_sampling sampling, double x, int count, int stride)
{
    const double s = stride;
    switch (sampling) {
    case CAIRN_SAMPLE_CORNERS: return x / s * (count - 1) / count;
    case CAIRN_SAMPLE_HALF: return x / s - 0.5;
    case CAIRN_SAMPLE_SUPERGLUE: return (x - s / 2 + 0.5) / (s * count - s / 2 - 0.5) * (count - 1);
    case CAIRN_SAMPLE_LEGACY: return x / s;
    case CAIRN_SAMPLE_LOSS: return (x - s / 2) / s;
    default: return (x + 0.5) / s - 0.5;
    }
}

/* The two taps of one axis and their weights; a tap outside has weight 0 (PyTorch's sampler) or is the last one. */
typedef struct taps {
    int at[2];
    float weight[2];
} taps;

static taps taps_at(cairn_sampling sampling, double x, int count, int stride)
{
    const bool zero = sampling == CAIRN_SAMPLE_CORNERS || sampling == CAIRN_SAMPLE_HALF ||
                      sampling == CAIRN_SAMPLE_SUPERGLUE;
    double u = position(sampling, x, count, stride);
    const double low = zero ? -1 : 0, high = zero ? count : count - 1; /* at -1 and at `count` both taps read nothing */
    u = u > low ? (u < high ? u : high) : low;                          /* NaN: low */
    const int first = (int)floor(u);
    const float f = (float)(u - first);
    taps t = {{first, first + 1}, {1 - f, f}};
    for (int i = 0; i < 2; i++) {
        if (t.at[i] >= 0 && t.at[i] < count) continue;
        if (zero) t.weight[i] = 0;
        t.at[i] = t.at[i] < 0 ? 0 : count - 1;
    }
    return t;
}

cairn_status cairn_keypoints_sample_as(cairn_keypoints *k, const float *map, int hc, int wc, int dimension, int stride,
                                       cairn_sampling sampling)
{
    if (hc < 1 || wc < 1 || dimension < 1 || stride < 1)
        return cairn_error_set(CAIRN_E_INVALID, "descriptor map %dx%dx%d, stride %d: all must be 1 or more", hc, wc,
                               dimension, stride);
    float *descriptors = malloc(((size_t)k->count + 1) * (size_t)dimension * sizeof *descriptors);
    if (!descriptors) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d descriptors", k->count);
    for (int i = 0; i < k->count; i++) {
        const taps tx = taps_at(sampling, (double)k->points[i].x, wc, stride);
        const taps ty = taps_at(sampling, (double)k->points[i].y, hc, stride);
        const float *upper = map + (size_t)ty.at[0] * (size_t)wc * (size_t)dimension;
        const float *lower = map + (size_t)ty.at[1] * (size_t)wc * (size_t)dimension;
        const size_t left = (size_t)tx.at[0] * (size_t)dimension, right = (size_t)tx.at[1] * (size_t)dimension;
        float *out = descriptors + (size_t)i * (size_t)dimension;
        double norm = 0;
        for (int j = 0; j < dimension; j++) {
            out[j] = ty.weight[0] * (tx.weight[0] * upper[left + (size_t)j] + tx.weight[1] * upper[right + (size_t)j]) +
                     ty.weight[1] * (tx.weight[0] * lower[left + (size_t)j] + tx.weight[1] * lower[right + (size_t)j]);
            norm += (double)out[j] * out[j];
        }
        const float scale = (float)(1 / sqrt(norm + 1e-12));
        for (int j = 0; j < dimension; j++) out[j] *= scale;
    }
    free(k->descriptors);
    k->descriptors = descriptors;
    k->dimension = dimension;
    return CAIRN_OK;
}

cairn_status cairn_keypoints_sample(cairn_keypoints *k, const float *map, int hc, int wc, int dimension, int stride)
{
    return cairn_keypoints_sample_as(k, map, hc, wc, dimension, stride, CAIRN_SAMPLE_CENTRES);
}

cairn_status cairn_keypoints_detect(cairn_keypoints *out, const float *heatmap, int h, int w, const float *map,
                                    int dimension, const cairn_detect_options *o, int top_k)
{
    enum { STRIDE = 8 };
    cairn_status st = CAIRN_OK;
    const cairn_suppression suppression = {o->suppression, o->radius};
    const int hc = (h + STRIDE - 1) / STRIDE, wc = (w + STRIDE - 1) / STRIDE;
    CAIRN_TRY(cairn_keypoints_choose(out, heatmap, h, w, (float)o->threshold, &suppression, o->border, top_k));
    if (o->refine) (o->parabola ? cairn_keypoints_refine_parabola : cairn_keypoints_refine)(out, heatmap, h, w);
    if (map && dimension > 0)
        CAIRN_TRY(cairn_keypoints_sample_as(out, map, hc, wc, dimension, STRIDE, o->sampling));
done:
    if (st < 0) cairn_keypoints_free(out);
    return st;
}
