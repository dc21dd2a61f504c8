/* The tuner: what it measures is kept and used again, and no file can make it fail or choose what does not exist. */
#include "support/scratch.h"
#include "support/test.h"
#include "support/device/test_gpu.h"

#include "base/hash.h"
#include "gpu/cache/tuning.h"
#include "graph/lower.h"
#include "graph/program.h"
#include "system/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- an op that fills its output as often as its variant says; variant 7 asks for a kernel that cannot run ---- */

static const uint32_t repeats[] = {1, 7, 60};
static int emitted;

static cairn_status emit(cairn_lowering *l, const void *problem, uint32_t variant)
{
    cairn_status st = CAIRN_OK;
    const cairn_slot y = *(const cairn_slot *)problem;
    const int64_t vectors = cairn_shape_vectors(cairn_lower_shape(l, y));
    emitted++;
    if (variant == 7) return cairn_error_set(CAIRN_E_UNSUPPORTED, "variant 7 is for other devices");
    for (uint32_t i = 0; i < variant; i++) {
        cairn_kernel_call call = {.kernel = "pointwise/fill", .slots = {y}, .slot_count = 1, .written = 1,
                                  .push = {(uint32_t)vectors, 1, 4, cairn_float_bits(2)}, .push_count = 4};
        cairn_lower_linear(&call, vectors);
        CAIRN_TRY(cairn_lower_call(l, &call));
    }
done:
    return st;
}

static uint32_t fallback = 60;

static cairn_status lower(cairn_lowering *l, const cairn_node *node)
{
    const uint32_t key[] = {5, 6};
    return cairn_lower_choose(l, &(cairn_choice){.name = "pointwise/repeat", .key = key, .key_count = 2,
                                                 .candidates = repeats, .candidate_count = 3, .fallback = fallback,
                                                 .emit = emit, .problem = &node->outputs[0]});
}

static const cairn_op repeat = {.name = "repeat", .lower = lower};

static cairn_gpu *open_device(cairn_tuning_mode mode, const char *file)
{
    cairn_gpu *gpu = NULL;
    cairn_gpu_options options = CAIRN_GPU_OPTIONS_INIT;
    options.quiet = true;
    options.cache_folder = test_path("%s", "");
    options.tuning = mode;
    options.tuning_file = file;
    assert_ok(cairn_gpu_create(&gpu, &options));
    return gpu;
}

/* Builds and runs a program of the op; returns its dispatches, which tell the variant. */
static int build(cairn_gpu *gpu)
{
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    cairn_shape s = {1, 256, 256, 4};
    float *values = malloc(sizeof *values * (size_t)cairn_shape_count(s));
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", s);
    cairn_tid y = cairn_graph_append(g, &repeat, &x, 1, 1, &s, 1, NULL, NULL, 0);
    cairn_graph_output(g, y, "y");
    assert_ok(cairn_store_create(&store, gpu));
    emitted = 0;
    assert_ok(cairn_program_create(&program, gpu, g, store, NULL));
    /* what reads no input runs once, before the others */
    int dispatches = cairn_program_get_stats(program)->dispatches + cairn_program_get_stats(program)->once;
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_read(program, y, values));
    assert_true(values[0] == 2 && values[cairn_shape_count(s) - 1] == 2);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
    free(values);
    return dispatches;
}

static int use(cairn_tuning_mode mode, const char *file)
{
    cairn_gpu *gpu = open_device(mode, file);
    int dispatches = build(gpu);
    cairn_gpu_destroy(&gpu);
    return dispatches;
}

static char *tuning_path(void)
{
    cairn_gpu *gpu = open_device(CAIRN_TUNING_USE, NULL);
    char *path = strdup(cairn_gpu_tuning_path(gpu));
    cairn_gpu_destroy(&gpu);
    return path;
}

