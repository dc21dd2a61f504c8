/* Image files of every kind, what is refused, and resizing. */
#include "data/image.h"

#include "support/pictures.h"
#include "support/scratch.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>

static float at(const cairn_image *image, int y, int x, int k)
{
    return image->pixels[((size_t)y * image->w + x) * image->c + k];
}

static void expect_pixels(const cairn_image *got, const cairn_image *expected, double tolerance)
{
    assert_true(got->h == expected->h && got->w == expected->w && got->c == expected->c);
    for (int i = 0; i < got->h * got->w * got->c; i++) assert_near(got->pixels[i], expected->pixels[i], tolerance);
}

/* Decodes to the channels of `expected`. */
static void expect_decoded(const uint8_t *bytes, size_t size, const cairn_image *expected, double tolerance)
{
    cairn_image got;
    assert_ok(cairn_image_decode(&got, bytes, size, "picture", expected->c));
    expect_pixels(&got, expected, tolerance);
    cairn_image_free(&got);
    assert_null(got.pixels);
}

static void expect_refused(const uint8_t *bytes, size_t size, const char *text)
{
    cairn_image got;
    uint8_t *copy = malloc(size + !size); /* exactly so large, for the sanitizer */
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    assert_status(cairn_image_decode(&got, copy, size, "folder/picture", 1), CAIRN_E_FORMAT, "folder/picture");
    assert_non_null(strstr(cairn_error_message(), text));
    assert_null(got.pixels);
    free(copy);
}

static void test_png__round_trip_is_exact(void **state)
{
    (void)state;
    for (int c = 1; c <= 3; c += 2) {
        cairn_image image, got;
        const char *path = test_path("round-%d.png", c);
        test_picture(&image, 37, 53, c);
        assert_ok(cairn_image_save_png(&image, path));
        assert_ok(cairn_image_load(&got, path, c));
        expect_pixels(&got, &image, 1e-6);
        cairn_image_free(&got);
        cairn_image_free(&image);
    }
}

/* Smooth colours survive, also a red line of one pixel: colours are not halved. */
static void test_jpeg__is_close(void **state)
{
    (void)state;
    const char *path = test_path("close.jpg");
    for (int c = 1; c <= 3; c += 2) {
        cairn_image image, got;
        assert_ok(cairn_image_create(&image, 37, 50, c));
        for (int i = 0; i < 37 * 50; i++)
            for (int k = 0; k < c; k++) image.pixels[i * c + k] = i % 50 == 20 ? k == 0 : (float)(i / 50 + k) / 40;
        assert_ok(cairn_image_save_jpeg(&image, path));
        assert_ok(cairn_image_load(&got, path, c));
        expect_pixels(&got, &image, 0.08);
        cairn_image_free(&got);
        cairn_image_free(&image);
    }
}

static void test_png__clamps_what_a_byte_cannot_hold(void **state)
{
    (void)state;
    cairn_image image;
    uint8_t *png;
    size_t size;
    assert_ok(cairn_image_create(&image, 1, 6, 1));
    const float values[6] = {-3, 2, NAN, INFINITY, -INFINITY, 0.5f};
    memcpy(image.pixels, values, sizeof values);
    assert_ok(cairn_image_encode_png(&png, &size, &image));
    const float expected[6] = {0, 1, 0, 1, 0, 128.0f / 255};
    memcpy(image.pixels, expected, sizeof expected);
    expect_decoded(png, size, &image, 1e-6);
    free(png);
    cairn_image_free(&image);
}

static void test_decode__every_kind(void **state)
{
    (void)state;
    for (int c = 1; c <= 3; c += 2) {
        cairn_image image, rgb;
        uint8_t *bytes;
        size_t size;
        test_picture(&image, 41, 34, c);
        assert_ok(cairn_image_to_rgb(&rgb, &image));
        test_make_pnm(&bytes, &size, &image);
        expect_decoded(bytes, size, &image, 1e-6);
        expect_decoded(bytes, size, &rgb, 1e-6);
        free(bytes);
        test_make_bmp(&bytes, &size, &image);
        expect_decoded(bytes, size, &rgb, 1e-6);
        free(bytes);
        test_make_jpeg(&bytes, &size, &image);
        expect_decoded(bytes, size, &image, 0.1); /* lossy; a wrong channel or row is off by 0.5 */
        free(bytes);
        cairn_image_free(&rgb);
        cairn_image_free(&image);
    }
}

