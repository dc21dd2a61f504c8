#ifndef CAIRN_EVALUATION_METRICS_H
#define CAIRN_EVALUATION_METRICS_H
/* The formulas of the evaluation, one pair of images (or one pool of scores) at a time.
 *
 * Coordinates are (x, y) in pixels, centres at integers. A point is in the frame of a w x h image when 0 <= x < w and
 * 0 <= y < h on unrounded coordinates. Every function is deterministic; ties in score go to the smaller index. */
#include "geometry/keypoints.h"

#include <stddef.h>

/* The points of one image of a pair, and that image's size. */
typedef struct cairn_view {
    const cairn_keypoints *points;
    int h, w;
} cairn_view;

/* ---- repeatability ---- */
typedef struct cairn_repeatability {
    bool defined; /* false: neither image has a point in the shared region, and the pair must be left out */
    double value; /* (correct_a + correct_b) / (count_a + count_b), 0..1 */
    double
        error; /* mean distance of the correct points (localisation error), pixels of image b; NaN if there are none */
    int count_a, count_b;     /* shared points used, each at most top_k */
    int correct_a, correct_b; /* those with a neighbour within eps */
} cairn_repeatability;

/* Points of a that land in b under a_to_b and points of b that land in a under its inverse; of each the top_k best by
 * score after that filter (0: all); distances measured in image b; correct within eps pixels (inclusive), many to one.
 * error  CAIRN_E_NUMERIC if a_to_b is singular
 * source [detone18superpoint] appendix; the published TensorFlow evaluation's order of filter and top-k */
cairn_status cairn_metric_repeatability(cairn_repeatability *out, const cairn_view *a, const cairn_view *b,
                                        const cairn_homography *a_to_b, double eps, int top_k);

/* ---- descriptors: labels of nearest-neighbour matches, matching score, average precision ---- */
typedef struct cairn_labels {
    int count;        /* points that are visible in the other image; each has its nearest neighbour there */
    float *distance;  /* [count] L2 distance of the descriptors; owned */
    uint8_t *correct; /* [count] 1 where the neighbour lies within eps of the true place; owned */
    int positives;    /* visible points that have any detection within eps of their true place */
} cairn_labels;

/* One direction: each point of `from` visible in `to` under from_to_to is matched to its nearest neighbour among all
 * points of `to`, without a mutual check. Correct: nearer than eps pixels (exclusive) to the true place, in image `to`.
 * error  CAIRN_E_SHAPE without descriptors or with different lengths */
cairn_status cairn_metric_labels(cairn_labels *out, const cairn_view *from, const cairn_view *to,
                                 const cairn_homography *from_to_to, double eps);
void cairn_labels_free(cairn_labels *labels);
/* Correct / count; 0 for no visible point. A pair's matching score is the mean of its two directions. */
double cairn_labels_score(const cairn_labels *labels);
/* Appends `more` to `pool` (the pooled average precision over all pairs). */
cairn_status cairn_labels_append(cairn_labels *pool, const cairn_labels *more);
/* Average precision of the labels, small distance first; 0 when there are no positives (failing earns nothing). */
cairn_status cairn_labels_precision(double *out, const cairn_labels *labels);

/* Average precision from pairs (score, correct), larger score first; equal scores count as one step. Precision is made
 * monotone (maximum over higher recalls) and summed times the growth of recall = correct so far / positives.
 * error  CAIRN_E_INVALID if positives < 1 */
cairn_status cairn_metric_average_precision(double *out, const double *score, const uint8_t *correct, size_t count,
                                            int positives);

/* ---- homography estimation ---- */
typedef struct cairn_estimate_options {
    bool shared;      /* use only points whose true place is in the other image (optimistic; the published protocol) */
    int top_k;        /* best points used in each image, after that filter; 0: all */
    double threshold; /* RANSAC inlier distance, pixels */
    int iterations;
    double confidence;
    uint32_t seed;
} cairn_estimate_options;
#define CAIRN_ESTIMATE_OPTIONS_INIT ((cairn_estimate_options){true, 1000, 3.0, 2000, 0.995, 0})

typedef struct cairn_homography_estimate {
    double error; /* mean distance of the four corners of image a under estimate and truth, pixels of b; INFINITY when
                     no model was found */
    int points_a, points_b, matches, inliers;
    cairn_homography a_to_b; /* the estimate; identity when none was found */
} cairn_homography_estimate;

/* Mutual nearest neighbours, RANSAC, corner error. A pair counts as correct at eps when error <= eps.
 * error  CAIRN_E_SHAPE without descriptors or with different lengths; no model is not an error */
cairn_status cairn_metric_homography(cairn_homography_estimate *out, const cairn_view *a, const cairn_view *b,
                                     const cairn_homography *a_to_b, const cairn_estimate_options *options);
/* The same from given matches: from/to [count] (x, y) pairs. */
cairn_status cairn_metric_homography_from_matches(cairn_homography_estimate *out, const double *from, const double *to,
                                                  int count, int h, int w, const cairn_homography *a_to_b,
                                                  const cairn_estimate_options *options);
/* Mean distance of the corners (0,0), (w-1,0), (0,h-1), (w-1,h-1); INFINITY if one of them maps to infinity. */
double cairn_metric_corner_error(const cairn_homography *estimate, const cairn_homography *truth, int h, int w);
/* Area under the curve recall(error) up to `threshold`, divided by it; errors of failed pairs are INFINITY. count 0: 0.
 */
cairn_status cairn_metric_auc(double *out, const double *errors, size_t count, double threshold);

/* ---- detection of known corners (synthetic shapes) ---- */
typedef struct cairn_detections {
    size_t count, room;
    double *score;    /* [count]; owned */
    uint8_t *correct; /* [count]; owned */
    int positives;    /* true corners */
    double error_sum; /* distances to the nearest corner of detections that have one within eps */
    size_t error_count;
} cairn_detections;

/* Adds one image: its detections (any order) and its true corners ([count] (x, y) pairs). In order of score a detection
 * takes the nearest corner that is still free within eps pixels (inclusive). first_in_range: it takes the first corner
 * of the list in range, and is wrong if that one is taken (the published code's rule, for parity). */
cairn_status cairn_detections_add(cairn_detections *pool, const cairn_keypoints *found, const double *corners,
                                  int count, double eps, bool first_in_range);
void cairn_detections_free(cairn_detections *pool);
/* Average precision over the pool, and the mean localisation error in pixels (NaN if nothing was near a corner). */
cairn_status cairn_detections_finish(double *precision, double *localisation, const cairn_detections *pool);

/* ---- intervals ---- */
typedef struct cairn_interval {
    double mean, low, high; /* the mean, and its 2.5 and 97.5 percentiles over resamples; NaN if count is 0 */
    int count;              /* values that were not NaN */
} cairn_interval;

/* Bootstrap over pairs: `resamples` draws with replacement (0: 1000), seeded. NaN values are left out. For a paired
 * comparison give the differences. */
cairn_status cairn_metric_bootstrap(cairn_interval *out, const double *values, size_t count, int resamples,
                                    uint32_t seed);
#endif
