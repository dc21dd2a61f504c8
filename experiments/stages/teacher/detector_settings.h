#ifndef CAIRN_STAGES_DETECTOR_SETTINGS_H
#define CAIRN_STAGES_DETECTOR_SETTINGS_H
/* Rows for stages that train a detector: changes of light and of view, and the loss (teacher.md 2.5, 3.2, 4.2). */
#include "base/settings.h"
#include "experiments/stages/teacher/samples.h"
#include "teacher/augment.h"
#include "teacher/losses.h"

typedef struct cairn_warp_settings {
    int preset; /* cairn_augment_preset */
    double patch_ratio, scaling, perspective, max_angle; /* negative: the preset's */
} cairn_warp_settings;

typedef struct cairn_detector_settings {
    cairn_warp_settings warp;
    int light; /* cairn_augment_preset */
    int loss;  /* cairn_detector_loss_kind */
    int average;
    int augment; /* CAIRN_AUGMENT_PLACES */
} cairn_detector_settings;

/* Rows for a struct with a field `warp` (a path: detector.warp) of the type above. */
#define CAIRN_WARP_ROWS(type, warp_, preset_)                                                                          \
    {"warp", CAIRN_SETTING_CHOICE, offsetof(type, warp_.preset), preset_, 0, 0, NULL, CAIRN_AUGMENT_PRESETS,           \
     "homographies as for this stage or of this source"},                                                              \
        {"patch_ratio", CAIRN_SETTING_FLOAT, offsetof(type, warp_.patch_ratio), -1, -1, 1, NULL, NULL,                 \
         "side of the patch that a homography moves, in image sides; negative: warp's"},                               \
        {"scaling", CAIRN_SETTING_FLOAT, offsetof(type, warp_.scaling), -1, -1, 0.9, NULL, NULL,                       \
         "amplitude of a homography's scale; negative: warp's"},                                                       \
        {"perspective", CAIRN_SETTING_FLOAT, offsetof(type, warp_.perspective), -1, -1, 1, NULL, NULL,                 \
         "amplitude of a homography's perspective, image sides; negative: warp's"},                                    \
    {                                                                                                                  \
        "max_angle", CAIRN_SETTING_FLOAT, offsetof(type, warp_.max_angle), -1, -1, 3.15, NULL, NULL,                   \
            "rotation of a homography at most, radians; negative: warp's"                                              \
    }

/* Rows for a struct with a field `detector` of the type above. */
#define CAIRN_DETECTOR_ROWS(type, light_, warp_preset_)                                                                \
    CAIRN_WARP_ROWS(type, detector.warp, warp_preset_),                                                                \
        {"light", CAIRN_SETTING_CHOICE, offsetof(type, detector.light), light_, 0, 0, NULL, CAIRN_AUGMENT_PRESETS,     \
         "photometric changes as for this stage or of this source; those of adaptation are none"},                     \
        {"augment", CAIRN_SETTING_CHOICE, offsetof(type, detector.augment), 0, 0, 0, NULL, CAIRN_AUGMENT_PLACES,       \
         "where views are made: on the host, on the device, or auto: on GPUs; equal but for rounding"},                \
        {"detector_loss", CAIRN_SETTING_CHOICE, offsetof(type, detector.loss), 0, 0, 0, NULL, CAIRN_DETECTOR_LOSSES,   \
         "one class for each cell, or soft labels and a loss of each softmax output"},                                 \
    {                                                                                                                  \
        "average", CAIRN_SETTING_CHOICE, offsetof(type, detector.average), 0, 0, 0, NULL, "batch,image",               \
            "detector loss: mean over the batch's valid cells, or of the images' means"                                \
    }

cairn_homographic_options cairn_warp_options(const cairn_warp_settings *settings);
cairn_detector_options cairn_detector_loss_options(const cairn_detector_settings *settings);
/* Channels of the labels: 65 for the soft loss, else 1. */
int cairn_detector_label_channels(const cairn_detector_settings *settings);
#endif