static void test_decode__progressive_jpeg(void **state)
{
    (void)state;
    cairn_image image;
    size_t size;
    const uint8_t *bytes = test_progressive_jpeg(&size);
    assert_ok(cairn_image_create(&image, 20, 24, 3));
    for (int y = 0; y < 20; y++)
        for (int x = 0; x < 24; x++) {
            float *p = image.pixels + (y * 24 + x) * 3;
            p[0] = (float)(5 * (x + y)) / 255, p[1] = (float)(12 * y) / 255, p[2] = (float)(10 * x) / 255;
        }
    expect_decoded(bytes, size, &image, 0.2);
    cairn_image_free(&image);
}

static void test_decode__gray_is_luma(void **state)
{
    (void)state;
    cairn_image rgb, gray, converted;
    uint8_t *bytes;
    size_t size;
    test_picture(&rgb, 9, 11, 3);
    assert_ok(cairn_image_create(&gray, 9, 11, 1));
    for (int i = 0; i < 99; i++)
        gray.pixels[i] = 0.299f * rgb.pixels[3 * i] + 0.587f * rgb.pixels[3 * i + 1] + 0.114f * rgb.pixels[3 * i + 2];
    test_make_pnm(&bytes, &size, &rgb);
    expect_decoded(bytes, size, &gray, 1e-6);
    assert_ok(cairn_image_to_gray(&converted, &rgb));
    expect_pixels(&converted, &gray, 1e-6);
    free(bytes);
    cairn_image_free(&converted);
    cairn_image_free(&gray);
    cairn_image_free(&rgb);
}

/* Every length but the whole one is damage, and is said to be. */
static void refuse_all_cuts(const uint8_t *bytes, size_t size)
{
    for (size_t n = 0; n < size; n += n < 700 ? 1 : 17) expect_refused(bytes, n, "");
    expect_refused(bytes, size - 1, "cut short");
}

static void test_refused__files_cut_short(void **state)
{
    (void)state;
    cairn_image image;
    uint8_t *bytes;
    size_t size;
    test_picture(&image, 13, 17, 3);
    assert_ok(cairn_image_encode_png(&bytes, &size, &image));
    refuse_all_cuts(bytes, size);
    free(bytes);
    test_make_jpeg(&bytes, &size, &image);
    refuse_all_cuts(bytes, size);
    free(bytes);
    test_make_pnm(&bytes, &size, &image);
    refuse_all_cuts(bytes, size);
    free(bytes);
    test_make_bmp(&bytes, &size, &image);
    refuse_all_cuts(bytes, size);
    free(bytes);
    const uint8_t *constant = test_progressive_jpeg(&size);
    refuse_all_cuts(constant, size);
    cairn_image_free(&image);
}

static void test_refused__png_with_any_byte_changed(void **state)
{
    (void)state;
    cairn_image image;
    uint8_t *bytes;
    size_t size;
    test_picture(&image, 8, 8, 1);
    assert_ok(cairn_image_encode_png(&bytes, &size, &image));
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 0x10;
        expect_refused(bytes, size, "");
        bytes[i] ^= 0x10;
    }
    expect_decoded(bytes, size, &image, 1e-6);
    free(bytes);
    cairn_image_free(&image);
}

