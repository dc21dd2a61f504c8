/* Checkerboards, stripes and cubes (teacher.md 2.2, 2.3). */
#include "geometry/homography.h"
#include "teacher/synthetic/scene.h"

#include <math.h>

/* Warp of 2.3: an affine map, then a perspective one. The centre of the reference square is the image's (the published
 * code swaps its coordinates). */
static cairn_homography sample_warp(cairn_scene *s, double least, double range)
{
    double amplitude = s->max_side * (least + cairn_scene_u(s) * range);
    double cx = floor(s->canvas.w / 2.0), cy = floor(s->canvas.h / 2.0), q = floor(s->min_side / 3);
    double p[8] = {cx + q, cy + q, cx + q, cy - q, cx - q, cy - q, cx - q, cy + q}, d[8];
    for (int i = 0; i < 6; i++) d[i] = p[i] + cairn_rng_between(s->rng, -amplitude, amplitude);
    /* The three corners differ by (0, 2q) and (2q, 0). */
    double xx = (d[2] - d[4]) / (2 * q), xy = (d[0] - d[2]) / (2 * q);
    double yx = (d[3] - d[5]) / (2 * q), yy = (d[1] - d[3]) / (2 * q);
    cairn_homography affine = {{xx, xy, d[0] - xx * p[0] - xy * p[1], yx, yy, d[1] - yx * p[0] - yy * p[1], 0, 0, 1}};
    cairn_homography perspective;
    do
        for (int i = 0; i < 8; i++) d[i] = p[i] + cairn_rng_between(s->rng, -amplitude / 2, amplitude / 2);
    while (cairn_homography_from_corners(&perspective, p, d) < 0);
    return cairn_homography_multiply(&perspective, &affine);
}

static cairn_point warped(const cairn_homography *h, double x, double y)
{
    double u, v;
    if (!cairn_homography_apply(h, x, y, &u, &v)) return (cairn_point){CAIRN_DRAW_REACH, CAIRN_DRAW_REACH};
    return cairn_scene_point(u, v);
}

cairn_status cairn_scene_checkerboard(cairn_scene *s)
{
    enum { MOST = 7 };
    int bg = cairn_scene_background(s), rows = cairn_scene_pick(s, 3, 6), cols = cairn_scene_pick(s, 3, 6);
    int sx = (s->canvas.w - 1) / cols, sy = (s->canvas.h - 1) / rows, cell = sx < sy ? sx : sy;
    cairn_homography h = sample_warp(s, 0.05, 0.15);
    cairn_point grid[MOST][MOST];
    for (int r = 0; r <= rows; r++)
        for (int c = 0; c <= cols; c++) grid[r][c] = warped(&h, cell * c, cell * r);
    uint8_t colours[MOST][MOST];
    for (int r = 0; r < rows; r++) {
        for (int c = 0; c < cols; c++) {
            uint8_t previous[2];
            int n = 0;
            if (r > 0) previous[n++] = colours[r - 1][c];
            if (c > 0) previous[n++] = colours[r][c - 1];
            colours[r][c] = n ? cairn_scene_different(s, previous, n) : cairn_scene_contrast(s, bg);
            cairn_point quad[4] = {grid[r][c], grid[r][c + 1], grid[r + 1][c + 1], grid[r + 1][c]};
            cairn_draw_polygon(&s->canvas, quad, 4, colours[r][c]);
        }
    }
    int along_rows = cairn_scene_pick(s, 2, rows + 1), along_cols = cairn_scene_pick(s, 2, cols + 1);
    int thickness = cairn_scene_length(s, 9, 13, 1);
    for (int n = 0; n < along_rows; n++) {
        int r = cairn_scene_pick(s, 0, rows), a = cairn_scene_pick(s, 0, cols), b = cairn_scene_pick(s, 0, cols);
        cairn_draw_line(&s->canvas, grid[r][a], grid[r][b], thickness, cairn_scene_contrast(s, bg));
    }
    for (int n = 0; n < along_cols; n++) {
        int c = cairn_scene_pick(s, 0, cols), a = cairn_scene_pick(s, 0, rows), b = cairn_scene_pick(s, 0, rows);
        cairn_draw_line(&s->canvas, grid[a][c], grid[b][c], thickness, cairn_scene_contrast(s, bg));
    }
    for (int r = 0; r <= rows; r++)
        for (int c = 0; c <= cols; c++) cairn_scene_label(s, grid[r][c]);
    return CAIRN_OK;
}

/* Boundaries of the stripes: sorted, unique, none closer than 38.4 (published) pixels to the next; returns how many. */
static int sample_boundaries(cairn_scene *s, int *boundaries, int stripes, int width)
{
    int n = 0, unique = 0, kept = 0;
    boundaries[n++] = 0;
    boundaries[n++] = width - 1;
    for (int i = 1; i < stripes; i++) {
        int value = (int)(cairn_scene_u(s) * width), at = n++;
        for (; at > 0 && boundaries[at - 1] > value; at--) boundaries[at] = boundaries[at - 1];
        boundaries[at] = value;
    }
    for (int i = 0; i < n; i++)
        if (i == 0 || boundaries[i] != boundaries[i - 1]) boundaries[unique++] = boundaries[i];
    for (int i = 0; i < unique; i++)
        if (i + 1 == unique || boundaries[i + 1] - boundaries[i] >= 0.04 * s->min_side)
            boundaries[kept++] = boundaries[i];
    return kept;
}

