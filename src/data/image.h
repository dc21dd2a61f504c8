#ifndef CAIRN_DATA_IMAGE_H
#define CAIRN_DATA_IMAGE_H
/* Images in memory, and image files. Pixel centres are at integers, (0,0) top left, x right, y down. */
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* `out` is never the image that is read. */
typedef struct cairn_image {
    int h, w, c;   /* c: 1 gray, 3 RGB */
    float *pixels; /* [h,w,c] in [0,1]; owned, freed by cairn_image_free */
} cairn_image;

/* Zero-filled. */
cairn_status cairn_image_create(cairn_image *out, int h, int w, int c);
void cairn_image_free(cairn_image *image); /* accepts an empty one; leaves it empty */
cairn_status cairn_image_copy(cairn_image *out, const cairn_image *image);

/* Decodes JPEG, PNG, binary PPM and PGM, and BMP. Files are hostile: bounded to 16,384 pixels a side and 2^27 pixels;
 * cut short or with a wrong checksum is an error. 16-bit samples are read as 8 bits; transparency is ignored.
 * channels: 1 (0.299R + 0.587G + 0.114B) or 3.
 * error  CAIRN_E_NOTFOUND, CAIRN_E_IO, CAIRN_E_FORMAT with path and reason, CAIRN_E_NOMEM */
cairn_status cairn_image_load(cairn_image *out, const char *path, int channels);
/* The same from memory; `name` is used in messages. */
cairn_status cairn_image_decode(cairn_image *out, const uint8_t *data, size_t size, const char *name, int channels);
/* 8-bit PNG by atomic rename; values clamped to [0,1]. */
cairn_status cairn_image_save_png(const cairn_image *image, const char *path);
/* The same as JPEG, for pictures that people look at: a fifth of a PNG's bytes or less. */
cairn_status cairn_image_save_jpeg(const cairn_image *image, const char *path);
/* The PNG's bytes in memory (caller frees), for pages that embed pictures. */
cairn_status cairn_image_encode_png(uint8_t **out, size_t *size, const cairn_image *image);

cairn_status cairn_image_to_gray(cairn_image *out, const cairn_image *image);
cairn_status cairn_image_to_rgb(cairn_image *out, const cairn_image *image);
/* Area (box) filter where it shrinks, bilinear where it grows, half-pixel centres. */
cairn_status cairn_image_resize(cairn_image *out, const cairn_image *image, int h, int w);
/* out[y,x] = image[y0+y, x0+x]; the rectangle must lie inside (CAIRN_E_INVALID). */
cairn_status cairn_image_crop(cairn_image *out, const cairn_image *image, int y0, int x0, int h, int w);
/* TF protocol: scale by max(h/H, w/W), then centre crop, offset trunc((s*size - target)/2). scale, x0, y0 (any may be
 * NULL) tell what was done: x_out = scale * x_in - x0. */
cairn_status cairn_image_resize_crop(cairn_image *out, const cairn_image *image, int h, int w, double *scale,
                                     double *x0, double *y0);
#endif
