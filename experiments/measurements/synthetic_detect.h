#ifndef CAIRN_MEASUREMENTS_SYNTHETIC_DETECT_H
#define CAIRN_MEASUREMENTS_SYNTHETIC_DETECT_H
/* Private to the measurement on synthetic shapes: what a method finds in one image, and which corners it should. */
#include "experiments/measurements/synthetic.h"

/* The published settings of a method. */
typedef struct cairn_synthetic_method {
    const cairn_detector *detector;
    double operating; /* threshold of the localisation error, in units of the method's score; 0: all points */
    bool relative;    /* Shi-Tomasi as the library does it: scores divided by the image's largest, 5 px apart */
} cairn_synthetic_method;
cairn_synthetic_method cairn_synthetic__method(const cairn_detector *detector);

/* Points for average precision, and those whose distance to the corners is the localisation error. */
cairn_status cairn_synthetic__detect(cairn_keypoints *points, cairn_keypoints *located,
                                     const cairn_synthetic_method *method, const cairn_image *gray,
                                     cairn_synthetic_rules rules);
/* The corners as (x, y) pairs; *count of them. For the TensorFlow code whole pixels, each once, row by row. For SP-FPN
 * those that touch, diagonally too, are one at their middle. The caller frees *out. */
cairn_status cairn_synthetic__corners(double **out, int *count, const cairn_keypoints *drawn,
                                      cairn_synthetic_rules rules);
#endif
