/* Image files, by stb_image and stb_image_write, which are compiled here and nowhere else. */
#include "data/image.h"

#include "data/image_check.h"
#include "data/image_limits.h"
#include "system/file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A few kilobytes of a PNG can unpack to gigabytes, and stb_image would follow: no block may be larger than an image of
 * the promised size can need. */
static _Thread_local size_t most_memory;
static _Thread_local bool over_most;

static bool within_most(size_t size)
{
    over_most = over_most || size > most_memory;
    return size <= most_memory;
}

/* Zeros, so that parts that a damaged file never fills are the same at every reading. */
static void *bounded_malloc(size_t size)
{
    return within_most(size) ? calloc(size ? size : 1, 1) : NULL;
}

static void *bounded_realloc(void *block, size_t size)
{
    return within_most(size) ? realloc(block, size) : NULL;
}

/* Unused and never defined functions are reported at the end of the file, so this one stays off. */
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-parameter"
/* The decoders that nobody needs here are left out: each is one more way in for a hostile file. */
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_ONLY_PNM
#define STBI_NO_STDIO
#define STBI_MALLOC bounded_malloc
#define STBI_REALLOC bounded_realloc
#define STBI_FREE free
#define STBI_ASSERT(condition) ((void)(condition)) /* a hostile file must not end the program in a debug build */
#define STBI_MAX_DIMENSIONS CAIRN_IMAGE_MAX_SIDE
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

#define DECODER_LOST "the decoder gave up"

/* 8-bit samples [h,w,in] to floats [h,w,out]; in and out are 1 or 3. */
static void to_floats(float *out, const uint8_t *bytes, size_t count, int in, int channels)
{
    static const float gray[3] = {0.299f / 255, 0.587f / 255, 0.114f / 255};
    if (in == channels) {
        for (size_t i = 0; i < count * (size_t)in; i++) out[i] = (float)bytes[i] / 255;
    } else if (channels == 1) {
        for (size_t i = 0; i < count; i++, bytes += 3)
            out[i] = gray[0] * bytes[0] + gray[1] * bytes[1] + gray[2] * bytes[2];
    } else {
        for (size_t i = 0; i < count; i++) out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = (float)bytes[i] / 255;
    }
}

/* Sizes and whole-ness, before a byte is decoded. *in is the number of channels to decode to. */
static cairn_status check(const uint8_t *data, size_t size, const char *path, int *h, int *w, int *in)
{
    int c = 0;
    cairn_image_kind kind = cairn_image_sniff(data, size);
    if (kind == CAIRN_IMAGE_UNKNOWN)
        return cairn_error_set(CAIRN_E_FORMAT, "%s is not an image that can be read here (JPEG, PNG, PPM, PGM or BMP)",
                               path);
    const char *damage = cairn_image_damage(data, size, kind);
    if (damage) return cairn_error_set(CAIRN_E_FORMAT, "%s is a damaged image: %s", path, damage);
    if (!stbi_info_from_memory(data, (int)size, w, h, &c)) {
        const char *why = stbi_failure_reason();
        return cairn_error_set(CAIRN_E_FORMAT, "%s is damaged or too large: its header cannot be read (%s)", path,
                               why ? why : DECODER_LOST);
    }
    if (*h < 1 || *w < 1 || *h > CAIRN_IMAGE_MAX_SIDE || *w > CAIRN_IMAGE_MAX_SIDE ||
        (int64_t)*h * *w > CAIRN_IMAGE_MAX_PIXELS)
        return cairn_error_set(CAIRN_E_FORMAT,
                               "%s says it has %dx%d pixels; at most %d a side and %d in all are accepted", path, *w,
                               *h, CAIRN_IMAGE_MAX_SIDE, CAIRN_IMAGE_MAX_PIXELS);
    damage = cairn_image_shortage(data, size, kind, *h, *w);
    if (damage) return cairn_error_set(CAIRN_E_FORMAT, "%s is a damaged image: %s", path, damage);
    *in = c <= 2 ? 1 : 3;
    return CAIRN_OK;
}

