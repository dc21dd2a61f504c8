/* Sampling, gathering, the best points, layouts, blur and quantisation against PyTorch (torch_sampling.py). */
#include "support/test.h"
#include "support/device/test_gpu.h"
#include "support/torch.h"

#include "base/rng.h"
#include "graph/program.h"
#include "ops/image/filter.h"
#include "ops/layout/layout.h"
#include "ops/pointwise/pointwise.h"
#include "ops/quantise/quantise.h"
#include "ops/reduce/reduce.h"
#include "ops/sampling/sampling.h"

enum { MOST_INPUTS = 4 };

typedef struct rig {
    test_arrays arrays;
    const char *name, *class_name;
    cairn_graph *g;
    cairn_rng rng;
    cairn_tid inputs[MOST_INPUTS];
    const char *names[MOST_INPUTS];
    float *values[MOST_INPUTS]; /* the arrays' */
    bool differentiable[MOST_INPUTS];
    int input_count;
} rig;

static float *add(rig *r, const char *name, cairn_shape s)
{
    return test_arrays_add_tensor(&r->arrays, s, "%s, %s|%s", r->name, r->class_name, name);
}

static cairn_tid input(rig *r, const char *name, cairn_shape s, double low, double high, bool differentiable)
{
    int i = r->input_count++;
    r->names[i] = name;
    r->values[i] = add(r, name, s);
    r->differentiable[i] = differentiable;
    for (int64_t k = 0; k < cairn_shape_count(s); k++) r->values[i][k] = (float)cairn_rng_between(&r->rng, low, high);
    return r->inputs[i] = cairn_graph_input(r->g, name, s);
}

/* Rounds the values of the last input. */
static void make_integers(rig *r)
{
    cairn_shape s = cairn_graph_shape(r->g, r->inputs[r->input_count - 1]);
    for (int64_t k = 0; k < cairn_shape_count(s); k++) {
        float *v = &r->values[r->input_count - 1][k];
        *v = (float)(int)(*v < 0 ? *v - 0.5f : *v + 0.5f);
    }
}

static cairn_tid sample(rig *r)
{
    cairn_tid map = input(r, "map", (cairn_shape){2, 7, 9, 5}, -1, 1, true);
    return cairn_op_sample(r->g, map, input(r, "points", (cairn_shape){2, 1, 30, 2}, -2, 10, true), 1,
                           CAIRN_BORDER_ZERO);
}

static cairn_tid sample_cells(rig *r)
{
    cairn_tid map = input(r, "map", (cairn_shape){2, 7, 9, 5}, -1, 1, true);
    return cairn_op_sample(r->g, map, input(r, "points", (cairn_shape){2, 1, 30, 2}, -9, 80, true), 8,
                           CAIRN_BORDER_CLAMP);
}

static cairn_tid gather(rig *r)
{
    cairn_tid x = input(r, "x", (cairn_shape){2, 1, 11, 6}, -1, 1, true);
    cairn_tid index = input(r, "index", (cairn_shape){2, 1, 25, 1}, -2, 12, false);
    make_integers(r);
    return cairn_op_gather(r->g, x, index);
}

static cairn_tid top(rig *r)
{
    cairn_tid x = input(r, "x", (cairn_shape){2, 13, 17, 1}, -1, 1, false);
    cairn_top_points t = cairn_op_top_points(r->g, x, 20, -2, 0);
    return cairn_op_concat(r->g, t.points, t.scores, CAIRN_AXIS_C);
}

static cairn_tid blur(rig *r)
{
    cairn_tid x = input(r, "x", (cairn_shape){2, 7, 9, 5}, -1, 1, true);
    return cairn_op_gaussian_blur(r->g, x, 1.25f, 3, CAIRN_FILTER_REFLECT);
}

static cairn_tid concat(rig *r, int axis, cairn_shape second)
{
    cairn_tid a = input(r, "a", (cairn_shape){2, 4, 5, 7}, -1, 1, true);
    return cairn_op_concat(r->g, a, input(r, "b", second, -1, 1, true), axis);
}

static cairn_tid concat_rows(rig *r)
{
    return concat(r, CAIRN_AXIS_H, (cairn_shape){2, 3, 5, 7});
}

static cairn_tid concat_columns(rig *r)
{
    return concat(r, CAIRN_AXIS_W, (cairn_shape){2, 4, 1, 7});
}

static cairn_tid concat_channels(rig *r)
{
    return concat(r, CAIRN_AXIS_C, (cairn_shape){2, 4, 5, 6});
}

static cairn_tid slice_rows(rig *r)
{
    return cairn_op_slice(r->g, input(r, "x", (cairn_shape){2, 5, 3, 6}, -1, 1, true), CAIRN_AXIS_H, 1, 3);
}

static cairn_tid slice_columns(rig *r)
{
    return cairn_op_slice(r->g, input(r, "x", (cairn_shape){2, 3, 8, 5}, -1, 1, true), CAIRN_AXIS_W, 2, 5);
}

static cairn_tid transpose(rig *r)
{
    return cairn_op_transpose(r->g, input(r, "x", (cairn_shape){2, 1, 6, 9}, -1, 1, true));
}

