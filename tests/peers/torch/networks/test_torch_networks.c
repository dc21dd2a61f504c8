/* The whole teacher and student against PyTorch in double precision: outputs, gradients, ten optimiser steps. */
#include "support/test.h"
#include "support/device/test_gpu.h"
#include "support/torch.h"

#include "base/rng.h"
#include "formats/npz.h"
#include "graph/program.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"
#include "student/network.h"
#include "system/file.h"
#include "teacher/descriptor_loss.h"
#include "teacher/losses.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEPS = 10, MOST_PARAMETERS = 512, MOST_DRAWS = 20 };
/* At a kink of an activation (hard-swish at 3, say) rounding decides which of two derivatives is taken: one of the
 * student's 474,648 activation inputs, 3.5e-7 from it, moved a gradient by 0.0077 of its largest value. So a network's
 * inputs are drawn anew until every activation's input is this far from any kink, in units of the tensor's root mean
 * square. */
static const double LEAST_MARGIN = 3e-6;

typedef struct rig {
    cairn_gpu *gpu;
    cairn_graph *g;
    cairn_model model;
    cairn_store *store;
    cairn_program *program;
    cairn_tid inputs[4], scalars, loss, logits, descriptor, gradients[MOST_PARAMETERS];
    const char *names[4];
    int input_count;
    char folder[256];
    cairn_npz expected;
} rig;

static cairn_tid input(rig *r, const char *name, cairn_shape s)
{
    r->names[r->input_count] = name;
    return r->inputs[r->input_count++] = cairn_graph_input(r->g, name, s);
}

static cairn_tid build_loss(rig *r, const cairn_network_spec *spec, cairn_shape size)
{
    cairn_network_graph net = cairn_network_build(&r->model, spec, input(r, "image", size));
    r->logits = net.logits;
    r->descriptor = net.descriptor;
    if (spec->kind == CAIRN_NETWORK_SP_FPN) {
        cairn_tid target = input(r, "target", size);
        return cairn_op_reduce_mean(r->g, cairn_op_huber(r->g, net.heatmap, target, 1), CAIRN_AXES_ALL);
    }
    cairn_shape s = cairn_graph_shape(r->g, net.logits);
    int m = s.h * s.w;
    cairn_tid labels = input(r, "labels", (cairn_shape){s.n, s.h, s.w, 1});
    cairn_tid match = input(r, "match", (cairn_shape){s.n, 1, m, m});
    cairn_tid valid = input(r, "valid", (cairn_shape){s.n, 1, 1, m});
    cairn_tid all = cairn_graph_constant(r->g, (cairn_shape){s.n, s.h, s.w, 1}, 1);
    cairn_descriptor_views views = {.a = net.descriptor, .b = net.descriptor, .match = match, .valid = valid};
    cairn_descriptor_options balanced = {.kind = CAIRN_DESCRIPTOR_BALANCED, .lambda = 1};
    return cairn_op_add(r->g, cairn_detector_loss(r->g, net.logits, labels, all),
                        cairn_descriptor_loss(r->g, &views, &balanced).loss);
}

static void path_of(char *out, size_t size, const rig *r, const char *name)
{
    snprintf(out, size, "%s/%s", r->folder, name);
}

static void fill_inputs(rig *r, int draw)
{
    cairn_npz_array arrays[4] = {0};
    char path[300];
    for (int i = 0; i < r->input_count; i++) {
        cairn_rng rng = cairn_rng_stream(11, 0, (uint32_t)draw, (uint32_t)i, 0);
        cairn_shape s = cairn_graph_shape(r->g, r->inputs[i]);
        size_t count = (size_t)cairn_shape_count(s);
        float *values = malloc(count * sizeof *values);
        for (size_t k = 0; k < count; k++) {
            double u = cairn_rng_uniform(&rng);
            values[k] = (float)u;
            if (!strcmp(r->names[i], "labels")) values[k] = (float)(int)(u * 65);
            if (!strcmp(r->names[i], "match")) values[k] = u < 0.1;
            if (!strcmp(r->names[i], "valid")) values[k] = u < 0.8;
        }
        assert_ok(cairn_program_write(r->program, r->inputs[i], values));
        arrays[i] = (cairn_npz_array){.name = (char *)(uintptr_t)r->names[i], .type = CAIRN_NPZ_F32, .rank = 4,
                                      .shape = {s.n, s.h, s.w, s.c}, .data = values};
    }
    path_of(path, sizeof path, r, "inputs.npz");
    assert_ok(cairn_npz_write(path, arrays, r->input_count, false));
    for (int i = 0; i < r->input_count; i++) free(arrays[i].data);
}

static const double *expected_values(const cairn_npz *npz, const char *prefix, const char *name, size_t count)
{
    char key[160];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    const cairn_npz_array *a = cairn_npz_find(npz, key);
    if (!a) fail_msg("PyTorch's file lacks %s", key);
    assert_int_equal(a->type, CAIRN_NPZ_F64);
    assert_int_equal(a->count, count);
    return a->data;
}

