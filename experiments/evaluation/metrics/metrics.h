#ifndef CAIRN_EVALUATION_METRICS_H
#define CAIRN_EVALUATION_METRICS_H
/* The formulas of the evaluation, one pair of images (or one pool of scores) at a time.
 *
 * Coordinates are (x, y) in pixels, centres at integers. A point is in the frame of a w x h image when 0 <= x < w and
 * 0 <= y < h on unrounded coordinates. Every function is deterministic; ties in score go to the smaller index. */
#include "geometry/keypoints.h"
#include "matching/nearest.h"

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

/* The stricter variant of the HF-Net evaluation: of each image the top_k best points by score (0: all) BEFORE the
 * visibility filter; a point is visible if its projection lies in the other image. A visible point is correct if the
 * nearest of ALL the other image's points lies within eps (inclusive) of its projection and, of all points of its own
 * image projected there, it is itself the nearest of that neighbour. Each direction is measured in the image that it
 * projects to. counts: visible points. The other fields as above; about 0.1 lower.
 * error  CAIRN_E_NUMERIC if a_to_b is singular */
cairn_status cairn_metric_repeatability_mutual(cairn_repeatability *out, const cairn_view *a, const cairn_view *b,
                                               const cairn_homography *a_to_b, double eps, int top_k);

/* ---- descriptors: labels of nearest-neighbour matches, matching score, average precision ---- */
typedef struct cairn_labels {
    int count;        /* points that are visible in the other image; each has its nearest neighbour there */
    double *distance; /* [count] L2 distance of the descriptors (or a ratio, see below); owned */
    uint8_t *correct; /* [count] 1 where the neighbour lies within eps of the true place; owned */
    int positives;    /* visible points that have any detection within eps of their true place */
} cairn_labels;

/* One direction: each point of `from` visible in `to` under from_to_to is matched to its nearest neighbour among all
 * points of `to`, without a mutual check. Correct: nearer than eps pixels (exclusive) to the true place, in image `to`.
 * error  CAIRN_E_SHAPE without descriptors or with different lengths */
cairn_status cairn_metric_labels(cairn_labels *out, const cairn_view *from, const cairn_view *to,
                                 const cairn_homography *from_to_to, double eps);
typedef struct cairn_label_options {
    double eps; /* pixels */
    int top_k;  /* of ALL points of each image only so many best ones take part, before visibility (KP2D); 0: all */
    bool ratio; /* `distance` is nearest / second nearest (HF-Net's published numbers); 1 with a single candidate */
} cairn_label_options;
/* The same with the choices in which published programs differ. */
cairn_status cairn_metric_labels_with(cairn_labels *out, const cairn_view *from, const cairn_view *to,
                                      const cairn_homography *from_to_to, const cairn_label_options *options);
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
/* The same sum with precision as it is at each step, without the maximum (the common machine-learning library). */
cairn_status cairn_metric_plain_precision(double *out, const double *score, const uint8_t *correct, size_t count,
                                          int positives);

/* ---- matches ---- */
typedef enum cairn_match_rule {
    CAIRN_MATCH_MUTUAL,       /* a and b each the other's nearest */
    CAIRN_MATCH_NEAREST,      /* each point of a with its nearest of b */
    CAIRN_MATCH_NEAREST_OF_B, /* each point of b with its nearest of a (HF-Net's homography estimation) */
    CAIRN_MATCH_RULES
} cairn_match_rule;
typedef struct cairn_match_options {
    bool shared; /* use only points whose true place is in the other image (optimistic; the published protocol) */
    int top_k;   /* best points used in each image, after that filter; 0: all */
    cairn_match_rule rule;
    double max_distance; /* only L2 distances below it (exclusive); 0: all */
    double ratio;        /* only where nearest < ratio * second nearest, seen from the side that searches; 0: all */
} cairn_match_options;
#define CAIRN_MATCH_OPTIONS_INIT ((cairn_match_options){.shared = true, .top_k = 1000})

typedef struct cairn_matches {
    int count;
    int points_a, points_b; /* points that took part */
    int *a, *b;             /* [count] indices into the points of the two views; owned */
    double *from, *to;      /* [count] (x, y); owned */
    double *distance;       /* [count] L2 distance of the descriptors; owned */
} cairn_matches;
/* Descriptors have unit norm. Matches come in the order of the scores of the side that searches (MUTUAL: a). Without a
 * point in one of the images there is no match, and that is not an error.
 * error  CAIRN_E_SHAPE without descriptors or with different lengths; CAIRN_E_NUMERIC if a_to_b is singular */
cairn_status cairn_metric_matches(cairn_matches *out, const cairn_view *a, const cairn_view *b,
                                  const cairn_homography *a_to_b, const cairn_match_options *options);
/* The same from matches that something else has found (a learned matcher): indices into the points of the views. */
cairn_status cairn_metric_matches_from(cairn_matches *out, const cairn_view *a, const cairn_view *b,
                                       const cairn_match *found, int count);
void cairn_matches_free(cairn_matches *matches);
/* Matching score of such matches: the right ones (nearer than eps pixels to the true place, in image b; back, in image
 * a) as a share of the points of a visible in b, and of b visible in a; the mean of both. 0 for no visible point. Only
 * matches whose point is visible count, as with nearest neighbours. error  CAIRN_E_NUMERIC if a_to_b is singular */
cairn_status cairn_metric_match_score(double *out, const cairn_view *a, const cairn_view *b,
                                      const cairn_homography *a_to_b, const cairn_matches *matches, double eps);

