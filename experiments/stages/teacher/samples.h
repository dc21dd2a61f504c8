#ifndef CAIRN_STAGES_SAMPLES_H
#define CAIRN_STAGES_SAMPLES_H
/* Training samples of the teacher: an image with its augmentations, and labels for each 8x8 cell. */
#include "teacher/augment.h"

typedef struct cairn_sample_stream { /* what the random numbers of one sample depend on */
    uint32_t seed, stage, step, sample;
} cairn_sample_stream;

typedef struct cairn_sample_view {
    float *image;  /* [h,w] */
    float *labels; /* [h/8,w/8] class 0..64; soft: [h/8,w/8,65] */
    float *valid;  /* [h/8,w/8] 0 or 1 */
    bool soft;     /* labels are those of cairn_labels_soft */
} cairn_sample_view;

/* A synthetic or real image with its points: photometric changes, then (homographic) the random view; NULL options
 * leave a change out. */
cairn_status cairn_sample_detector(cairn_sample_view *out, const cairn_image *gray, const cairn_keypoints *points,
                                   const cairn_photometric_options *photometric,
                                   const cairn_homographic_options *homographic, const cairn_sample_stream *stream);
/* The warped view of joint training: homography first, then photometric changes of its own.
 * to_warped  photo to warped pixels */
cairn_status cairn_sample_warped(cairn_sample_view *out, cairn_homography *to_warped, const cairn_image *gray,
                                 const cairn_keypoints *points, const cairn_photometric_options *photometric,
                                 const cairn_homographic_options *homographic, const cairn_sample_stream *stream);
#endif
