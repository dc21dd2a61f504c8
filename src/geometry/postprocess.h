#ifndef CAIRN_GEOMETRY_POSTPROCESS_H
#define CAIRN_GEOMETRY_POSTPROCESS_H
/* From the maps of a network to keypoints, the one place for inference, evaluation and labels (teacher.md 7): threshold
 * and border, suppression, the best points, sub-pixel positions on the raw heatmap, descriptors at these. */
#include "geometry/keypoints.h"

#include <stdbool.h>

typedef enum cairn_suppression_kind {
    CAIRN_SUPPRESS_SQUARE, /* greedy; a point removes those within Chebyshev distance `size` */
    CAIRN_SUPPRESS_BOX,    /* greedy; boxes of `size` pixels that overlap by more than 0.1 (intersection over union):
                              removes offsets with (b - |dx|)(b - |dy|) > 2 b^2 / 11 */
    CAIRN_SUPPRESS_NONE,
    CAIRN_SUPPRESSIONS
} cairn_suppression_kind;
#define CAIRN_SUPPRESSION_CHOICES "square,box,none" /* in the order of the enumeration */
const char *cairn_suppression_name(cairn_suppression_kind kind);

typedef struct cairn_suppression {
    cairn_suppression_kind kind;
    int size; /* pixels, 0..64 */
} cairn_suppression;

/* The cell of a descriptor map in which pixel x lies, for maps of Wc cells of 8 pixels (teacher.md 7.2; likewise y).
 * Positions outside the map are clamped, or each tap outside reads 0 ("zero"), as the source has it; with a border of 4
 * pixels that is the outermost half cell. */
typedef enum cairn_sampling {
    CAIRN_SAMPLE_CENTRES,   /* (x + 0.5) / 8 - 0.5: cell c covers pixels 8c .. 8c + 7. The default; clamped */
    CAIRN_SAMPLE_CORNERS,   /* x / 8 * (Wc - 1) / Wc: superpoint_v1's demonstration and pytorch-superpoint; zero */
    CAIRN_SAMPLE_HALF,      /* x / 8 - 0.5: that demonstration under newer versions of PyTorch; zero */
    CAIRN_SAMPLE_SUPERGLUE, /* (x - 3.5) / (8 Wc - 4.5) * (Wc - 1): SuperGlue and LightGlue; zero */
    CAIRN_SAMPLE_LEGACY,    /* x / 8: rpautrat's TensorFlow upsampling, of descriptors that are not yet normalised;
                               clamped */
    CAIRN_SAMPLE_LOSS,      /* (x - 4) / 8: the cell centres of the descriptor losses; clamped */
    CAIRN_SAMPLINGS
} cairn_sampling;
#define CAIRN_SAMPLING_CHOICES "centres,corners,half,superglue,legacy,loss" /* in the order of the enumeration */
const char *cairn_sampling_name(cairn_sampling sampling);

typedef struct cairn_detect_options {
    double threshold;                   /* of the probability, 0..1; 0.015 */
    int radius;                         /* size of the suppression, pixels, 0..64; 4 */
    int border;                         /* pixels at the edge without keypoints; 4 */
    bool refine;                        /* soft-argmax to sub-pixel positions; true */
    cairn_suppression_kind suppression; /* squares */
    cairn_sampling sampling;            /* centres */
    bool parabola;                      /* with refine: the vertex of a parabola instead; false */
} cairn_detect_options;
#define CAIRN_DETECT_OPTIONS_INIT                                                                                      \
    ((cairn_detect_options){0.015, 4, 4, true, CAIRN_SUPPRESS_SQUARE, CAIRN_SAMPLE_CENTRES, false})

/* All steps, in the order above.
 * out    out      at most top_k points (0: all), best first; descriptors of unit norm where `map` is given
 * in     heatmap  [h,w] probabilities
 * in     map      [ceil(h/8), ceil(w/8), dimension], or NULL; unit descriptors, with sampling legacy raw ones
 * error  CAIRN_E_INVALID for sizes out of range; out stays empty */
cairn_status cairn_keypoints_detect(cairn_keypoints *out, const float *heatmap, int h, int w, const float *map,
                                    int dimension, const cairn_detect_options *options, int top_k);

/* The steps, for callers that need them one by one. */
/* Points of a map of scores [h,w] above `threshold`, suppressed. */
cairn_status cairn_keypoints_choose(cairn_keypoints *out, const float *map, int h, int w, float threshold,
                                    const cairn_suppression *suppression, int border, int top_k);
/* Drops points less than `border` pixels from the edge of the h x w image (x < border or x > w-1-border, likewise y)
 * and those that are not finite, then greedily, best first (ties: smaller y, then x), those that a kept one suppresses,
 * then keeps at most top_k (0: all). On integer points this is the greedy suppression of cairn_keypoints_from_heatmap,
 * so a list that came out of that passes unchanged. error  CAIRN_E_INVALID for a size outside 0..64 */
cairn_status cairn_keypoints_thin(cairn_keypoints *k, int h, int w, const cairn_suppression *suppression, int border,
                                  int top_k);
/* The same with squares of any radius in pixels (0: none suppressed). */
cairn_status cairn_keypoints_suppress(cairn_keypoints *k, int h, int w, double radius, int border, int top_k);
/* cairn_keypoints_sample by any of the conventions; `stride` stands for 8 in them. */
cairn_status cairn_keypoints_sample_as(cairn_keypoints *k, const float *map, int hc, int wc, int dimension, int stride,
                                       cairn_sampling sampling);
#endif
