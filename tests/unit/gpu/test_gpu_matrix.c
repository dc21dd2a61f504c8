/* Class matrix: what chooses it, the test product before first use, and what follows when that is wrong. Where the
 * device has no matrices they are emulated. */
#include "gpu/gpu.h"
#include "gpu/inject.h"
#include "support/test.h"
#include "support/device/test_gpu.h"

#include <stdlib.h>
#include <string.h>

static cairn_status open_device(cairn_gpu **gpu)
{
    cairn_gpu_options options = CAIRN_GPU_OPTIONS_INIT;
    options.cache_folder = "";
    options.quiet = true;
    return cairn_gpu_create(gpu, &options);
}

static void expect(cairn_kernel_class kernel_class, cairn_matrix_form form)
{
    cairn_gpu *gpu = NULL;
    const char *first = NULL;
    assert_ok(open_device(&gpu));
    assert_string_equal(cairn_kernel_class_name(cairn_gpu_get_info(gpu)->kernel_class),
                        cairn_kernel_class_name(kernel_class));
    assert_string_equal(cairn_matrix_form_name(cairn_gpu_get_info(gpu)->matrix.form), cairn_matrix_form_name(form));
    if (cairn_gpu_validation_errors(gpu, &first)) fail_msg("validation: %s", first);
    cairn_gpu_destroy(&gpu);
}

static int clear(void **state)
{
    (void)state;
    unsetenv("CAIRN_KERNELS");
    unsetenv("CAIRN_MATRIX");
    cairn_inject_set(NULL);
    return 0;
}

static void test_gpu_matrix__test_product_holds_for_every_size(void **state)
{
    static const char *const sizes[] = {"emulated", "emulated:16x8x16", "emulated:8x32x8"};
    (void)state;
    setenv("CAIRN_KERNELS", "matrix", 1);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        setenv("CAIRN_MATRIX", sizes[i], 1);
        expect(CAIRN_CLASS_MATRIX, CAIRN_MATRIX_EMULATED);
    }
}

static void test_gpu_matrix__wrong_product_means_simt(void **state)
{
    (void)state;
    setenv("CAIRN_KERNELS", "matrix", 1);
    setenv("CAIRN_MATRIX", "emulated", 1);
    for (int product = 1; product <= 2; product++) { /* of fp16 factors, of split ones */
        cairn_inject_set(product == 1 ? "self_test@1" : "self_test@2");
        expect(CAIRN_CLASS_SIMT, CAIRN_MATRIX_NONE);
    }
}

static void test_gpu_matrix__is_emulated_if_asked_for(void **state)
{
    (void)state;
    setenv("CAIRN_MATRIX", "off", 1);
    setenv("CAIRN_KERNELS", "simt", 1);
    expect(CAIRN_CLASS_SIMT, CAIRN_MATRIX_NONE);
    setenv("CAIRN_KERNELS", "matrix", 1);
    expect(CAIRN_CLASS_MATRIX, CAIRN_MATRIX_EMULATED);
}

static void test_gpu_matrix__is_never_the_default_by_emulation(void **state)
{
    (void)state;
    cairn_gpu_info *list = NULL;
    int count = 0;
    setenv("CAIRN_MATRIX", "emulated", 1);
    assert_ok(cairn_gpu_list(&list, &count));
    for (int i = 0; i < count; i++) assert_true(list[i].kernel_class != CAIRN_CLASS_MATRIX);
    free(list);
}

static void test_gpu_matrix__refuses_unknown_values(void **state)
{
    static const char *const wrong[] = {"yes", "emulated:", "emulated:16x16", "emulated:16x16x16x", "emulated:12x16x16",
                                        "emulated:64x16x16", "emulated:16x16x32", "emulated:-1x16x16"};
    (void)state;
    cairn_gpu *gpu = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        setenv("CAIRN_MATRIX", wrong[i], 1);
        assert_status(open_device(&gpu), CAIRN_E_INVALID, "CAIRN_MATRIX");
        assert_null(gpu);
    }
    clear(NULL);
    setenv("CAIRN_KERNELS", "fast", 1);
    assert_status(open_device(&gpu), CAIRN_E_INVALID, "expected texel, simt or matrix");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_gpu_matrix__test_product_holds_for_every_size, clear, clear),
        cmocka_unit_test_setup_teardown(test_gpu_matrix__wrong_product_means_simt, clear, clear),
        cmocka_unit_test_setup_teardown(test_gpu_matrix__is_emulated_if_asked_for, clear, clear),
        cmocka_unit_test_setup_teardown(test_gpu_matrix__is_never_the_default_by_emulation, clear, clear),
        cmocka_unit_test_setup_teardown(test_gpu_matrix__refuses_unknown_values, clear, clear),
    };
    if (!test_gpu_available()) return TEST_SKIP;
    return cmocka_run_group_tests_name("gpu_matrix", tests, NULL, NULL);
}
