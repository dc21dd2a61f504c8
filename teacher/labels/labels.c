#include "teacher/labels/labels.h"

#include <math.h>
#include <string.h>

static cairn_status check(int h, int w)
{
    if (h > 0 && w > 0 && h % CAIRN_CELL == 0 && w % CAIRN_CELL == 0) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_SHAPE, "labels for an image of %dx%d: both sides must be positive multiples of %d",
                           w, h, CAIRN_CELL);
}

cairn_status cairn_labels_from_points(float *labels, const cairn_keypoints *points, int h, int w, cairn_rng *rng)
{
    uint64_t *taken = NULL; /* for each cell the set of its pixels with a point: two points on one pixel count once */
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(check(h, w));
    int hc = h / CAIRN_CELL, wc = w / CAIRN_CELL;
    taken = calloc((size_t)hc * (size_t)wc, sizeof *taken);
    if (!taken) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for the labels of %dx%d cells", wc, hc));
    for (int i = 0; i < points->count; i++) {
        double px = points->points[i].x, py = points->points[i].y;
        if (!(px >= 0 && py >= 0 && px <= w - 1 && py <= h - 1)) continue;
        int x = (int)rint(px), y = (int)rint(py);
        taken[y / CAIRN_CELL * wc + x / CAIRN_CELL] |= (uint64_t)1 << (y % CAIRN_CELL * CAIRN_CELL + x % CAIRN_CELL);
    }
    for (int i = 0; i < hc * wc; i++) {
        int candidates[64], n = 0;
        for (int k = 0; k < 64; k++)
            if (taken[i] >> k & 1) candidates[n++] = k;
        labels[i] = n == 0 ? CAIRN_NO_POINT : n == 1 ? candidates[0] : candidates[cairn_rng_integer(rng, 0, n - 1)];
    }
done:
    free(taken);
    return st;
}

static void add_mass(float *target, int x, int y, int h, int w, double mass)
{
    if (x >= w || y >= h || mass <= 0) return;
    const int cell = y / CAIRN_CELL * (w / CAIRN_CELL) + x / CAIRN_CELL;
    target[cell * (CAIRN_NO_POINT + 1) + y % CAIRN_CELL * CAIRN_CELL + x % CAIRN_CELL] += (float)mass;
}

cairn_status cairn_labels_soft(float *target, const cairn_keypoints *points, int h, int w)
{
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(check(h, w));
    const int cells = h / CAIRN_CELL * (w / CAIRN_CELL), classes = CAIRN_NO_POINT + 1;
    memset(target, 0, sizeof *target * (size_t)cells * (size_t)classes);
    for (int i = 0; i < points->count; i++) {
        const double px = points->points[i].x, py = points->points[i].y;
        if (!(px >= 0 && py >= 0 && px <= w - 1 && py <= h - 1)) continue;
        const int x = (int)px, y = (int)py;
        const double fx = px - x, fy = py - y;
        add_mass(target, x, y, h, w, (1 - fx) * (1 - fy));
        add_mass(target, x + 1, y, h, w, fx * (1 - fy));
        add_mass(target, x, y + 1, h, w, (1 - fx) * fy);
        add_mass(target, x + 1, y + 1, h, w, fx * fy);
    }
    for (int i = 0; i < cells; i++) {
        float *t = target + i * classes;
        double sum = 0;
        for (int k = 0; k < CAIRN_NO_POINT; k++) sum += t[k];
        if (sum <= 0) t[CAIRN_NO_POINT] = 1;
        for (int k = 0; k < CAIRN_NO_POINT && sum > 0; k++) t[k] = (float)(t[k] / sum);
    }
done:
    return st;
}

cairn_status cairn_labels_valid_cells(float *cells, const float *mask, int h, int w)
{
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(check(h, w));
    int wc = w / CAIRN_CELL;
    for (int i = 0; i < h / CAIRN_CELL * wc; i++) cells[i] = 1;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            if (!(mask[(size_t)y * w + x] > 0)) cells[y / CAIRN_CELL * wc + x / CAIRN_CELL] = 0;
done:
    return st;
}
