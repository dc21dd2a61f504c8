#include "experiments/baselines/vlfeat_descriptor.h"

#include <math.h>

cairn_status cairn_baselines__sift_append(float **descriptor, cairn_sift_set *set, float x, float y, float score)
{
    cairn_keypoints *k = &set->points;
    if (k->count == set->room) {
        int room = set->room ? 2 * set->room : 512;
        cairn_keypoint *points = realloc(k->points, (size_t)room * sizeof *points);
        if (points) k->points = points;
        float *descriptors = realloc(k->descriptors, (size_t)room * CAIRN_SIFT_DIMENSION * sizeof *descriptors);
        if (descriptors) k->descriptors = descriptors;
        if (!points || !descriptors) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d SIFT points", room);
        set->room = room;
    }
    k->dimension = CAIRN_SIFT_DIMENSION;
    k->points[k->count] = (cairn_keypoint){x, y, score};
    *descriptor = k->descriptors + (size_t)k->count++ * CAIRN_SIFT_DIMENSION;
    return CAIRN_OK;
}

void cairn_baselines__sift_normalise(float *descriptor, bool root)
{
    double norm = 0;
    for (int i = 0; i < CAIRN_SIFT_DIMENSION; i++)
        norm += root ? fabsf(descriptor[i]) : (double)descriptor[i] * descriptor[i];
    if (!root) norm = sqrt(norm);
    for (int i = 0; i < CAIRN_SIFT_DIMENSION; i++) {
        if (!(norm > 0))
            descriptor[i] = 1 / sqrtf(CAIRN_SIFT_DIMENSION);
        else if (root)
            descriptor[i] = (float)sqrt(fabsf(descriptor[i]) / norm);
        else
            descriptor[i] = (float)(descriptor[i] / norm);
    }
}