cairn_status cairn_scene_stripes(cairn_scene *s)
{
    int bg = cairn_scene_background(s), boundaries[16];
    int height = (int)(s->canvas.h * (1 + cairn_scene_u(s))), width = (int)(s->canvas.w * (1 + cairn_scene_u(s)));
    int n = sample_boundaries(s, boundaries, cairn_scene_pick(s, 5, 12), width), stripes = n - 1;
    cairn_homography h = sample_warp(s, 0.1, 0.1);
    cairn_point ends[2][16];
    for (int i = 0; i < n; i++) {
        ends[0][i] = warped(&h, boundaries[i], 0);
        ends[1][i] = warped(&h, boundaries[i], height - 1);
    }
    int colour = cairn_scene_contrast(s, bg);
    for (int i = 0; i < stripes; i++) {
        colour = (colour + 128 + cairn_scene_pick(s, -30, 29)) % 256;
        cairn_point quad[4] = {ends[0][i], ends[0][i + 1], ends[1][i + 1], ends[1][i]};
        cairn_draw_polygon(&s->canvas, quad, 4, (uint8_t)colour);
    }
    int along = cairn_scene_pick(s, 2, 4), across = cairn_scene_pick(s, 2, stripes + 1 > 2 ? stripes + 1 : 2);
    int thickness = cairn_scene_length(s, 9, 13, 1);
    for (int k = 0; k < along; k++) {
        int side = cairn_scene_pick(s, 0, 1), a = cairn_scene_pick(s, 0, n - 1), b = cairn_scene_pick(s, 0, n - 1);
        cairn_draw_line(&s->canvas, ends[side][a], ends[side][b], thickness, cairn_scene_contrast(s, bg));
    }
    for (int k = 0; k < across; k++) {
        int i = cairn_scene_pick(s, 0, n - 1);
        cairn_draw_line(&s->canvas, ends[0][i], ends[1][i], thickness, cairn_scene_contrast(s, bg));
    }
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < n; i++) cairn_scene_label(s, ends[side][i]);
    return CAIRN_OK;
}

static void rotate(double *p, double *q, double angle)
{
    double x = *p, y = *q;
    *p = cos(angle) * x - sin(angle) * y;
    *q = sin(angle) * x + cos(angle) * y;
}

static void sample_cube(cairn_scene *s, cairn_point corners[8])
{
    static const double PI = 3.141592653589793;
    double side[3], angle[3], scale[3];
    for (int i = 0; i < 3; i++) side[i] = s->min_side * (0.2 + cairn_scene_u(s) * 2 / 3);
    for (int i = 0; i < 3; i++) angle[i] = PI / 10 + cairn_scene_u(s) * 3 * PI / 10; /* about z, x, y */
    for (int i = 0; i < 3; i++) scale[i] = 0.4 + 0.6 * cairn_scene_u(s);
    int fifth_w = (int)(s->canvas.w / 5.0), fifth_h = (int)(s->canvas.h / 5.0);
    double tx = s->canvas.w / 2.0 + cairn_scene_pick(s, -fifth_w, fifth_w - 1);
    double ty = s->canvas.h / 2.0 + cairn_scene_pick(s, -fifth_h, fifth_h - 1);
    for (int i = 0; i < 8; i++) {
        double x = i & 1 ? side[0] : 0, y = i & 2 ? side[1] : 0, z = i & 4 ? side[2] : 0;
        rotate(&x, &z, angle[2]); /* the senses of the rotations put vertex 0 behind and 7 in front */
        rotate(&y, &z, angle[1]);
        rotate(&x, &y, angle[0]);
        corners[i] = cairn_scene_point(tx + scale[0] * x, ty + scale[1] * y);
    }
}

cairn_status cairn_scene_cube(cairn_scene *s)
{
    static const int faces[3][4] = {{7, 3, 1, 5}, {7, 5, 4, 6}, {7, 6, 2, 3}};
    int bg = cairn_scene_background(s);
    cairn_point corners[8];
    sample_cube(s, corners);
    uint8_t colour = cairn_scene_contrast(s, bg);
    int thickness = cairn_scene_length(s, 2, 13, 1);
    for (int f = 0; f < 3; f++) {
        cairn_point quad[4];
        for (int i = 0; i < 4; i++) quad[i] = corners[faces[f][i]];
        cairn_draw_polygon(&s->canvas, quad, 4, colour);
    }
    for (int f = 0; f < 3; f++)
        for (int i = 0; i < 4; i++) {
            uint8_t edge = (uint8_t)((colour + 128 + cairn_scene_pick(s, -64, 63)) % 256);
            cairn_draw_line(&s->canvas, corners[faces[f][i]], corners[faces[f][(i + 1) % 4]], thickness, edge);
        }
    for (int i = 1; i < 8; i++) cairn_scene_label(s, corners[i]);
    return CAIRN_OK;
}
