#ifndef CAIRN_MATCHING_NEAREST_H
#define CAIRN_MATCHING_NEAREST_H
/* Nearest neighbours between two sets of descriptors. source matching.md 1 */
#include "geometry/keypoints.h"

typedef struct cairn_match {
    int a, b;       /* indices into the two sets */
    float distance; /* L2 distance of the unit descriptors */
    float score;    /* larger is better, in [0,1]: nearest neighbours 1 - distance / 2; learned matchers their own */
} cairn_match;

typedef struct cairn_nearest_options {
    bool mutual;        /* each is the other's nearest; true. false: the nearest of b for each of a, which may be in
                           several matches */
    float max_distance; /* L2, inclusive; 0: any */
    float ratio;        /* distance of the best below so much of the second best's; 0: any */
    bool
        ratio_one_way; /* with mutual: the second best of a's point among b only, not also the other way round; false */
} cairn_nearest_options;
#define CAIRN_NEAREST_OPTIONS_INIT ((cairn_nearest_options){.mutual = true})

/* *out is the caller's, free() it; sorted by a. Of equal distances the lower index is the nearest, and no ratio below 1
 * lets it pass. error  CAIRN_E_SHAPE if the dimensions differ or are 0; CAIRN_E_INVALID for negative or NaN options */
cairn_status cairn_nearest_match(cairn_match **out, int *count, const cairn_keypoints *a, const cairn_keypoints *b,
                                 const cairn_nearest_options *options);
/* Mutual, with the ratio from a to b only: what the evaluation's protocols ask for. max_distance, ratio: 0 for none. */
cairn_status cairn_match_nearest(cairn_match **out, int *count, const cairn_keypoints *a, const cairn_keypoints *b,
                                 float max_distance, float ratio);
#endif
