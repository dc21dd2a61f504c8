/* Our .npz and safetensors against NumPy, both ways. Skipped where NumPy is absent. */
#include "formats/npz.h"
#include "formats/safetensors.h"

#include "support/scratch.h"
#include "support/test.h"

#include <stdlib.h>
#include <sys/wait.h>

enum { SKIPPED = 77, ARRAYS = 7 };
#define NAME(text) ((char *)(uintptr_t)(text)) /* the writers only read them */

static float f32[24], scalar = 2.5f, nothing;
static double f64[5];
static int32_t i32[6];
static int64_t i64[4];
static uint8_t u8[24];
static const cairn_npz_array arrays[ARRAYS] = {
    {.name = NAME("f32"), .type = CAIRN_NPZ_F32, .rank = 3, .shape = {2, 3, 4}, .count = 24, .data = f32},
    {.name = NAME("f64"), .type = CAIRN_NPZ_F64, .rank = 2, .shape = {5, 1}, .count = 5, .data = f64},
    {.name = NAME("i32"), .type = CAIRN_NPZ_I32, .rank = 1, .shape = {6}, .count = 6, .data = i32},
    {.name = NAME("i64"), .type = CAIRN_NPZ_I64, .rank = 1, .shape = {4}, .count = 4, .data = i64},
    {.name = NAME("u8"), .type = CAIRN_NPZ_U8, .rank = 2, .shape = {4, 6}, .count = 24, .data = u8},
    {.name = NAME("scalar"), .type = CAIRN_NPZ_F32, .count = 1, .data = &scalar},
    {.name = NAME("empty"), .type = CAIRN_NPZ_F32, .rank = 2, .shape = {0, 3}, .data = &nothing},
};

/* The functions of formats_peer.py. */
static void fill_arrays(void)
{
    for (int i = 0; i < 24; i++) {
        f32[i] = (float)(i * 0.37 - 3);
        u8[i] = (uint8_t)(i * 11 % 256);
        if (i < 5) f64[i] = i * 1e100 / 7;
        if (i < 6) i32[i] = i * -300000007;
        if (i < 4) i64[i] = i * (4611686018427387 * 100);
    }
}

/* The peer's exit code. */
static int ask_peer(const char *what)
{
    char command[4096];
    const char *source = getenv("CAIRN_TEST_SOURCE");
    snprintf(command, sizeof command, "/usr/bin/python3 '%s/tests/peers/formats_peer.py' %s '%s' 1>&2",
             source ? source : ".", what, test_path("%s", ""));
    int code = system(command);
    assert_true(code != -1 && WIFEXITED(code));
    return WEXITSTATUS(code);
}

static cairn_safetensor tensor_of(const cairn_npz_array *a)
{
    cairn_safetensor t = {.name = a->name, .rank = a->rank, .data = a->data};
    memcpy(t.shape, a->shape, sizeof t.shape);
    return t;
}

static void test_numpy__reads_what_we_write(void **state)
{
    (void)state;
    const cairn_safetensor tensors[3] = {tensor_of(&arrays[0]), tensor_of(&arrays[5]), tensor_of(&arrays[6])};
    const cairn_safetensors_pair metadata[2] = {{NAME("recipe"), NAME("a: \"b\"\n\tc: \xc3\xbc\\")},
                                                {NAME("step"), NAME("12")}};
    assert_ok(cairn_npz_write(test_path("stored.npz"), arrays, ARRAYS, false));
    assert_ok(cairn_npz_write(test_path("deflated.npz"), arrays, ARRAYS, true));
    assert_ok(cairn_safetensors_write(test_path("ours.safetensors"), tensors, 3, metadata, 2));
    if (ask_peer("read")) fail_msg("the peer does not read what we wrote");
}

static void test_numpy__writes_what_we_read(void **state)
{
    (void)state;
    static const char *const names[] = {"numpy.npz", "numpy-compressed.npz"};
    for (int k = 0; k < 2; k++) {
        cairn_npz npz;
        assert_ok(cairn_npz_read(&npz, test_path("%s", names[k])));
        assert_int_equal(npz.count, ARRAYS);
        for (int i = 0; i < ARRAYS; i++) {
            const cairn_npz_array *e = &arrays[i], *got = NULL;
            assert_ok(cairn_npz_require(&got, &npz, e->name, e->type, e->rank, e->shape));
            assert_int_equal(got->count, e->count);
            if (e->count) assert_memory_equal(got->data, e->data, e->count * cairn_npz_type_size(e->type));
        }
        cairn_npz_free(&npz);
    }
}

static void test_numpy__refused_where_we_do_not_read_it(void **state)
{
    (void)state;
    static const char *const names[] = {"fortran.npz", "half.npz", "big-endian.npz", "pickled.npz"};
    for (int k = 0; k < 4; k++) {
        cairn_npz npz;
        assert_status(cairn_npz_read(&npz, test_path("%s", names[k])), CAIRN_E_UNSUPPORTED, names[k]);
        assert_null(npz.arrays);
    }
}

/* odd.safetensors: a header of odd length, so that the numbers are not aligned in the file. */
static void test_safetensors__of_others_are_read(void **state)
{
    (void)state;
    static const char *const names[] = {"padded.safetensors", "odd.safetensors"};
    for (int k = 0; k < 2; k++) {
        cairn_safetensors file;
        assert_ok(cairn_safetensors_read(&file, test_path("%s", names[k])));
        assert_int_equal(file.count, 3);
        assert_string_equal(cairn_safetensors_metadata(&file, "format"), "pt");
        for (int i = 0; i < ARRAYS; i++) {
            const cairn_npz_array *e = &arrays[i];
            const cairn_safetensor *got = cairn_safetensors_find(&file, e->name);
            if (i != 0 && i != 5 && i != 6) {
                assert_null(got);
                continue;
            }
            assert_non_null(got);
            assert_true(got->rank == e->rank && got->count == e->count);
            assert_memory_equal(got->shape, e->shape, sizeof *e->shape * (size_t)e->rank);
            if (e->count) {
                assert_int_equal((uintptr_t)got->data % sizeof(float), 0);
                assert_memory_equal(got->data, e->data, e->count * sizeof(float));
            }
        }
        cairn_safetensors_free(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numpy__reads_what_we_write),
        cmocka_unit_test(test_numpy__writes_what_we_read),
        cmocka_unit_test(test_numpy__refused_where_we_do_not_read_it),
        cmocka_unit_test(test_safetensors__of_others_are_read),
    };
    fill_arrays();
    if (test_scratch_create(NULL)) return 1;
    int code = ask_peer("write"), failed = 1;
    if (code == SKIPPED || code == 127)
        failed = SKIPPED; /* no NumPy, or no Python */
    else if (code)
        fprintf(stderr, "the peer failed with exit code %d\n", code);
    else
        failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_scratch_remove(NULL);
    return failed;
}
