/* Squeeze-and-excite against PyTorch (torch_gate.py), in both classes of kernels. */
#include "support/test.h"
#include "support/torch.h"

#include "base/rng.h"
#include "ops/gate/squeeze_excite.h"
#include "ops/pointwise/pointwise.h"

enum { INPUTS = 6 };
static const char *const names[INPUTS] = {"x", "w1", "b1", "w2", "b2", "weight"};
static const struct {
    cairn_shape x;
    int hidden;
} cases[] = {{{2, 7, 9, 16}, 8}, {{3, 4, 5, 72}, 24}, {{1, 35, 31, 37}, 9}, {{2, 4, 5, 576}, 144}};

static void run_case(test_torch_case *t, int number)
{
    const cairn_shape x = cases[number].x;
    const int c = x.c, d = cases[number].hidden;
    const cairn_shape shapes[INPUTS] = {x, {1, 1, c, d}, {1, 1, 1, d}, {1, 1, d, c}, {1, 1, 1, c}, x};
    const double spread[INPUTS] = {2, 4.0 / c, 1, 2.0 / d, 4, 1};
    cairn_rng rng = cairn_rng_stream(23, (uint32_t)number, 0, 0, 0);
    cairn_tid in[INPUTS];
    for (int i = 0; i < INPUTS; i++) {
        float *values;
        in[i] = test_torch_case_input(t, names[i], shapes[i], &values);
        for (int64_t k = 0; k < cairn_shape_count(shapes[i]); k++)
            values[k] = (float)cairn_rng_between(&rng, i ? -spread[i] : -1, spread[i]);
    }
    const cairn_tid y = cairn_op_squeeze_excite(t->g, in[0], in[1], in[2], in[3], in[4]);
    test_torch_case_output(t, "y", y);
    test_torch_case_run(t, cairn_op_mul(t->g, y, in[5]), INPUTS - 1);
}

static void agrees_with_torch(void **state)
{
    (void)state;
    test_torch_compare_cases((int)(sizeof cases / sizeof *cases), run_case, "networks/torch_gate.py");
}

int main(void)
{
    return test_torch_main(agrees_with_torch);
}
