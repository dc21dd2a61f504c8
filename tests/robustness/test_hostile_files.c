/* Seeded damage (support/hostile.h) to the kinds of file that come from outside and need no device. */
#include "data/image.h"
#include "data/folders/sequences.h"
#include "formats/npy.h"
#include "formats/npz.h"
#include "formats/safetensors.h"
#include "formats/torch/torch_file.h"
#include "matching/masks.h"
#include "teacher/labels/label_file.h"

#include "support/hostile.h"
#include "support/pictures.h"
#include "support/scratch.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>

enum { LABEL_H = 48, LABEL_W = 64 };

/* ---- readers ---- */

static bool read_image(const uint8_t *bytes, size_t size, const char *path)
{
    cairn_image image;
    cairn_status st = cairn_image_decode(&image, bytes, size, path, size % 2 ? 1 : 3);
    if (st < 0) {
        test_refused(st, path);
        assert_null(image.pixels);
        return false;
    }
    assert_int_equal(image.c, size % 2 ? 1 : 3);
    for (int i = 0; i < image.h * image.w * image.c; i++)
        if (!(image.pixels[i] >= 0 && image.pixels[i] <= 1.000001f)) fail_msg("a pixel of %g", (double)image.pixels[i]);
    cairn_image_free(&image);
    return true;
}

static bool read_npz(const uint8_t *bytes, size_t size, const char *path)
{
    cairn_npz npz;
    cairn_status st = cairn_npz_parse(&npz, bytes, size, path);
    if (st < 0) {
        test_refused(st, path);
        assert_null(npz.arrays);
        return false;
    }
    for (int i = 0; i < npz.count; i++) { /* all that is promised can be read */
        size_t n = npz.arrays[i].count * cairn_npz_type_size(npz.arrays[i].type), count = 1;
        volatile uint8_t last = n ? ((const uint8_t *)npz.arrays[i].data)[n - 1] : 0;
        (void)last;
        for (int k = 0; k < npz.arrays[i].rank; k++) count *= (size_t)npz.arrays[i].shape[k];
        assert_int_equal(count, npz.arrays[i].count);
        assert_non_null(npz.arrays[i].name);
    }
    cairn_npz_free(&npz);
    return true;
}

/* A member's bytes without the archive, whose checksums would keep most damage from the header. */
static bool read_npy(const uint8_t *bytes, size_t size, const char *path)
{
    cairn_npz_array array = {0};
    size_t offset = 0;
    cairn_status st = cairn_npy_parse_header(&array, &offset, bytes, size, path);
    if (st < 0) {
        test_refused(st, path);
        return false;
    }
    assert_true(array.rank >= 0 && array.rank <= CAIRN_NPZ_RANK);
    assert_int_equal(offset + array.count * cairn_npz_type_size(array.type), size);
    return true;
}

static bool read_safetensors(const uint8_t *bytes, size_t size, const char *path)
{
    cairn_safetensors file;
    test_put(path, bytes, size);
    cairn_status st = cairn_safetensors_read(&file, path);
    if (st < 0) {
        test_refused(st, path);
        assert_null(file.tensors);
        return false;
    }
    for (int i = 0; i < file.count; i++) {
        size_t n = file.tensors[i].count;
        volatile float last = n ? file.tensors[i].data[n - 1] : 0;
        (void)last;
        assert_ptr_equal(cairn_safetensors_find(&file, file.tensors[i].name), &file.tensors[i]);
    }
    cairn_safetensors_free(&file);
    return true;
}

static bool read_torch(const uint8_t *bytes, size_t size, const char *path)
{
    cairn_weights weights;
    cairn_status st = cairn_torch_file_parse(&weights, bytes, size, path);
    if (st < 0) {
        test_refused(st, path);
        assert_null(weights.tensors);
        return false;
    }
    for (int i = 0; i < weights.count; i++) {
        size_t n = weights.tensors[i].count, count = 1;
        volatile float last = n ? weights.tensors[i].data[n - 1] : 0;
        (void)last;
        for (int k = 0; k < weights.tensors[i].rank; k++) count *= (size_t)weights.tensors[i].shape[k];
        assert_int_equal(count, n);
        assert_ptr_equal(cairn_weights_find(&weights, weights.tensors[i].name), &weights.tensors[i]);
    }
    cairn_weights_free(&weights);
    return true;
}