/* Mean matching accuracy of one pair: out[t - 1] = share of matches with |a_to_b(a) - b| <= t pixels, t = 1..most, in
 * image b. No match: 0 everywhere. source [dusmanu19d2net] */
void cairn_metric_mma(double *out, int most, const cairn_matches *matches, const cairn_homography *a_to_b);
/* Share of matches whose mean of forward and backward transfer error is below `limit` pixels (exclusive); 0 without
 * matches. The glue-factory benchmark takes the median over pairs. error  CAIRN_E_NUMERIC if a_to_b is singular */
cairn_status cairn_metric_transfer_precision(double *out, const cairn_matches *matches, const cairn_homography *a_to_b,
                                             double limit);
/* The NN average precision of pytorch-superpoint: positives are the INLIERS of an estimated homography among the
 * matches, score = largest distance - distance, plain precision. 0 without an inlier. Lenient: recall is relative to
 * what was found, and errors that agree with each other count as right. */
cairn_status cairn_metric_inlier_precision(double *out, const cairn_matches *matches, const uint8_t *inliers);
/* Its matching score: 2 inliers / (points of a + points of b visible in a). swapped: visibility with x and y confused
 * (0 <= x < h, 0 <= y < w), as published. 0 without points. error  CAIRN_E_NUMERIC if a_to_b is singular */
cairn_status cairn_metric_inlier_score(double *out, const cairn_view *a, const cairn_view *b,
                                       const cairn_homography *a_to_b, int inliers, bool swapped);

/* ---- homography estimation ---- */
typedef enum cairn_estimator {
    CAIRN_ESTIMATOR_LO,  /* cairn_homography_ransac */
    CAIRN_ESTIMATOR_CV,  /* cairn_homography_ransac_cv: parity with published numbers */
    CAIRN_ESTIMATOR_DLT, /* weighted least squares on all matches, no robustness (glue-factory) */
    CAIRN_ESTIMATORS
} cairn_estimator;
const char *cairn_estimator_name(cairn_estimator estimator); /* lo, cv, dlt */
typedef enum cairn_corners {
    CAIRN_CORNERS_CENTRES, /* (0,0), (w-1,0), (0,h-1), (w-1,h-1): centres of the corner pixels */
    CAIRN_CORNERS_FRAME    /* (0,0), (w,0), (0,h), (w,h): glue-factory */
} cairn_corners;

typedef struct cairn_estimate_options {
    bool shared;      /* as in cairn_match_options */
    int top_k;        /* as in cairn_match_options */
    double threshold; /* inlier distance, pixels */
    int iterations;
    double confidence;
    uint32_t seed;       /* of LO; CV has its own fixed one */
    cairn_estimator estimator;
    cairn_corners corners;
    cairn_match_rule rule;      /* this and the next two as in cairn_match_options */
    double max_distance, ratio;
} cairn_estimate_options;
#define CAIRN_ESTIMATE_OPTIONS_INIT                                                                                    \
    ((cairn_estimate_options){                                                                                         \
        .shared = true, .top_k = 1000, .threshold = 3.0, .iterations = 2000, .confidence = 0.995})

typedef struct cairn_homography_estimate {
    double error; /* mean distance of the four corners of image a under estimate and truth, pixels of b; INFINITY when
                     no model was found */
    int points_a, points_b, matches, inliers; /* inliers: of the estimator; DLT: forward error <= threshold */
    cairn_homography a_to_b; /* the estimate; identity when none was found */
} cairn_homography_estimate;

/* Matches, estimate, corner error. A pair counts as correct at eps when error <= eps.
 * error  CAIRN_E_SHAPE without descriptors or with different lengths; no model is not an error */
cairn_status cairn_metric_homography(cairn_homography_estimate *out, const cairn_view *a, const cairn_view *b,
                                     const cairn_homography *a_to_b, const cairn_estimate_options *options);
/* The same from given matches: from/to [count] (x, y) pairs; h, w: size of image a. weights (DLT; NULL: all 1) and
 * inliers (NULL: not wanted) [count]. */
cairn_status cairn_metric_estimate(cairn_homography_estimate *out, uint8_t *inliers, const double *from,
                                   const double *to, const double *weights, int count, int h, int w,
                                   const cairn_homography *a_to_b, const cairn_estimate_options *options);
/* Mean distance of the corners under estimate and truth; INFINITY if one of them maps to infinity. */
double cairn_metric_corner_error(const cairn_homography *estimate, const cairn_homography *truth, int h, int w,
                                 cairn_corners corners);
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

typedef enum cairn_detection_rule {
    CAIRN_DETECTION_NEAREST_FREE,   /* a detection takes the nearest corner that is still free */
    CAIRN_DETECTION_FIRST_IN_RANGE, /* it takes the first corner of the list in range, and is wrong if that one is taken
                                     * (the published TensorFlow code) */
    CAIRN_DETECTION_BOX             /* right if any corner lies within the box |dx| <= eps, |dy| <= eps; several may
                                     * share a corner, and missed corners do not count: recall is relative to the right
                                     * detections (SP-FPN's script; comparable with nothing else) */
} cairn_detection_rule;
/* Adds one image: its detections (any order) and its true corners ([count] (x, y) pairs). In order of score each
 * detection is right or wrong by the rule, within eps pixels (inclusive). */
cairn_status cairn_detections_add(cairn_detections *pool, const cairn_keypoints *found, const double *corners,
                                  int count, double eps, cairn_detection_rule rule);
void cairn_detections_free(cairn_detections *pool);
/* Average precision over the pool (0 without a positive), and the mean localisation error in pixels (NaN if nothing was
 * near a corner). */
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
