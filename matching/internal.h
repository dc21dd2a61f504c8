#ifndef CAIRN_MATCHING_INTERNAL_H
#define CAIRN_MATCHING_INTERNAL_H
/* Shared between nearest.c and nearest_device.c. */
#include "matching/nearest.h"

typedef struct cairn_match__nearest {
    float best, second; /* largest and second largest dot product with a point of the other set */
    int index;          /* of the largest; -1: none */
} cairn_match__nearest;

cairn_status cairn_match__check(const cairn_keypoints *a, const cairn_keypoints *b, const cairn_nearest_options *o);
/* The matches that the options let pass. of_a [na], of_b [nb]. */
cairn_status cairn_match__choose(cairn_match **out, int *count, const cairn_match__nearest *of_a, int na,
                                 const cairn_match__nearest *of_b, int nb, const cairn_nearest_options *o);
#endif
