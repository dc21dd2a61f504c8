#ifndef CAIRN_MATCHING_VIEWS_H
#define CAIRN_MATCHING_VIEWS_H
/* Random views of a photograph for training a matcher (matching.md 3.1): a quadrilateral of the photograph, moved,
 * turned and skewed, is what the view shows. Two independent views of one photograph are a pair. */
#include "base/rng.h"
#include "geometry/homography.h"

typedef struct cairn_view_options {
    double difficulty;  /* 0..0.95: 0 shows the whole photograph */
    double max_angle;   /* at difficulty 1, radians; 0: no rotation */
    double translation; /* share of the room that a quadrilateral has to move, at difficulty 1 */
} cairn_view_options;
#define CAIRN_VIEW_OPTIONS_INIT ((cairn_view_options){0.7, 0.785398163397448, 1})

/* Draws what a view of w x h pixels shows of a photograph of photo_w x photo_h: all of it lies inside. Angles are taken
 * from ten evenly spread ones in random order, the first that fits; without one that fits the view is not turned.
 * error  CAIRN_E_INVALID for sides below 2 or options out of range
 * source  the sampler of glue-factory; the two angles that its loop leaves out are not left out here */
cairn_status cairn_view_sample(cairn_homography *view_to_photo, cairn_rng *rng, int photo_h, int photo_w, int h, int w,
                               const cairn_view_options *options);
#endif
