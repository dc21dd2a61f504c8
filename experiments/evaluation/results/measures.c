#include "experiments/evaluation/results/measures.h"

#include <stddef.h>
#include <string.h>

#define DETECTION .group = "detection"
#define DESCRIPTION .group = "description"
#define HOMOGRAPHY .group = "homography"
#define COUNTS .group = "counts"
#define TIME .group = "time", .unit = "ms", .better = -1
#define HIGHER .unit = "", .better = 1
#define PIXELS .unit = "px", .better = -1

static const cairn_measure_info table[CAIRN_MEASURES] = {
    [CAIRN_MEASURE_REPEATABILITY] = {"repeatability", "Repeatability", DETECTION, HIGHER, .brief = "repeat",
                                     .headline = true},
    [CAIRN_MEASURE_REPEATABILITY_1] = {"repeatability@1", "Repeatability, 1 px", DETECTION, HIGHER, .brief = "rep@1"},
    [CAIRN_MEASURE_REPEATABILITY_8] = {"repeatability@8", "Repeatability, 8 px", DETECTION, HIGHER, .brief = "rep@8"},
    [CAIRN_MEASURE_REPEATABILITY_MUTUAL] = {"repeatability_mutual", "Repeatability, mutual", DETECTION, HIGHER,
                                            .brief = "mutual"},
    [CAIRN_MEASURE_LOCALISATION] = {"localisation", "Localisation error", DETECTION, PIXELS, .brief = "MLE px",
                                    .headline = true},
    [CAIRN_MEASURE_MATCHING_SCORE] = {"matching_score", "Matching score", DESCRIPTION, HIGHER, .brief = "mscore",
                                      .headline = true},
    [CAIRN_MEASURE_PRECISION] = {"nn_map", "NN mAP", DESCRIPTION, HIGHER, .brief = "NN mAP", .headline = true},
    [CAIRN_MEASURE_PRECISION_POOLED] = {"nn_map_pooled", "NN mAP, pooled", DESCRIPTION, HIGHER, .brief = "pooled",
                                        .pool = CAIRN_POOL_LABELS},
    [CAIRN_MEASURE_MMA_3] = {"mma@3", "MMA, 3 px", DESCRIPTION, HIGHER, .brief = "MMA@3", .headline = true},
    [CAIRN_MEASURE_MATCH_PRECISION_1] = {"precision@1", "Precision of matches, 1 px", DESCRIPTION, HIGHER,
                                         .brief = "prec@1"},
    [CAIRN_MEASURE_MATCH_PRECISION_3] = {"precision@3", "Precision of matches, 3 px", DESCRIPTION, HIGHER,
                                         .brief = "prec@3"},
    [CAIRN_MEASURE_HOMOGRAPHY_1] = {"homography@1", "Homography, 1 px", HOMOGRAPHY, HIGHER, .brief = "hom@1",
                                    .headline = true},
    [CAIRN_MEASURE_HOMOGRAPHY_3] = {"homography@3", "Homography, 3 px", HOMOGRAPHY, HIGHER, .brief = "hom@3",
                                    .headline = true},
    [CAIRN_MEASURE_HOMOGRAPHY_5] = {"homography@5", "Homography, 5 px", HOMOGRAPHY, HIGHER, .brief = "hom@5",
                                    .headline = true},
    [CAIRN_MEASURE_HOMOGRAPHY_SHARED_1] = {"homography_shared@1", "Homography, shared points, 1 px", HOMOGRAPHY, HIGHER,
                                           .brief = "shared@1"},
    [CAIRN_MEASURE_HOMOGRAPHY_SHARED_3] = {"homography_shared@3", "Homography, shared points, 3 px", HOMOGRAPHY, HIGHER,
                                           .brief = "shared@3"},
    [CAIRN_MEASURE_HOMOGRAPHY_SHARED_5] = {"homography_shared@5", "Homography, shared points, 5 px", HOMOGRAPHY, HIGHER,
                                           .brief = "shared@5"},
    [CAIRN_MEASURE_HOMOGRAPHY_ERROR] = {"homography_error", "Corner error, median", HOMOGRAPHY, PIXELS,
                                        .brief = "error px", .pool = CAIRN_POOL_MEDIAN},
    [CAIRN_MEASURE_AUC_1] = {"auc@1", "AUC, 1 px", HOMOGRAPHY, HIGHER, .brief = "AUC@1", .pool = CAIRN_POOL_AUC,
                             .limit = 1},
    [CAIRN_MEASURE_AUC_3] = {"auc@3", "AUC, 3 px", HOMOGRAPHY, HIGHER, .brief = "AUC@3", .pool = CAIRN_POOL_AUC,
                             .limit = 3},
    [CAIRN_MEASURE_AUC_5] = {"auc@5", "AUC, 5 px", HOMOGRAPHY, HIGHER, .brief = "AUC@5", .pool = CAIRN_POOL_AUC,
                             .limit = 5},
    [CAIRN_MEASURE_AUC_10] = {"auc@10", "AUC, 10 px", HOMOGRAPHY, HIGHER, .brief = "AUC@10", .pool = CAIRN_POOL_AUC,
                              .limit = 10},
    [CAIRN_MEASURE_AUC_DLT_1] = {"auc_dlt@1", "AUC without RANSAC, 1 px", HOMOGRAPHY, HIGHER, .brief = "DLT@1",
                                 .pool = CAIRN_POOL_AUC_DLT, .limit = 1},
    [CAIRN_MEASURE_AUC_DLT_3] = {"auc_dlt@3", "AUC without RANSAC, 3 px", HOMOGRAPHY, HIGHER, .brief = "DLT@3",
                                 .pool = CAIRN_POOL_AUC_DLT, .limit = 3},
    [CAIRN_MEASURE_AUC_DLT_5] = {"auc_dlt@5", "AUC without RANSAC, 5 px", HOMOGRAPHY, HIGHER, .brief = "DLT@5",
                                 .pool = CAIRN_POOL_AUC_DLT, .limit = 5},
    [CAIRN_MEASURE_AUC_DLT_10] = {"auc_dlt@10", "AUC without RANSAC, 10 px", HOMOGRAPHY, HIGHER, .brief = "DLT@10",
                                  .pool = CAIRN_POOL_AUC_DLT, .limit = 10},
    [CAIRN_MEASURE_POINTS] = {"points", "Points", COUNTS, .unit = "", .brief = "points"},
    [CAIRN_MEASURE_MATCHES] = {"matches", "Matches", COUNTS, .unit = "", .brief = "matches"},
    [CAIRN_MEASURE_INLIERS] = {"inliers", "Inliers", COUNTS, .unit = "", .brief = "inliers"},
    [CAIRN_MEASURE_DETECT_MS] = {"detect_ms", "Detection of an image", TIME, .brief = "find ms"},
    [CAIRN_MEASURE_MATCH_MS] = {"match_ms", "Matching of a pair", TIME, .brief = "match ms"},
};

const cairn_measure_info *cairn_measure_get(cairn_measure measure)
{
    return &table[measure < CAIRN_MEASURES ? measure : 0];
}

const char *cairn_measure_name(cairn_measure measure)
{
    return measure < CAIRN_MEASURES ? table[measure].id : "unknown";
}

int cairn_measure_by_name(const char *id)
{
    for (int i = 0; i < CAIRN_MEASURES; i++)
        if (!strcmp(table[i].id, id)) return i;
    return -1;
}
