#ifndef CAIRN_TEACHER_SYNTHETIC_DRAW_H
#define CAIRN_TEACHER_SYNTHETIC_DRAW_H
/* Filled and outlined figures on 8-bit gray canvases: 8-connected, without antialiasing, clipped to the canvas.
 * Coordinates are pixels (x, y), centres at integers; coordinates up to +-CAIRN_DRAW_REACH are safe. */
#include "base/status.h"

#include <stdint.h>

enum { CAIRN_DRAW_REACH = 20000 };

typedef struct cairn_canvas {
    int h, w;
    uint8_t *pixels; /* [h,w]; owned, freed by cairn_canvas_free */
} cairn_canvas;

cairn_status cairn_canvas_create(cairn_canvas *out, int h, int w); /* zero-filled */
void cairn_canvas_free(cairn_canvas *canvas);
double cairn_canvas_mean(const cairn_canvas *canvas);

typedef struct cairn_point {
    int x, y;
} cairn_point;

/* radius 0 is one pixel. */
void cairn_draw_disc(cairn_canvas *canvas, int x, int y, int radius, uint8_t value);
/* Semi-axes a, b > 0; the first one is turned by `degrees` from x towards y. */
void cairn_draw_ellipse(cairn_canvas *canvas, int x, int y, int a, int b, double degrees, uint8_t value);
/* Round ends. thickness 1 is the 8-connected line. */
void cairn_draw_line(cairn_canvas *canvas, cairn_point from, cairn_point to, int thickness, uint8_t value);
/* Inside by the even-odd rule, and the outline. At most 16 vertices. */
void cairn_draw_polygon(cairn_canvas *canvas, const cairn_point *vertices, int count, uint8_t value);
/* The same, painted with the pixels of `patch`, whose pixel (0,0) lies at (x0, y0) of the canvas and which must cover
 * the polygon's part of the canvas. */
void cairn_draw_polygon_patch(cairn_canvas *canvas, const cairn_point *vertices, int count, const cairn_canvas *patch,
                              int x0, int y0);
/* Mean over the k x k window of x - k/2 .. x - k/2 + k - 1 (the same in y), mirrored at the frame without repeating the
 * frame's pixels; rounded. out: same size, another canvas. */
cairn_status cairn_canvas_box_blur(cairn_canvas *out, const cairn_canvas *in, int k);
/* Index i of a row of n mirrored into 0..n-1 without repeating the ends. */
int cairn_mirror(int i, int n);
#endif
