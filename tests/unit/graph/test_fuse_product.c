/* Fusion of matrix products with what follows them (cairn_op's absorb of src/ops/product/matrix.c). */
#include "support/test.h"
#include "support/device/test_gpu.h"

#include "base/rng.h"
#include "graph/program.h"
#include "ops/pointwise/pointwise.h"
#include "ops/product/matrix.h"

#include <string.h>

typedef struct product_case {
    int n, m, k, p;
    bool transpose_a, transpose_b;
    cairn_unary function;
    int fewer; /* dispatches */
} product_case;
enum { PRODUCT_MOST = 3 * 21 * 70 };

/* y = f(A B + bias) + r, z = f(A B + r): one kernel each instead of four and three. */
static void run_product(const product_case *c, cairn_gpu *gpu, bool fusion, float *values, cairn_program_stats *stats)
{
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    static float fill[3 * 70 * 70];
    assert_ok(cairn_graph_create(&g));
    const cairn_shape sa = c->transpose_a ? (cairn_shape){c->n, 1, c->k, c->m} : (cairn_shape){c->n, 1, c->m, c->k};
    const cairn_shape sb = c->transpose_b ? (cairn_shape){c->n, 1, c->p, c->k} : (cairn_shape){c->n, 1, c->k, c->p};
    const cairn_shape sy = {c->n, 1, c->m, c->p};
    const cairn_tid a = cairn_graph_input(g, "a", sa), b = cairn_graph_input(g, "b", sb);
    const cairn_tid r = cairn_graph_input(g, "r", sy),
                    bias = cairn_graph_input(g, "bias", (cairn_shape){1, 1, 1, c->p});
    cairn_tid y[2];
    y[0] = cairn_op_add(g, cairn_op_matmul(g, a, b, c->transpose_a, c->transpose_b), bias);
    y[0] = cairn_op_add(g, r, cairn_op_unary(g, y[0], c->function, 0, 0));
    y[1] = cairn_op_add(g, r, cairn_op_matmul(g, a, b, c->transpose_a, c->transpose_b));
    y[1] = cairn_op_unary(g, y[1], c->function, 0, 0);
    for (int i = 0; i < 2; i++) cairn_graph_output(g, y[i], i ? "z" : "y");
    assert_ok(cairn_store_create(&store, gpu));
    cairn_program_options po = {.no_fusion = !fusion, .canaries = true, .no_aliasing = true};
    assert_ok(cairn_program_create(&program, gpu, g, store, &po));
    cairn_rng rng = cairn_rng_stream(10, 0, 0, 0, 0);
    for (size_t i = 0; i < sizeof fill / sizeof *fill; i++) fill[i] = (float)cairn_rng_between(&rng, -1, 1);
    const cairn_tid inputs[] = {a, b, r, bias};
    for (int i = 0; i < 4; i++) assert_ok(cairn_program_write(program, inputs[i], fill + i));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_check(program));
    for (int i = 0; i < 2; i++) assert_ok(cairn_program_read(program, y[i], values + i * PRODUCT_MOST));
    *stats = *cairn_program_get_stats(program);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

static void test_fuse_product__products_take_what_follows(void **state)
{
    (void)state;
    static const product_case cases[] = {
        {1, 21, 13, 70, false, false, CAIRN_UNARY_RELU, 5},    {3, 17, 64, 35, false, true, CAIRN_UNARY_HSWISH, 5},
        {2, 5, 9, 8, true, false, CAIRN_UNARY_HSIGMOID, 5},    {2, 6, 33, 12, true, true, CAIRN_UNARY_SIGMOID, 5},
        {1, 4, 7, 5, false, false, CAIRN_UNARY_SIGMOID, 3}, /* it would fill the padding channels, and stays */
    };
    static const cairn_kernel_class all[] = {CAIRN_CLASS_TEXEL, CAIRN_CLASS_SIMT, CAIRN_CLASS_MATRIX};
    static float values[2][2 * PRODUCT_MOST];
    for (size_t i = 0; i < 3 * sizeof cases / sizeof *cases; i++) {
        cairn_gpu *gpu = test_gpu(all[i % 3]);
        cairn_program_stats plain, fused;
        if (!gpu) continue;
        memset(values, 0, sizeof values);
        run_product(&cases[i / 3], gpu, false, values[0], &plain);
        run_product(&cases[i / 3], gpu, true, values[1], &fused);
        assert_int_equal(plain.dispatches - fused.dispatches, cases[i / 3].fewer);
        for (int k = 0; k < 2 * PRODUCT_MOST; k++) assert_near(values[1][k], values[0][k], 4e-6);
        test_gpu_assert_valid(gpu);
    }
}

int main(void)
{
    if (!test_gpu_available()) return TEST_SKIP;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fuse_product__products_take_what_follows)};
    int failed = cmocka_run_group_tests_name("fuse_product", tests, NULL, NULL);
    test_gpu_destroy_all();
    return failed;
}
