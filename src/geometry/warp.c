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

/* The sign of a homography is free; with w > 0 at the centre, w <= 0 is behind the camera. */
static cairn_homography in_front(const cairn_homography *map, int h, int w)
{
    const double *a = map->m;
    const double sign = a[6] * (w - 1) / 2.0 + a[7] * (h - 1) / 2.0 + a[8] < 0 ? -1 : 1;
    cairn_homography out;
    for (int i = 0; i < 9; i++) out.m[i] = sign * a[i];
    return out;
}

/* Where pixel (x, y) lies in the image; whether any of the image's pixels takes part in it. */
static inline bool look_up(double *u, double *v, const double *m, int x, int y, int in_h, int in_w)
{
    double z = m[6] * x + m[7] * y + m[8];
    *u = *v = -1e9;
    if (z > 0) {
        *u = (m[0] * x + m[1] * y + m[2]) / z;
        *v = (m[3] * x + m[4] * y + m[5]) / z;
    }
    return *u > -1 && *v > -1 && *u < in_w && *v < in_h; /* false for NaN too */
}

static inline float exists(bool touches, double u, double v, int in_h, int in_w)
{
    double nx = touches ? rint(u) : -1, ny = touches ? rint(v) : -1;
    return nx >= 0 && ny >= 0 && nx < in_w && ny < in_h ? 1.0f : 0.0f;
}

cairn_status cairn_homography_warp(cairn_image *out, float *valid, const cairn_image *image,
                                   const cairn_homography *warped_to_input, int h, int w)
{
    cairn_image made = {0};
    const cairn_homography map = in_front(warped_to_input, h, w);
    double u, v;
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(cairn_image_create(&made, h, w, image->c));
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            size_t at = (size_t)y * w + x;
            bool touches = look_up(&u, &v, map.m, x, y, image->h, image->w);
            if (touches) sample_bilinear(made.pixels + at * image->c, image, u, v);
            if (valid) valid[at] = exists(touches, u, v, image->h, image->w);
        }
    *out = made;
    made = (cairn_image){0};
done:
    cairn_image_free(&made);
    return st;
}

void cairn_homography_valid(float *valid, int in_h, int in_w, const cairn_homography *warped_to_input, int h, int w)
{
    const cairn_homography map = in_front(warped_to_input, h, w);
    double u, v;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            bool touches = look_up(&u, &v, map.m, x, y, in_h, in_w);
            valid[(size_t)y * w + x] = exists(touches, u, v, in_h, in_w);
        }
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
