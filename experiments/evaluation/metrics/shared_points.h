#ifndef CAIRN_EVALUATION_SHARED_POINTS_H
#define CAIRN_EVALUATION_SHARED_POINTS_H
/* Private to the metrics: the points of one image that are visible in another. */
#include "experiments/evaluation/metrics/metrics.h"

typedef struct cairn_shared {
    int count;
    int *index; /* [count] into the points, best score first */
    double *to; /* [count,2] their places in the other image */
} cairn_shared;

/* Projects every point by `h` into a frame of frame_w x frame_h pixels, keeps those that land inside, best score first
 * (ties: smaller index), at most top_k (0: all). */
cairn_status cairn_metrics__shared(cairn_shared *out, const cairn_keypoints *points, const cairn_homography *h,
                                   int frame_h, int frame_w, int top_k);
/* The top_k best points wherever they land; h NULL: `to` is the point itself. A point that h maps to infinity has
 * INFINITY in `to`. */
cairn_status cairn_metrics__best(cairn_shared *out, const cairn_keypoints *points, const cairn_homography *h,
                                 int top_k);
void cairn_metrics__shared_free(cairn_shared *shared);
/* The chosen points as a set of their own, with their descriptors. */
cairn_status cairn_metrics__subset(cairn_keypoints *out, const cairn_keypoints *points, const cairn_shared *chosen);
#endif
