#ifndef CAIRN_STAGES_VALIDATION_H
#define CAIRN_STAGES_VALIDATION_H
/* A detector that is in training, measured on images whose points are known (teacher.md 4.4). It looks at them as it
 * would be used, by its running statistics; parameters and random numbers of the training stay as they are. */
#include "experiments/evaluation/metrics/metrics.h"
#include "experiments/stages/training.h"
#include "geometry/keypoints.h"

typedef struct cairn_validation_set {
    const char *prefix; /* of the names below, "validation"; static */
    int count, h, w;
    float *images;           /* [count,h,w] in [0,1]; owned */
    cairn_keypoints *points; /* [count] in pixels, inside the image; owned */
} cairn_validation_set;

/* Empty images without points, for the caller to fill. h and w: multiples of 8, 32 or more. */
cairn_status cairn_validation_set_create(cairn_validation_set *out, const char *prefix, int count, int h, int w);
void cairn_validation_set_free(cairn_validation_set *set);
/* `count` synthetic shapes in the published mixture, un-augmented, and the same with the light of training: the same
 * ones in every run, whatever its seed. literal_labels, canvas_height: as the training's. */
cairn_status cairn_validation_set_shapes(cairn_validation_set *clean, cairn_validation_set *noisy, int count, int h,
                                         int w, int canvas_height, bool literal_labels);

/* What maps of probability found, summed over images; begins empty, {0}. */
typedef struct cairn_validation_sum {
    int found, labels, right;   /* whole pixels */
    int points, near;           /* points, and those that have one of the best within 3 px */
    cairn_detections all, sure; /* within 4 px: above 1e-4, and above 0.1 */
} cairn_validation_sum;
void cairn_validation_sum_free(cairn_validation_sum *sum);
/* heatmap [h,w]; points as in a set. */
cairn_status cairn_validation_add(cairn_validation_sum *sum, const float *heatmap, const cairn_keypoints *points, int h,
                                  int w);
/* Appends five numbers to `out`, NaN where nothing was found or is there to be found:
 *   PREFIX_precision, PREFIX_recall  of whole pixels: points of the map above 0.001, suppressed by boxes of 4 pixels,
 *                                    that coincide with a rounded point. As published: a sign of progress, no measure
 *   PREFIX_map                       mean average precision by the recommended rules of `cairn evaluate synthetic`:
 *                                    squares of radius 4, refined, best first, each to the nearest free point in 4 px
 *   PREFIX_error                     mean distance in pixels of those above 0.1 that have a point within 4 px
 *   PREFIX_recall3                   share of the points with one of the map's best as PREFIX_map finds them, of which
 *                                    there are as many as points in the image, within 3 px (student.md 8.6)
 * and the third to the note. */
cairn_status cairn_validation_numbers(cairn_train_measured *out, const char *prefix, const cairn_validation_sum *sum);

/* Row for a struct with this field, an int64_t. */
#define CAIRN_PATIENCE_ROW(type, field_)                                                                               \
    {                                                                                                                  \
        "patience", CAIRN_SETTING_INT, offsetof(type, field_), 0, 0, 1e6, NULL, NULL,                                  \
            "validations in a row without a better F-measure of precision and recall behind which the stage ends; 0: " \
            "it does all its steps"                                                                                    \
    }
/* error  CAIRN_E_INVALID with `where` in front: patience needs validations */
cairn_status cairn_validation_check(int64_t every, int64_t patience, const char *where);
/* F-measure of PREFIX_precision and PREFIX_recall among them, 0 where nothing was found: the score of early stopping. */
double cairn_validation_score(const cairn_train_measured *measured, const char *prefix);

/* The network of a training, compiled for looking; empty before its first measurement. */
typedef struct cairn_validation cairn_validation;
void cairn_validation_destroy(cairn_validation **validation);

/* Appends the numbers of the set's images. The first call compiles the network into *validation, for sets of this size.
 */
cairn_status cairn_validation_measure(cairn_validation **validation, cairn_training *training,
                                      const cairn_network_spec *spec, const cairn_validation_set *set,
                                      cairn_train_measured *out);
#endif
