#ifndef CAIRN_MEASUREMENTS_SYNTHETIC_H
#define CAIRN_MEASUREMENTS_SYNTHETIC_H
/* Detectors on synthetic shapes, whose corners are known exactly: mean average precision and localisation error, on
 * clean images and on the same with the photometric changes of training (brightness, contrast, speckle, noise, shade,
 * motion blur). source [detone18superpoint] section 3 (MagicPoint), evaluation.md 3 and 8 */
#include "experiments/measurements/sheet.h"

typedef enum cairn_synthetic_rules {
    /* A detection takes the nearest free corner within 4 px; suppression of squares of radius 4; networks refined. The
     * error is that of the suppressed points above the detector's operating threshold. */
    CAIRN_SYNTHETIC_RECOMMENDED,
    /* As the published TensorFlow code: box suppression 4, whole pixels, the first corner in range or wrong; the error
     * is over all pixels of the raw map above the threshold; labels as that code places them, 0.44 px off, on whole
     * pixels, each once, row by row; of ellipses, stripes and noise 0.3, 0.2 and 0.1 of the images, as its test split
     * has them. */
    CAIRN_SYNTHETIC_RPAUTRAT,
    /* SP-FPN's script for continuity: box of 8 px either way, several detections may share a corner, recall relative to
     * the right detections, corners that touch are one, networks from 0.015. Its misaligned labels, binary images and
     * maps divided by their own maximum are mended (evaluation.md 8, defects 1, 6, 7). */
    CAIRN_SYNTHETIC_SP_FPN,
    CAIRN_SYNTHETIC_RULES
} cairn_synthetic_rules;
const char *cairn_synthetic_rules_name(cairn_synthetic_rules rules); /* recommended, rpautrat, sp-fpn */

typedef struct cairn_synthetic_options {
    cairn_synthetic_rules rules;
    int count;         /* images of each of the nine primitives, 1..10000; the published numbers have 1000 */
    int h, w;          /* 32..1024 pixels */
    int canvas_height; /* rows that shapes are drawn on (teacher/synthetic/synthetic_shapes.h) */
    uint32_t seed;     /* of shapes, noise and intervals: image n of a primitive is the same for any count */
    int resamples;     /* of the bootstrap over images */
    bool progress;     /* a bar on standard error */
} cairn_synthetic_options;
#define CAIRN_SYNTHETIC_OPTIONS_INIT                                                                                   \
    ((cairn_synthetic_options){CAIRN_SYNTHETIC_RECOMMENDED, 50, 120, 160, 960, 0, 1000, false})

/* methods: live ones (with a detector). Groups of the sheet: all primitives, and each; rows: one for each primitive.
 * Ellipses and noise have no corners: their detections are wrong, and they have no precision of their own.
 * error  CAIRN_E_INVALID for options out of range; the methods' */
cairn_status cairn_synthetic_run(cairn_sheet *out, const cairn_predictions *methods, int method_count,
                                 const cairn_synthetic_options *options);
#endif
