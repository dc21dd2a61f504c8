#ifndef CAIRN_TEACHER_LABELS_H
#define CAIRN_TEACHER_LABELS_H
/* Point lists as classes of 8x8 cells, for the detector's loss (teacher.md 3.3, 4.1). */
#include "base/rng.h"
#include "geometry/keypoints.h"

enum { CAIRN_CELL = 8, CAIRN_NO_POINT = 64 };

/* Class of each cell: (y mod 8) * 8 + (x mod 8) of a point in it, rounded to pixels; 64 for none. Of several points one
 * is drawn at random, each pixel with equal chance; points outside 0..w-1, 0..h-1 are ignored.
 * out    labels  [h/8, w/8], 0..64
 * error  CAIRN_E_SHAPE if h or w is no positive multiple of 8 */
cairn_status cairn_labels_from_points(float *labels, const cairn_keypoints *points, int h, int w, cairn_rng *rng);
/* Each cell's 65 probabilities for the soft loss (teacher.md 4.2): a point is spread over the four pixels around it by
 * bilinear weights (those outside the image are lost), the masses of a cell are divided by their sum, and class 64 is 1
 * where there is none. Points outside 0..w-1, 0..h-1 are ignored.
 * out    target  [h/8, w/8, 65]
 * error  as above */
cairn_status cairn_labels_soft(float *target, const cairn_keypoints *points, int h, int w);
/* 1 where all 64 pixels of the cell are non-zero, else 0.
 * out    cells  [h/8, w/8]
 * in     mask   [h, w]
 * error  as above */
cairn_status cairn_labels_valid_cells(float *cells, const float *mask, int h, int w);
#endif
