#include "support/device/test_gpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cairn_gpu *gpus[CAIRN_CLASSES];
static bool tried[CAIRN_CLASSES];
static int seen_errors[CAIRN_CLASSES];

bool test_gpu_available(void)
{
    cairn_gpu_info *list = NULL;
    int count = 0;
    bool usable = false;
    if (cairn_gpu_list(&list, &count) < 0) {
        fprintf(stderr, "skipped: %s\n", cairn_error_message());
        return false;
    }
    for (int i = 0; i < count; i++) usable |= list[i].usable;
    if (!usable) fprintf(stderr, "skipped: no usable Vulkan device\n");
    free(list);
    return usable;
}

const char *test_gpu_class_name(cairn_kernel_class kernel_class)
{
    return cairn_kernel_class_name(kernel_class);
}

void test_gpu_destroy_all(void)
{
    for (int i = 0; i < CAIRN_CLASSES; i++) {
        cairn_gpu_destroy(&gpus[i]);
        tried[i] = false;
        seen_errors[i] = 0;
    }
}

cairn_gpu *test_gpu(cairn_kernel_class kernel_class)
{
    const char *asked = getenv("CAIRN_KERNELS");
    if (asked && *asked && kernel_class != CAIRN_CLASS_AUTO && strcmp(asked, test_gpu_class_name(kernel_class)))
        return NULL;
    if (tried[kernel_class]) return gpus[kernel_class];
    tried[kernel_class] = true;
    cairn_gpu_options options = CAIRN_GPU_OPTIONS_INIT;
    options.kernel_class = kernel_class;
    options.cache_folder = "";
    options.quiet = true;
    cairn_status st = cairn_gpu_create(&gpus[kernel_class], &options);
    if (st == CAIRN_E_UNSUPPORTED) {
        fprintf(stderr, "class %s left out: %s\n", test_gpu_class_name(kernel_class), cairn_error_message());
    } else if (st < 0) {
        fprintf(stderr, "cannot create a device of class %s: %s\n", test_gpu_class_name(kernel_class),
                cairn_error_message());
        exit(1);
    }
    /* After the driver is loaded: handlers run in reverse order, and its own must not run before ours. */
    atexit(test_gpu_destroy_all);
    return gpus[kernel_class];
}

void test_gpu_assert_valid(cairn_gpu *gpu)
{
    const char *first = NULL;
    int errors = cairn_gpu_validation_errors(gpu, &first);
    int *seen = NULL;
    for (int i = 0; i < CAIRN_CLASSES; i++)
        if (gpus[i] == gpu) seen = &seen_errors[i];
    if (!seen || errors == *seen) return;
    *seen = errors;
    fail_msg("validation: %d messages, the first: %s", errors, first ? first : "(no text)");
}

int test_gpu_main(const char *group, const struct CMUnitTest *tests, size_t count, CMFixtureFunction set_up,
                  CMFixtureFunction tear_down)
{
    if (!test_gpu_available()) return TEST_SKIP;
    int failed = _cmocka_run_group_tests(group, tests, count, set_up, tear_down);
    test_gpu_destroy_all();
    return failed != 0; /* their number might be TEST_SKIP */
}
