#ifndef CAIRN_MEASUREMENTS_VIDEO_PAIRS_H
#define CAIRN_MEASUREMENTS_VIDEO_PAIRS_H
/* Private to the measurement on video: two frames and the homography between them. */
#include "experiments/measurements/video.h"

typedef struct cairn_video_pair {
    bool found;                 /* a model was found */
    cairn_homography i_to_j;
    int matches, inliers;
    int epipolar;               /* matches within 1 px (Sampson) of the fundamental matrix, where asked for */
    double inlier_error;        /* median forward error of the inliers, pixels; NaN without */
    double match_ms;
    double residual, gain, identity; /* mean absolute differences, grey levels 0..255; a failure has the identity's */
} cairn_video_pair;

/* Points of one frame as the options say; seconds: of the method alone. */
cairn_status cairn_video__detect(cairn_keypoints *out, double *seconds, const cairn_predictions *method,
                                 const cairn_image *frame, const cairn_video_options *options);
/* Matches, homography, residual of frame j laid over frame i; epipolar: the fundamental matrix, too. Both have points
 * with descriptors. */
cairn_status cairn_video__pair(cairn_video_pair *out, const cairn_keypoints *a, const cairn_keypoints *b,
                               const cairn_image *i, const cairn_image *j, bool epipolar,
                               const cairn_video_options *options);
#endif