static bool read_labels(const uint8_t *bytes, size_t size, const char *path)
{
    cairn_label_info info;
    cairn_keypoints points;
    test_put(path, bytes, size);
    cairn_status st = cairn_label_file_read(path, LABEL_H, LABEL_W, &info, &points);
    if (st < 0) {
        test_refused(st, path);
        assert_null(points.points);
        return false;
    }
    for (int i = 0; i < points.count; i++) {
        cairn_keypoint p = points.points[i];
        assert_true(p.x >= 0 && p.x <= LABEL_W - 1 && p.y >= 0 && p.y <= LABEL_H - 1 && isfinite(p.score));
    }
    cairn_keypoints_free(&points);
    return true;
}

static bool read_masks(const uint8_t *bytes, size_t size, const char *path)
{
    cairn_mask_info info;
    cairn_masked_pair pair;
    cairn_homography back;
    test_put(path, bytes, size);
    cairn_status st = cairn_masks_read(&pair, &info, path, LABEL_H, LABEL_W);
    if (st < 0) {
        test_refused(st, path);
        assert_null(pair.a.points);
        assert_null(pair.scores);
        return false;
    }
    const cairn_keypoints *all[4] = {&pair.a, &pair.b, &pair.lost_a, &pair.lost_b};
    assert_int_equal(pair.a.count, pair.b.count);
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < all[k]->count; i++) {
            const cairn_keypoint p = all[k]->points[i];
            assert_true(p.x >= 0 && p.x <= LABEL_W - 1 && p.y >= 0 && p.y <= LABEL_H - 1 && isfinite(p.score));
        }
    for (int i = 0; i < pair.a.count; i++) assert_true(pair.scores[i] >= 0 && pair.scores[i] <= 1);
    assert_ok(cairn_homography_invert(&back, &pair.to_warped));
    assert_true(strlen(info.image) < sizeof info.image && strlen(info.options) < sizeof info.options);
    cairn_masked_pair_free(&pair);
    return true;
}

static bool read_sequence(const uint8_t *bytes, size_t size, const char *path)
{
    cairn_homography h, inverse;
    cairn_status st = cairn_sequence_parse_homography(&h, bytes, size, path);
    if (st < 0) {
        test_refused(st, path);
        return false;
    }
    for (int i = 0; i < 9; i++) assert_true(isfinite(h.m[i]));
    assert_ok(cairn_homography_invert(&inverse, &h));
    return true;
}

/* ---- cases ---- */

