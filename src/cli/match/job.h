#ifndef CAIRN_CLI_MATCH_JOB_H
#define CAIRN_CLI_MATCH_JOB_H
/* One pair of images: keypoints, matches, homography, files. */
#include "experiments/evaluation/detector.h"
#include "matching/matcher.h"

typedef enum cairn_match_estimator { CAIRN_MATCH_LO, CAIRN_MATCH_CV, CAIRN_MATCH_NONE } cairn_match_estimator;
#define CAIRN_MATCH_ESTIMATORS "lo,cv,none" /* of cairn_match_estimator */

typedef struct cairn_match_settings {
    int top_k, lines; /* most keypoints of an image, most lines drawn; 0: all */
    cairn_match_estimator estimator;
    bool ranked; /* lo: samples grow from the best matches */
    double inlier_px, confidence;
    int iterations;
    uint32_t seed;
} cairn_match_settings;

typedef struct cairn_match_image {
    const char *path;
    cairn_image rgb;
    cairn_keypoints points;
} cairn_match_image;

/* Images in use are kept for the next pair, so that each of a video is looked at once. */
typedef struct cairn_match_job {
    const cairn_detector *detector;
    const cairn_matcher *matcher;
    const cairn_match_settings *settings;
    cairn_match_image images[2];
} cairn_match_job;

typedef struct cairn_match_counts {
    int points_a, points_b, matches, inliers;
    bool model; /* a homography was found */
} cairn_match_counts;

/* Matches a with b (paths that live as long as the job) and writes the files that are named: npz, png; NULL: not.
 * npz   keypoints0, keypoints1 [N,3] float32 (x, y, score), matches [S,2] int32, scores, distances [S] float32, inliers
 *       [S] uint8, homography [3,3] float64 (a to b; zeros: none found), sizes [2,2] int32 (height, width)
 * error  with the image's or the output's name in front */
cairn_status cairn_match_job_run(cairn_match_job *job, const char *a, const char *b, const char *npz, const char *png,
                                 cairn_match_counts *counts);
void cairn_match_job_free(cairn_match_job *job);
#endif
