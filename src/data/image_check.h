#ifndef CAIRN_DATA_IMAGE_CHECK_H
#define CAIRN_DATA_IMAGE_CHECK_H
#include <stddef.h>
#include <stdint.h>

typedef enum cairn_image_kind {
    CAIRN_IMAGE_UNKNOWN,
    CAIRN_IMAGE_JPEG,
    CAIRN_IMAGE_PNG,
    CAIRN_IMAGE_BMP,
    CAIRN_IMAGE_PNM
} cairn_image_kind;

/* By the first bytes. */
cairn_image_kind cairn_image_sniff(const uint8_t *data, size_t size);
/* Looks for damage that the decoder would paint over with gray or noise, or that would lead it astray: a file cut
 * short, a PNG chunk with a wrong checksum, impossible JPEG tables. Comes before the decoder, which reads some of it
 * for the header already.
 * NULL when nothing was found, otherwise a few words. */
const char *cairn_image_damage(const uint8_t *data, size_t size, cairn_image_kind kind);
/* Whether the file has too few bytes for the h x w pixels that the decoder found in its header. */
const char *cairn_image_shortage(const uint8_t *data, size_t size, cairn_image_kind kind, int h, int w);
#endif
