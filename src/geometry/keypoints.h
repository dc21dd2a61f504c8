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
/* The vertex of a parabola through the logarithms of a maximum and its neighbours along each axis, at most half a pixel
 * away: exact for Gaussian blobs, where the window of the above sees too little of a broad one (student.md 6.3). */
void cairn_keypoints_refine_parabola(cairn_keypoints *k, const float *heatmap, int h, int w);

/* Robust homography from correspondences: samples of four, symmetric error in a truncated quadratic score (MSAC), local
 * optimisation of each new best, then Levenberg-Marquardt on the pairs within 4/3 of the threshold, found again up to
 * four times, with a Huber loss whose bound is 1.25 times their median error.
 * The numbers behind the samples are counter-based and keyed by `seed`, so that the same pairs give the same bits.
 * source matching.md 7.3; [chum03locally], [chum05matching] */
typedef struct cairn_robust_options {
    double threshold;     /* of an inlier: root of the mean of forward and backward squared error, pixels; 3 */
    int iterations;       /* most samples; 2000 */
    double confidence;    /* of having drawn one clean sample, in (0,1); 0.999 */
    uint32_t seed;
    const double *scores; /* [count] borrowed: samples grow from the pairs of largest score (PROSAC); NULL: uniform */
} cairn_robust_options;
#define CAIRN_ROBUST_OPTIONS_INIT ((cairn_robust_options){3.0, 2000, 0.999, 0, NULL})

/* in     from, to  [count] (x, y) pairs, pixels
 * out    inliers   [count] 0/1, may be NULL
 *        samples   how many were drawn, may be NULL
 * error  CAIRN_E_NUMERIC if no model was found (fewer than 4 points, all on a line), CAIRN_E_INVALID for options out of
 *        range; *out is then untouched and no pair an inlier */
cairn_status cairn_homography_robust(cairn_homography *out, uint8_t *inliers, int *samples, const double *from,
                                     const double *to, int count, const cairn_robust_options *options);
/* The same with uniform samples. */
cairn_status cairn_homography_ransac(cairn_homography *out, const double *from, const double *to, int count,
                                     double threshold, int iterations, double confidence, uint32_t seed,
                                     uint8_t *inliers);
/* The robust homography of the common computer-vision library for parity with published numbers (matching.md 7.2): its
 * own fixed generator and sampling, models of four pairs (worked out exactly), forward error in single precision, most
 * inliers win, direct linear transform and Levenberg-Marquardt on them at the end; the inliers are those before that
 * refinement. 4 pairs: the exact model, all of them inliers. Arguments and errors as above. */
cairn_status cairn_homography_ransac_cv(cairn_homography *out, const double *from, const double *to, int count,
                                        double threshold, int iterations, double confidence, uint8_t *inliers);
#endif
