/* NumPy's .npz and safetensors: round trips, and each kind of damage refused with the file's name. */
#include "formats/npy.h"
#include "formats/npz.h"
#include "formats/safetensors.h"
#include "system/file.h"

#include "support/scratch.h"
#include "support/test.h"

#include <stdlib.h>

#define NAME(text) ((char *)(uintptr_t)(text)) /* the writers only read them */

/* ---- npz ---- */

static const float f32[6] = {0, -1.5f, 3.25f, 1e-30f, 1e30f, 7};
static const double f64[2] = {0.1, -1e300};
static const int32_t i32[3] = {INT32_MIN, 0, INT32_MAX};
static const int64_t i64[2] = {INT64_MIN, INT64_MAX};
static const uint8_t u8[256] = {1, 2, 3, 255};

/* Every type and the smallest and largest rank. */
static int arrays_of_all_kinds(cairn_npz_array *a)
{
    int n = 0;
    a[n++] = (cairn_npz_array){
        .name = NAME("weights"), .type = CAIRN_NPZ_F32, .rank = 2, .shape = {2, 3}, .data = (void *)(uintptr_t)f32};
    a[n++] = (cairn_npz_array){
        .name = NAME("double"), .type = CAIRN_NPZ_F64, .rank = 1, .shape = {2}, .data = (void *)(uintptr_t)f64};
    a[n++] = (cairn_npz_array){
        .name = NAME("int"), .type = CAIRN_NPZ_I32, .rank = 3, .shape = {1, 3, 1}, .data = (void *)(uintptr_t)i32};
    a[n++] = (cairn_npz_array){
        .name = NAME("long"), .type = CAIRN_NPZ_I64, .rank = 1, .shape = {2}, .data = (void *)(uintptr_t)i64};
    a[n++] = (cairn_npz_array){.name = NAME("bytes"),
                               .type = CAIRN_NPZ_U8,
                               .rank = 8,
                               .shape = {1, 2, 2, 2, 2, 2, 2, 4},
                               .data = (void *)(uintptr_t)u8};
    a[n++] = (cairn_npz_array){.name = NAME("scalar"), .type = CAIRN_NPZ_F32, .data = (void *)(uintptr_t)(f32 + 2)};
    a[n++] = (cairn_npz_array){.name = NAME("none.of it"), .type = CAIRN_NPZ_F32, .rank = 2, .shape = {0, 3}};
    return n;
}

static void test_npz__round_trip(void **state)
{
    (void)state;
    cairn_npz_array arrays[8];
    int count = arrays_of_all_kinds(arrays);
    for (int deflate = 0; deflate < 2; deflate++) {
        const char *path = test_path("round-%d.npz", deflate), *again = test_path("again-%d.npz", deflate);
        cairn_npz npz;
        assert_ok(cairn_npz_write(path, arrays, count, deflate));
        assert_ok(cairn_npz_read(&npz, path));
        assert_int_equal(npz.count, count);
        assert_string_equal(npz.path, path);
        for (int i = 0; i < count; i++) {
            const cairn_npz_array *got = &npz.arrays[i], *expected = &arrays[i];
            size_t elements = 1;
            for (int k = 0; k < expected->rank; k++) elements *= (size_t)expected->shape[k];
            assert_string_equal(got->name, expected->name);
            assert_true(got->type == expected->type && got->rank == expected->rank && got->count == elements);
            assert_memory_equal(got->shape, expected->shape, sizeof *got->shape * (size_t)got->rank);
            assert_true((uintptr_t)got->data % 16 == 0 && got->data);
            if (elements) assert_memory_equal(got->data, expected->data, elements * cairn_npz_type_size(got->type));
            assert_ptr_equal(cairn_npz_find(&npz, expected->name), got);
        }
        assert_null(cairn_npz_find(&npz, "weight"));
        cairn_npz_free(&npz);
        assert_null(npz.arrays);
        /* The same arrays are the same bytes, whenever they are written. */
        uint8_t *bytes;
        size_t size;
        assert_ok(cairn_npz_write(again, arrays, count, deflate));
        assert_ok(cairn_file_read(&bytes, &size, path, 1 << 20));
        test_expect_bytes(again, bytes, size);
        free(bytes);
    }
}

