#include "experiments/evaluation/metrics/shared_points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct ranked {
    float score;
    int index;
    double x, y;
} ranked;

static int by_score(const void *left, const void *right)
{
    const ranked *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* frame_h 0: any place. */
static cairn_status choose(cairn_shared *out, const cairn_keypoints *points, const cairn_homography *h, int frame_h,
                           int frame_w, int top_k)
{
    cairn_status st = CAIRN_OK;
    size_t room = (size_t)points->count + 1;
    int count = 0;
    ranked *order = malloc(room * sizeof *order);
    *out = (cairn_shared){.index = malloc(room * sizeof *out->index), .to = malloc(room * 2 * sizeof *out->to)};
    if (!order || !out->index || !out->to) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for %d shared points", points->count);
        goto done;
    }
    for (int i = 0; i < points->count; i++) {
        const cairn_keypoint *p = &points->points[i];
        double x = p->x, y = p->y;
        if (h && !cairn_homography_apply(h, p->x, p->y, &x, &y)) {
            if (frame_h > 0) continue;
            x = y = INFINITY; /* far from everything, but it keeps its rank */
        }
        if (frame_h > 0 && !(x >= 0 && x < frame_w && y >= 0 && y < frame_h)) continue;
        order[count++] = (ranked){.score = isnan(p->score) ? -INFINITY : p->score, .index = i, .x = x, .y = y};
    }
    qsort(order, (size_t)count, sizeof *order, by_score);
    if (top_k > 0 && count > top_k) count = top_k;
    for (int i = 0; i < count; i++) {
        out->index[i] = order[i].index;
        out->to[2 * i] = order[i].x;
        out->to[2 * i + 1] = order[i].y;
    }
    out->count = count;
done:
    free(order);
    if (st < 0) cairn_metrics__shared_free(out);
    return st;
}

cairn_status cairn_metrics__shared(cairn_shared *out, const cairn_keypoints *points, const cairn_homography *h,
                                   int frame_h, int frame_w, int top_k)
{
    CAIRN_ASSERT(frame_h > 0 && frame_w > 0);
    return choose(out, points, h, frame_h, frame_w, top_k);
}

cairn_status cairn_metrics__best(cairn_shared *out, const cairn_keypoints *points, const cairn_homography *h, int top_k)
{
    return choose(out, points, h, 0, 0, top_k);
}

cairn_status cairn_metrics__subset(cairn_keypoints *out, const cairn_keypoints *points, const cairn_shared *chosen)
{
    cairn_status st = cairn_keypoints_create(out, chosen->count, points->dimension);
    if (st < 0) return st;
    size_t row = (size_t)points->dimension;
    for (int i = 0; i < chosen->count; i++) {
        out->points[i] = points->points[chosen->index[i]];
        if (row)
            memcpy(out->descriptors + (size_t)i * row, points->descriptors + (size_t)chosen->index[i] * row,
                   row * sizeof(float));
    }
    return CAIRN_OK;
}

void cairn_metrics__shared_free(cairn_shared *shared)
{
    free(shared->index);
    free(shared->to);
    *shared = (cairn_shared){0};
}
