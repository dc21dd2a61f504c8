#ifndef CAIRN_TESTS_SUPPORT_PICTURES_H
#define CAIRN_TESTS_SUPPORT_PICTURES_H
/* Image files in memory, as their formats define them; none of them goes through the code under test. */
#include "data/image.h"

/* [h,w,c] with smooth values that are multiples of 1/255. */
void test_picture(cairn_image *out, int h, int w, int c);
/* Baseline JPEG of quality 90. The caller frees. */
void test_make_jpeg(uint8_t **out, size_t *size, const cairn_image *image);
/* A progressive JPEG, 24x20 pixels, red = 5 (x + y), green = 12 y, blue = 10 x. Constant. */
const uint8_t *test_progressive_jpeg(size_t *size);
/* P5 or P6 by the channels, with a comment in its header. */
void test_make_pnm(uint8_t **out, size_t *size, const cairn_image *image);
/* 24 bits a pixel, bottom row first. The image is gray or RGB. */
void test_make_bmp(uint8_t **out, size_t *size, const cairn_image *image);
#endif
