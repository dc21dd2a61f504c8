#ifndef CAIRN_MEASUREMENTS_VIDEO_H
#define CAIRN_MEASUREMENTS_VIDEO_H
/* Methods on the frames of a video, without any truth: how well frames can be laid over each other (stabilisation), how
 * long points are followed, how consistent consecutive frames are. source evaluation.md 10 */
#include "experiments/measurements/sheet.h"

typedef struct cairn_video_options {
    /* The published script of superpoint-pytorch: the best point of each 4x4 block, L1 distances with cross-check, the
     * 300 closest matches, RANSAC 5 px, intervals 60, 150 and 240 frames - with differences in floating point, where it
     * wraps around in signed bytes. Otherwise: squares of radius 4, mutual nearest neighbours in L2, the local
     * optimising estimator at 3 px, intervals 1, 10, 30, 60 and 150. */
    bool oc;
    int points;    /* best points of a frame, 4..100000 */
    int pairs;     /* most pairs of an interval, spread evenly; 0: all */
    int chain;     /* frames of the forward-backward check */
    int reference; /* the method whose homographies stand for the truth in pseudo-repeatability; -1: none */
    uint32_t seed; /* of RANSAC and of intervals */
    int resamples;
    bool progress; /* a bar on standard error */
} cairn_video_options;
#define CAIRN_VIDEO_OPTIONS_INIT ((cairn_video_options){false, 1000, 50, 10, -1, 0, 1000, false})

/* Residuals are mean absolute differences in grey levels of 0..255 over the pixels that both frames show, inside
 * margins of 100/696 of the width and 50/392 of the height. After the gain and offset of least squares they need not be
 * smaller. A pair without a model has the residual of no warp at all.
 * frames: [count], gray, of one size, 2 or more. methods: live ones; those without descriptors only detect. Groups of
 * the sheet: all, and each interval; rows: pairs of frames.
 * error  CAIRN_E_INVALID for options out of range, CAIRN_E_SHAPE for frames of different size, the methods' */
cairn_status cairn_video_run(cairn_sheet *out, const cairn_image *frames, int count, const char *name,
                             const cairn_predictions *methods, int method_count, const cairn_video_options *options);
#endif
