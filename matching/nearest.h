#ifndef CAIRN_MATCHING_NEAREST_H
#define CAIRN_MATCHING_NEAREST_H
/* Mutual nearest neighbours between two sets of descriptors. */
#include "geometry/keypoints.h"

typedef struct cairn_match {
    int a, b;       /* indices into the two sets */
    float distance; /* L2 distance of the unit descriptors */
} cairn_match;

/* *out is the caller's, free() it; sorted by a. max_distance: 0 for none; ratio (best/second best, a to b): 0 for none.
 * error  CAIRN_E_SHAPE if the dimensions differ or are 0 */
cairn_status cairn_match_nearest(cairn_match **out, int *count, const cairn_keypoints *a, const cairn_keypoints *b,
                                 float max_distance, float ratio);
#endif
