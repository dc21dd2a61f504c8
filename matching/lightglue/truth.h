#ifndef CAIRN_MATCHING_LIGHTGLUE_TRUTH_H
#define CAIRN_MATCHING_LIGHTGLUE_TRUTH_H
/* Which points of two images belong together, where the homography between the images is known (matching.md 3.2). */
#include "geometry/keypoints.h"

enum { CAIRN_TRUTH_NONE = -1 /* has no counterpart */, CAIRN_TRUTH_IGNORED = -2 /* near one, but not near enough */ };

/* With d0(i,j) = |H a_i - b_j|, d1(i,j) = |a_i - H^-1 b_j|, d = max(d0, d1): i and j match if each is the other's
 * nearest by d, and d < near. A point without a neighbour in the other image within `far` (by its own image's d0 or d1) has
 * none, whatever else; any other point without a match is ignored.
 * out    of_a [a.count], of_b [b.count]: the index of the match, or one of the above
 * in     near, far  pixels; published 3 and 3, or 3 and 5
 * error  CAIRN_E_NUMERIC for a singular homography; CAIRN_E_NOMEM */
cairn_status cairn_match_truth(int *of_a, int *of_b, const cairn_keypoints *a, const cairn_keypoints *b,
                               const cairn_homography *a_to_b, double near, double far);
#endif
