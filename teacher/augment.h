#ifndef CAIRN_TEACHER_AUGMENT_H
#define CAIRN_TEACHER_AUGMENT_H
/* Changes of light and of view for training (teacher.md 2.5, 3.1 to 3.3). */
#include "geometry/homography.h"
#include "geometry/keypoints.h"

typedef enum cairn_augment_preset {
    CAIRN_AUGMENT_SYNTHETIC,  /* MagicPoint on synthetic shapes */
    CAIRN_AUGMENT_MAGICPOINT, /* MagicPoint on photos */
    CAIRN_AUGMENT_SUPERPOINT, /* joint training; the homographic one makes the warped view */
    CAIRN_AUGMENT_ADAPTATION  /* homographic adaptation: homographies only, rotations up to pi */
} cairn_augment_preset;

/* Grey levels are in units of 0..255, as published; images are in [0,1] all the same. */
typedef struct cairn_photometric_options {
    double brightness;                       /* + U(-b, b) */
    double contrast_low, contrast_high;      /* (v - mean) U(low, high) + mean */
    double speckle;                          /* p = U(0, speckle): black with probability p, white with p */
    double noise;                            /* normal, deviation U(0, noise) */
    int shade_kernel_low, shade_kernel_high; /* odd, blur of the mask of 20 ellipses */
    double shade_low, shade_high;            /* v (1 - tau mask), tau = U(low, high) */
    int motion_kernel;                       /* an odd kernel of 1..this */
} cairn_photometric_options;

typedef struct cairn_homographic_options {
    cairn_homography_options sampler;
    int margin; /* erosion of the mask of valid pixels */
} cairn_homographic_options;

/* CAIRN_AUGMENT_ADAPTATION has no photometric options: CAIRN_ASSERT. */
cairn_photometric_options cairn_photometric_preset(cairn_augment_preset preset);
cairn_homographic_options cairn_homographic_preset(cairn_augment_preset preset);

/* All six operations in a fresh random order, each clipped to [0,1], in place.
 * in     image  [h,w,1 or 3], sides of 16 pixels or more
 * error  CAIRN_E_INVALID for a smaller image or options out of range; CAIRN_E_NOMEM. The image is unspecified then. */
cairn_status cairn_augment_photometric(cairn_image *image, cairn_rng *rng, const cairn_photometric_options *options);

/* Draws a homography and shows image, points and mask through it. The image must not be `out`.
 * out    out              of the image's size, black where the image ends
 * out    valid            [h,w] 0/1, eroded by the margin; may be NULL
 * in/out points           moved; those that leave the image are dropped; may be NULL
 * out    warped_to_input  may be NULL */
cairn_status cairn_augment_homographic(cairn_image *out, float *valid, cairn_keypoints *points,
                                       const cairn_image *image, cairn_rng *rng,
                                       const cairn_homographic_options *options, cairn_homography *warped_to_input);
/* Moves points by `map` (here: input to warped) and drops those outside 0..w-1, 0..h-1, descriptors with them. */
void cairn_augment_move_points(cairn_keypoints *points, const cairn_homography *map, int h, int w);
#endif
