#include "data/image_check.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static const uint8_t png_signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

cairn_image_kind cairn_image_sniff(const uint8_t *data, size_t size)
{
    if (size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff) return CAIRN_IMAGE_JPEG;
    if (size >= 8 && !memcmp(data, png_signature, 8)) return CAIRN_IMAGE_PNG;
    if (size >= 54 && data[0] == 'B' && data[1] == 'M') return CAIRN_IMAGE_BMP;
    if (size >= 8 && data[0] == 'P' && (data[1] == '5' || data[1] == '6')) return CAIRN_IMAGE_PNM;
    return CAIRN_IMAGE_UNKNOWN;
}

static uint32_t crc_table[256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void make_crc_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
        crc_table[i] = c;
    }
}

static uint32_t big32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t little32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* Chunk: length, type, data, CRC-32 of type and data (PNG specification, section 5). */
static const char *png_damage(const uint8_t *data, size_t size)
{
    pthread_once(&crc_once, make_crc_table);
    for (size_t at = 8; size - at >= 12;) {
        size_t length = big32(data + at);
        if (length > size - at - 12) return "it is cut short";
        uint32_t crc = 0xffffffffu;
        for (const uint8_t *p = data + at + 4, *end = p + 4 + length; p < end; p++)
            crc = crc_table[(crc ^ *p) & 255] ^ (crc >> 8);
        if ((crc ^ 0xffffffffu) != big32(data + at + 8 + length)) return "a checksum in it is wrong";
        if (!memcmp(data + at + 4, "IEND", 4)) return NULL;
        at += 12 + length;
    }
    return "it is cut short";
}

/* Huffman tables of one segment (ITU T.81, B.2.4.2), without its length: class and place, 16 counts of codes of 1 to 16
 * bits, the symbols. The counts must fit 256 symbols and the codes of each length must fit its bits: some versions of
 * stb_image write beyond their tables otherwise. */
static bool huffman_tables_fit(const uint8_t *data, size_t size)
{
    while (size) {
        unsigned count = 0, code = 0;
        if (size < 17 || data[0] >> 4 > 1 || (data[0] & 15) > 3) return false;
        for (unsigned bits = 1; bits <= 16; bits++) {
            count += data[bits];
            code += data[bits];
            if (code > 1u << bits) return false;
            code <<= 1;
        }
        if (count > 256 || count > size - 17) return false;
        data += 17 + count;
        size -= 17 + count;
    }
    return true;
}

/* Segments up to the end-of-image marker (ITU T.81, annex B). Bytes behind it are allowed: cameras put previews there.
 */
static const char *jpeg_damage(const uint8_t *data, size_t size)
{
    size_t at = 2;
    bool scan = false;
    while (at + 1 < size) {
        if (data[at] != 0xff) return "a segment of it does not begin with a marker";
        uint8_t marker = data[at + 1];
        if (marker == 0xff) { /* fill byte */
            at++;
            continue;
        }
        if (marker == 0xd9) return scan ? NULL : "it ends before its pixels";
        at += 2;
        if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue; /* no length */
        if (size - at < 2) break;
        size_t length = (size_t)data[at] << 8 | data[at + 1];
        if (length < 2) return "a segment of it has an impossible length";
        if (length > size - at) break;
        if (marker == 0xc4 && !huffman_tables_fit(data + at + 2, length - 2)) return "its Huffman tables do not fit";
        at += length;
        if (marker != 0xda) continue;
        scan = true;
        /* Entropy-coded data runs to the next marker that is neither a stuffed zero nor a restart. */
        while (at + 1 < size &&
               !(data[at] == 0xff && data[at + 1] != 0 && !(data[at + 1] >= 0xd0 && data[at + 1] <= 0xd7)))
            at++;
    }
    return "it is cut short";
}

static const char *bmp_shortage(const uint8_t *data, size_t size, int h, int w)
{
    uint64_t offset = little32(data + 10), bits = data[28] | (uint64_t)data[29] << 8;
    if (bits > 32) return "its number of bits per pixel is not possible";
    return offset + (((uint64_t)w * bits + 31) / 32 * 4) * (uint64_t)h > size ? "it is cut short" : NULL;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Header: P5 or P6, then width, height and greatest value between blanks and comments, one blank, the pixels. */
static const char *pnm_shortage(const uint8_t *data, size_t size, int h, int w)
{
    size_t at = 2;
    uint64_t value = 0; /* the last one is the greatest sample */
    for (int field = 0; field < 3; field++) {
        while (at < size && (is_blank(data[at]) || data[at] == '#'))
            if (data[at++] == '#')
                while (at < size && data[at] != '\n' && data[at] != '\r') at++;
        for (value = 0; at < size && data[at] >= '0' && data[at] <= '9'; at++) {
            value = value * 10 + (uint64_t)(data[at] - '0');
            if (value > 65535) return "a number in its header is not possible";
        }
    }
    uint64_t need = (uint64_t)h * (uint64_t)w * (data[1] == '6' ? 3 : 1) * (value > 255 ? 2 : 1);
    return at + 1 + need > size ? "it is cut short" : NULL;
}

const char *cairn_image_damage(const uint8_t *data, size_t size, cairn_image_kind kind)
{
    if (kind == CAIRN_IMAGE_UNKNOWN) return "it is of no known kind";
    return kind == CAIRN_IMAGE_JPEG ? jpeg_damage(data, size) : kind == CAIRN_IMAGE_PNG ? png_damage(data, size) : NULL;
}

const char *cairn_image_shortage(const uint8_t *data, size_t size, cairn_image_kind kind, int h, int w)
{
    /* Each block of 8x8 pixels takes a bit at least, so a larger size is a lie and not worth the memory. */
    if (kind == CAIRN_IMAGE_JPEG && (uint64_t)h * (uint64_t)w / 512 > size)
        return "it is too short for its size in pixels";
    if (kind == CAIRN_IMAGE_BMP) return bmp_shortage(data, size, h, w);
    return kind == CAIRN_IMAGE_PNM ? pnm_shortage(data, size, h, w) : NULL;
}
