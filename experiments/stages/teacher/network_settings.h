#ifndef CAIRN_STAGES_NETWORK_SETTINGS_H
#define CAIRN_STAGES_NETWORK_SETTINGS_H
/* Rows that the teacher's stages share. The struct has the fields named in the offsets. */
#include "base/settings.h"
#include "experiments/stages/training.h"
#include "teacher/superpoint.h"

#define CAIRN_TEACHER_ROWS(type)                                                                                       \
    {"width",                                                                                                          \
     CAIRN_SETTING_FLOAT,                                                                                              \
     offsetof(type, width),                                                                                            \
     1,                                                                                                                \
     0.0625,                                                                                                           \
     2,                                                                                                                \
     NULL,                                                                                                             \
     NULL,                                                                                                             \
     "multiplies every channel count of the network"},                                                                 \
        {"order",                                                                                                      \
         CAIRN_SETTING_CHOICE,                                                                                         \
         offsetof(type, order),                                                                                        \
         0,                                                                                                            \
         0,                                                                                                            \
         0,                                                                                                            \
         NULL,                                                                                                         \
         CAIRN_SUPERPOINT_ORDERS,                                                                                      \
         "normalisation before or after the activation, or none"},                                                     \
        {"norm_eps",                                                                                                   \
         CAIRN_SETTING_FLOAT,                                                                                          \
         offsetof(type, norm_eps),                                                                                     \
         CAIRN_SUPERPOINT_EPS,                                                                                         \
         CAIRN_SUPERPOINT_LEAST_EPS,                                                                                   \
         1,                                                                                                            \
         NULL,                                                                                                         \
         NULL,                                                                                                         \
         "BatchNorm: added to the variance; 0.001 as TensorFlow, 0.00001 as PyTorch"},                                 \
        {"norm_momentum",                                                                                              \
         CAIRN_SETTING_FLOAT,                                                                                          \
         offsetof(type, norm_momentum),                                                                                \
         CAIRN_SUPERPOINT_MOMENTUM,                                                                                    \
         CAIRN_SUPERPOINT_LEAST_MOMENTUM,                                                                              \
         1,                                                                                                            \
         NULL,                                                                                                         \
         NULL,                                                                                                         \
         "BatchNorm: share of a new batch in the running statistics (PyTorch's momentum; 0.1 there)"},                 \
    {                                                                                                                  \
        "calibrate", CAIRN_SETTING_INT, offsetof(type, calibrate), CAIRN_CALIBRATE_IMAGES, -1, 10000, NULL, NULL,      \
            "batches whose statistics replace the running ones at the end; 0: keep those; -1: for 500 images"          \
    }
/* For cairn_stage_kind.newer. */
#define CAIRN_TEACHER_NEWER "norm_eps,norm_momentum"
#endif
