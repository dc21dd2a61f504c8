/* Squeeze-and-excite against PyTorch (torch_gate.py), in both classes of kernels. */
#include "support/test.h"
#include "support/device/test_gpu.h"
#include "support/torch.h"

#include "base/rng.h"
#include "graph/program.h"
#include "ops/gate/squeeze_excite.h"
#include "ops/pointwise/pointwise.h"

enum { INPUTS = 6 };
static const char *const names[INPUTS] = {"x", "w1", "b1", "w2", "b2", "weight"};
static const struct {
    cairn_shape x;
    int hidden;
} cases[] = {{{2, 7, 9, 16}, 8}, {{3, 4, 5, 72}, 24}, {{1, 35, 31, 37}, 9}, {{2, 4, 5, 576}, 144}};

static void run_case(test_arrays *a, cairn_gpu *gpu, const char *class_name, int number)
{
    const cairn_shape x = cases[number].x;
    const int c = x.c, d = cases[number].hidden;
    const cairn_shape shapes[INPUTS] = {x, {1, 1, c, d}, {1, 1, 1, d}, {1, 1, d, c}, {1, 1, 1, c}, x};
    const double spread[INPUTS] = {2, 4.0 / c, 1, 2.0 / d, 4, 1};
    cairn_rng rng = cairn_rng_stream(23, (uint32_t)number, 0, 0, 0);
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    cairn_tid t[INPUTS], dt[INPUTS - 1];
    float *values[INPUTS];
    assert_ok(cairn_graph_create(&g));
    for (int i = 0; i < INPUTS; i++) {
        t[i] = cairn_graph_input(g, names[i], shapes[i]);
        values[i] = test_arrays_add_tensor(a, shapes[i], "%d, %s|%s", number, class_name, names[i]);
        for (int64_t k = 0; k < cairn_shape_count(shapes[i]); k++)
            values[i][k] = (float)cairn_rng_between(&rng, i ? -spread[i] : -1, spread[i]);
    }
    cairn_tid y = cairn_op_squeeze_excite(g, t[0], t[1], t[2], t[3], t[4]);
    assert_ok(cairn_graph_differentiate(g, cairn_op_mul(g, y, t[5]), t, INPUTS - 1, dt));
    cairn_graph_output(g, y, "y");
    for (int i = 0; i < INPUTS - 1; i++) cairn_graph_output(g, dt[i], names[i]);
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, g, store, NULL));
    for (int i = 0; i < INPUTS; i++) assert_ok(cairn_program_write(program, t[i], values[i]));
    assert_ok(cairn_program_run(program));
    float *out = test_arrays_add_tensor(a, x, "%d, %s|y", number, class_name);
    assert_ok(cairn_program_read(program, y, out));
    for (int i = 0; i < INPUTS - 1; i++) {
        out = test_arrays_add_tensor(a, shapes[i], "%d, %s|d_%s", number, class_name, names[i]);
        assert_ok(cairn_program_read(program, dt[i], out));
    }
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

static void agrees_with_torch(void **state)
{
    (void)state;
    static test_arrays a;
    for (int k = 0; k < 2; k++) {
        cairn_kernel_class kernel_class = k ? CAIRN_CLASS_SIMT : CAIRN_CLASS_TEXEL;
        cairn_gpu *gpu = test_gpu(kernel_class);
        for (int i = 0; i < (int)(sizeof cases / sizeof *cases) && gpu; i++)
            run_case(&a, gpu, test_gpu_class_name(kernel_class), i);
    }
    test_torch_compare(&a, "networks/torch_gate.py");
}

int main(void)
{
    return test_torch_main(agrees_with_torch);
}