/* Leaves what PyTorch makes of the inputs in r->expected, and returns how near an activation's input is to a kink; if
 * that is below LEAST_MARGIN, there is nothing else. */
static double run_peer(rig *r, const char *description, const char *checkpoint)
{
    char path[300];
    assert_int_equal(test_torch_call("networks/torch_networks.py", "'%s' '%s' '%s/inputs.npz' '%s/expected.npz' %g",
                                     description, checkpoint, r->folder, r->folder, LEAST_MARGIN), 0);
    path_of(path, sizeof path, r, "expected.npz");
    cairn_npz_free(&r->expected);
    assert_ok(cairn_npz_read(&r->expected, path));
    return *expected_values(&r->expected, "", "margin", 1);
}

static void start(rig *r, cairn_kernel_class kernel_class, const cairn_network_spec *spec, cairn_shape size)
{
    char path[300], description[128];
    r->gpu = test_gpu(kernel_class);
    if (!r->gpu) skip();
    snprintf(r->folder, sizeof r->folder, "%s/cairn-torch-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(r->folder));
    assert_ok(cairn_graph_create(&r->g));
    assert_ok(cairn_store_create(&r->store, r->gpu));
    cairn_model_init(&r->model, r->g, true);
    r->loss = build_loss(r, spec, size);
    assert_ok(cairn_graph_status(r->g));
    assert_true(r->model.count <= MOST_PARAMETERS);
    cairn_tid wrt[MOST_PARAMETERS];
    for (int i = 0; i < r->model.count; i++)
        wrt[i] = r->model.parameters[i].trainable ? r->model.parameters[i].tensor : CAIRN_NONE;
    assert_ok(cairn_graph_differentiate(r->g, r->loss, wrt, r->model.count, r->gradients));
    for (int i = 0; i < r->model.count; i++) cairn_graph_output(r->g, r->gradients[i], r->model.parameters[i].name);
    cairn_train_optimiser optimiser;
    assert_ok(cairn_train_add_optimiser(r->g, &r->model, r->loss, &cairn_train_defaults, &optimiser));
    r->scalars = optimiser.scalars;
    cairn_graph_output(r->g, r->loss, "loss");
    cairn_graph_output(r->g, r->logits, "logits");
    cairn_graph_output(r->g, r->descriptor, "descriptor");
    assert_ok(cairn_model_initialise(&r->model, r->store, 5));
    assert_ok(cairn_program_create(&r->program, r->gpu, r->g, r->store, NULL));
    cairn_network_describe(description, sizeof description, spec);
    path_of(path, sizeof path, r, "start.safetensors");
    assert_ok(cairn_checkpoint_save(path, r->store, &r->model, false, &(cairn_metadata){"model", description}, 1));
    for (int draw = 0; draw < MOST_DRAWS; draw++) {
        fill_inputs(r, draw);
        if (run_peer(r, description, path) >= LEAST_MARGIN) return;
    }
    fail_msg("%d draws of inputs, and each has an activation within %g of a kink", MOST_DRAWS, LEAST_MARGIN);
}

static int set_up(void **state)
{
    *state = calloc(1, sizeof(rig));
    return *state ? 0 : -1;
}

/* Runs after a failure too: what is left on the device when it is destroyed, the validation layer reports object by
 * object, which would bury the message. */
static int tear_down(void **state)
{
    rig *r = *state;
    char command[300];
    int failed = 0;
    cairn_npz_free(&r->expected);
    cairn_program_destroy(&r->program);
    cairn_store_destroy(&r->store);
    cairn_model_uninit(&r->model);
    cairn_graph_destroy(&r->g);
    if (r->folder[0]) {
        snprintf(command, sizeof command, "rm -rf '%s'", r->folder);
        failed = system(command);
    }
    free(r);
    return failed;
}

/* Error of `got` in units of the largest expected magnitude, or of `least` where that is larger. */
static double distance(const double *expected, const float *got, size_t count, double least)
{
    double most = 0, scale = least;
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fabs(expected[i] - (double)got[i]));
        scale = fmax(scale, fabs(expected[i]));
    }
    return most / scale;
}

static void compare_value(rig *r, cairn_tid t, const char *name, double tolerance)
{
    size_t count = (size_t)cairn_shape_count(cairn_graph_shape(r->g, t));
    float *values = malloc(count * sizeof *values);
    assert_ok(cairn_program_read(r->program, t, values));
    double d = distance(expected_values(&r->expected, "", name, count), values, count, 1e-12);
    free(values);
    if (!(d < tolerance)) fail_msg("%s differs by %g of its largest value (allowed %g)", name, d, tolerance);
}

