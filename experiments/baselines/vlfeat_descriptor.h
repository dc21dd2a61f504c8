#ifndef CAIRN_BASELINES_VLFEAT_DESCRIPTOR_H
#define CAIRN_BASELINES_VLFEAT_DESCRIPTOR_H
/* Private to the baselines built on VLFeat. */
#include "geometry/keypoints.h"

enum { CAIRN_SIFT_DIMENSION = 128, CAIRN_SIFT_LEAST_SIDE = 16 };

/* A growing set of keypoints with SIFT descriptors. */
typedef struct cairn_sift_set {
    cairn_keypoints points; /* count points so far */
    int room;
} cairn_sift_set;

/* Appends a point and hands out the place of its descriptor, valid until the next call. */
cairn_status cairn_baselines__sift_append(float **descriptor, cairn_sift_set *set, float x, float y, float score);
/* Unit L2 norm; root: square roots of the L1-normalised numbers, which have it too. A zero descriptor becomes uniform.
 */
void cairn_baselines__sift_normalise(float *descriptor, bool root);
#endif