static void test_npz__require_says_what_differs(void **state)
{
    (void)state;
    cairn_npz_array arrays[8];
    const cairn_npz_array *a;
    cairn_npz npz;
    const char *path = test_path("require.npz");
    assert_ok(cairn_npz_write(path, arrays, arrays_of_all_kinds(arrays), true));
    assert_ok(cairn_npz_read(&npz, path));
    assert_ok(cairn_npz_require(&a, &npz, "weights", CAIRN_NPZ_F32, 2, (int64_t[]){2, 3}));
    assert_ok(cairn_npz_require(&a, &npz, "weights", CAIRN_NPZ_F32, 2, (int64_t[]){-1, 3}));
    assert_memory_equal(a->data, f32, sizeof f32);
    assert_status(cairn_npz_require(&a, &npz, "bias", CAIRN_NPZ_F32, 1, (int64_t[]){2}), CAIRN_E_NOTFOUND,
                  "require.npz holds no array 'bias'");
    assert_null(a);
    assert_status(cairn_npz_require(&a, &npz, "weights", CAIRN_NPZ_I64, 2, (int64_t[]){2, 3}), CAIRN_E_FORMAT,
                  "require.npz: array 'weights' is of type float32, expected int64");
    assert_status(cairn_npz_require(&a, &npz, "weights", CAIRN_NPZ_F32, 2, (int64_t[]){3, -1}), CAIRN_E_SHAPE,
                  "require.npz: array 'weights' has the shape [2,3], expected [3,?]");
    assert_status(cairn_npz_require(&a, &npz, "weights", CAIRN_NPZ_F32, 1, (int64_t[]){6}), CAIRN_E_SHAPE, "[6]");
    cairn_npz_free(&npz);
}

static void test_npz__writer_refuses_what_it_could_not_read(void **state)
{
    (void)state;
    const char *path = test_path("refused.npz");
    cairn_npz_array good = {
        .name = NAME("a"), .type = CAIRN_NPZ_F32, .rank = 1, .shape = {6}, .data = (void *)(uintptr_t)f32};
    cairn_npz_array bad[8], two[2] = {good, good};
    char long_name[1100];
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = 0;
    for (int i = 0; i < 8; i++) bad[i] = good;
    bad[0].name = NAME("");
    bad[1].name = NULL;
    bad[2].name = NAME("../a");
    bad[3].name = long_name;
    bad[4].rank = 9;
    bad[5].shape[0] = -1;
    bad[6].data = NULL;
    bad[7].rank = 3, bad[7].shape[0] = bad[7].shape[1] = bad[7].shape[2] = (int64_t)1 << 30;
    for (int i = 0; i < 8; i++) assert_status(cairn_npz_write(path, &bad[i], 1, false), CAIRN_E_INVALID, "refused.npz");
    assert_status(cairn_npz_write(path, two, 2, false), CAIRN_E_INVALID, "refused.npz: array 'a'");
    assert_status(cairn_npz_write(path, NULL, 0, false), CAIRN_E_INVALID, "refused.npz");
    assert_false(cairn_file_exists(path));
}

static void refuse_npz(const uint8_t *bytes, size_t size, const char *text)
{
    cairn_npz npz;
    uint8_t *copy = malloc(size + !size);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    cairn_status st = cairn_npz_parse(&npz, copy, size, "folder/file.npz");
    if (st != CAIRN_E_FORMAT && st != CAIRN_E_UNSUPPORTED) fail_msg("status %d at %zu bytes", (int)st, size);
    if (!strstr(cairn_error_message(), "folder/file.npz") || !strstr(cairn_error_message(), text))
        fail_msg("the message \"%s\" lacks \"%s\"", cairn_error_message(), text);
    assert_null(npz.arrays);
    free(copy);
}

static void replace_all(uint8_t *bytes, size_t size, const char *from, const char *to)
{
    size_t n = strlen(from);
    for (size_t i = 0; i + n <= size; i++)
        if (!memcmp(bytes + i, from, n)) memcpy(bytes + i, to, n);
}

