#ifndef CAIRN_MATCHING_MASKS_H
#define CAIRN_MATCHING_MASKS_H
/* Matched masks for the student's second phase: the keypoints that a teacher finds both on a photograph I and on its
 * warp I' and that belong together, stored as points (a few kB for a pair) and drawn as masks when they are loaded.
 * source  matching.md 6, student.md 5.2 and 5.3 */
#include "geometry/keypoints.h"
#include "matching/matcher.h"

typedef struct cairn_masked_pair {
    int h, w;                   /* of I and of I', pixels */
    cairn_homography to_warped; /* H: a pixel of I to that of I' which shows the same */
    cairn_keypoints a, b;       /* point i of a (on I) belongs to point i of b (on I'); equal counts, no descriptors */
    float *scores;              /* [a.count] of the matches, in [0,1] */
    cairn_keypoints lost_a,
        lost_b; /* keypoints without a match: often true corners that the other view does not show */
} cairn_masked_pair;
void cairn_masked_pair_free(cairn_masked_pair *pair); /* accepts an empty one; leaves it empty */

typedef struct cairn_mask_options {
    double reach;    /* pixels: matches with |H a - b| or |H^-1 b - a| above it are dropped; of the oracle, below which
                        points belong together; 3. 0: no check (not for the oracle) */
    bool symmetrise; /* a match becomes the midpoint of a and H^-1 b, and its image under H; false */
} cairn_mask_options;
#define CAIRN_MASK_OPTIONS_INIT ((cairn_mask_options){3.0, false})

/* Drops points nearer than `margin` pixels to what does not show the photograph: the edge of a warp makes strong false
 * corners. valid: [h,w] 0/1 of cairn_homography_warp. The image's own edge does not count. */
cairn_status cairn_masks_drop_invalid(cairn_keypoints *points, const float *valid, int h, int w, int margin);
/* Matches the keypoints of I and I'.
 * out  *out     the caller's, cairn_masked_pair_free
 * in   matcher  NULL: the oracle, mutual nearest neighbours in position under H (descriptors are not looked at)
 * error  those of the matcher; CAIRN_E_NUMERIC for a singular homography; CAIRN_E_INVALID */
cairn_status cairn_masks_match(cairn_masked_pair *out, const cairn_match_side *a, const cairn_match_side *b,
                               const cairn_homography *to_warped, const cairn_matcher *matcher,
                               const cairn_mask_options *options);

typedef struct cairn_mask_style {
    double sigma;       /* of a point's Gaussian, pixels, 0.1..100; 3. 0: the peak at the rounded points alone */
    double floor, peak; /* of the mask; 0.1 and 0.9 */
    double ignore;      /* radius around points without a match that do not count, pixels; 0: none; 6 */
} cairn_mask_style;
#define CAIRN_MASK_STYLE_INIT ((cairn_mask_style){3.0, 0.1, 0.9, 6.0})
/* mask [h,w] = floor + (peak - floor) max over points of exp(-d^2 / 2 sigma^2), up to 4 sigma away. weight [h,w] (NULL:
 * not wanted, nor lost): 0 within `ignore` of a lost point that is nearer than every point, else 1. Positions may be
 * fractional. */
void cairn_masks_draw(float *mask, float *weight, int h, int w, const cairn_keypoints *points,
                      const cairn_keypoints *lost, const cairn_mask_style *style);

/* How a pair was made. */
typedef struct cairn_mask_info {
    uint64_t teacher;      /* fingerprint of its checkpoint */
    uint32_t seed, stream; /* of the homography, with the image's name and `pair` */
    int pair;
    char image[256];   /* name of the photograph */
    char options[512]; /* printable ASCII, "name=value name=value ..." */
} cairn_mask_info;

/* An .npz, by atomic rename: points_a, points_b [S,3] float32 (x, y, score; row i of one belongs to row i of the
 * other), scores [S] float32, lost_a [U,3], lost_b [V,3] float32, homography [3,3] float64 (I to I'), size [2] int32
 * (height, width), teacher [8] uint8 (little-endian), seeds [3] int64 (seed, stream, pair), image and options [m]
 * uint8, version [1] int32. */
cairn_status cairn_masks_write(const char *path, const cairn_masked_pair *pair, const cairn_mask_info *info);
/* The file is hostile: points inside the image, finite numbers, an invertible homography, equal counts.
 * h, w: the size that training uses; another one is refused. info may be NULL.
 * error  CAIRN_E_NOTFOUND, CAIRN_E_FORMAT, CAIRN_E_SHAPE, CAIRN_E_UNSUPPORTED (a later version) */
cairn_status cairn_masks_read(cairn_masked_pair *out, cairn_mask_info *info, const char *path, int h, int w);
#endif
