/* Separable resizing: each axis has a table of taps, an exact box filter where it shrinks and bilinear interpolation
 * with half-pixel centres where it grows. */
#include "data/image.h"

#include "data/image_limits.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Output i is the sum of weights[k] * input[first[i] + k - start[i]] for k in start[i]..start[i+1]-1. */
typedef struct taps {
    int *first;
    size_t *start;
    float *weights;
} taps;

static void taps_free(taps *t)
{
    free(t->first);
    free(t->start);
    free(t->weights);
    *t = (taps){0};
}

/* The box of output i covers i*in .. (i+1)*in in units of 1/out input pixels: integers, so the weights are exact. */
static void box_taps(taps *t, int in, int out)
{
    size_t k = 0;
    for (int i = 0; i < out; i++) {
        int64_t low = (int64_t)i * in, high = low + in;
        int first = (int)(low / out), last = (int)((high - 1) / out);
        t->first[i] = first;
        t->start[i] = k;
        for (int j = first; j <= last; j++) {
            int64_t a = (int64_t)j * out, b = a + out;
            t->weights[k++] = (float)((double)((b < high ? b : high) - (a > low ? a : low)) / in);
        }
    }
    t->start[out] = k;
}

static void bilinear_taps(taps *t, int in, int out)
{
    for (int i = 0; i < out; i++) {
        double at = (i + 0.5) * in / out - 0.5;
        if (at < 0) at = 0;
        if (at > in - 1) at = in - 1;
        int first = (int)at;
        if (first > in - 2 && in > 1) first = in - 2;
        double part = at - first;
        t->first[i] = first;
        t->start[i] = (size_t)i * 2;
        t->weights[2 * i] = (float)(1 - part);
        t->weights[2 * i + 1] = (float)part;
    }
    t->start[out] = (size_t)out * 2;
    if (in == 1) /* one tap only: there is no second pixel to read */
        for (int i = 0; i <= out; i++) {
            t->start[i] = (size_t)i;
            if (i < out) t->weights[i] = 1;
        }
}

static cairn_status make_taps(taps *t, int in, int out)
{
    *t = (taps){0};
    size_t most = (in >= out ? (size_t)in : (size_t)out) + 2 * (size_t)out;
    t->first = malloc((size_t)out * sizeof *t->first);
    t->start = malloc(((size_t)out + 1) * sizeof *t->start);
    t->weights = malloc(most * sizeof *t->weights);
    if (!t->first || !t->start || !t->weights) {
        taps_free(t);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory to resize an image");
    }
    if (in >= out)
        box_taps(t, in, out);
    else
        bilinear_taps(t, in, out);
    return CAIRN_OK;
}

/* [h,W,c] -> [h,w,c] */
static void resize_rows(float *out, const float *in, int h, int in_w, int w, int c, const taps *t)
{
    for (int y = 0; y < h; y++) {
        const float *row = in + (size_t)y * (size_t)in_w * (size_t)c;
        for (int x = 0; x < w; x++)
            for (int k = 0; k < c; k++) {
                float sum = 0;
                const float *p = row + (size_t)t->first[x] * (size_t)c + k;
                for (size_t i = t->start[x]; i < t->start[x + 1]; i++, p += c) sum += t->weights[i] * *p;
                *out++ = sum;
            }
    }
}

/* [H,row] -> [h,row] */
static void resize_columns(float *out, const float *in, int h, size_t row, const taps *t)
{
    memset(out, 0, (size_t)h * row * sizeof *out);
    for (int y = 0; y < h; y++, out += row) {
        const float *p = in + (size_t)t->first[y] * row;
        for (size_t i = t->start[y]; i < t->start[y + 1]; i++, p += row)
            for (size_t x = 0; x < row; x++) out[x] += t->weights[i] * p[x];
    }
}

cairn_status cairn_image_resize(cairn_image *out, const cairn_image *image, int h, int w)
{
    CAIRN_ASSERT(out != image);
    *out = (cairn_image){0};
    if (h == image->h && w == image->w) return cairn_image_copy(out, image);
    cairn_status st = CAIRN_OK;
    taps horizontal = {0}, vertical = {0};
    cairn_image result = {0};
    size_t row = (size_t)w * (size_t)image->c;
    float *between = NULL;
    CAIRN_TRY(cairn_image_create(&result, h, w, image->c));
    CAIRN_TRY(make_taps(&horizontal, image->w, w));
    CAIRN_TRY(make_taps(&vertical, image->h, h));
    between = malloc((size_t)image->h * row * sizeof *between);
    if (!between) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to resize an image to %dx%d pixels", w, h));
    resize_rows(between, image->pixels, image->h, image->w, w, image->c, &horizontal);
    resize_columns(result.pixels, between, h, row, &vertical);
    *out = result;
    result = (cairn_image){0};
done:
    free(between);
    taps_free(&horizontal);
    taps_free(&vertical);
    cairn_image_free(&result);
    return st;
}

cairn_status cairn_image_resize_crop(cairn_image *out, const cairn_image *image, int h, int w, double *scale,
                                     double *x0, double *y0)
{
    CAIRN_ASSERT(out != image);
    *out = (cairn_image){0};
    if (h < 1 || w < 1 || h > CAIRN_IMAGE_MAX_SIDE || w > CAIRN_IMAGE_MAX_SIDE)
        return cairn_error_set(CAIRN_E_INVALID, "an image cannot be scaled to %dx%d pixels", w, h);
    cairn_status st = CAIRN_OK;
    cairn_image scaled = {0};
    /* In integers, so that the side that decides is met exactly and the other is truncated without rounding errors. */
    bool by_height = (int64_t)h * image->w >= (int64_t)w * image->h;
    int64_t new_h = by_height ? h : (int64_t)image->h * w / image->w;
    int64_t new_w = by_height ? (int64_t)image->w * h / image->h : w;
    if (new_h > CAIRN_IMAGE_MAX_SIDE || new_w > CAIRN_IMAGE_MAX_SIDE)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "an image of %dx%d pixels is too long and thin to fill %dx%d",
                                  image->w, image->h, w, h));
    CAIRN_TRY(cairn_image_resize(&scaled, image, (int)new_h, (int)new_w));
    int top = (int)(new_h - h) / 2, left = (int)(new_w - w) / 2;
    CAIRN_TRY(cairn_image_crop(out, &scaled, top, left, h, w));
    if (scale) *scale = by_height ? (double)h / image->h : (double)w / image->w;
    if (x0) *x0 = left;
    if (y0) *y0 = top;
done:
    cairn_image_free(&scaled);
    return st;
}
