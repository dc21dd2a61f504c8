/* LightGlue's training against PyTorch: which points belong together, the losses, and the gradient of every parameter
 * through all layers, in both classes of kernels; and the gradients against central differences in double precision.
 * Two pairs, one of them with fewer points than rows. Skipped where PyTorch is absent. */
#include "formats/npz.h"
#include "formats/safetensors.h"
#include "graph/program.h"
#include "matching/lightglue/import.h"
#include "matching/lightglue/loss.h"
#include "matching/lightglue/truth.h"
#include "reference/evaluate.h"
#include "train/checkpoint.h"

#include "support/device/test_gpu.h"
#include "support/scratch.h"
#include "support/test.h"
#include "support/torch.h"

#include "base/rng.h"

#include <math.h>

enum { PAIRS = 2, ROWS = 12, DESCRIPTOR = 20, MOST = 256, LOSSES = 4 };

typedef struct rig {
    cairn_npz npz;
    cairn_lightglue_options o;
    cairn_graph *g;
    cairn_model model;
    cairn_tid positions, descriptors, mask;
    cairn_lightglue_targets targets;
    cairn_lightglue_losses losses;
    cairn_tid parameters[MOST], gradients[MOST];
    /* values of the inputs */
    float k[2 * PAIRS * ROWS * 2], d[2 * PAIRS * ROWS * DESCRIPTOR], masks[2 * PAIRS * ROWS];
    float index[PAIRS * (ROWS + 1)], weight[PAIRS * (ROWS + 1)], unmatched[PAIRS * (ROWS + 1)];
} rig;

static const cairn_npz_array *array(const rig *r, int pair, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "%d|%s", pair, what);
    const cairn_npz_array *a = cairn_npz_find(&r->npz, name);
    if (!a) fail_msg("no array %s", name);
    return a;
}

static const float *whole(const rig *r, const char *name)
{
    const cairn_npz_array *a = cairn_npz_find(&r->npz, name);
    if (!a) fail_msg("no array %s", name);
    return a->data;
}

static cairn_keypoints points_of(const rig *r, int pair, const char *what)
{
    cairn_keypoints k;
    const cairn_npz_array *a = array(r, pair, what);
    const float *p = a->data;
    assert_ok(cairn_keypoints_create(&k, (int)a->shape[0], 0));
    for (int i = 0; i < k.count; i++) k.points[i] = (cairn_keypoint){p[2 * i], p[2 * i + 1], 1};
    return k;
}

/* One image's rows of the inputs. */
static void fill_image(rig *r, int pair, int which)
{
    const int image = which * PAIRS + pair;
    const float *size = whole(r, "size");
    const cairn_npz_array *k = array(r, pair, which ? "points1" : "points0");
    const cairn_npz_array *d = array(r, pair, which ? "descriptors1" : "descriptors0");
    const int n = (int)k->shape[0];
    cairn_lightglue_normalise(r->k + image * ROWS * 2, k->data, 2, n, (int)size[0], (int)size[1]);
    memcpy(r->d + image * ROWS * DESCRIPTOR, d->data, sizeof(float) * (size_t)(n * DESCRIPTOR));
    for (int i = 0; i < n; i++) r->masks[image * ROWS + i] = 1;
}

/* The truth is computed here and must be PyTorch's. */
static void fill_pair(rig *r, int pair)
{
    int of[2][ROWS];
    cairn_homography h;
    cairn_keypoints k[2] = {points_of(r, pair, "points0"), points_of(r, pair, "points1")};
    const float *limits = whole(r, "far"), *m = array(r, pair, "homography")->data;
    for (int i = 0; i < 9; i++) h.m[i] = m[i];
    assert_ok(cairn_match_truth(of[0], of[1], &k[0], &k[1], &h, limits[0], limits[1]));
    for (int which = 0; which < 2; which++) {
        const float *want = array(r, pair, which ? "matches1" : "matches0")->data;
        for (int i = 0; i < k[which].count; i++) assert_int_equal(of[which][i], (int)want[i]);
        fill_image(r, pair, which);
    }
    const int at = pair * (ROWS + 1);
    cairn_lightglue_fill_targets(r->index + at, r->weight + at, r->unmatched + at, ROWS, of[0], k[0].count, of[1],
                                 k[1].count);
    cairn_keypoints_free(&k[0]);
    cairn_keypoints_free(&k[1]);
}

static void import(const char *name)
{
    cairn_weights weights;
    cairn_import_report report;
    assert_ok(cairn_weights_read(&weights, test_path("%s.pth", name)));
    assert_ok(cairn_lightglue_import(&report, &weights, test_path("%s.safetensors", name)));
    cairn_import_report_free(&report);
    cairn_weights_free(&weights);
}

