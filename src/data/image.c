/* Images in memory; files are in image_codec.c, resizing in image_resize.c. */
#include "data/image.h"

#include "data/image_limits.h"

#include <stdlib.h>
#include <string.h>

cairn_status cairn_image_create(cairn_image *out, int h, int w, int c)
{
    *out = (cairn_image){0};
    if (h < 1 || w < 1 || h > CAIRN_IMAGE_MAX_SIDE || w > CAIRN_IMAGE_MAX_SIDE ||
        (int64_t)h * w > CAIRN_IMAGE_MAX_PIXELS)
        return cairn_error_set(CAIRN_E_INVALID,
                               "an image of %dx%d pixels (width x height) is not possible; sides are 1 to %d", w, h,
                               CAIRN_IMAGE_MAX_SIDE);
    if (c != 1 && c != 3) return cairn_error_set(CAIRN_E_INVALID, "an image has 1 or 3 channels, not %d", c);
    float *pixels = calloc((size_t)h * (size_t)w * (size_t)c, sizeof *pixels);
    if (!pixels) return cairn_error_set(CAIRN_E_NOMEM, "no memory for an image of %dx%d pixels", w, h);
    *out = (cairn_image){.h = h, .w = w, .c = c, .pixels = pixels};
    return CAIRN_OK;
}

void cairn_image_free(cairn_image *image)
{
    free(image->pixels);
    *image = (cairn_image){0};
}

cairn_status cairn_image_copy(cairn_image *out, const cairn_image *image)
{
    CAIRN_ASSERT(out != image);
    cairn_status st = cairn_image_create(out, image->h, image->w, image->c);
    if (st < 0) return st;
    memcpy(out->pixels, image->pixels, (size_t)image->h * (size_t)image->w * (size_t)image->c * sizeof(float));
    return CAIRN_OK;
}

cairn_status cairn_image_to_gray(cairn_image *out, const cairn_image *image)
{
    if (image->c == 1) return cairn_image_copy(out, image);
    CAIRN_ASSERT(out != image);
    cairn_status st = cairn_image_create(out, image->h, image->w, 1);
    if (st < 0) return st;
    size_t count = (size_t)image->h * (size_t)image->w;
    for (size_t i = 0; i < count; i++) {
        const float *p = image->pixels + 3 * i;
        out->pixels[i] = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
    }
    return CAIRN_OK;
}

cairn_status cairn_image_to_rgb(cairn_image *out, const cairn_image *image)
{
    if (image->c == 3) return cairn_image_copy(out, image);
    CAIRN_ASSERT(out != image);
    cairn_status st = cairn_image_create(out, image->h, image->w, 3);
    if (st < 0) return st;
    size_t count = (size_t)image->h * (size_t)image->w;
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < 3; k++) out->pixels[3 * i + (size_t)k] = image->pixels[i];
    return CAIRN_OK;
}

cairn_status cairn_image_crop(cairn_image *out, const cairn_image *image, int y0, int x0, int h, int w)
{
    CAIRN_ASSERT(out != image);
    *out = (cairn_image){0};
    if (h < 1 || w < 1 || y0 < 0 || x0 < 0 || h > image->h || w > image->w || y0 > image->h - h || x0 > image->w - w)
        return cairn_error_set(CAIRN_E_INVALID,
                               "a crop of %dx%d pixels at (%d,%d) does not lie inside an image of %dx%d", w, h, x0, y0,
                               image->w, image->h);
    cairn_status st = cairn_image_create(out, h, w, image->c);
    if (st < 0) return st;
    size_t row = (size_t)w * (size_t)image->c, stride = (size_t)image->w * (size_t)image->c;
    for (int y = 0; y < h; y++)
        memcpy(out->pixels + (size_t)y * row, image->pixels + (size_t)(y0 + y) * stride + (size_t)x0 * (size_t)image->c,
               row * sizeof(float));
    return CAIRN_OK;
}