static void test_npz__refuses_damaged_archives(void **state)
{
    (void)state;
    cairn_npz_array arrays[8];
    for (int deflate = 0; deflate < 2; deflate++) {
        uint8_t *bytes;
        size_t size;
        const char *path = test_path("damage.npz");
        assert_ok(cairn_npz_write(path, arrays, arrays_of_all_kinds(arrays), deflate));
        assert_ok(cairn_file_read(&bytes, &size, path, 1 << 20));
        for (size_t n = 0; n < size; n += 7) refuse_npz(bytes, n, "not a NumPy .npz file, or damaged");
        size_t first = 30 + strlen("weights.npy"); /* content of the first member */
        for (size_t i = first; i < first + (deflate ? 40 : 128 + sizeof f32); i++) {
            bytes[i] ^= 4;
            refuse_npz(bytes, size, "array 'weights.npy'");
            bytes[i] ^= 4;
        }
        replace_all(bytes, size, "weights.npy", "weights.txt");
        refuse_npz(bytes, size, "member 'weights.txt' is not a NumPy array");
        replace_all(bytes, size, "weights.txt", "weights.npy");
        replace_all(bytes, size, "double.npy", "scalar.npy"); /* one name twice */
        refuse_npz(bytes, size, "");
        free(bytes);
    }
    refuse_npz((const uint8_t *)"", 0, "not a NumPy .npz file");
    refuse_npz((const uint8_t *)"PK\3\4", 4, "not a NumPy .npz file");
    cairn_npz npz;
    assert_status(cairn_npz_read(&npz, test_path("absent.npz")), CAIRN_E_NOTFOUND, "absent.npz");
}

static void parse_header(const char *header, size_t version, size_t numbers, cairn_status status, const char *text)
{
    cairn_npz_array array = {0};
    size_t offset, length = strlen(header), start = version == 1 ? 10 : 12, size = start + length + numbers;
    uint8_t *bytes = calloc(size, 1);
    assert_non_null(bytes);
    memcpy(bytes, "\x93NUMPY", 6);
    bytes[6] = (uint8_t)version;
    bytes[8] = (uint8_t)length, bytes[9] = (uint8_t)(length >> 8);
    memcpy(bytes + start, header, length);
    cairn_status st = cairn_npy_parse_header(&array, &offset, bytes, size, "file.npz: array 'a'");
    free(bytes);
    if (status == CAIRN_OK) {
        assert_ok(st);
        assert_int_equal(offset, start + length);
        assert_int_equal(array.count * cairn_npz_type_size(array.type), numbers);
        return;
    }
    assert_status(st, status, "file.npz: array 'a'");
    if (!strstr(cairn_error_message(), text)) fail_msg("%s: \"%s\" lacks \"%s\"", header, cairn_error_message(), text);
}

#define D "'descr': '<f4', "
#define O "'fortran_order': False, "
static void test_npy__headers(void **state)
{
    (void)state;
    parse_header("{" D O "'shape': (2, 3), }\n", 1, 24, CAIRN_OK, "");
    parse_header("{" D O "'shape': (2, 3)}", 2, 24, CAIRN_OK, "");
    parse_header("{\"shape\":(3,),\"fortran_order\":False,\"descr\":\"<f4\"}   \n", 3, 12, CAIRN_OK, "");
    parse_header("{" D "'fortran_order': True, 'shape': (3,), }", 1, 12, CAIRN_OK, ""); /* both orders are one */
    parse_header("{" D O "'shape': (), }", 1, 4, CAIRN_OK, "");
    parse_header("{" D O "'shape': (0, 99999999999999), }", 1, 0, CAIRN_E_FORMAT, "shape");
    parse_header("{" D O "'shape': (0, 5), }", 1, 0, CAIRN_OK, "");
    parse_header("{" D "'fortran_order': True, 'shape': (2, 3), }", 1, 24, CAIRN_E_UNSUPPORTED, "Fortran order");
    parse_header("{'descr': '>f4', " O "'shape': (3,), }", 1, 12, CAIRN_E_UNSUPPORTED, "'>f4'");
    parse_header("{'descr': '|O', " O "'shape': (3,), }", 1, 12, CAIRN_E_UNSUPPORTED, "'|O'");
    parse_header("{'descr': '<f2', " O "'shape': (3,), }", 1, 6, CAIRN_E_UNSUPPORTED, "'<f2'");
    parse_header("{" D O "'shape': (2, 3), }", 1, 23, CAIRN_E_FORMAT, "23 bytes");
    parse_header("{" D O "'shape': (2, 3), }", 1, 25, CAIRN_E_FORMAT, "25 bytes");
    parse_header("{" D O "'shape': (4294967296, 4294967296, 4294967296), }", 1, 0, CAIRN_E_FORMAT, "shape");
    static const char *const broken[] = {
        "",
        "{",
        "{}",
        "[]",
        "{" D O "}",
        "{" D "'shape': (3,), }",
        "{" D O "'shape': (3), }",
        "{" D O "'shape': (-3,), }",
        "{" D O "'shape': 3, }",
        "{" D O "'shape': (1,1,1,1,1,1,1,1,3), }",
        "{" D O "'shape': (3,), } x",
        "{" D D O "'shape': (3,), }",
        "{" D O "'shape': (3,), 'extra': 1}",
        "{'descr': [('a', '<f4')], " O "'shape': (3,), }",
        "{" D "'fortran_order': 0, 'shape': (3,), }",
        "{" D O "'shape': (3,",
        "{" D O "'shape': (99999999999999999999,), }",
        "{'descr': 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', " O "'shape': (3,), }",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        parse_header(broken[i], 1, 12, CAIRN_E_FORMAT, "its header does not give");
    parse_header("{" D O "'shape': (3,), }", 4, 12, CAIRN_E_FORMAT, "version 1 to 3");
    cairn_npz_array array;
    size_t offset;
    uint8_t longer[12] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 255, 255};
    for (size_t n = 0; n <= 12; n++)
        assert_status(cairn_npy_parse_header(&array, &offset, longer, n, "a"), CAIRN_E_FORMAT, "a");
}

