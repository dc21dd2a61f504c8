/* Faults that CAIRN_INJECT provokes in a whole run: a lost device, no memory, a driver that computes wrongly. */
#include "support/program.h"
#include "support/scratch.h"
#include "support/test.h"
#include "support/device/test_gpu.h"

#include "gpu/inject.h"
#include "reference/self_test.h"
#include "system/file.h"

#include <stdlib.h>

static const char recipe[] = "name: faults\n"
                             "seed: 3\n"
                             "stages:\n"
                             "  - {name: shapes, kind: magicpoint, steps: 20, batch: 2, width: 0.125, height: 64,\n"
                             "     image_width: 96, canvas_height: 128, calibrate: 2, checkpoint_every: 5}\n";

static cairn_program_run run;

/* Runs the recipe into the folder `out`, with "CAIRN_INJECT=..." or NULL. */
static void start(const char *out, const char *injected)
{
    const char *path = test_path("faults.yaml"), *environment[] = {injected, NULL};
    if (!cairn_file_exists(path)) test_put_text(path, recipe);
    const char *words[] = {"run", path, "--out", test_path("%s", out), NULL};
    cairn_program_call(&run, words, environment, 0);
}

static void expect_success(const char *out, const char *injected)
{
    start(out, injected);
    if (run.code) fail_msg("exit code %d: %s", run.code, run.err);
}

/* The one error line holds both texts. */
static void expect_failure(const char *out, const char *injected, const char *first, const char *second)
{
    start(out, injected);
    if (run.code != 1) fail_msg("%s: exit code %d: %s", injected, run.code, run.err);
    assert_int_equal(cairn_program_error_lines(&run), 1);
    const char *error = strstr(run.err, "error: ");
    if (!strstr(error, first)) fail_msg("%s: '%s' lacks '%s'", injected, error, first);
    if (!strstr(error, second)) fail_msg("%s: '%s' lacks '%s'", injected, error, second);
    assert_false(cairn_file_exists(test_path("%s/shapes/stage.json", out)));
    assert_false(cairn_file_exists(test_path("%s/shapes/model.safetensors", out)));
}

static void expect_same(const char *out, const char *name)
{
    uint8_t *bytes;
    size_t size;
    assert_ok(cairn_file_read(&bytes, &size, test_path("whole/shapes/%s", name), 1 << 28));
    test_expect_bytes(test_path("%s/shapes/%s", out, name), bytes, size);
    free(bytes);
}

static void test_faults__a_lost_device_is_replaced_and_training_goes_on(void **state)
{
    (void)state;
    /* one or two submissions are a step: the first checkpoint, at step 5, is written before all but the last */
    static const char *const when[] = {"CAIRN_INJECT=device_lost@13", "CAIRN_INJECT=device_lost@22",
                                       "CAIRN_INJECT=device_lost@3"};
    expect_success("whole", NULL);
    for (int i = 0; i < 3; i++) {
        const char *out = i == 0 ? "lost0" : i == 1 ? "lost1" : "lost2";
        expect_success(out, when[i]);
        assert_non_null(strstr(run.err, "the device was lost"));
        assert_non_null(strstr(run.err, "last segment started: '")); /* the range of ops */
        assert_non_null(strstr(run.err, "starting it again on a new device, with shorter submissions"));
        if (!strstr(run.err, "resuming at step") != (i == 2)) fail_msg("a wrong start: %s", run.err);
        expect_same(out, "checkpoint.safetensors");
        expect_same(out, "model.safetensors");
    }
}

static void test_faults__a_second_loss_ends_the_run_and_keeps_the_checkpoint(void **state)
{
    (void)state;
    expect_failure("twice", "CAIRN_INJECT=device_lost@14,device_lost@24", "the device was lost", "the second time");
    assert_true(cairn_file_exists(test_path("twice/shapes/checkpoint.safetensors")));
    expect_success("twice", NULL);
    assert_non_null(strstr(run.err, "resuming at step"));
    expect_same("twice", "checkpoint.safetensors");
    expect_same("twice", "model.safetensors");
}

static void test_faults__no_device_memory_is_one_error_with_advice(void **state)
{
    (void)state;
    static const char *const when[] = {"CAIRN_INJECT=oom@1", "CAIRN_INJECT=oom@2", "CAIRN_INJECT=oom@3"};
    for (int i = 0; i < 3; i++) {
        expect_failure("oom", when[i], " MiB for '", "smaller batch");
        expect_failure("oom", i ? "CAIRN_INJECT=host_oom@4" : "CAIRN_INJECT=host_oom@2", "vkCreateBuffer",
                       "VK_ERROR_OUT_OF_HOST_MEMORY while making the buffer");
    }
    expect_success("oom", NULL);
    expect_same("oom", "model.safetensors");
}

static int entries(const char *folder)
{
    return cairn_file_is_folder(folder) ? test_count_entries(folder) : 0;
}