cairn_status cairn_image_decode(cairn_image *out, const uint8_t *data, size_t size, const char *name, int channels)
{
    *out = (cairn_image){0};
    CAIRN_ASSERT(channels == 1 || channels == 3);
    if (size > CAIRN_IMAGE_MAX_FILE)
        return cairn_error_set(CAIRN_E_FORMAT, "%s has %zu bytes, too many for an image", name, size);
    cairn_status st = CAIRN_OK;
    cairn_image image = {0};
    uint8_t *bytes = NULL;
    int h = 0, w = 0, in = 0, got_h = 0, got_w = 0, c = 0;
    most_memory = (size_t)4 << 20; /* tables, and what is padded to whole blocks */
    CAIRN_TRY(check(data, size, name, &h, &w, &in));
    most_memory += 2 * size + 16 * (size_t)h * (size_t)w; /* four samples of two bytes, twice: interlaced rows */
    over_most = false;
    bytes = stbi_load_from_memory(data, (int)size, &got_w, &got_h, &c, in);
    if (!bytes) {
        const char *why = over_most ? "it unpacks to more than its size in pixels" : stbi_failure_reason();
        bool memory = why && !strcmp(why, "outofmem");
        CAIRN_TRY(cairn_error_set(memory ? CAIRN_E_NOMEM : CAIRN_E_FORMAT, "%s cannot be decoded: %s", name,
                                  why ? why : DECODER_LOST));
    }
    if (got_h != h || got_w != w)
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s is damaged: its size changes within the file", name));
    CAIRN_TRY(cairn_image_create(&image, h, w, channels));
    to_floats(image.pixels, bytes, (size_t)h * (size_t)w, in, channels);
    *out = image;
    image = (cairn_image){0};
done:
    stbi_image_free(bytes);
    cairn_image_free(&image);
    return st;
}

cairn_status cairn_image_load(cairn_image *out, const char *path, int channels)
{
    *out = (cairn_image){0};
    uint8_t *data = NULL;
    size_t size = 0;
    cairn_status st = cairn_file_read(&data, &size, path, CAIRN_IMAGE_MAX_FILE);
    if (st == CAIRN_OK) st = cairn_image_decode(out, data, size, path, channels);
    free(data);
    return st;
}

/* 8-bit samples; NULL when memory is out. */
static uint8_t *bytes_of(const cairn_image *image)
{
    const size_t count = (size_t)image->h * (size_t)image->w * (size_t)image->c;
    uint8_t *bytes = malloc(count ? count : 1);
    for (size_t i = 0; bytes && i < count; i++) {
        const float v = image->pixels[i];
        bytes[i] = v > 0 ? (uint8_t)((v < 1 ? v : 1) * 255 + 0.5f) : 0; /* not a number: 0 */
    }
    return bytes;
}

cairn_status cairn_image_encode_png(uint8_t **out, size_t *size, const cairn_image *image)
{
    *out = NULL;
    *size = 0;
    uint8_t *bytes = bytes_of(image);
    if (!bytes)
        return cairn_error_set(CAIRN_E_NOMEM, "no memory to encode an image of %dx%d pixels", image->w, image->h);
    int length = 0;
    unsigned char *png = stbi_write_png_to_mem(bytes, image->w * image->c, image->w, image->h, image->c, &length);
    free(bytes);
    if (!png) return cairn_error_set(CAIRN_E_NOMEM, "no memory to encode an image of %dx%d pixels", image->w, image->h);
    *out = png;
    *size = (size_t)length;
    return CAIRN_OK;
}

cairn_status cairn_image_save_png(const cairn_image *image, const char *path)
{
    uint8_t *png = NULL;
    size_t size = 0;
    cairn_status st = cairn_image_encode_png(&png, &size, image);
    if (st == CAIRN_OK) st = cairn_file_write(path, png, size);
    free(png);
    return st;
}

static void append(void *file, void *data, int size)
{
    fwrite(data, 1, (size_t)size, file);
}

cairn_status cairn_image_save_jpeg(const cairn_image *image, const char *path)
{
    enum { QUALITY = 91 }; /* above 90 colours are not halved, so that thin lines stay */
    cairn_status st = CAIRN_OK;
    char *text = NULL;
    size_t size = 0;
    bool good = false;
    uint8_t *bytes = bytes_of(image);
    FILE *file = open_memstream(&text, &size);
    if (bytes && file) good = stbi_write_jpg_to_func(append, file, image->w, image->h, image->c, bytes, QUALITY);
    if (file && fclose(file) != 0) good = false;
    if (good)
        st = cairn_file_write(path, text, size);
    else
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory to encode an image of %dx%d pixels", image->w, image->h);
    free(text);
    free(bytes);
    return st;
}