static void test_npz__a_full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    static float large[20000];
    const char *path = test_path("disk/file.npz");
    cairn_npz_array array = {
        .name = NAME("a"), .type = CAIRN_NPZ_F32, .rank = 1, .shape = {6}, .data = (void *)(uintptr_t)f32};
    uint8_t *before;
    size_t size;
    assert_ok(cairn_file_make_folder(test_path("disk")));
    assert_ok(cairn_npz_write(path, &array, 1, false));
    assert_ok(cairn_file_read(&before, &size, path, 1 << 20));
    array.shape[0] = 20000, array.data = large;
    test_limit_files(4096);
    cairn_status st = cairn_npz_write(path, &array, 1, false);
    test_limit_files(-1);
    assert_status(st, CAIRN_E_IO, "disk/file.npz");
    test_expect_bytes(path, before, size);
    assert_int_equal(test_count_entries(test_path("disk")), 1);
    free(before);
}

/* ---- safetensors ---- */

static void test_safetensors__round_trip(void **state)
{
    (void)state;
    const char *path = test_path("round.safetensors"), *again = test_path("again.safetensors");
    float all[24], more = 5;
    for (int i = 0; i < 24; i++) all[i] = (float)i / 7 - 1;
    cairn_safetensor tensors[4] = {
        {.name = NAME("conv.weight"), .rank = 4, .shape = {2, 3, 2, 2}, .data = all},
        {.name = NAME("empty"), .rank = 2, .shape = {0, 7}},
        {.name = NAME("scalar \"\\\xc3\xa9"), .rank = 0, .data = &more},
        {.name = NAME("deep"), .rank = 8, .shape = {1, 1, 2, 1, 2, 1, 1, 1}, .data = all + 4},
    };
    cairn_safetensors_pair metadata[2] = {{NAME("model"), NAME("student")},
                                          {NAME("note"), NAME("two\nlines \"quoted\"")}};
    cairn_safetensors file;
    assert_ok(cairn_safetensors_write(path, tensors, 4, metadata, 2));
    assert_ok(cairn_safetensors_read(&file, path));
    assert_int_equal(file.count, 4);
    for (int i = 0; i < 4; i++) {
        const cairn_safetensor *got = cairn_safetensors_find(&file, tensors[i].name), *expected = &tensors[i];
        size_t n = 1;
        assert_non_null(got);
        assert_int_equal(got->rank, expected->rank);
        for (int k = 0; k < got->rank; k++) {
            assert_int_equal(got->shape[k], expected->shape[k]);
            n *= (size_t)got->shape[k];
        }
        assert_int_equal(got->count, n);
        if (n) assert_memory_equal(got->data, expected->data, 4 * n);
    }
    assert_null(cairn_safetensors_find(&file, "conv"));
    assert_string_equal(cairn_safetensors_metadata(&file, "note"), "two\nlines \"quoted\"");
    assert_string_equal(cairn_safetensors_metadata(&file, "model"), "student");
    assert_null(cairn_safetensors_metadata(&file, "absent"));
    cairn_safetensors_free(&file);
    assert_null(file.tensors);
    uint8_t *bytes;
    size_t size;
    assert_ok(cairn_safetensors_write(again, tensors, 4, metadata, 2));
    assert_ok(cairn_file_read(&bytes, &size, path, 1 << 20));
    test_expect_bytes(again, bytes, size);
    for (size_t n = 0; n < size; n++) { /* every cut is noticed */
        test_put(path, bytes, n);
        assert_status(cairn_safetensors_read(&file, path), CAIRN_E_FORMAT, "round.safetensors");
        assert_null(file.tensors);
    }
    free(bytes);
}