/* Biases in front of a normalisation have a gradient of exactly zero in theory; what is left is rounding. */
static bool is_rounding(const double *gradient, size_t count, double scale)
{
    double most = 0;
    for (size_t i = 0; i < count; i++) most = fmax(most, fabs(gradient[i]));
    return most < 1e-9 * scale;
}

static void compare_parameters(rig *r, bool after, double tolerance)
{
    double scale = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < r->model.count; i++) {
            const cairn_parameter *p = &r->model.parameters[i];
            size_t count = (size_t)cairn_parameter_elements(p);
            if (!p->trainable) continue;
            const double *gradient = expected_values(&r->expected, "gradient|", p->name, count);
            for (size_t k = 0; k < count && !pass; k++) scale = fmax(scale, fabs(gradient[k]));
            if (!pass || is_rounding(gradient, count, scale)) continue;
            float *device = malloc(2 * count * sizeof *device), *file = device + count;
            if (after)
                assert_ok(cairn_store_read(r->store, cairn_store_find(r->store, p->name), device));
            else
                assert_ok(cairn_program_read(r->program, r->gradients[i], device));
            cairn_parameter_to_file(p, device, file);
            /* A weight whose scale a normalisation behind it removes has a small gradient that is the difference of
             * large sums: its rounding is that of the large ones. */
            double d = distance(expected_values(&r->expected, after ? "after|" : "gradient|", p->name, count), file,
                                count, after ? 1e-12 : 0.1 * scale);
            free(device);
            if (!(d < tolerance))
                fail_msg("%s of %s differs by %g of its largest value (allowed %g)", after ? "value" : "gradient",
                         p->name, d, tolerance);
        }
}

static void run_network(rig *r, cairn_kernel_class kernel_class, const cairn_network_spec *spec, cairn_shape size)
{
    start(r, kernel_class, spec, size);
    const double *losses = expected_values(&r->expected, "", "loss", STEPS);
    for (int step = 0; step < STEPS; step++) {
        float scalars[CAIRN_OPTIMISER_SCALARS], loss;
        cairn_train_scalars(&cairn_train_defaults, step, 0, scalars);
        assert_ok(cairn_program_write(r->program, r->scalars, scalars));
        assert_ok(cairn_program_run(r->program));
        assert_ok(cairn_program_read(r->program, r->loss, &loss));
        /* Adam divides by the gradient's size, so that rounding in tiny gradients grows with the steps. */
        double allowed = (step == 0 ? 1e-5 : 2e-3) * fabs(losses[step]);
        if (!(fabs(loss - losses[step]) < allowed))
            fail_msg("loss of step %d is %.8g, PyTorch's %.8g", step, (double)loss, losses[step]);
        if (step) continue;
        compare_value(r, r->logits, "logits", 1e-4);
        if (r->descriptor != CAIRN_NONE) compare_value(r, r->descriptor, "descriptor", 1e-4);
        compare_parameters(r, false, 2e-3);
    }
    compare_parameters(r, true, 3e-2);
    test_gpu_assert_valid(r->gpu);
}

static void superpoint(rig *r, cairn_kernel_class kernel_class, cairn_superpoint_order order)
{
    cairn_network_spec spec = {.kind = CAIRN_NETWORK_SUPERPOINT,
                               .superpoint = {.width = 0.125, .descriptor = 32, .order = order}};
    run_network(r, kernel_class, &spec, (cairn_shape){2, 32, 40, 1});
}

static void sp_fpn(rig *r, cairn_kernel_class kernel_class)
{
    cairn_network_spec spec = {.kind = CAIRN_NETWORK_SP_FPN, .sp_fpn = {.width = 1.0, .channels = 16, .taps = {1, 2, 4, 12}}};
    run_network(r, kernel_class, &spec, (cairn_shape){3, 64, 96, 1});
}

static void test_superpoint__texel(void **state)
{
    superpoint(*state, CAIRN_CLASS_TEXEL, CAIRN_ORDER_BN_RELU);
}

static void test_superpoint_relu_first__texel(void **state)
{
    superpoint(*state, CAIRN_CLASS_TEXEL, CAIRN_ORDER_RELU_BN);
}

static void test_superpoint_without_norm__texel(void **state)
{
    superpoint(*state, CAIRN_CLASS_TEXEL, CAIRN_ORDER_NONE);
}

static void test_superpoint__simt(void **state)
{
    superpoint(*state, CAIRN_CLASS_SIMT, CAIRN_ORDER_BN_RELU);
}

static void test_sp_fpn__texel(void **state)
{
    sp_fpn(*state, CAIRN_CLASS_TEXEL);
}

static void test_sp_fpn__simt(void **state)
{
    sp_fpn(*state, CAIRN_CLASS_SIMT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_superpoint__texel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_superpoint_relu_first__texel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_superpoint_without_norm__texel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_superpoint__simt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sp_fpn__texel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sp_fpn__simt, set_up, tear_down),
    };
    if (!test_torch_available()) return TEST_SKIP;
    return test_gpu_main("PyTorch, networks", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
