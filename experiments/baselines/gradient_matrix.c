#include "experiments/baselines/gradient_matrix.h"

#include <stddef.h>

enum { BOX = 4, BOX_BEFORE = 2 };

/* ... 2 1 | 0 1 2 ... n-1 | n-2 n-3 ... */
static int mirror(int i, int n)
{
    if (i < 0) return -i;
    return i >= n ? 2 * n - 2 - i : i;
}

static void products(float *planes, const cairn_image *gray)
{
    const float scale = 1.0f / ((1 << 2) * BOX); /* Sobel's weight on one side, times the box's side */
    int h = gray->h, w = gray->w;
    size_t plane = (size_t)h * (size_t)w;
    for (int y = 0; y < h; y++) {
        const float *above = gray->pixels + (size_t)mirror(y - 1, h) * (size_t)w;
        const float *here = gray->pixels + (size_t)y * (size_t)w;
        const float *below = gray->pixels + (size_t)mirror(y + 1, h) * (size_t)w;
        for (int x = 0; x < w; x++) {
            int l = mirror(x - 1, w), r = mirror(x + 1, w);
            float gx = scale * ((above[r] - above[l]) + 2 * (here[r] - here[l]) + (below[r] - below[l]));
            float gy = scale * ((below[l] - above[l]) + 2 * (below[x] - above[x]) + (below[r] - above[r]));
            size_t i = (size_t)y * (size_t)w + (size_t)x;
            planes[i] = gx * gx;
            planes[plane + i] = gx * gy;
            planes[2 * plane + i] = gy * gy;
        }
    }
}

/* Sums over the box, rows then columns. `row` holds h*w numbers. */
static void box_sum(float *plane, float *rows, int h, int w)
{
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            float sum = 0;
            for (int k = 0; k < BOX; k++) sum += plane[(size_t)y * (size_t)w + (size_t)mirror(x + k - BOX_BEFORE, w)];
            rows[(size_t)y * (size_t)w + (size_t)x] = sum;
        }
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            float sum = 0;
            for (int k = 0; k < BOX; k++) sum += rows[(size_t)mirror(y + k - BOX_BEFORE, h) * (size_t)w + (size_t)x];
            plane[(size_t)y * (size_t)w + (size_t)x] = sum;
        }
}

cairn_status cairn_baselines__gradient_matrix(float **out, const cairn_image *gray)
{
    *out = NULL;
    if (gray->c != 1 || gray->h < BOX || gray->w < BOX) {
        return cairn_error_set(CAIRN_E_SHAPE,
                               "corner detector: image %dx%d with %d channels, expected gray and at least "
                               "%dx%d",
                               gray->w, gray->h, gray->c, BOX, BOX);
    }
    size_t plane = (size_t)gray->h * (size_t)gray->w;
    float *planes = malloc(3 * plane * sizeof *planes), *rows = malloc(plane * sizeof *rows);
    if (!planes || !rows) {
        free(planes);
        free(rows);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory for the gradients of a %dx%d image", gray->w, gray->h);
    }
    products(planes, gray);
    for (size_t i = 0; i < 3; i++) box_sum(planes + i * plane, rows, gray->h, gray->w);
    free(rows);
    *out = planes;
    return CAIRN_OK;
}
