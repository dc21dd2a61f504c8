#ifndef CAIRN_STAGES_TRAINING_H
#define CAIRN_STAGES_TRAINING_H
/* What every stage that trains a network does around its own graph and its own batches. */
#include "experiments/run/stage.h"
#include "student/network.h"
#include "train/trainer.h"

enum {
    CAIRN_CALIBRATE_IMAGES = -1, /* in place of a number of batches: as many as make the images of teacher.md, 1.4 */
    CAIRN_CALIBRATED_IMAGES = 500
};

typedef struct cairn_stage_training {
    const cairn_train_settings *settings;
    const cairn_network_spec *spec;
    /* Puts inputs, network, loss and logged values into t's graph. Called again for the calibration. */
    void (*build)(cairn_training *t, const cairn_network_spec *spec, const void *payload);
    /* Changes the first weights, which are drawn already; NULL: they stay. */
    cairn_status (*start)(cairn_training *t, const void *payload);
    /* As in cairn_training. */
    cairn_status (*batch)(void *payload, int64_t step, float *const *inputs);
    void *payload;     /* of all three */
    int64_t calibrate; /* batches behind the last step whose statistics replace the running ones; 0: none; or
                        * CAIRN_CALIBRATE_IMAGES */
    /* As in cairn_training; experiments/stages/validation.h measures a detector. NULL: none. */
    cairn_status (*validate)(cairn_training *t, int64_t step, cairn_train_measured *out);
    int64_t validate_every, patience;
    /* The last so many steps normalise by the running statistics, which stay as they are, as the network is used later
     * (teacher.md 1.4); then nothing is calibrated, unless `patience` ended training before. 0: none of them. */
    int64_t frozen_steps;
    void (*release)(void *payload); /* frees what holds on to the training's store, while that is there; NULL: nothing */
    int views; /* how often `build` puts the network into the graph; statistics are those of the first */
} cairn_stage_training;

/* Row for a struct with a field `freeze_norm`, a double, and what it means. */
#define CAIRN_FREEZE_NORM_ROW(type)                                                                                    \
    CAIRN_SETTING_FLOAT_ROW(type, freeze_norm, 0, 0, 1,                                                                \
                            "share of the last steps in which the running statistics normalise, and stay; 0.1 to 0.2 " \
                            "steadies small batches, in place of calibrate")
int64_t cairn_stage_frozen_steps(const cairn_train_settings *settings, double share);

/* Trains or resumes, calibrates, and writes model.safetensors into the stage's folder. */
cairn_status cairn_stage_train(const cairn_stage *stage, const cairn_stage_training *options);
#endif
