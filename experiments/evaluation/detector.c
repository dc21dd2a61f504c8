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

cairn_status cairn_keypoints_suppress(cairn_keypoints *k, int h, int w, double radius, int border, int top_k)
{
    cairn_status st = CAIRN_OK;
    int inside = 0, kept = 0;
    for (int i = 0; i < k->count; i++) {
        const cairn_keypoint *p = &k->points[i];
        if (!isfinite(p->score) || !(p->x >= border && p->x <= w - 1 - border)) continue;
        if (!(p->y >= border && p->y <= h - 1 - border)) continue;
        move(k, inside++, i);
    }
    k->count = inside;
    CAIRN_TRY(cairn_keypoints_sort(k, 0));
    for (int i = 0; i < k->count && (top_k <= 0 || kept < top_k); i++) {
        const cairn_keypoint p = k->points[i];
        bool free_place = true;
        for (int j = 0; j < kept && free_place && radius > 0; j++)
            free_place = fabs((double)p.x - k->points[j].x) > radius || fabs((double)p.y - k->points[j].y) > radius;
        if (free_place) move(k, kept++, i);
    }
    k->count = kept;
done:
    return st;
}

cairn_status cairn_detector_run(cairn_keypoints *out, const cairn_detector *detector, const cairn_image *gray,
                                double radius, int border, int candidates, int top_k)
{
    cairn_status st = CAIRN_OK;
    cairn_keypoints found = {0};
    *out = (cairn_keypoints){0};
    if (gray->c != 1) {
        return cairn_error_set(CAIRN_E_SHAPE, "detector %s: the image has %d channels, expected 1 (gray)",
                               detector->name, gray->c);
    }
    CAIRN_TRY(detector->detect(detector->state, gray, candidates, &found));
    if (found.count > 0 && found.dimension != detector->dimension) {
        st = cairn_error_set(CAIRN_E_SHAPE, "detector %s: descriptors of length %d, announced were %d", detector->name,
                             found.dimension, detector->dimension);
        goto done;
    }
    CAIRN_TRY(cairn_keypoints_suppress(&found, gray->h, gray->w, radius, border, top_k));
    *out = found;
    found = (cairn_keypoints){0};
done:
    cairn_keypoints_free(&found);
    return st;
}