static void open_rig(rig *r)
{
    const cairn_shape one = {PAIRS, 1, ROWS + 1, 1}, last = {PAIRS, 1, 1, ROWS + 1};
    *r = (rig){.o = {3, 2, 32, DESCRIPTOR}};
    assert_ok(cairn_npz_read(&r->npz, test_path("training.npz")));
    for (int i = 0; i < PAIRS; i++) fill_pair(r, i);
    assert_ok(cairn_graph_create(&r->g));
    cairn_model_init(&r->model, r->g, true);
    r->positions = cairn_graph_input(r->g, "positions", (cairn_shape){2 * PAIRS, 1, ROWS, 2});
    r->descriptors = cairn_graph_input(r->g, "descriptors", (cairn_shape){2 * PAIRS, 1, ROWS, DESCRIPTOR});
    r->mask = cairn_graph_input(r->g, "mask", (cairn_shape){2 * PAIRS, 1, 1, ROWS});
    r->targets = (cairn_lightglue_targets){.index = cairn_graph_input(r->g, "index", one),
                                           .weight = cairn_graph_input(r->g, "weight", one),
                                           .unmatched = cairn_graph_input(r->g, "unmatched", last)};
    cairn_lightglue_outputs out = cairn_lightglue_build(&r->model, &r->o, r->positions, r->descriptors, r->mask);
    r->losses = cairn_lightglue_loss(r->g, &r->o, &out, &r->targets, r->mask);
    assert_true(r->model.count <= MOST);
    for (int i = 0; i < r->model.count; i++) r->parameters[i] = r->model.parameters[i].tensor;
    assert_ok(cairn_graph_differentiate(r->g, r->losses.loss, r->parameters, r->model.count, r->gradients));
    for (int i = 0; i < r->model.count; i++) {
        char name[128];
        if (r->gradients[i] == CAIRN_NONE) fail_msg("%s has no gradient", r->model.parameters[i].name);
        snprintf(name, sizeof name, "d %s", r->model.parameters[i].name);
        cairn_graph_output(r->g, r->gradients[i], name);
    }
    const cairn_tid values[LOSSES] = {r->losses.loss, r->losses.match, r->losses.last, r->losses.confidence};
    const char *const names[LOSSES] = {"loss", "match", "last", "confidence"};
    for (int i = 0; i < LOSSES; i++) cairn_graph_output(r->g, values[i], names[i]);
}

static void close_rig(rig *r)
{
    cairn_npz_free(&r->npz);
    cairn_model_uninit(&r->model);
    cairn_graph_destroy(&r->g);
}

static void inputs_of(const rig *r, cairn_tid ids[6], const float *values[6])
{
    const cairn_tid t[6] = {r->positions, r->descriptors, r->mask, r->targets.index, r->targets.weight,
                            r->targets.unmatched};
    const float *const v[6] = {r->k, r->d, r->masks, r->index, r->weight, r->unmatched};
    memcpy(ids, t, sizeof t);
    memcpy(values, v, sizeof v);
}

/* Largest difference of parameter p's gradient, in device order, as a part of its largest magnitude, which counts as at
 * least `floor`. */
static double worst_of(const cairn_parameter *p, const float *device, const cairn_safetensors *expected, double floor)
{
    const size_t n = (size_t)cairn_parameter_elements(p);
    const cairn_safetensor *want = cairn_safetensors_find(expected, p->name);
    if (!want || want->count != n) fail_msg("PyTorch has no gradient of %s", p->name);
    float *file = malloc(sizeof *file * n);
    assert_non_null(file);
    double most = 0, scale = floor;
    cairn_parameter_to_file(p, device, file);
    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)file[i] - want->data[i]);
        if (!(d <= most)) most = d;
        scale = fmax(scale, fabs((double)want->data[i]));
    }
    free(file);
    return most / scale;
}

static void compare_gradients(const rig *r, cairn_program *program)
{
    cairn_safetensors expected;
    double most = 0;
    assert_ok(cairn_safetensors_read(&expected, test_path("gradients.safetensors")));
    for (int i = 0; i < r->model.count; i++) {
        const cairn_parameter *p = &r->model.parameters[i];
        float *values = malloc(sizeof *values * (size_t)cairn_parameter_elements(p));
        assert_non_null(values);
        assert_ok(cairn_program_read(program, r->gradients[i], values));
        const double d = worst_of(p, values, &expected, 1e-3);
        if (!(d < 2e-4)) fail_msg("gradient of %s differs from PyTorch's by %.2e", p->name, d);
        most = fmax(most, d);
        free(values);
    }
    print_message("%d gradients: at most %.1e\n", r->model.count, most);
    cairn_safetensors_free(&expected);
}

