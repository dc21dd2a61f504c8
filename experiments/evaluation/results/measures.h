#ifndef CAIRN_EVALUATION_MEASURES_H
#define CAIRN_EVALUATION_MEASURES_H
/* The columns of an evaluation of pairs: their ids in evaluation.json, titles and directions. */
#include <stdbool.h>

typedef enum cairn_measure {
    CAIRN_MEASURE_REPEATABILITY, /* at the protocol's first distance */
    CAIRN_MEASURE_REPEATABILITY_1, /* at 1 and 8 pixels, where the protocol asks for them */
    CAIRN_MEASURE_REPEATABILITY_8,
    CAIRN_MEASURE_REPEATABILITY_MUTUAL,
    CAIRN_MEASURE_LOCALISATION,
    CAIRN_MEASURE_MATCHING_SCORE,
    CAIRN_MEASURE_PRECISION, /* nearest-neighbour average precision, nn_map */
    CAIRN_MEASURE_PRECISION_POOLED,
    CAIRN_MEASURE_MMA_3,
    CAIRN_MEASURE_MATCH_PRECISION_1,
    CAIRN_MEASURE_MATCH_PRECISION_3,
    CAIRN_MEASURE_HOMOGRAPHY_1,
    CAIRN_MEASURE_HOMOGRAPHY_3,
    CAIRN_MEASURE_HOMOGRAPHY_5,
    CAIRN_MEASURE_HOMOGRAPHY_SHARED_1,
    CAIRN_MEASURE_HOMOGRAPHY_SHARED_3,
    CAIRN_MEASURE_HOMOGRAPHY_SHARED_5,
    CAIRN_MEASURE_HOMOGRAPHY_ERROR,
    CAIRN_MEASURE_AUC_1,
    CAIRN_MEASURE_AUC_3,
    CAIRN_MEASURE_AUC_5,
    CAIRN_MEASURE_AUC_10,
    CAIRN_MEASURE_AUC_DLT_1,
    CAIRN_MEASURE_AUC_DLT_3,
    CAIRN_MEASURE_AUC_DLT_5,
    CAIRN_MEASURE_AUC_DLT_10,
    CAIRN_MEASURE_POINTS,
    CAIRN_MEASURE_MATCHES,
    CAIRN_MEASURE_INLIERS,
    CAIRN_MEASURE_DETECT_MS,
    CAIRN_MEASURE_MATCH_MS,
    CAIRN_MEASURES
} cairn_measure;

/* What an evaluation says of all pairs by the values of each. */
typedef enum cairn_measure_pool {
    CAIRN_POOL_MEAN,
    CAIRN_POOL_MEDIAN,
    CAIRN_POOL_AUC,     /* of the homography errors, below `limit` pixels */
    CAIRN_POOL_AUC_DLT, /* of those without robust estimation */
    CAIRN_POOL_LABELS   /* average precision over the matches of all pairs */
} cairn_measure_pool;

typedef struct cairn_measure_info {
    const char *id, *title, *group, *unit;
    const char *brief; /* heading in a terminal, at most 8 characters */
    int better;        /* 1: higher, -1: lower, 0: neither */
    bool headline;
    cairn_measure_pool pool;
    double limit;
} cairn_measure_info;

const cairn_measure_info *cairn_measure_get(cairn_measure measure);
const char *cairn_measure_name(cairn_measure measure); /* its id: repeatability, ..., homography@3, ... */
/* -1 if there is none of this id. */
int cairn_measure_by_name(const char *id);
#endif