static void test_safetensors__writer_refuses_bad_tensors(void **state)
{
    (void)state;
    const char *path = test_path("refused.safetensors");
    float value = 1;
    cairn_safetensor good = {.name = NAME("a"), .rank = 1, .shape = {1}, .data = &value}, bad[5];
    cairn_safetensor two[2] = {good, good};
    for (int i = 0; i < 5; i++) bad[i] = good;
    bad[0].name = NULL;
    bad[1].name = NAME("");
    bad[2].name = NAME("__metadata__");
    bad[3].shape[0] = -1;
    bad[4].rank = 9;
    for (int i = 0; i < 5; i++)
        assert_status(cairn_safetensors_write(path, &bad[i], 1, NULL, 0), CAIRN_E_INVALID, "refused.safetensors");
    assert_status(cairn_safetensors_write(path, two, 2, NULL, 0), CAIRN_E_INVALID,
                  "refused.safetensors: tensor 1 ('a')");
    assert_false(cairn_file_exists(path));
}

/* A file with this header, padded to a multiple of four, and `numbers` bytes of data. */
static cairn_status read_header(const char *header, size_t numbers)
{
    const char *path = test_path("header.safetensors");
    size_t length = strlen(header), padded = (length + 3) / 4 * 4;
    uint8_t *bytes = calloc(8 + padded + numbers, 1);
    cairn_safetensors file;
    assert_non_null(bytes);
    bytes[0] = (uint8_t)padded, bytes[1] = (uint8_t)(padded >> 8);
    memset(bytes + 8, ' ', padded);
    memcpy(bytes + 8, header, length);
    test_put(path, bytes, 8 + padded + numbers);
    free(bytes);
    cairn_status st = cairn_safetensors_read(&file, path);
    if (st < 0) assert_null(file.tensors);
    cairn_safetensors_free(&file);
    return st;
}

#define A(dtype, shape, offsets) "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
static void test_safetensors__refuses_damaged_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t numbers;
        const char *text;
    } cases[] = {
        {"[]", 0, "not a JSON object"},
        {"{", 0, "not a JSON object"},
        {"{} x", 0, "not a JSON object"},
        {"{\"a\":1}", 0, "tensor 'a': dtype, shape or data_offsets is missing"},
        {"{\"a\":[]}", 0, "tensor 'a': dtype, shape or data_offsets is missing"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "tensor 'a': dtype, shape or data_offsets is missing"},
        {A("7", "[1]", "[0,4]"), 4, "tensor 'a': dtype"},
        {A("\"F32\"", "[1.5]", "[0,4]"), 4, "tensor 'a': a bad shape"},
        {A("\"F32\"", "[-1]", "[0,4]"), 4, "tensor 'a': a bad shape"},
        {A("\"F32\"", "[\"1\"]", "[0,4]"), 4, "tensor 'a': a bad shape"},
        {A("\"F32\"", "[1e99]", "[0,4]"), 4, "tensor 'a': a bad shape"},
        {A("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "tensor 'a': more than 8 dimensions"},
        {A("\"F32\"", "[4294967296,4294967296,4294967296]", "[0,4]"), 4, "tensor 'a': more elements"},
        {A("\"F32\"", "[1]", "[0]"), 4, "tensor 'a': data_offsets lie outside"},
        {A("\"F32\"", "[1]", "[0,4,8]"), 4, "tensor 'a': data_offsets lie outside"},
        {A("\"F32\"", "[1]", "[4,0]"), 4, "tensor 'a': data_offsets lie outside"},
        {A("\"F32\"", "[2]", "[0,8]"), 4, "tensor 'a': data_offsets lie outside"},
        {A("\"F32\"", "[1]", "[-4,0]"), 4, "tensor 'a': data_offsets lie outside"},
        {A("\"F32\"", "[1]", "[0,8]"), 8, "tensor 'a': data_offsets do not fit"},
        {A("\"F32\"", "[1]", "[2,6]"), 8, "tensor 'a': data_offsets do not fit"},
        {A("\"F32\"", "[1]", "[0,4]"), 8, "bytes behind the last tensor"},
        {A("\"F32\"", "[1]", "[4,8]"), 8, "tensor 'a': does not follow"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
         12, "tensor 'b': overlaps"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         8, "tensor 'a': is there twice"},
        {"{\"__metadata__\":[]}", 0, "__metadata__ is not an object"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "__metadata__ is not text"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__ is there twice"},
    };
    assert_ok(read_header(A("\"F32\"", "[1]", "[0,4]"), 4));
    assert_ok(read_header("{}", 0));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cairn_status st = read_header(cases[i].header, cases[i].numbers);
        if (st != CAIRN_E_FORMAT) fail_msg("%s: status %d", cases[i].header, (int)st);
        if (!strstr(cairn_error_message(), "header.safetensors: ") || !strstr(cairn_error_message(), cases[i].text))
            fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].header, cairn_error_message(), cases[i].text);
    }
    assert_status(read_header(A("\"BF16\"", "[1]", "[0,2]"), 2), CAIRN_E_UNSUPPORTED, "tensor 'a' is BF16; only F32");
}

