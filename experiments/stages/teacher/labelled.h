#ifndef CAIRN_STAGES_LABELLED_H
#define CAIRN_STAGES_LABELLED_H
/* What stages that train on labelled photographs share. */
#include "experiments/stages/photo_feed.h"
#include "experiments/stages/validation.h"

typedef struct cairn_labelled_settings {
    int64_t every, images, patience;
    double share;
} cairn_labelled_settings;

/* Rows for a struct with a field `validation` of the type above, and one `freeze_norm` (training.h). */
#define CAIRN_LABELLED_ROWS(type)                                                                                      \
    {"validate_every", CAIRN_SETTING_INT, offsetof(type, validation.every), 1000, 0, 1e8, NULL, NULL,                  \
     "steps between measurements on photographs as they are, and one at the end; 0: none"},                            \
        {"validate_images", CAIRN_SETTING_INT, offsetof(type, validation.images), 32, 1, 10000, NULL, NULL,            \
         "photographs to measure on"},                                                                                 \
        {"validate_share", CAIRN_SETTING_FLOAT, offsetof(type, validation.share), 0, 0, 0.9, NULL, NULL,               \
         "of the labelled photographs that are kept out of training to measure on; 0: it is measured on those that "   \
         "are trained on"},                                                                                            \
        CAIRN_PATIENCE_ROW(type, validation.patience), CAIRN_FREEZE_NORM_ROW(type)
/* For cairn_stage_kind.newer. */
#define CAIRN_LABELLED_NEWER "validate_every,validate_images,validate_share,patience,freeze_norm"

/* A detector in training is measured on photographs without changes of light and view. Begins empty, {0}. */
typedef struct cairn_labelled_validator {
    cairn_validation_set set;
    cairn_validation *validation;
} cairn_labelled_validator;

/* The photographs with the keypoints of stage `labels`, less those that are kept for validation: every crop of a share
 * of the photographs, by their names and the recipe's seed. Close the feed after a failure too, and the validator.
 * error  those of cairn_photo_feed_open, _label_from and _hold_out */
cairn_status cairn_labelled_open(cairn_photo_feed *out, cairn_labelled_validator *validator, const cairn_stage *stage,
                                 int64_t batch, const char *labels, const cairn_labelled_settings *settings);
/* The second half of it, for a feed that has its labels and has made no step yet. */
cairn_status cairn_labelled_validator_open(cairn_labelled_validator *validator, cairn_photo_feed *feed,
                                           const cairn_labelled_settings *settings);
/* As cairn_training.validate: the numbers of validation.h with the prefix "validation", and the score. */
cairn_status cairn_labelled_validate(cairn_labelled_validator *validator, cairn_training *t,
                                     const cairn_network_spec *spec, cairn_train_measured *out);
void cairn_labelled_validator_close(cairn_labelled_validator *validator);
/* First weights: those of stage `from` as far as names and shapes agree; nothing is changed where `from` is empty.
 * Says how many tensors were taken. */
cairn_status cairn_labelled_start(cairn_training *t, const cairn_stage *stage, const char *from);
#endif
