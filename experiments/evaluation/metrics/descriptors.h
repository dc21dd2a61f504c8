#ifndef CAIRN_EVALUATION_DESCRIPTORS_H
#define CAIRN_EVALUATION_DESCRIPTORS_H
/* Private to the metrics: distances of descriptors. */
#include "geometry/keypoints.h"

/* error  CAIRN_E_SHAPE unless both have descriptors of the same length */
cairn_status cairn_metrics__check_descriptors(const cairn_keypoints *a, const cairn_keypoints *b);
/* L2, in double precision. */
double cairn_metrics__distance(const float *a, const float *b, int n);
/* Index of the descriptor of `set` that is nearest to `desc` (ties: the smaller; searched in single precision),
 * -1 if the set is empty; its L2 distance and that of the second nearest (INFINITY if there is none). */
int cairn_metrics__nearest(double *distance, double *second, const float *desc, const cairn_keypoints *set);
#endif
