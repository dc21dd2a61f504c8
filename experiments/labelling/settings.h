#ifndef CAIRN_LABELLING_SETTINGS_H
#define CAIRN_LABELLING_SETTINGS_H
/* How photographs are labelled, as settings of the stage `adaptation` and of cairn label alike. */
#include "base/settings.h"
#include "experiments/labelling/labeller.h"

typedef struct cairn_labelling_settings {
    int64_t views, chunk, radius, border, top_k, margin, filter_counts;
    double threshold, max_angle, patch_ratio, scaling, perspective, overflow;
    int aggregation, suppression, views_of; /* views_of: 0 patch, 1 image, 2 affine */
    bool subpixel, artifacts;
} cairn_labelling_settings;

#define CAIRN_LABELLING_INT(type, field, ...)                                                                          \
    {                                                                                                                  \
#field, CAIRN_SETTING_INT, offsetof(type, labelling.field), __VA_ARGS__                                                \
    }
#define CAIRN_LABELLING_FLOAT(type, field, ...)                                                                        \
    {                                                                                                                  \
#field, CAIRN_SETTING_FLOAT, offsetof(type, labelling.field), __VA_ARGS__                                              \
    }
#define CAIRN_LABELLING_CHOICE(type, field, fallback_, choices_, help_)                                                \
    {                                                                                                                  \
#field, CAIRN_SETTING_CHOICE, offsetof(type, labelling.field), fallback_, 0, 0, NULL, choices_, help_                  \
    }
#define CAIRN_LABELLING_BOOL(type, field, fallback_, help_)                                                            \
    {                                                                                                                  \
#field, CAIRN_SETTING_BOOL, offsetof(type, labelling.field), fallback_, 0, 0, NULL, NULL, help_                        \
    }

/* Rows for a struct with a field `cairn_labelling_settings labelling`. */
#define CAIRN_LABELLING_ROWS(type)                                                                                     \
    CAIRN_LABELLING_INT(type, views, 100, 1, 1000, NULL, NULL, "looks at each photo, the first is the photo itself"),  \
        CAIRN_LABELLING_INT(type, chunk, 0, 0, 1000, NULL, NULL,                                                       \
                            "views at a time, a divisor of views; 0: what suits the device"),                          \
        CAIRN_LABELLING_FLOAT(type, threshold, 0.015, 0, 1, NULL, NULL,                                                \
                              "probability above which a pixel may be a label"),                                       \
        CAIRN_LABELLING_CHOICE(type, aggregation, CAIRN_AGGREGATE_SUM, CAIRN_AGGREGATION_CHOICES,                      \
                               "of the views: sum is their sum by the number that saw the pixel, mean by all"),        \
        CAIRN_LABELLING_INT(type, filter_counts, 0, 0, 1000, NULL, NULL,                                               \
                            "no labels where fewer views than this saw the pixel"),                                    \
        CAIRN_LABELLING_CHOICE(type, suppression, CAIRN_SUPPRESS_BOX, CAIRN_SUPPRESSION_CHOICES,                       \
                               "squares of a radius, or rpautrat's boxes of a size"),                                  \
        CAIRN_LABELLING_INT(type, radius, 4, 0, 64, NULL, NULL, "radius or size of the suppression, pixels"),          \
        CAIRN_LABELLING_BOOL(type, subpixel, 0, "labels at a soft-argmax of the heatmap, not at whole pixels"),        \
        CAIRN_LABELLING_INT(type, border, 0, 0, 64, NULL, NULL, "pixels at the edge without labels"),                  \
        CAIRN_LABELLING_INT(type, top_k, 0, 0, 100000, NULL, NULL, "labels of a photo at most, 0: all"),               \
        CAIRN_LABELLING_INT(type, margin, 3, 0, 32, NULL, NULL, "pixels along a view's border that do not count"),     \
        CAIRN_LABELLING_FLOAT(type, max_angle, 3.141592653589793, 0, 3.15, NULL, NULL,                                 \
                              "rotation of a view at most, radians"),                                                  \
        CAIRN_LABELLING_FLOAT(type, patch_ratio, 0.85, 0.1, 1, NULL, NULL, "a view's patch, share of the side"),       \
        CAIRN_LABELLING_FLOAT(type, scaling, 0.2, 0, 1, NULL, NULL, "amplitude of a view's scaling"),                  \
        CAIRN_LABELLING_FLOAT(type, perspective, 0.2, 0, 1, NULL, NULL,                                                \
                              "amplitude of a view's perspective, share of the side"),                                 \
        CAIRN_LABELLING_FLOAT(type, overflow, 0, 0, 1, NULL, NULL,                                                     \
                              "how far a view's patch may leave the photo, share of the side"),                        \
        CAIRN_LABELLING_BOOL(type, artifacts, 1, "views may look beyond the photo's edge"),                            \
        CAIRN_LABELLING_CHOICE(type, views_of, 0, "patch,image,affine",                                                \
                               "the corners of the patch or of the image (pytorch-superpoint's) are moved, or "        \
                               "omercohen's affine maps with max_angle")

/* error  CAIRN_E_INVALID with `where` in front: what a table cannot say */
cairn_status cairn_labelling_check(const cairn_labelling_settings *settings, const char *where);
/* previews and label stay empty. */
cairn_labelling cairn_labelling_from(const cairn_labelling_settings *settings);
#endif
