#ifndef CAIRN_GEOMETRY_KEYPOINTS_H
#define CAIRN_GEOMETRY_KEYPOINTS_H
/* Keypoints with optional descriptors, matches between two sets, suppression on heatmaps. */
#include "base/status.h"
#include "geometry/homography.h"

typedef struct cairn_keypoint {
    float x, y, score; /* pixels of the image passed in; pixel centres at integers */
} cairn_keypoint;

typedef struct cairn_keypoints {
    int count, dimension;    /* dimension 0: no descriptors */
    cairn_keypoint *points;  /* [count] */
    float *descriptors;      /* [count, dimension], unit norm, or NULL */
} cairn_keypoints;

cairn_status cairn_keypoints_create(cairn_keypoints *out, int count, int dimension); /* zero-filled */
void cairn_keypoints_free(cairn_keypoints *k);
/* Sorts by score, best first (ties: smaller y, then x), descriptors with them, and keeps at most top_k (0: all). */
cairn_status cairn_keypoints_sort(cairn_keypoints *k, int top_k);

/* Greedy suppression on a heatmap [h,w]: pixels above `threshold`, at least `border` pixels from the edge, no two
 * closer than or at Chebyshev distance `radius`; best first, at most top_k (0: all). */
cairn_status cairn_keypoints_from_heatmap(cairn_keypoints *out, const float *heatmap, int h, int w, float threshold,
                                          int radius, int border, int top_k);
/* Samples a map [hc,wc,dimension] at (x+0.5)/stride-0.5 (clamped taps), L2-normalises, into k->descriptors. */
cairn_status cairn_keypoints_sample(cairn_keypoints *k, const float *map, int hc, int wc, int dimension, int stride);
/* 5x5 soft-argmax on the raw heatmap, offset clamped to 1 pixel (teacher.md 7.3). */
void cairn_keypoints_refine(cairn_keypoints *k, const float *heatmap, int h, int w);

/* Robust homography from correspondences: RANSAC with normalised DLT, local optimisation on the inliers, deterministic
 * sampling from `seed`. from/to: [count] (x, y) pairs. inliers (may be NULL): [count] 0/1.
 * error  CAIRN_E_NUMERIC if no model was found (fewer than 4 points included) */
cairn_status cairn_homography_ransac(cairn_homography *out, const double *from, const double *to, int count,
                                     double threshold, int iterations, double confidence, uint32_t seed,
                                     uint8_t *inliers);
/* The robust homography of the common computer-vision library for parity with published numbers (matching.md 7.2): its
 * own fixed generator and sampling, forward error in single precision, most inliers win, direct linear transform and
 * Levenberg-Marquardt on them at the end; the inliers are those before that refinement. 4 pairs: the exact model, all
 * of them inliers. Arguments and errors as above. */
cairn_status cairn_homography_ransac_cv(cairn_homography *out, const double *from, const double *to, int count,
                                        double threshold, int iterations, double confidence, uint8_t *inliers);
#endif