static void test_safetensors__refuses_other_files(void **state)
{
    (void)state;
    cairn_safetensors file;
    const char *path = test_path("other.safetensors");
    assert_status(cairn_safetensors_read(&file, test_path("absent.safetensors")), CAIRN_E_NOTFOUND,
                  "absent.safetensors");
    static const char *const contents[] = {"\0\0\0\0\0\0\0\0{}", "\377\377\377\377\377\377\377\377{}",
                                           "\xc8\0\0\0\0\0\0\0{}", "\3\0\0\0\0\0\0\0{}x"};
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        test_put(path, contents[i], 10 + (i == 3));
        assert_status(cairn_safetensors_read(&file, path), CAIRN_E_FORMAT, "other.safetensors");
        assert_null(file.tensors);
    }
    char nested[40008]; /* deeper than any parser should follow */
    memset(nested, '[', sizeof nested);
    memcpy(nested, "\x40\x9c\0\0\0\0\0\0", 8);
    test_put(path, nested, sizeof nested);
    assert_status(cairn_safetensors_read(&file, path), CAIRN_E_FORMAT, "not a JSON object");
}

static void test_safetensors__a_full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    static float large[20000];
    const char *path = test_path("full/file.safetensors");
    cairn_safetensor tensor = {.name = NAME("a"), .rank = 1, .shape = {6}, .data = large};
    uint8_t *before;
    size_t size;
    assert_ok(cairn_file_make_folder(test_path("full")));
    assert_ok(cairn_safetensors_write(path, &tensor, 1, NULL, 0));
    assert_ok(cairn_file_read(&before, &size, path, 1 << 20));
    tensor.shape[0] = 20000;
    test_limit_files(4096);
    cairn_status st = cairn_safetensors_write(path, &tensor, 1, NULL, 0);
    test_limit_files(-1);
    assert_status(st, CAIRN_E_IO, "full/file.safetensors");
    test_expect_bytes(path, before, size);
    assert_int_equal(test_count_entries(test_path("full")), 1);
    free(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_npz__round_trip),
        cmocka_unit_test(test_npz__require_says_what_differs),
        cmocka_unit_test(test_npz__writer_refuses_what_it_could_not_read),
        cmocka_unit_test(test_npz__refuses_damaged_archives),
        cmocka_unit_test(test_npy__headers),
        cmocka_unit_test(test_npz__a_full_disk_leaves_the_old_file),
        cmocka_unit_test(test_safetensors__round_trip),
        cmocka_unit_test(test_safetensors__writer_refuses_bad_tensors),
        cmocka_unit_test(test_safetensors__refuses_damaged_headers),
        cmocka_unit_test(test_safetensors__refuses_other_files),
        cmocka_unit_test(test_safetensors__a_full_disk_leaves_the_old_file),
    };
    return cmocka_run_group_tests_name("formats", tests, test_scratch_create, test_scratch_remove);
}
