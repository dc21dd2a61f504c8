#ifndef CAIRN_REPORT_DRAWING_H
#define CAIRN_REPORT_DRAWING_H
/* Pictures of points, matches and heatmaps. Every function makes a new RGB image, enlarged by a whole factor so that
 * small images stay legible (sides below about 480 pixels are doubled, tripled or quadrupled), which the caller frees;
 * cairn_image_save_png writes it. Images may be gray or RGB. On failure *out stays empty. */
#include "geometry/keypoints.h"

/* One picture with points drawn over it, best on top, fainter with falling rank.
 * title  shown in a band above the picture; NULL: no band */
typedef struct cairn_picture {
    const cairn_image *image;
    const cairn_keypoints *points; /* NULL: none */
    const char *title;
} cairn_picture;

cairn_status cairn_draw_keypoints(cairn_image *out, const cairn_picture *picture);
/* Pictures beside each other, wrapped after `columns`; rows are as high as their highest picture. Detections of two
 * methods on one image: two pictures, two columns. count 1..256, columns 1..32. */
cairn_status cairn_draw_grid(cairn_image *out, const cairn_picture *pictures, int count, int columns);

/* Two images beside each other with a line for each match: green where `correct` is 1, red (below the green ones)
 * where it is 0; correct NULL: all green.
 * in  from, to  [count] (x, y) pairs in pixels of a and b
 * in  most      at most so many lines, spread evenly over the list; 0: all */
cairn_status cairn_draw_matches(cairn_image *out, const cairn_picture *a, const cairn_picture *b, const double *from,
                                const double *to, const uint8_t *correct, int count, int most);

/* A heatmap [h,w] over a darkened image of the same size, in a colour map of even perceived steps; values are divided
 * by the heatmap's own largest value and their square root is shown, so that weak maxima can be seen. error
 * CAIRN_E_SHAPE if the sizes differ */
cairn_status cairn_draw_heatmap(cairn_image *out, const cairn_image *image, const float *heatmap, int h, int w);

/* Position 0..1 in the colour map (dark violet to pale yellow). */
void cairn_colour_map(double value, double rgb[3]);
#endif