static cairn_tid fake_per_channel(rig *r)
{
    cairn_tid x = input(r, "x", (cairn_shape){2, 5, 6, 7}, -6, 6, true);
    cairn_tid parameters = input(r, "parameters", (cairn_shape){1, 1, 2, 7}, 0.01, 0.05, false);
    for (int i = 0; i < 7; i++) r->values[1][7 + i] = (float)cairn_rng_integer(&r->rng, 0, 255);
    return cairn_op_fake_quantise(r->g, x, parameters, 8, false);
}

static cairn_tid fake_per_tensor(rig *r)
{
    cairn_tid x = input(r, "x", (cairn_shape){3, 1, 5, 6}, -1, 1, true);
    cairn_tid parameters = input(r, "parameters", (cairn_shape){1, 1, 2, 1}, 0.1, 0.1, false);
    r->values[1][1] = 0;
    return cairn_op_fake_quantise(r->g, x, parameters, 4, true);
}

static cairn_tid observe_with(rig *r, float share)
{
    static const char *const names[] = {"a", "b", "c"};
    cairn_tid range = cairn_graph_stored(r->g, "range", (cairn_shape){1, 1, 3, 1});
    for (int k = 0; k < 3; k++)
        cairn_op_observe_range(r->g, input(r, names[k], (cairn_shape){2, 3, 5, 7}, k - 3, 3 * k + 1, false), range,
                               share);
    return cairn_op_slice(r->g, range, CAIRN_AXIS_W, 0, 2);
}

static cairn_tid observe(rig *r)
{
    return observe_with(r, 0);
}

static cairn_tid observe_averages(rig *r)
{
    return observe_with(r, 0.5f);
}

static const struct {
    const char *name;
    cairn_tid (*build)(rig *r);
} cases[] = {{"sample", sample}, {"sample cells", sample_cells}, {"gather", gather}, {"top", top}, {"blur", blur},
             {"concat rows", concat_rows}, {"concat columns", concat_columns}, {"concat channels", concat_channels},
             {"slice rows", slice_rows}, {"slice columns", slice_columns}, {"transpose", transpose},
             {"fake quantise per channel", fake_per_channel}, {"fake quantise per tensor", fake_per_tensor},
             {"observe", observe}, {"observe averages", observe_averages}};

/* Builds y and, where an input is differentiable, the gradients of sum(y * weight); runs; keeps all values. */
static void run_case(rig *r, cairn_gpu *gpu, int number)
{
    cairn_store *store;
    cairn_program *program;
    cairn_tid gradients[MOST_INPUTS] = {CAIRN_NONE, CAIRN_NONE, CAIRN_NONE, CAIRN_NONE}, wrt[MOST_INPUTS];
    r->input_count = 0;
    r->name = cases[number].name;
    r->rng = cairn_rng_stream(17, (uint32_t)number, 0, 0, 0);
    assert_ok(cairn_graph_create(&r->g));
    cairn_tid y = cases[number].build(r);
    assert_ok(cairn_graph_status(r->g));
    int inputs = r->input_count;
    cairn_graph_output(r->g, y, "y");
    bool any = false;
    for (int i = 0; i < inputs; i++) {
        wrt[i] = r->differentiable[i] ? r->inputs[i] : CAIRN_NONE;
        any |= r->differentiable[i];
    }
    if (any) {
        cairn_tid weight = input(r, "weight", cairn_graph_shape(r->g, y), -1, 1, false);
        assert_ok(cairn_graph_differentiate(r->g, cairn_op_mul(r->g, y, weight), wrt, inputs, gradients));
    }
    for (int i = 0; i < inputs; i++)
        if (gradients[i] != CAIRN_NONE) cairn_graph_output(r->g, gradients[i], r->names[i]);
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, r->g, store, NULL));
    for (int i = 0; i < r->input_count; i++) assert_ok(cairn_program_write(program, r->inputs[i], r->values[i]));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_read(program, y, add(r, "y", cairn_graph_shape(r->g, y))));
    for (int i = 0; i < inputs; i++) {
        char name[32];
        if (gradients[i] == CAIRN_NONE) continue;
        snprintf(name, sizeof name, "d_%s", r->names[i]);
        assert_ok(cairn_program_read(program, gradients[i], add(r, name, cairn_graph_shape(r->g, gradients[i]))));
    }
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&r->g);
}

static void agrees_with_torch(void **state)
{
    (void)state;
    static rig r;
    for (int k = 0; k < 2; k++) {
        cairn_gpu *gpu = test_gpu(k ? CAIRN_CLASS_SIMT : CAIRN_CLASS_TEXEL);
        r.class_name = test_gpu_class_name(k ? CAIRN_CLASS_SIMT : CAIRN_CLASS_TEXEL);
        for (int i = 0; i < (int)(sizeof cases / sizeof *cases) && gpu; i++) run_case(&r, gpu, i);
    }
    test_torch_compare(&r.arrays, "points/torch_sampling.py");
}

int main(void)
{
    return test_torch_main(agrees_with_torch);
}
