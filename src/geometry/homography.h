#ifndef CAIRN_GEOMETRY_HOMOGRAPHY_H
#define CAIRN_GEOMETRY_HOMOGRAPHY_H
/* Homographies: 3x3, row major, acting on column vectors (x, y, 1) in pixels. A name says the direction:
 * `a_to_b` maps pixel coordinates of image a to those of image b. */
#include "base/rng.h"
#include "base/status.h"
#include "data/image.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct cairn_homography {
    double m[9];
} cairn_homography;
#define CAIRN_HOMOGRAPHY_IDENTITY ((cairn_homography){{1, 0, 0, 0, 1, 0, 0, 0, 1}})

/* error  CAIRN_E_NUMERIC if singular */
cairn_status cairn_homography_invert(cairn_homography *out, const cairn_homography *h);
cairn_homography cairn_homography_multiply(const cairn_homography *a, const cairn_homography *b); /* a after b */
/* Returns false (and NaNs) when the point maps to infinity. */
bool cairn_homography_apply(const cairn_homography *h, double x, double y, double *out_x, double *out_y);
/* The homography with h33 = 1 that maps from[i] to to[i], four points in (x, y). */
cairn_status cairn_homography_from_corners(cairn_homography *out, const double from[8], const double to[8]);

/* Least squares on count >= 4 pairs of points, (x, y) each: normalised direct linear transform (Hartley), weights (may
 * be NULL) [count] >= 0. For exactly 4 unweighted pairs use cairn_homography_from_corners.
 * error  CAIRN_E_NUMERIC if the points do not determine a homography */
cairn_status cairn_homography_fit(cairn_homography *out, const double *from, const double *to, const double *weights,
                                  int count);
/* Improves h by Levenberg-Marquardt on the forward error |h(from) - to| with a Huber loss of `huber` pixels; only pairs
 * with use[i] != 0 count (use NULL: all). Never makes the cost larger. */
void cairn_homography_polish(cairn_homography *h, const double *from, const double *to, const uint8_t *use, int count,
                             double huber, int iterations);

/* teacher.md 3.1; amplitudes in unit coordinates, angle in radians. */
typedef struct cairn_homography_options {
    double patch_ratio;           /* 0.85 */
    double scaling_amplitude;     /* 0.2; 0: no scaling */
    double perspective_x, perspective_y; /* 0.2; both 0: none */
    double max_angle;             /* pi/2; 0: no rotation */
    bool allow_artifacts;         /* true */
    double translation_overflow;  /* 0 */
    bool translation;             /* true */
    bool full_corners; /* false; true: the corners of the whole image take the place of the patch's, which zooms in by
                          1 / patch_ratio, as pytorch-superpoint does and rpautrat's did until May 2019 */
    /* false; true: none of the above but max_angle; instead an affine map of input to output pixels about the centre,
     * each number drawn uniformly: angle +-max_angle, translation +-share of the side, scale low..high, shear along x
     * +-shear radians (omercohen's) */
    bool affine;
    double affine_translation, affine_low, affine_high, affine_shear;
} cairn_homography_options;
#define CAIRN_HOMOGRAPHY_OPTIONS_INIT                                                                                  \
    ((cairn_homography_options){.patch_ratio = 0.85,                                                                   \
                                .scaling_amplitude = 0.2,                                                              \
                                .perspective_x = 0.2,                                                                  \
                                .perspective_y = 0.2,                                                                  \
                                .max_angle = 1.5707963267948966,                                                       \
                                .allow_artifacts = true,                                                               \
                                .translation = true})

/* Samples a homography for images of w x h pixels; it maps OUTPUT (warped) pixels to INPUT pixels. Points of the input
 * move to the warped image by its inverse.
 * error  CAIRN_E_INVALID for options out of range, CAIRN_E_NUMERIC if no draw is a view of a plane */
cairn_status cairn_homography_sample(cairn_homography *warped_to_input, cairn_rng *rng, int h, int w,
                                     const cairn_homography_options *options);

/* out[y,x] = image sampled bilinearly at h (x,y); each of the four taps outside the image reads 0. out has the given
 * size. valid (may be NULL) [h,w]: 1 where the nearest input pixel exists, else 0. */
cairn_status cairn_homography_warp(cairn_image *out, float *valid, const cairn_image *image,
                                   const cairn_homography *warped_to_input, int h, int w);
/* Only `valid` of the above, for an image of in_w x in_h. */
void cairn_homography_valid(float *valid, int in_h, int in_w, const cairn_homography *warped_to_input, int h, int w);
/* Erodes a 0/1 mask [h,w] by a symmetric disc of radius r - 0.5 pixels (teacher.md 3.3); outside does not erode. */
void cairn_mask_erode(float *mask, int h, int w, int r);
#endif