/* Refused, and not remembered as right; a driver that passed is not tested again. */
static void test_faults__a_driver_that_computes_wrongly_is_refused(void **state)
{
    (void)state;
    const char *cache = test_path("cache");
    char folder[700];
    snprintf(folder, sizeof folder, "XDG_CACHE_HOME=%s", cache);
    const char *ceilings[] = {"benchmark", "ceilings", NULL};
    const char *wrong[] = {folder, "CAIRN_INJECT=self_test@1", NULL}, *skipped[] = {folder, "CAIRN_SELF_TEST=0", NULL};
    const char *again[] = {folder, "CAIRN_INJECT=self_test@1", "CAIRN_SELF_TEST=1", NULL}, *right[] = {folder, NULL};
    for (int i = 0; i < 2; i++) {
        cairn_program_call(&run, ceilings, wrong, 0);
        assert_int_equal(run.code, 1);
        assert_int_equal(cairn_program_error_lines(&run), 1);
        assert_non_null(strstr(run.err, "computes wrong results: conv2d is off by"));
        assert_non_null(strstr(run.err, "CAIRN_SELF_TEST=0"));
    }
    cairn_program_call(&run, ceilings, skipped, 0);
    assert_int_equal(run.code, 0);
    int before = entries(test_path("cache/cairn"));
    cairn_program_call(&run, ceilings, right, 0);
    assert_int_equal(run.code, 0);
    assert_true(entries(test_path("cache/cairn")) > before);
    cairn_program_call(&run, ceilings, wrong, 0); /* not tested, so the event does not come */
    assert_int_equal(run.code, 0);
    cairn_program_call(&run, ceilings, again, 0);
    assert_int_equal(run.code, 1);
}

/* Both classes of kernel pass where the driver is right; a file with other bytes does not count as passed. */
static void test_faults__the_self_test_passes_on_this_driver(void **state)
{
    (void)state;
    for (cairn_kernel_class c = CAIRN_CLASS_TEXEL; c <= CAIRN_CLASS_SIMT; c++) {
        cairn_gpu *gpu = test_gpu(c);
        if (!gpu) continue;
        assert_ok(cairn_self_test(gpu));
        cairn_inject_set("self_test@1");
        assert_status(cairn_self_test(gpu), CAIRN_E_DEVICE, "wrong results");
        cairn_inject_set(NULL);
    }
    const char *folder = test_path("passed");
    cairn_gpu_options options = CAIRN_GPU_OPTIONS_INIT;
    options.quiet = true;
    options.cache_folder = folder;
    cairn_gpu *gpu;
    assert_ok(cairn_self_test_open(&gpu, &options));
    cairn_gpu_destroy(&gpu);
    cairn_file_list files;
    const char *const text[] = {"txt", NULL};
    assert_ok(cairn_file_list_folder(&files, folder, text, false));
    assert_int_equal(files.count, 1);
    cairn_inject_set("self_test@1");
    assert_ok(cairn_self_test_open(&gpu, &options)); /* remembered */
    cairn_gpu_destroy(&gpu);
    test_put_text(files.paths[0], "passed\n");
    assert_status(cairn_self_test_open(&gpu, &options), CAIRN_E_DEVICE, "wrong results");
    assert_null(gpu);
    cairn_inject_set(NULL);
    cairn_file_list_free(&files);
}

static void test_faults__a_wrong_list_is_refused(void **state)
{
    (void)state;
    static const char *const lists[] = {"CAIRN_INJECT=fire", "CAIRN_INJECT=oom", "CAIRN_INJECT=oom@0",
                                        "CAIRN_INJECT=oom@2x", "CAIRN_INJECT=oom@2,,"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) expect_failure("wrong", lists[i], "CAIRN_INJECT", "@N");
}

static void test_faults__events_happen_once_at_their_call(void **state)
{
    (void)state;
    cairn_inject_set("oom@2,self_test@1,oom@4");
    assert_true(cairn_inject(CAIRN_FAULT_SELF_TEST));
    assert_false(cairn_inject(CAIRN_FAULT_SELF_TEST));
    const bool expected[] = {false, true, false, true, false};
    for (int i = 0; i < 5; i++) assert_int_equal(cairn_inject(CAIRN_FAULT_OOM), expected[i]);
    assert_false(cairn_inject(CAIRN_FAULT_DEVICE_LOST));
    cairn_inject_set(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults__a_lost_device_is_replaced_and_training_goes_on),
        cmocka_unit_test(test_faults__a_second_loss_ends_the_run_and_keeps_the_checkpoint),
        cmocka_unit_test(test_faults__no_device_memory_is_one_error_with_advice),
        cmocka_unit_test(test_faults__a_driver_that_computes_wrongly_is_refused),
        cmocka_unit_test(test_faults__the_self_test_passes_on_this_driver),
        cmocka_unit_test(test_faults__a_wrong_list_is_refused),
        cmocka_unit_test(test_faults__events_happen_once_at_their_call),
    };
    if (!test_gpu_available()) return TEST_SKIP;
    return cmocka_run_group_tests(tests, test_scratch_create, test_scratch_remove);
}