static char *measured(const char *path, size_t *size)
{
    uint8_t *text;
    unlink(path);
    fallback = 60;
    assert_int_equal(use(CAIRN_TUNING_MEASURE, NULL), 1);
    assert_ok(cairn_file_read(&text, size, path, 1 << 20));
    return (char *)text;
}

static void test_tuning__the_fastest_variant_is_measured_once_and_kept(void **state)
{
    (void)state;
    size_t size;
    char *path = tuning_path(), *text = measured(path, &size);
    assert_int_equal(emitted, 4); /* each once on trial, the best for good */
    assert_int_equal(use(CAIRN_TUNING_MEASURE, NULL), 1);
    assert_int_equal(emitted, 1);
    assert_int_equal(use(CAIRN_TUNING_USE, NULL), 1);
    assert_int_equal(emitted, 1);
    assert_int_equal(use(CAIRN_TUNING_OFF, NULL), 60); /* as shipped */
    test_expect_bytes(path, text, size);
    free(path);
    free(text);
}

static void test_tuning__nothing_is_timed_or_written_unless_asked(void **state)
{
    (void)state;
    char *path = tuning_path();
    unlink(path);
    assert_int_equal(use(CAIRN_TUNING_USE, NULL), 60);
    assert_int_equal(emitted, 1);
    assert_false(cairn_file_exists(path));
    free(path);
}

static void test_tuning__a_known_problem_is_measured_again_after_clear(void **state)
{
    (void)state;
    size_t size;
    char *path = tuning_path();
    free(measured(path, &size));
    cairn_gpu *gpu = open_device(CAIRN_TUNING_MEASURE, NULL);
    assert_int_equal(cairn_gpu_tuning_count(gpu), 1);
    cairn_gpu_tuning_clear(gpu);
    assert_int_equal(build(gpu), 1);
    assert_int_equal(emitted, 4);
    cairn_gpu_destroy(&gpu);
    free(path);
}

/* With these bytes in the file a run works as if there were none, and leaves an intact one behind. */
static void expect_ignored(const char *path, const void *bytes, size_t size)
{
    test_put(path, bytes, size);
    assert_int_equal(use(CAIRN_TUNING_USE, NULL), 60);
    cairn_gpu *gpu = open_device(CAIRN_TUNING_USE, NULL);
    assert_int_equal(cairn_gpu_tuning_count(gpu), 0);
    cairn_gpu_destroy(&gpu);
    uint8_t *text;
    assert_ok(cairn_file_read(&text, &size, path, 1 << 20));
    assert_non_null(strstr((char *)text, "\nend 0 "));
    free(text);
}

static void test_tuning__damaged_files_are_ignored_and_replaced(void **state)
{
    (void)state;
    size_t size;
    char *path = tuning_path(), *text = measured(path, &size), *bad = malloc(size + 8);
    const size_t step = size / 12;
    for (size_t at = 0; at < size; at += step) {
        memcpy(bad, text, size);
        bad[at] ^= 0x11;
        expect_ignored(path, bad, size);
        expect_ignored(path, text, at); /* truncated; 0 bytes too */
    }
    expect_ignored(path, text, size - 1);
    memcpy(bad, text, size);
    memcpy(bad + size, "more\n", 5);
    expect_ignored(path, bad, size + 5);
    memcpy(bad, text, size);
    bad[size / 2] = 0;
    expect_ignored(path, bad, size);
    free(path);
    free(text);
    free(bad);
}

/* Puts `from` in place of `to` and corrects the checksum. */
static char *forge(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from), *end = strstr(text, "\nend ");
    char *out = NULL;
    size_t size = 0;
    unsigned count;
    assert_true(at && end && at < end);
    sscanf(end, "\nend %u", &count);
    FILE *file = open_memstream(&out, &size);
    fprintf(file, "%.*s%s%.*s", (int)(at - text), text, to, (int)(end + 1 - at - (ptrdiff_t)strlen(from)),
            at + strlen(from));
    fflush(file);
    fprintf(file, "end %u %016" PRIx64 "\n", count, cairn_hash_bytes(CAIRN_HASH_START, out, size));
    fclose(file);
    return out;
}