static void compare(cairn_kernel_class of)
{
    static rig r;
    cairn_gpu *gpu = test_gpu(of);
    cairn_store *store;
    cairn_program *program;
    cairn_tid ids[6];
    const float *values[6];
    if (!gpu) return;
    open_rig(&r);
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, r.g, store, NULL));
    assert_ok(cairn_checkpoint_load(test_path("start.safetensors"), store, &r.model, false));
    inputs_of(&r, ids, values);
    for (int i = 0; i < 6; i++) assert_ok(cairn_program_write(program, ids[i], values[i]));
    assert_ok(cairn_program_run(program));
    const cairn_tid losses[LOSSES] = {r.losses.loss, r.losses.match, r.losses.last, r.losses.confidence};
    for (int i = 0; i < LOSSES; i++) {
        float got;
        const double want = whole(&r, "losses")[i];
        assert_ok(cairn_program_read(program, losses[i], &got));
        print_message("loss %d: %.6f, PyTorch %.6f\n", i, got, want);
        assert_near(got, want, 1e-5 * fabs(want));
    }
    compare_gradients(&r, program);
    test_gpu_assert_valid(gpu);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    close_rig(&r);
}

static void test_training__texel(void **state)
{
    (void)state;
    compare(CAIRN_CLASS_TEXEL);
}

static void test_training__simt(void **state)
{
    (void)state;
    compare(CAIRN_CLASS_SIMT);
}

/* Moves the parameters (the confidence heads, or all others) by `step` times random numbers, the same in each call;
 * returns the gradient along that direction. */
static double move(const rig *r, cairn_reference *reference, const cairn_safetensors *start, bool heads, double step)
{
    double along = 0;
    for (int i = 0; i < r->model.count; i++) {
        const cairn_parameter *p = &r->model.parameters[i];
        const int64_t n = cairn_parameter_elements(p);
        cairn_rng rng = cairn_rng_stream(3, 0, (uint32_t)i, 0, 0);
        double *x = cairn_reference_values(reference, p->tensor);
        const double *d = cairn_reference_values(reference, r->gradients[i]);
        float *device = malloc(sizeof *device * (size_t)n);
        assert_non_null(device);
        cairn_parameter_to_device(p, cairn_safetensors_find(start, p->name)->data, device);
        const bool moves = (strstr(p->name, ".confidence.") != NULL) == heads;
        for (int64_t k = 0; k < n; k++) {
            const double v = moves ? cairn_rng_normal(&rng) : 0;
            along += d[k] * v;
            x[k] = device[k] + step * v;
        }
        free(device);
    }
    return along;
}

/* The loss that the heads learn by depends on the states too, but no gradient goes there: so the others are moved under
 * the matches' loss alone. */
static void test_training__central_differences(void **state)
{
    (void)state;
    static rig r;
    const double step = 1e-6;
    cairn_reference *reference;
    cairn_safetensors start;
    cairn_tid ids[6];
    const float *values[6];
    open_rig(&r);
    assert_ok(cairn_safetensors_read(&start, test_path("start.safetensors")));
    assert_ok(cairn_reference_create(&reference, r.g));
    inputs_of(&r, ids, values);
    for (int i = 0; i < 6; i++) {
        double *to = cairn_reference_values(reference, ids[i]);
        for (int64_t k = 0; k < cairn_shape_count(cairn_graph_shape(r.g, ids[i])); k++) to[k] = values[i][k];
    }
    for (int heads = 0; heads < 2; heads++) {
        double loss[2], along = 0;
        cairn_tid of = heads ? r.losses.confidence : r.losses.match;
        move(&r, reference, &start, heads, 0);
        assert_ok(cairn_reference_run(reference));
        along = move(&r, reference, &start, heads, step);
        for (int side = 0; side < 2; side++) {
            move(&r, reference, &start, heads, side ? step : -step);
            assert_ok(cairn_reference_run(reference));
            loss[side] = cairn_reference_values(reference, of)[0];
        }
        const double slope = (loss[1] - loss[0]) / (2 * step);
        print_message("%s: gradient %.9f, difference %.9f\n", heads ? "confidence heads" : "all others", along, slope);
        assert_true(fabs(slope) > 1e-3);
        assert_near(along, slope, 1e-5 * fabs(slope));
    }
    cairn_safetensors_free(&start);
    cairn_reference_destroy(&reference);
    close_rig(&r);
}

static int ask_peer(void)
{
    return test_torch_call("networks/torch_lightglue.py", "'%s' training", test_path("%s", ""));
}

static int set_up(void **state)
{
    (void)state;
    import("start");
    import("gradients");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_training__central_differences),
        cmocka_unit_test(test_training__texel),
        cmocka_unit_test(test_training__simt),
    };
    if (!test_gpu_available()) return TEST_SKIP;
    if (!test_torch_available()) return TEST_SKIP;
    if (test_scratch_create(NULL)) return 1;
    int failed = ask_peer() ? 1 : cmocka_run_group_tests(tests, set_up, NULL);
    test_gpu_destroy_all();
    test_scratch_remove(NULL);
    return failed;
}
