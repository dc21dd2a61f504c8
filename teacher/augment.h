#ifndef CAIRN_TEACHER_AUGMENT_H
#define CAIRN_TEACHER_AUGMENT_H
/* Changes of light and of view for training (teacher.md 2.5, 3.1 to 3.3). */
#include "geometry/homography.h"
#include "geometry/keypoints.h"
#include "ops/image/photometric.h"

typedef enum cairn_augment_preset {
    CAIRN_AUGMENT_SYNTHETIC,  /* MagicPoint on synthetic shapes */
    CAIRN_AUGMENT_MAGICPOINT, /* MagicPoint on photos */
    CAIRN_AUGMENT_SUPERPOINT, /* joint training; the homographic one makes the warped view */
    CAIRN_AUGMENT_ADAPTATION, /* homographic adaptation: rotations up to pi; changes no light */
    /* Where a source differs from these, which are rpautrat/SuperPoint's (teacher.md 2.5, 3.1, 3.2): */
    CAIRN_AUGMENT_SHAOFENGZENG,         /* joint training: 15 ellipses in the shade */
    CAIRN_AUGMENT_PYTORCH_SUPERPOINT,   /* joint training and adaptation: operations in one order, contrast about
                                           mid-grey,   homographies of the whole image's corners */
    CAIRN_AUGMENT_PYTORCH_SYNTHETIC,    /* the same on synthetic shapes */
    CAIRN_AUGMENT_OMERCOHEN,            /* joint training: brightness and blur only, affine maps only */
    CAIRN_AUGMENT_OMERCOHEN_ADAPTATION, /* its affine maps for adaptation; changes no light */
    CAIRN_AUGMENT_COUNT
} cairn_augment_preset;
#define CAIRN_AUGMENT_PRESETS                                                                                          \
    "synthetic,magicpoint,superpoint,adaptation,shaofengzeng,pytorch-superpoint,pytorch-superpoint-synthetic,"         \
    "omercohen,omercohen-adaptation" /* their names, in order */

/* Grey levels are in units of 0..255, as published; images are in [0,1] all the same. */
typedef struct cairn_photometric_options {
    double brightness;                       /* + U(-b, b) */
    double contrast_low, contrast_high;      /* (v - mean) U(low, high) + mean */
    double speckle;                          /* p = U(0, speckle): black with probability p, white with p */
    double noise;                            /* normal, deviation U(0, noise) */
    int shade_kernel_low, shade_kernel_high; /* odd, blur of the mask of ellipses */
    double shade_low, shade_high;            /* v (1 - tau mask), tau = U(low, high) */
    int motion_kernel;                       /* an odd kernel of 1..this */
    int ellipses;                            /* of the shade; 0: 20 as published */
    bool fixed_order;                        /* brightness, contrast, noise, speckle, motion, shade; else drawn */
    bool mid_grey;                           /* contrast about 0.5 instead of the image's mean */
} cairn_photometric_options;

typedef struct cairn_homographic_options {
    cairn_homography_options sampler;
    int margin; /* erosion of the mask of valid pixels */
} cairn_homographic_options;

/* CAIRN_ASSERT for a number that is no preset. The amounts of omercohen's brightness (50 levels) and blur (motion of 3
 * pixels) are ours: the source's are not known. Two defects of pytorch-superpoint are left out: the first of its scales
 * and angles is drawn although artifacts are allowed, and motion blur with kernels above 3 is a second speckle. */
cairn_photometric_options cairn_photometric_preset(cairn_augment_preset preset);
cairn_homographic_options cairn_homographic_preset(cairn_augment_preset preset);

/* What the changes of light of one image draw. */
typedef struct cairn_photometric_plan {
    int h, w, c;
    uint32_t order[CAIRN_PHOTOMETRIC_COUNT]; /* cairn_photometric */
    float add, factor, tau;
    bool mid_grey;
    double speckle, deviation;          /* probability of black; in units of the image */
    int shade_kernel, ellipses, motion_kernel, motion_x, motion_y;
    cairn_rng speckles, noise, shade;   /* the stream where each of them begins to draw */
} cairn_photometric_plan;

/* All six operations, in a fresh random order unless `fixed_order`, each clipped to [0,1], in place.
 * in     image  [h,w,1 or 3], sides of 16 pixels or more
 * error  CAIRN_E_INVALID for a smaller image or options out of range; CAIRN_E_NOMEM. The image is unspecified then. */
cairn_status cairn_augment_photometric(cairn_image *image, cairn_rng *rng, const cairn_photometric_options *options);
/* The same in two steps: what is drawn for images [h,w,c], and the work. */
cairn_status cairn_photometric_draw(cairn_photometric_plan *out, cairn_rng *rng, int h, int w, int c,
                                    const cairn_photometric_options *options);
cairn_status cairn_photometric_apply(cairn_image *image, const cairn_photometric_plan *plan);
/* For cairn_op_photometric, which does the work on the device: one image's row, and its mask of ellipses, one value
 * every `stride` floats, [h,w].
 * in     plan  of one channel, from a stream without a spare normal (a fresh one)
 * error  CAIRN_E_NOMEM */
cairn_status cairn_photometric_for_device(float row[CAIRN_PHOTOMETRIC_FLOATS], float *mask, int stride,
                                          const cairn_photometric_plan *plan);

/* Draws a homography and shows image, points and mask through it. The image must not be `out`.
 * out    out              of the image's size, black where the image ends
 * out    valid            [h,w] 0/1, eroded by the margin; may be NULL
 * in/out points           moved; those that leave the image are dropped; may be NULL
 * out    warped_to_input  may be NULL */
cairn_status cairn_augment_homographic(cairn_image *out, float *valid, cairn_keypoints *points,
                                       const cairn_image *image, cairn_rng *rng,
                                       const cairn_homographic_options *options, cairn_homography *warped_to_input);
/* The same without an image, for views that the device makes (cairn_op_warp): the random numbers, mask, points and
 * homography are those of the above for an image of w x h. */
cairn_status cairn_augment_view(float *valid, cairn_keypoints *points, int h, int w, cairn_rng *rng,
                                const cairn_homographic_options *options, cairn_homography *warped_to_input);
/* Moves points by `map` (here: input to warped) and drops those outside 0..w-1, 0..h-1, descriptors with them. */
void cairn_augment_move_points(cairn_keypoints *points, const cairn_homography *map, int h, int w);
#endif