static void test_refused__other_files_and_sizes(void **state)
{
    (void)state;
    cairn_image got;
    static const char *const texts[] = {"", "P", "<svg xmlns='http://www.w3.org/2000/svg'/>", "GIF89a\1\0\1\0\0\0\0;",
                                        "P3\n1 1\n255\n1 2 3\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_refused((const uint8_t *)texts[i], strlen(texts[i]), "not an image that can be read");
    static const char *const sizes[] = {"P5\n16385 1\n255\nx",       "P5\n1 16385\n255\nx",   "P5\n16384 16384\n255\nx",
                                        "P5\n99999999999 1\n255\nx", "P5\n0 5\n255\nx",       "P5\n-1 5\n255\nx",
                                        "P5\n5 5\n70000\nx",         "P5\n16384 8192\n255\nx"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        expect_refused((const uint8_t *)sizes[i], strlen(sizes[i]), "");
    assert_status(cairn_image_load(&got, test_path("absent.png"), 1), CAIRN_E_NOTFOUND, "absent.png");
    assert_status(cairn_image_load(&got, test_path("%s", ""), 1), CAIRN_E_IO, "folder");
    test_put_text(test_path("text.png"), "not a picture");
    assert_status(cairn_image_load(&got, test_path("text.png"), 1), CAIRN_E_FORMAT, "text.png is not an image");
}

/* A JPEG whose header alone was changed to 16,000 x 8,000 pixels is refused before the memory for it is taken. */
static void test_refused__jpeg_too_short_for_its_size(void **state)
{
    (void)state;
    cairn_image image;
    uint8_t *bytes;
    size_t size, i = 2;
    test_picture(&image, 16, 16, 1);
    test_make_jpeg(&bytes, &size, &image);
    while (!(bytes[i] == 0xff && bytes[i + 1] == 0xc0)) i += 2u + (size_t)(bytes[i + 2] << 8) + bytes[i + 3];
    bytes[i + 5] = 8000 >> 8, bytes[i + 6] = 8000 & 255, bytes[i + 7] = 16000 >> 8, bytes[i + 8] = 16000 & 255;
    expect_refused(bytes, size, "too short for its size");
    memcpy(bytes + i, "\xff\xd9", 2); /* the end, where the frame was */
    expect_refused(bytes, i + 2, "ends before its pixels");
    free(bytes);
    cairn_image_free(&image);
}

/* Debian's stb_image writes beyond a table of 256 when the counts of a Huffman table add up to more. */
static void test_refused__jpeg_with_an_overfull_table(void **state)
{
    (void)state;
    uint8_t jpeg[2 + 4 + 17 + 400 + 2] = {0xff, 0xd8, 0xff, 0xc4, (19 + 400) >> 8, (19 + 400) & 255};
    jpeg[6 + 1 + 14] = 200; /* codes of 15 bits, */
    jpeg[6 + 1 + 15] = 200; /* and of 16 */
    jpeg[sizeof jpeg - 2] = 0xff, jpeg[sizeof jpeg - 1] = 0xd9;
    expect_refused(jpeg, sizeof jpeg, "Huffman tables do not fit");
    jpeg[6 + 1] = 3; /* three codes of one bit */
    jpeg[6 + 1 + 14] = jpeg[6 + 1 + 15] = 0;
    expect_refused(jpeg, sizeof jpeg, "Huffman tables do not fit");
}

typedef struct bits {
    uint8_t *bytes;
    size_t count;
} bits;

/* Lowest bit first. */
static void put_bits(bits *b, unsigned value, int count)
{
    for (int i = 0; i < count; i++, b->count++) b->bytes[b->count / 8] |= (uint8_t)((value >> i & 1) << b->count % 8);
}

static uint32_t crc_of(const uint8_t *p, size_t size)
{
    uint32_t crc = 0xffffffffu;
    for (; size--; p++) {
        crc ^= *p;
        for (int k = 0; k < 8; k++) crc = crc & 1 ? 0xedb88320u ^ crc >> 1 : crc >> 1;
    }
    return ~crc;
}

static size_t put_chunk(uint8_t *to, const char *type, const uint8_t *data, size_t size)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(size >> (24 - 8 * i));
    memcpy(to + 4, type, 4);
    if (size) memcpy(to + 8, data, size);
    uint32_t crc = crc_of(to + 4, size + 4);
    for (int i = 0; i < 4; i++) to[8 + size + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
    return size + 12;
}

/* A PNG of one pixel, right in every checksum, whose 100 KB unpack to 16 MB (deflate: a zero, then runs of 258). */
static void test_refused__png_that_unpacks_to_more_than_its_size(void **state)
{
    (void)state;
    enum { RUNS = 65536 };
    bits b = {calloc(1, RUNS * 13 / 8 + 64), 0};
    uint8_t *png = malloc(RUNS * 13 / 8 + 256), header[13] = {0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0};
    assert_true(b.bytes && png);
    put_bits(&b, 0x0178, 16); /* zlib */
    put_bits(&b, 3, 3);       /* last block, fixed codes */
    put_bits(&b, 0x0c, 8);    /* 0: 00110000, highest bit first */
    for (int i = 0; i < RUNS; i++) {
        put_bits(&b, 0xa3, 8); /* length 258: 11000101 */
        put_bits(&b, 0, 5);    /* distance 1 */
    }
    put_bits(&b, 0, 7);
    size_t size = 8;
    memcpy(png, "\x89PNG\r\n\x1a\n", 8);
    size += put_chunk(png + size, "IHDR", header, sizeof header);
    size += put_chunk(png + size, "IDAT", b.bytes, b.count / 8 + 5);
    size += put_chunk(png + size, "IEND", NULL, 0);
    expect_refused(png, size, "unpacks to more than its size");
    free(png);
    free(b.bytes);
}

static void test_resize__area_when_smaller(void **state)
{
    (void)state;
    cairn_image image, got;
    test_picture(&image, 12, 18, 3);
    assert_ok(cairn_image_resize(&got, &image, 6, 6));
    for (int y = 0; y < 6; y++)
        for (int x = 0; x < 6; x++)
            for (int k = 0; k < 3; k++) {
                double sum = 0;
                for (int i = 0; i < 6; i++) sum += at(&image, 2 * y + i / 3, 3 * x + i % 3, k);
                assert_near(at(&got, y, x, k), sum / 6, 1e-5);
            }
    cairn_image_free(&got);
    /* 3 pixels from 5: weights 3/5 of a pixel at the edges of each box. */
    cairn_image_free(&image);
    assert_ok(cairn_image_create(&image, 1, 5, 1));
    const float row[5] = {0.1f, 0.9f, 0.4f, 0.2f, 0.7f};
    memcpy(image.pixels, row, sizeof row);
    assert_ok(cairn_image_resize(&got, &image, 1, 3));
    assert_near(got.pixels[0], (0.1 + 0.9 * 2 / 3) * 0.6, 1e-6);
    assert_near(got.pixels[1], (0.9 / 3 + 0.4 + 0.2 / 3) * 0.6, 1e-6);
    assert_near(got.pixels[2], (0.2 * 2 / 3 + 0.7) * 0.6, 1e-6);
    cairn_image_free(&got);
    cairn_image_free(&image);
}

static void test_resize__bilinear_when_larger(void **state)
{
    (void)state;
    cairn_image image, got;
    assert_ok(cairn_image_create(&image, 2, 2, 1));
    const float corners[4] = {0, 1, 0.5f, 0.25f};
    memcpy(image.pixels, corners, sizeof corners);
    assert_ok(cairn_image_resize(&got, &image, 2, 4)); /* centres at -0.25 0.25 0.75 1.25 of the old columns */
    const float expected[8] = {0, 0.25f, 0.75f, 1, 0.5f, 0.4375f, 0.3125f, 0.25f};
    for (int i = 0; i < 8; i++) assert_near(got.pixels[i], expected[i], 1e-6);
    cairn_image_free(&got);
    assert_ok(cairn_image_resize(&got, &image, 2, 2));
    expect_pixels(&got, &image, 0);
    cairn_image_free(&got);
    assert_status(cairn_image_resize(&got, &image, 0, 2), CAIRN_E_INVALID, "2x0");
    assert_null(got.pixels);
    cairn_image_free(&image);
}

static void test_crop__takes_the_rectangle_or_refuses(void **state)
{
    (void)state;
    cairn_image image, got;
    test_picture(&image, 10, 14, 3);
    assert_ok(cairn_image_crop(&got, &image, 3, 5, 7, 9));
    for (int y = 0; y < 7; y++)
        for (int x = 0; x < 9; x++)
            for (int k = 0; k < 3; k++) assert_true(at(&got, y, x, k) == at(&image, y + 3, x + 5, k));
    cairn_image_free(&got);
    static const int bad[][4] = {{4, 5, 7, 9}, {3, 6, 7, 9},  {-1, 0, 2, 2},        {0, -1, 2, 2},
                                 {0, 0, 0, 2}, {0, 0, 11, 2}, {INT32_MAX, 0, 2, 2}, {0, 2, 2, INT32_MAX}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_status(cairn_image_crop(&got, &image, bad[i][0], bad[i][1], bad[i][2], bad[i][3]), CAIRN_E_INVALID,
                      "14x10");
        assert_null(got.pixels);
    }
    cairn_image_free(&image);
}

static void test_resize_crop__covers_and_tells_how(void **state)
{
    (void)state;
    cairn_image image, got;
    double scale, x0, y0;
    test_picture(&image, 100, 130, 1);
    assert_ok(cairn_image_resize_crop(&got, &image, 60, 40, &scale, &x0, &y0)); /* scaled to 60 x 78 */
    assert_true(got.h == 60 && got.w == 40);
    assert_near(scale, 0.6, 1e-12);
    assert_near(x0, 19, 0);
    assert_near(y0, 0, 0);
    cairn_image scaled;
    assert_ok(cairn_image_resize(&scaled, &image, 60, 78));
    for (int y = 0; y < 60; y++)
        for (int x = 0; x < 40; x++) assert_near(at(&got, y, x, 0), at(&scaled, y, x + 19, 0), 0);
    cairn_image_free(&scaled);
    cairn_image_free(&got);
    assert_ok(cairn_image_resize_crop(&got, &image, 30, 65, &scale, &x0, &y0)); /* scaled to 50 x 65 */
    assert_near(scale, 0.5, 1e-12);
    assert_near(x0, 0, 0);
    assert_near(y0, 10, 0);
    cairn_image_free(&got);
    cairn_image_free(&image);
    assert_ok(cairn_image_create(&image, 1, 500, 1));
    assert_status(cairn_image_resize_crop(&got, &image, 240, 320, NULL, NULL, NULL), CAIRN_E_INVALID, "500x1");
    assert_null(got.pixels);
    cairn_image_free(&image);
}

static void test_create__refuses_impossible_images(void **state)
{
    (void)state;
    cairn_image image;
    static const int bad[][3] = {{0, 5, 1}, {5, -1, 1}, {16385, 1, 1}, {16384, 16384, 1}, {5, 5, 2}, {5, 5, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(cairn_image_create(&image, bad[i][0], bad[i][1], bad[i][2]), CAIRN_E_INVALID);
        assert_null(image.pixels);
    }
    cairn_image_free(&image);
}

static void test_save__a_full_disk_leaves_the_old_picture(void **state)
{
    (void)state;
    cairn_image small, large;
    const char *path = test_path("disk.png");
    test_picture(&small, 4, 4, 1);
    test_picture(&large, 200, 200, 3);
    assert_ok(cairn_image_save_png(&small, path));
    test_limit_files(2000);
    cairn_status st = cairn_image_save_png(&large, path);
    test_limit_files(-1);
    assert_status(st, CAIRN_E_IO, path);
    cairn_image got;
    assert_ok(cairn_image_load(&got, path, 1));
    expect_pixels(&got, &small, 1e-6);
    cairn_image_free(&got);
    cairn_image_free(&large);
    cairn_image_free(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png__round_trip_is_exact),
        cmocka_unit_test(test_jpeg__is_close),
        cmocka_unit_test(test_png__clamps_what_a_byte_cannot_hold),
        cmocka_unit_test(test_decode__every_kind),
        cmocka_unit_test(test_decode__progressive_jpeg),
        cmocka_unit_test(test_decode__gray_is_luma),
        cmocka_unit_test(test_refused__files_cut_short),
        cmocka_unit_test(test_refused__png_with_any_byte_changed),
        cmocka_unit_test(test_refused__other_files_and_sizes),
        cmocka_unit_test(test_refused__jpeg_too_short_for_its_size),
        cmocka_unit_test(test_refused__jpeg_with_an_overfull_table),
        cmocka_unit_test(test_refused__png_that_unpacks_to_more_than_its_size),
        cmocka_unit_test(test_resize__area_when_smaller),
        cmocka_unit_test(test_resize__bilinear_when_larger),
        cmocka_unit_test(test_crop__takes_the_rectangle_or_refuses),
        cmocka_unit_test(test_resize_crop__covers_and_tells_how),
        cmocka_unit_test(test_create__refuses_impossible_images),
        cmocka_unit_test(test_save__a_full_disk_leaves_the_old_picture),
    };
    return cmocka_run_group_tests_name("image", tests, test_scratch_create, test_scratch_remove);
}
