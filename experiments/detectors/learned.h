#ifndef CAIRN_DETECTORS_LEARNED_H
#define CAIRN_DETECTORS_LEARNED_H
/* A trained network behind the interface of evaluation/detector.h: heatmap, suppression, descriptors. */
#include "experiments/evaluation/detector.h"
#include "student/network.h"

typedef struct cairn_detect_options {
    double threshold; /* of the probability, 0..1; 0.015 */
    int radius;       /* of the suppression, pixels, 0..64; 4 */
    int border;       /* pixels at the edge without keypoints; 4 */
    bool refine;      /* soft-argmax to subpixel positions; true */
} cairn_detect_options;
#define CAIRN_DETECT_OPTIONS_INIT ((cairn_detect_options){0.015, 4, 4, true})

/* The model of a checkpoint. NULL options: the defaults.
 * error  CAIRN_E_NOTFOUND, CAIRN_E_FORMAT with the file's name */
cairn_status cairn_detector_load(cairn_detector *out, cairn_gpu *gpu, const char *model_path,
                                 const cairn_detect_options *options);
/* Takes a network over (also on failure). `name` is copied. */
cairn_status cairn_detector_wrap(cairn_detector *out, cairn_network *network, const char *name,
                                 const cairn_detect_options *options);
/* The network behind a detector made here; borrowed. */
cairn_network *cairn_detector_network(const cairn_detector *detector);
#endif