static void test_hostile__images(void **state)
{
    (void)state;
    cairn_image image;
    test_sample s;
    test_picture(&image, 23, 37, 3);
    assert_ok(cairn_image_encode_png(&s.bytes, &s.size, &image));
    test_attack(s, read_image, 800, 1, "hostile.png");
    test_make_jpeg(&s.bytes, &s.size, &image);
    test_attack(s, read_image, 1200, 2, "hostile.jpg");
    const uint8_t *progressive = test_progressive_jpeg(&s.size);
    s.bytes = malloc(s.size);
    assert_non_null(s.bytes);
    memcpy(s.bytes, progressive, s.size);
    test_attack(s, read_image, 1200, 3, "progressive.jpg");
    test_make_pnm(&s.bytes, &s.size, &image);
    test_attack(s, read_image, 600, 4, "hostile.ppm");
    test_make_bmp(&s.bytes, &s.size, &image);
    test_attack(s, read_image, 600, 5, "hostile.bmp");
    cairn_image_free(&image);
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

/* Puts right checksums behind all chunks that are still whole, so that the damage reaches the decoder. */
static bool read_repaired_png(const uint8_t *bytes, size_t size, const char *path)
{
    uint8_t *copy = malloc(size + !size);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    for (size_t at = 8; at + 12 <= size;) {
        size_t length = (size_t)copy[at] << 24 | (size_t)copy[at + 1] << 16 | (size_t)copy[at + 2] << 8 | copy[at + 3];
        if (length > size - at - 12) break;
        uint32_t crc = crc_of(copy + at + 4, length + 4);
        for (int i = 0; i < 4; i++) copy[at + 8 + length + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += 12 + length;
    }
    bool accepted = read_image(copy, size, path);
    free(copy);
    return accepted;
}

static void test_hostile__png_with_right_checksums(void **state)
{
    (void)state;
    cairn_image image;
    test_sample s;
    for (int c = 1; c <= 3; c += 2) {
        test_picture(&image, 9, 14, c);
        assert_ok(cairn_image_encode_png(&s.bytes, &s.size, &image));
        test_attack(s, read_repaired_png, 1500, 5 + (uint32_t)c, "repaired.png");
        cairn_image_free(&image);
    }
}

static void test_hostile__npz(void **state)
{
    (void)state;
    static float weights[60];
    static uint8_t bytes[32];
    cairn_npz_array arrays[2] = {
        {.name = (char[]){"weights"}, .type = CAIRN_NPZ_F32, .rank = 3, .shape = {3, 4, 5}, .data = weights},
        {.name = (char[]){"bytes"}, .type = CAIRN_NPZ_U8, .rank = 1, .shape = {32}, .data = bytes},
    };
    for (int deflate = 0; deflate < 2; deflate++) {
        const char *path = test_path("good.npz");
        assert_ok(cairn_npz_write(path, arrays, 2, deflate));
        test_attack(test_take(path), read_npz, 1500, 10 + (uint32_t)deflate, deflate ? "deflated.npz" : "stored.npz");
    }
}

static void test_hostile__npy_headers(void **state)
{
    (void)state;
    char header[CAIRN_NPY_HEADER_MAX];
    cairn_npz_array array = {.type = CAIRN_NPZ_F32, .rank = 3, .shape = {3, 4, 5}};
    size_t length = cairn_npy_make_header(header, &array);
    test_sample s = {calloc(length + 240, 1), length + 240};
    assert_non_null(s.bytes);
    memcpy(s.bytes, header, length);
    test_attack(s, read_npy, 4000, 12, "member.npy");
}

static void test_hostile__safetensors(void **state)
{
    (void)state;
    static float weights[60];
    cairn_safetensor tensors[3] = {
        {.name = (char[]){"conv.weight"}, .rank = 4, .shape = {3, 2, 2, 2}, .data = weights},
        {.name = (char[]){"conv.bias"}, .rank = 1, .shape = {3}, .data = weights},
        {.name = (char[]){"scalar"}, .data = weights},
    };
    cairn_safetensors_pair metadata[1] = {{(char[]){"model"}, (char[]){"student"}}};
    const char *path = test_path("good.safetensors");
    assert_ok(cairn_safetensors_write(path, tensors, 3, metadata, 1));
    test_attack(test_take(path), read_safetensors, 2000, 20, "hostile.safetensors");
}

/* {'w': a tensor [2,3] of the storage '0', 'l': [(1, 2.5, None, True)], 'o': OrderedDict([...])} as PyTorch before 1.6
 * wrote it, by hand: magic number, protocol, system, object, keys, numbers. */
static void test_hostile__torch(void **state)
{
    (void)state;
    static const char text[] =
        "\x80\2\x8a\n\x6c\xfc\x9c\x46\xf9 \x6a\xa8P\x19."
        "\x80\2M\xe9\3."
        "\x80\2}q\0(X\x10\0\0\0protocol_versionq\1M\xe9\3X\r\0\0\0little_endianq\2\x88u."
        "\x80\2}q\0(X\1\0\0\0wq\1" "ctorch._utils\n_rebuild_tensor_v2\nq\2"
        "((X\7\0\0\0storageq\3ctorch\nFloatStorage\nq\4"
        "X\1\0\0\0" "0q\5X\3\0\0\0cpuq\6K\6NtQK\0K\2K\3\x86K\3K\1\x86\x89"
        "ccollections\nOrderedDict\n)RtRX\1\0\0\0lq\7]q\x08"
        "(K\1G\x40\4\0\0\0\0\0\0N\x88taX\1\0\0\0oq\t" "ccollections\nOrderedDict\n]X\1\0\0\0vh\1\x86" "a\x85Ru."
        "\x80\2]q\0X\1\0\0\0" "0q\1a."
        "\6\0\0\0\0\0\0\0" "aaa?bbb?ccc?ddd?eee?fff?";
    test_sample s = {malloc(sizeof text - 1), sizeof text - 1};
    assert_non_null(s.bytes);
    memcpy(s.bytes, text, s.size);
    test_attack(s, read_torch, 20000, 50, "hostile.pth");
}

static void test_hostile__label_files(void **state)
{
    (void)state;
    cairn_label_info info = {LABEL_H, LABEL_W, 10, 0.01f, 0x1234567890abcdefu,
                             "suppression=square size=4"};
    cairn_keypoints points;
    const char *path = test_path("good-labels.npz");
    assert_ok(cairn_keypoints_create(&points, 12, 0));
    for (int i = 0; i < points.count; i++) points.points[i] = (cairn_keypoint){(float)(5 * i), (float)(4 * i), 0.5f};
    assert_ok(cairn_label_file_write(path, &info, &points));
    cairn_keypoints_free(&points);
    test_attack(test_take(path), read_labels, 1500, 30, "labels.npz");
}

static void test_hostile__matched_masks(void **state)
{
    (void)state;
    cairn_keypoint points[12];
    float scores[8];
    const cairn_mask_info info = {.teacher = 7, .seed = 1, .image = "photo", .options = "source=oracle reach=3"};
    for (int i = 0; i < 12; i++) points[i] = (cairn_keypoint){(float)(5 * i), (float)(4 * i), 0.5f};
    for (int i = 0; i < 8; i++) scores[i] = 0.1f * (float)i;
    const cairn_masked_pair pair = {.h = LABEL_H,
                                    .w = LABEL_W,
                                    .to_warped = {{1.1, 0, 3, 0, 0.9, -2, 1e-4, 0, 1}},
                                    .a = {.count = 8, .points = points},
                                    .b = {.count = 8, .points = points + 4},
                                    .scores = scores,
                                    .lost_a = {.count = 4, .points = points + 8},
                                    .lost_b = {.count = 2, .points = points}};
    const char *path = test_path("good-masks.npz");
    assert_ok(cairn_masks_write(path, &pair, &info));
    test_attack(test_take(path), read_masks, 1500, 60, "masks.npz");
}

static void test_hostile__sequence_texts(void **state)
{
    (void)state;
    static const char text[] = "0.87976964 0.31245438 -39.430589\n-0.18389418 0.93847198 153.15784\n"
                               "0.00019641425 -1.6015275e-05 1\n";
    test_sample s = {malloc(sizeof text - 1), sizeof text - 1};
    assert_non_null(s.bytes);
    memcpy(s.bytes, text, s.size);
    test_attack(s, read_sequence, 4000, 40, "H_1_2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile__images),
        cmocka_unit_test(test_hostile__png_with_right_checksums),
        cmocka_unit_test(test_hostile__npz),
        cmocka_unit_test(test_hostile__npy_headers),
        cmocka_unit_test(test_hostile__safetensors),
        cmocka_unit_test(test_hostile__torch),
        cmocka_unit_test(test_hostile__label_files),
        cmocka_unit_test(test_hostile__matched_masks),
        cmocka_unit_test(test_hostile__sequence_texts),
    };
    return cmocka_run_group_tests_name("hostile_files", tests, test_scratch_create, test_scratch_remove);
}
