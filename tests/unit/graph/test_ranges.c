/* Tensors beyond the range of a storage buffer: the same bits as with a range that holds them. */
#include "support/test.h"
#include "support/device/test_gpu.h"
#include "support/device/training.h"

#include "base/rng.h"
#include "teacher/superpoint.h"
#include "train/model.h"

#include <stdlib.h>

/* Largest tensors: 3.1 MB in training, 0.4 MB in inference, parameters 0.4 MB. */
static const char range[] = "0.1";

/* NULL: the driver or the variable CAIRN_KERNELS does not allow the class. */
static cairn_gpu *open_device(cairn_kernel_class kernel_class, const char *range_mb)
{
    cairn_gpu *gpu = NULL;
    cairn_gpu_options options = CAIRN_GPU_OPTIONS_INIT;
    if (!test_gpu(kernel_class)) return NULL;
    options.kernel_class = kernel_class;
    options.quiet = true;
    options.cache_folder = "";
    if (range_mb) setenv("CAIRN_RANGE_MB", range_mb, 1);
    assert_ok(cairn_gpu_create(&gpu, &options));
    unsetenv("CAIRN_RANGE_MB");
    if (range_mb)
        assert_int_equal(cairn_gpu_get_info(gpu)->max_storage_range, (uint64_t)(atof(range_mb) * 1e6) / 16 * 16);
    return gpu;
}

static void close_device(cairn_gpu **gpu)
{
    test_gpu_assert_valid(*gpu);
    cairn_gpu_destroy(gpu);
}

static void test_ranges__training_keeps_its_bits(void **state)
{
    (void)state;
    for (cairn_kernel_class c = CAIRN_CLASS_TEXEL; c <= CAIRN_CLASS_SIMT; c++)
        for (int mixed = 0; mixed < 2; mixed++) {
            const cairn_program_options options = {
                .precision = mixed ? CAIRN_PRECISION_MIXED : CAIRN_PRECISION_FP32};
            cairn_gpu *wide = open_device(c, NULL);
            if (!wide) continue;
            if (c == CAIRN_CLASS_SIMT && !cairn_gpu_get_info(wide)->any_size) {
                close_device(&wide);
                continue;
            }
            const test_outcome whole = test_train(wide, false, &options);
            close_device(&wide);
            cairn_gpu *narrow = open_device(c, range);
            const test_outcome reached = test_train(narrow, false, &options);
            close_device(&narrow);
            test_expect_same_outcome(&reached, &whole);
        }
}

enum { HEIGHT = 64, WIDTH = 96, CELLS = HEIGHT * WIDTH / 64 };

static void infer(cairn_gpu *gpu, float logits[CELLS * 65])
{
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    cairn_model model;
    float image[HEIGHT * WIDTH];
    cairn_rng rng = cairn_rng_stream(8, 0, 0, 0, 0);
    for (int i = 0; i < HEIGHT * WIDTH; i++) image[i] = (float)cairn_rng_uniform(&rng);
    assert_ok(cairn_graph_create(&g));
    assert_ok(cairn_store_create(&store, gpu));
    cairn_model_init(&model, g, false);
    cairn_tid x = cairn_graph_input(g, "image", (cairn_shape){1, HEIGHT, WIDTH, 1});
    cairn_superpoint_options options = {.width = 0.25};
    cairn_tid y = cairn_superpoint(&model, x, &options).logits;
    cairn_graph_output(g, y, "logits");
    assert_ok(cairn_model_initialise(&model, store, 3));
    assert_ok(cairn_program_create(&program, gpu, g, store, NULL));
    assert_ok(cairn_program_write(program, x, image));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_read(program, y, logits));
    cairn_program_destroy(&program);
    cairn_model_uninit(&model);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

static void test_ranges__inference_keeps_its_bits(void **state)
{
    (void)state;
    static float whole[CELLS * 65], reached[CELLS * 65];
    for (cairn_kernel_class c = CAIRN_CLASS_TEXEL; c <= CAIRN_CLASS_SIMT; c++) {
        cairn_gpu *gpu = open_device(c, NULL);
        if (!gpu || (c == CAIRN_CLASS_SIMT && !cairn_gpu_get_info(gpu)->any_size)) continue;
        infer(gpu, whole);
        close_device(&gpu);
        gpu = open_device(c, range);
        infer(gpu, reached);
        close_device(&gpu);
        assert_memory_equal(whole, reached, sizeof whole);
        assert_true(whole[0] != whole[65]);
    }
}

/* A device without buffer addresses: the plan is refused before memory is taken. */
static void test_ranges__a_plan_out_of_reach_is_refused(void **state)
{
    (void)state;
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    cairn_model model;
    setenv("CAIRN_ADDRESSES", "0", 1);
    cairn_gpu *gpu = open_device(CAIRN_CLASS_SIMT, range);
    unsetenv("CAIRN_ADDRESSES");
    if (!gpu) skip();
    assert_false(cairn_gpu_get_info(gpu)->any_size);
    assert_ok(cairn_graph_create(&g));
    assert_ok(cairn_store_create(&store, gpu));
    cairn_model_init(&model, g, false);
    cairn_superpoint_options options = {.width = 0.25};
    cairn_tid x = cairn_graph_input(g, "image", (cairn_shape){1, HEIGHT, WIDTH, 1});
    cairn_graph_output(g, cairn_superpoint(&model, x, &options).logits, "logits");
    assert_ok(cairn_model_initialise(&model, store, 3));
    assert_status(cairn_program_create(&program, gpu, g, store, NULL), CAIRN_E_UNSUPPORTED, "reach 0.1 MB of one");
    assert_non_null(strstr(cairn_error_message(), "use 1/4 of the batch"));
    assert_null(program);
    cairn_model_uninit(&model);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
    close_device(&gpu);
}

static void test_ranges__a_wrong_range_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"0", "-1", "x", "1x", "nan", "1e9"};
    cairn_gpu *gpu;
    cairn_gpu_options options = {.cache_folder = "", .quiet = true, .validation = -1};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        setenv("CAIRN_RANGE_MB", wrong[i], 1);
        assert_status(cairn_gpu_create(&gpu, &options), CAIRN_E_INVALID, "CAIRN_RANGE_MB");
    }
    unsetenv("CAIRN_RANGE_MB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges__training_keeps_its_bits),
        cmocka_unit_test(test_ranges__inference_keeps_its_bits),
        cmocka_unit_test(test_ranges__a_plan_out_of_reach_is_refused),
        cmocka_unit_test(test_ranges__a_wrong_range_is_refused),
    };
    return test_gpu_main("ranges", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
