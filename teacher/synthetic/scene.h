#ifndef CAIRN_TEACHER_SYNTHETIC_SCENE_H
#define CAIRN_TEACHER_SYNTHETIC_SCENE_H
/* What the primitives of the synthetic shapes draw on. Lengths are those of the published canvas of 960 rows; `unit`
 * scales them to the canvas at hand. */
#include "base/rng.h"
#include "teacher/synthetic/draw.h"

#include <stdbool.h>

enum { CAIRN_SCENE_POINTS = 256 };

typedef struct cairn_scene {
    cairn_canvas canvas;
    cairn_rng *rng;
    double unit;               /* canvas pixels for one pixel of the published canvas */
    double min_side, max_side; /* of the canvas: 960 and 1280 times unit when the image is 4:3 */
    cairn_point points[CAIRN_SCENE_POINTS];
    int count;
} cairn_scene;

/* Colours (2.1): at least 30 levels from `from`; at least 50 from each of `previous` if that is found in 20 tries. */
uint8_t cairn_scene_contrast(cairn_scene *s, int from);
uint8_t cairn_scene_different(cairn_scene *s, const uint8_t *previous, int count);
int cairn_scene_background(const cairn_scene *s); /* int(mean) */
/* A whole length U{low..high} of the published canvas, scaled, `least` or more. */
int cairn_scene_length(cairn_scene *s, int low, int high, int least);
double cairn_scene_u(cairn_scene *s);                    /* [0, 1) */
int cairn_scene_pick(cairn_scene *s, int low, int high); /* inclusive */
/* Truncates toward zero, within the reach of the drawing functions. */
cairn_point cairn_scene_point(double x, double y);
bool cairn_scene_has(const cairn_scene *s, cairn_point p);
/* Adds a label if the point lies on the canvas. */
void cairn_scene_label(cairn_scene *s, cairn_point p);

cairn_status cairn_scene_blobs(cairn_scene *s); /* the background of every example but noise */
cairn_status cairn_scene_lines(cairn_scene *s);
cairn_status cairn_scene_polygon(cairn_scene *s);
cairn_status cairn_scene_polygons(cairn_scene *s);
cairn_status cairn_scene_ellipses(cairn_scene *s);
cairn_status cairn_scene_star(cairn_scene *s);
cairn_status cairn_scene_checkerboard(cairn_scene *s);
cairn_status cairn_scene_stripes(cairn_scene *s);
cairn_status cairn_scene_cube(cairn_scene *s);
cairn_status cairn_scene_noise(cairn_scene *s);
#endif
