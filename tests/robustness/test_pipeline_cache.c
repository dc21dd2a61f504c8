/* The file of compiled pipelines: only an intact file of this device, driver and build is used, any other is replaced,
 * and nothing about it can make the program fail. */
#include "gpu/gpu.h"
#include "system/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { HEADER_BYTES = 64, VERSION_AT = 8, VENDOR_AT = 28, UUID_AT = 40, SHADERS_AT = 56 };

static char folder[64], *path;

static void ok(cairn_status st)
{
    if (st < 0) fail_msg("status %d: %s", (int)st, cairn_error_message());
}

/* A whole run with one kernel; the cache is read at its start and written at its end. */
static void run_once(const char *cache_folder)
{
    cairn_gpu *gpu = NULL;
    cairn_gpu_kernel *kernel = NULL;
    const char *first = NULL;
    cairn_gpu_options options = {.cache_folder = cache_folder, .quiet = true, .validation = -1};
    ok(cairn_gpu_create(&gpu, &options));
    ok(cairn_gpu_kernel_get(&kernel, gpu, "test/add", NULL, 0));
    assert_non_null(kernel);
    if (cairn_gpu_validation_errors(gpu, &first)) fail_msg("validation: %s", first);
    cairn_gpu_destroy(&gpu);
}

static uint8_t *contents(size_t *size)
{
    uint8_t *bytes = NULL;
    ok(cairn_file_read(&bytes, size, path, 1u << 30));
    return bytes;
}

static ino_t identity(void)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_ino;
}

/* A run must succeed with the bad file and put the good one in its place. */
static void expect_replaced(const uint8_t *bad, size_t bad_size, const uint8_t *good, size_t good_size)
{
    char keep[96];
    ok(cairn_file_write(path, bad, bad_size));
    snprintf(keep, sizeof keep, "%s/kept", folder);
    unlink(keep);
    assert_int_equal(link(path, keep), 0); /* still linked, so its inode number cannot come back */
    ino_t before = identity();
    run_once(folder);
    assert_true(identity() != before);
    size_t size;
    uint8_t *now = contents(&size);
    assert_int_equal(size, good_size);
    assert_memory_equal(now, good, size); /* the same pipelines make the same blob */
    free(now);
    unlink(keep);
}

/* Leaves a good file behind. */
static uint8_t *start(size_t *size)
{
    unlink(path);
    run_once(folder);
    return contents(size);
}

static void test_pipeline_cache__good_file_is_kept(void **state)
{
    (void)state;
    size_t size;
    uint8_t *good = start(&size);
    assert_true(size > HEADER_BYTES);
    assert_memory_equal(good, "CAIRNPC\n", 8);
    ino_t before = identity();
    run_once(folder);
    assert_true(identity() == before); /* unchanged, so not written again */
    free(good);
}

static void test_pipeline_cache__changed_bytes_are_noticed(void **state)
{
    (void)state;
    size_t size;
    uint8_t *good = start(&size), *bad = malloc(size);
    assert_non_null(bad);
    const size_t places[] = {0, VERSION_AT, VENDOR_AT, UUID_AT, SHADERS_AT, HEADER_BYTES, size - 1};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        memcpy(bad, good, size);
        bad[places[i]] ^= 0x10;
        expect_replaced(bad, size, good, size);
    }
    free(good);
    free(bad);
}

static void test_pipeline_cache__truncated_and_longer_files_are_noticed(void **state)
{
    (void)state;
    size_t size;
    uint8_t *good = start(&size), *longer = calloc(1, size + 100);
    assert_non_null(longer);
    const size_t sizes[] = {0, 1, HEADER_BYTES - 1, HEADER_BYTES, size - 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) expect_replaced(good, sizes[i], good, size);
    memcpy(longer, good, size);
    expect_replaced(longer, size + 100, good, size);
    free(good);
    free(longer);
}

static void test_pipeline_cache__folder_that_cannot_be_made_is_no_error(void **state)
{
    (void)state;
    char blocked[96];
    snprintf(blocked, sizeof blocked, "%s/file", folder);
    ok(cairn_file_write(blocked, "x", 1));
    strcat(blocked, "/below");
    run_once(blocked);
    assert_false(cairn_file_exists(blocked));
}

static void test_pipeline_cache__clean_up_keeps_the_error_message(void **state)
{
    (void)state;
    char blocked[96];
    cairn_gpu *gpu = NULL;
    cairn_gpu_kernel *kernel = NULL;
    snprintf(blocked, sizeof blocked, "%s/file/below", folder);
    cairn_gpu_options options = {.cache_folder = blocked, .quiet = true, .validation = -1};
    ok(cairn_gpu_create(&gpu, &options));
    assert_int_equal(cairn_gpu_kernel_get(&kernel, gpu, "no/such", NULL, 0), CAIRN_E_NOTFOUND);
    cairn_gpu_destroy(&gpu);
    assert_non_null(strstr(cairn_error_message(), "no/such"));
}

static void test_pipeline_cache__folder_in_place_of_the_file_is_no_error(void **state)
{
    (void)state;
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    run_once(folder);
    assert_true(cairn_file_is_folder(path));
    assert_int_equal(rmdir(path), 0);
}

static void test_pipeline_cache__empty_name_means_none(void **state)
{
    (void)state;
    unlink(path);
    run_once("");
    assert_false(cairn_file_exists(path));
}

static int set_up(void **state)
{
    (void)state;
    cairn_gpu *gpu = NULL;
    cairn_gpu_options options = {.cache_folder = "", .quiet = true};
    ok(cairn_gpu_create(&gpu, &options));
    const cairn_gpu_info *info = cairn_gpu_get_info(gpu);
    char name[64];
    snprintf(name, sizeof name, "pipelines-%04x-%04x.cache", info->vendor_id, info->device_id);
    cairn_gpu_destroy(&gpu);
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.32s/cairn-cache-XXXXXX", temporary ? temporary : "/tmp");
    if (!mkdtemp(folder)) return -1;
    path = cairn_file_join(folder, name);
    return path ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    const char *names[] = {"kept", "file"};
    for (int i = 0; i < 2; i++) {
        char *other = cairn_file_join(folder, names[i]);
        unlink(other);
        free(other);
    }
    unlink(path);
    free(path);
    return rmdir(folder); /* fails if a temporary file was left behind */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipeline_cache__good_file_is_kept),
        cmocka_unit_test(test_pipeline_cache__changed_bytes_are_noticed),
        cmocka_unit_test(test_pipeline_cache__truncated_and_longer_files_are_noticed),
        cmocka_unit_test(test_pipeline_cache__folder_that_cannot_be_made_is_no_error),
        cmocka_unit_test(test_pipeline_cache__clean_up_keeps_the_error_message),
        cmocka_unit_test(test_pipeline_cache__folder_in_place_of_the_file_is_no_error),
        cmocka_unit_test(test_pipeline_cache__empty_name_means_none),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
