#ifndef CAIRN_BASELINES_FAST_SCORES_H
#define CAIRN_BASELINES_FAST_SCORES_H
/* Private to the baselines: the FAST score of every pixel, which ORB uses too. */
#include "data/image.h"

/* out  [h,w], caller frees: the largest threshold at which 9 contiguous pixels of the circle are all brighter or all
 *      darker than the centre; 0 where that is surely not above `threshold`, and within 3 pixels of the edge
 * error CAIRN_E_NOMEM */
cairn_status cairn_baselines__fast_scores(float **out, const cairn_image *gray, float threshold);
#endif
