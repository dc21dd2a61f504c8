#include "geometry/homography.h"

#include <math.h>
#include <string.h>

static inline float tap(const cairn_image *image, int y, int x, int k)
{
    if (x < 0 || y < 0 || x >= image->w || y >= image->h) return 0;
    return image->pixels[((size_t)y * image->w + x) * image->c + k];
}

static void sample_bilinear(float *out, const cairn_image *image, double x, double y)
{
    int x0 = (int)floor(x), y0 = (int)floor(y), c = image->c;
    float fx = (float)(x - x0), fy = (float)(y - y0);
    if (x0 >= 0 && y0 >= 0 && x0 + 1 < image->w && y0 + 1 < image->h) {
        const float *p = image->pixels + ((size_t)y0 * image->w + x0) * c, *q = p + (size_t)image->w * c;
        for (int k = 0; k < c; k++) {
            float top = p[k] + fx * (p[k + c] - p[k]), bottom = q[k] + fx * (q[k + c] - q[k]);
            out[k] = top + fy * (bottom - top);
        }
        return;
    }
    for (int k = 0; k < c; k++)
        out[k] = (1 - fy) * ((1 - fx) * tap(image, y0, x0, k) + fx * tap(image, y0, x0 + 1, k)) +
                 fy * ((1 - fx) * tap(image, y0 + 1, x0, k) + fx * tap(image, y0 + 1, x0 + 1, k));
}

cairn_status cairn_homography_warp(cairn_image *out, float *valid, const cairn_image *image,
                                   const cairn_homography *warped_to_input, int h, int w)
{
    cairn_image made = {0};
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(cairn_image_create(&made, h, w, image->c));
    /* The sign of a homography is free; with w > 0 at the centre, w <= 0 is behind the camera. */
    double m[9], sign = 1;
    const double *a = warped_to_input->m;
    if (a[6] * (w - 1) / 2.0 + a[7] * (h - 1) / 2.0 + a[8] < 0) sign = -1;
    for (int i = 0; i < 9; i++) m[i] = sign * a[i];
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            size_t at = (size_t)y * w + x;
            double z = m[6] * x + m[7] * y + m[8], u = -1e9, v = -1e9;
            if (z > 0) {
                u = (m[0] * x + m[1] * y + m[2]) / z;
                v = (m[3] * x + m[4] * y + m[5]) / z;
            }
            bool touches = u > -1 && v > -1 && u < image->w && v < image->h; /* false for NaN too */
            if (touches) sample_bilinear(made.pixels + at * image->c, image, u, v);
            if (valid) {
                double nx = touches ? rint(u) : -1, ny = touches ? rint(v) : -1;
                valid[at] = nx >= 0 && ny >= 0 && nx < image->w && ny < image->h ? 1.0f : 0.0f;
            }
        }
    }
    *out = made;
    made = (cairn_image){0};
done:
    cairn_image_free(&made);
    return st;
}

void cairn_mask_erode(float *mask, int h, int w, int r)
{
    if (r <= 0) return;
    double reach = (r - 0.5) * (r - 0.5);
    /* Pixels that fall are marked -1 first, so that only the zeros of the original erode. */
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            if (mask[(size_t)y * w + x] != 0) continue;
            for (int dy = -(r - 1); dy <= r - 1; dy++) {
                for (int dx = -(r - 1); dx <= r - 1; dx++) {
                    int yy = y + dy, xx = x + dx;
                    if (dx * dx + dy * dy > reach || yy < 0 || xx < 0 || yy >= h || xx >= w) continue;
                    if (mask[(size_t)yy * w + xx] > 0) mask[(size_t)yy * w + xx] = -1;
                }
            }
        }
    }
    for (size_t i = 0; i < (size_t)h * w; i++)
        if (mask[i] < 0) mask[i] = 0;
}
