#include "experiments/evaluation/detector.h"

#include <math.h>
#include <string.h>

void cairn_detector_free(cairn_detector *detector)
{
    if (!detector) return;
    if (detector->destroy) detector->destroy(detector->state);
    *detector = (cairn_detector){0};
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

static cairn_status detect(cairn_keypoints *out, const cairn_detector *detector, const cairn_image *gray, int top_k)
{
    cairn_status st = CAIRN_OK;
    if (gray->c != 1) {
        return cairn_error_set(CAIRN_E_SHAPE, "detector %s: the image has %d channels, expected 1 (gray)",
                               detector->name, gray->c);
    }
    CAIRN_TRY(detector->detect(detector->state, gray, top_k, out));
    if (out->count > 0 && out->dimension != detector->dimension)
        st = cairn_error_set(CAIRN_E_SHAPE, "detector %s: descriptors of length %d, announced were %d", detector->name,
                             out->dimension, detector->dimension);
done:
    return st;
}

cairn_status cairn_detector_run(cairn_keypoints *out, const cairn_detector *detector, const cairn_image *gray,
                                double radius, int border, int candidates, int top_k)
{
    cairn_status st = CAIRN_OK;
    *out = (cairn_keypoints){0};
    CAIRN_TRY(detect(out, detector, gray, candidates));
    CAIRN_TRY(cairn_keypoints_suppress(out, gray->h, gray->w, radius, border, top_k));
done:
    if (st < 0) cairn_keypoints_free(out);
    return st;
}

/* Methods that the harness suppresses may find more points than are kept. */
enum { CANDIDATE_FACTOR = 4 };

cairn_status cairn_detector_view(cairn_keypoints *out, const cairn_detector *detector, const cairn_image *gray,
                                 const cairn_protocol_view *view)
{
    cairn_status st = CAIRN_OK;
    static const cairn_suppression none = {CAIRN_SUPPRESS_NONE, 0};
    const bool own = detector->configure != NULL;
    const bool suppress = !own && (detector->learned || !view->classical_unsuppressed);
    *out = (cairn_keypoints){0};
    if (own) detector->configure(detector->state, view);
    CAIRN_TRY(detect(out, detector, gray, own ? view->points : CANDIDATE_FACTOR * view->points));
    for (int i = 0; view->integer && i < out->count; i++) {
        out->points[i].x = truncf(out->points[i].x);
        out->points[i].y = truncf(out->points[i].y);
    }
    CAIRN_TRY(cairn_keypoints_thin(out, gray->h, gray->w, suppress ? &view->suppression : &none,
                                   detector->learned ? view->border : view->classical_border, view->points));
done:
    if (st < 0) cairn_keypoints_free(out);
    return st;
}
