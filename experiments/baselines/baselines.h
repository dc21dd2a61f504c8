#ifndef CAIRN_BASELINES_H
#define CAIRN_BASELINES_H
/* The classical methods beside which the networks are measured. Each returns a cairn_detector that the caller frees
 * with cairn_detector_free. None keeps anything of one image for the next.
 *
 * The corner detectors (Harris, Shi-Tomasi, FAST) give one score per pixel and choose points by
 * cairn_keypoints_from_heatmap with the radius given here, as the networks do: Chebyshev pixels, 0..64. */
#include "experiments/evaluation/detector.h"

/* Harris corner response det - k trace^2 over a box of 4x4 gradients (Sobel 3x3), k = 0.04, borders mirrored without
 * repeating the edge; positive responses only. The numbers of the common library function for the same arguments.
 * source [harris88combined] */
cairn_status cairn_baseline_harris(cairn_detector *out, int radius);
/* The smaller eigenvalue of the same gradient matrix. source [shi94good] */
cairn_status cairn_baseline_shi_tomasi(cairn_detector *out, int radius);
/* FAST: 9 contiguous pixels of a circle of 16 (radius 3) all brighter or all darker than the centre; the score is the
 * largest threshold at which that holds; points above 10/255. source [rosten06machine] */
cairn_status cairn_baseline_fast(cairn_detector *out, int radius);
/* ORB-like: FAST points over a pyramid (8 levels, factor 1.2) ranked by their Harris response, turned to the centroid
 * of the brightness around them, described by 256 comparisons of smoothed pixels as numbers of +-1/16: unit norm, and
 * L2 grows with the Hamming distance d (sqrt(d) / 8). Each level has a share of the points by its area. The pattern of
 * comparisons is drawn from our own generator: it is not that of any published program. Positions in pixels of the
 * image, whole pixels of their level. Images of 40 pixels a side or more, others have no points.
 * source [rublee11orb], [calonder10brief] */
cairn_status cairn_baseline_orb(cairn_detector *out);
/* `count` points at uniform random places, the chance level. The places follow from `seed` and the image's pixels. */
cairn_status cairn_baseline_random(cairn_detector *out, int count, uint32_t seed);

/* SIFT of VLFeat: difference-of-Gaussians points from the image doubled in size, sub-pixel positions, score = |DoG| in
 * units of an image in [0,1], 128 numbers of unit norm. A point with several orientations appears once for each.
 * root: RootSIFT (square roots of the L1-normalised descriptor). Images of 16 pixels a side or more.
 * source [lowe04distinctive], [arandjelovic12three] */
cairn_status cairn_baseline_sift(cairn_detector *out, bool root);

typedef enum cairn_covdet_kind {
    CAIRN_COVDET_HESSIAN,          /* multiscale determinant of the Hessian, maxima in space and scale */
    CAIRN_COVDET_HARRIS_LAPLACE,   /* Harris in space, Laplacian in scale */
    CAIRN_COVDET_MULTISCALE_HARRIS /* Harris at every scale by itself */
} cairn_covdet_kind;
/* A covariant detector of VLFeat, one orientation for each point (the strongest), SIFT descriptor of the patch.
 * affine: adapts the patch to the local affine shape. Images of 16 pixels a side or more.
 * source [mikolajczyk05comparison] */
cairn_status cairn_baseline_covdet(cairn_detector *out, cairn_covdet_kind kind, bool affine, bool root);

/* The names below, for help texts. */
#define CAIRN_BASELINE_NAMES                                                                                           \
    "harris, shi-tomasi, fast, orb, sift, rootsift, hessian, hessian-affine, harris-laplace, multiscale-harris, random"
/* A baseline by its name in recipes and on the command line. radius: of the corner detectors' suppression.
 * error  CAIRN_E_INVALID with the list of names */
cairn_status cairn_baseline_by_name(cairn_detector *out, const char *name, int radius);
#endif
