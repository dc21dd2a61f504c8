/* Squeeze-and-excite against PyTorch (torch_gate.py), in both classes of kernels. */
#include "support/scratch.h"
#include "support/test.h"
#include "support/test_gpu.h"

#include "base/rng.h"
#include "formats/npz.h"
#include "graph/program.h"
#include "ops/gate/squeeze_excite.h"
#include "ops/pointwise/pointwise.h"

#include <stdlib.h>

enum { INPUTS = 6, MOST = 128 };
static const char *const names[INPUTS] = {"x", "w1", "b1", "w2", "b2", "weight"};
static const struct {
    cairn_shape x;
    int hidden;
} cases[] = {{{2, 7, 9, 16}, 8}, {{3, 4, 5, 72}, 24}, {{1, 35, 31, 37}, 9}, {{2, 4, 5, 576}, 144}};

typedef struct arrays {
    cairn_npz_array of[MOST];
    int count;
    const char *class_name;
    int number;
} arrays;

static float *add(arrays *a, const char *prefix, const char *name, cairn_shape s)
{
    char text[96];
    assert_true(a->count < MOST);
    snprintf(text, sizeof text, "%d, %s|%s%s", a->number, a->class_name, prefix, name);
    cairn_npz_array *e = &a->of[a->count++];
    *e = (cairn_npz_array){.name = strdup(text), .type = CAIRN_NPZ_F32, .rank = 4, .shape = {s.n, s.h, s.w, s.c}};
    e->data = calloc((size_t)cairn_shape_count(s), sizeof(float));
    assert_true(e->name && e->data);
    return e->data;
}

static void run_case(arrays *a, cairn_gpu *gpu)
{
    const cairn_shape x = cases[a->number].x;
    const int c = x.c, d = cases[a->number].hidden;
    const cairn_shape shapes[INPUTS] = {x, {1, 1, c, d}, {1, 1, 1, d}, {1, 1, d, c}, {1, 1, 1, c}, x};
    const double spread[INPUTS] = {2, 4.0 / c, 1, 2.0 / d, 4, 1};
    cairn_rng rng = cairn_rng_stream(23, (uint32_t)a->number, 0, 0, 0);
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    cairn_tid t[INPUTS], dt[INPUTS - 1];
    float *values[INPUTS];
    assert_ok(cairn_graph_create(&g));
    for (int i = 0; i < INPUTS; i++) {
        t[i] = cairn_graph_input(g, names[i], shapes[i]);
        values[i] = add(a, "", names[i], shapes[i]);
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
    assert_ok(cairn_program_read(program, y, add(a, "", "y", x)));
    for (int i = 0; i < INPUTS - 1; i++)
        assert_ok(cairn_program_read(program, dt[i], add(a, "d_", names[i], shapes[i])));
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

static void agrees_with_torch(void **state)
{
    (void)state;
    static arrays a;
    char command[600];
    for (int k = 0; k < 2; k++) {
        cairn_gpu *gpu = test_gpu(k ? CAIRN_CLASS_SIMT : CAIRN_CLASS_TEXEL);
        a.class_name = test_gpu_class_name(k ? CAIRN_CLASS_SIMT : CAIRN_CLASS_TEXEL);
        for (a.number = 0; a.number < (int)(sizeof cases / sizeof *cases) && gpu; a.number++) run_case(&a, gpu);
    }
    assert_ok(cairn_npz_write(test_path("cases.npz"), a.of, a.count, false));
    for (int i = 0; i < a.count; i++) {
        free(a.of[i].name);
        free(a.of[i].data);
    }
    snprintf(command, sizeof command, "/usr/bin/python3 %s/tests/peers/torch/torch_gate.py %s", getenv("CAIRN_TEST_SOURCE"),
             test_path("cases.npz"));
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_torch)};
    if (!test_gpu_available()) return TEST_SKIP;
    if (system("/usr/bin/python3 -c 'import torch, numpy' 2>/dev/null")) {
        fprintf(stderr, "skipped: no PyTorch (Debian package python3-torch)\n");
        return TEST_SKIP;
    }
    int failed = cmocka_run_group_tests(tests, test_scratch_create, test_scratch_remove);
    test_gpu_destroy_all();
    return failed;
}