static void test_tuning__files_of_other_devices_and_drivers_are_ignored(void **state)
{
    (void)state;
    size_t size;
    char *path = tuning_path(), *text = measured(path, &size);
    static const char *const changes[][2] = {
        {"\ndevice ", "\ndevice 9"}, {"\ndriver ", "\ndriver 9"}, {"cairn tuning 1", "cairn tuning 2"},
        {" = 1 ", " = -1 "},         {" = 1 ", " = 99999999999 "}, {" = 1 ", " = 1 x"},
        {" = 1 ", " 1 "},            {" = 1 ", " = 1 -"}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *other = forge(text, changes[i][0], changes[i][1]);
        expect_ignored(path, other, strlen(other));
        free(other);
    }
    free(path);
    free(text);
}

static void test_tuning__a_forged_choice_must_be_a_candidate(void **state)
{
    (void)state;
    size_t size;
    char *path = tuning_path(), *text = measured(path, &size);
    char *forged = forge(text, " = 1 ", " = 60 ");
    test_put_text(path, forged);
    assert_int_equal(use(CAIRN_TUNING_USE, NULL), 60); /* the file decides */
    fallback = 1;
    assert_int_equal(use(CAIRN_TUNING_USE, NULL), 60);
    free(forged);
    forged = forge(text, " = 1 ", " = 2 ");
    test_put_text(path, forged);
    assert_int_equal(use(CAIRN_TUNING_USE, NULL), 1); /* nobody offers 2 */
    fallback = 60;
    assert_int_equal(use(CAIRN_TUNING_USE, NULL), 60);
    free(forged);
    free(path);
    free(text);
}

static void test_tuning__a_named_file_is_only_written_by_measuring(void **state)
{
    (void)state;
    size_t size;
    char *path = tuning_path(), *text = measured(path, &size);
    const char *named = test_path("named.txt");
    test_put(named, text, size);
    unlink(path);
    assert_int_equal(use(CAIRN_TUNING_USE, named), 1);
    assert_false(cairn_file_exists(path));
    test_put_text(named, "precious\n");
    assert_int_equal(use(CAIRN_TUNING_USE, named), 60);
    test_expect_bytes(named, "precious\n", 9);
    assert_int_equal(use(CAIRN_TUNING_MEASURE, named), 1);
    assert_int_equal(use(CAIRN_TUNING_USE, named), 1);
    free(path);
    free(text);
}

static void test_tuning__a_wrong_variable_is_refused(void **state)
{
    (void)state;
    cairn_gpu *gpu;
    cairn_gpu_options options = {.cache_folder = "", .quiet = true, .validation = -1};
    setenv("CAIRN_TUNE", "fast", 1);
    assert_status(cairn_gpu_create(&gpu, &options), CAIRN_E_INVALID, "CAIRN_TUNE is 'fast'");
    unsetenv("CAIRN_TUNE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tuning__the_fastest_variant_is_measured_once_and_kept),
        cmocka_unit_test(test_tuning__nothing_is_timed_or_written_unless_asked),
        cmocka_unit_test(test_tuning__a_known_problem_is_measured_again_after_clear),
        cmocka_unit_test(test_tuning__damaged_files_are_ignored_and_replaced),
        cmocka_unit_test(test_tuning__files_of_other_devices_and_drivers_are_ignored),
        cmocka_unit_test(test_tuning__a_forged_choice_must_be_a_candidate),
        cmocka_unit_test(test_tuning__a_named_file_is_only_written_by_measuring),
        cmocka_unit_test(test_tuning__a_wrong_variable_is_refused),
    };
    unsetenv("CAIRN_TUNE");
    unsetenv("CAIRN_TUNING_FILE");
    if (!test_gpu_available()) return TEST_SKIP;
    return cmocka_run_group_tests(tests, test_scratch_create, test_scratch_remove);
}
