/* Checkpoints that PyTorch wrote, read without Python: every number type and both containers, and the forward pass of
 * each public layout after its import, against PyTorch's. Skipped where PyTorch is absent; the real MagicPoint by
 * CAIRN_TEST_WEIGHTS, its .npz. */
#include "formats/npz.h"
#include "formats/torch/torch_file.h"
#include "student/network.h"
#include "system/file.h"
#include "teacher/import.h"
#include "train/checkpoint.h"

#include "support/scratch.h"
#include "support/test.h"
#include "support/torch.h"
#include "support/device/test_gpu.h"

#include <math.h>

static int ask_peer(const char *weights)
{
    const char *quote = weights ? "'" : "";
    return test_torch_call("networks/torch_import.py", "'%s' %s%s%s", test_path("%s", ""), quote,
                           weights ? weights : "", quote);
}

static void compare_types(const char *name)
{
    cairn_weights weights;
    cairn_npz expected;
    assert_ok(cairn_weights_read(&weights, test_path("%s", name)));
    assert_ok(cairn_npz_read(&expected, test_path("types.npz")));
    assert_int_equal(weights.count, expected.count);
    for (int i = 0; i < expected.count; i++) {
        const cairn_npz_array *e = &expected.arrays[i];
        const cairn_weight *got = cairn_weights_find(&weights, e->name);
        if (!got) fail_msg("%s: no tensor %s", name, e->name);
        assert_int_equal(got->rank, e->rank);
        assert_int_equal(got->count, e->count);
        assert_memory_equal(got->shape, e->shape, sizeof *e->shape * (size_t)e->rank);
        if (memcmp(got->data, e->data, e->count * sizeof(float))) fail_msg("%s: other numbers in %s", name, e->name);
    }
    cairn_weights_free(&weights);
    cairn_npz_free(&expected);
}

static void test_types__zip(void **state)
{
    (void)state;
    compare_types("types.pth");
}

static void test_types__legacy(void **state)
{
    (void)state;
    compare_types("types-legacy.pth");
}

static void test_refused__what_is_no_state(void **state)
{
    (void)state;
    cairn_weights weights;
    assert_status(cairn_weights_read(&weights, test_path("object.pth")), CAIRN_E_UNSUPPORTED, "state_dict");
    assert_status(cairn_weights_read(&weights, test_path("none.pth")), CAIRN_E_FORMAT, "no tensor");
    assert_status(cairn_weights_read(&weights, test_path("complex.pth")), CAIRN_E_UNSUPPORTED, "ComplexFloat");
    assert_null(weights.tensors);
}

/* The file names os.system; its tensor is read and nothing happens. */
static void test_attack__is_not_executed(void **state)
{
    (void)state;
    cairn_weights weights;
    assert_ok(cairn_weights_read(&weights, test_path("attack.pth")));
    assert_int_equal(weights.count, 1);
    assert_string_equal(weights.tensors[0].name, "good");
    assert_false(cairn_file_exists(test_path("attacked")));
    cairn_weights_free(&weights);
}

static const float *array(const cairn_npz *npz, const char *name, int rank)
{
    const cairn_npz_array *a = NULL;
    const int64_t any[3] = {-1, -1, -1};
    assert_ok(cairn_npz_require(&a, npz, name, CAIRN_NPZ_F32, rank, any));
    return a->data;
}

static double worst(const float *a, const float *b, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)a[i] - b[i]);
        if (!(d <= most)) most = d;
    }
    return most;
}

/* Imports `from`, runs the network on the peer's image and compares with the peer's outputs. */
static void compare_forward(const char *from, const char *expected, const char *layout, int dimension)
{
    cairn_weights weights;
    cairn_import_report report;
    cairn_npz npz;
    cairn_gpu *gpu = NULL;
    cairn_network *network = NULL;
    const char *ours = test_path("%s.safetensors", layout);
    assert_ok(cairn_weights_read(&weights, from));
    assert_ok(cairn_import(&report, &weights, NULL, ours)); /* the layout is recognised */
    assert_string_equal(report.layout, layout);
    assert_ok(cairn_npz_read(&npz, expected));
    char *threshold = NULL;
    if (strcmp(layout, "superpoint-tf")) {
        assert_int_equal(cairn_checkpoint_metadata(&threshold, ours, "threshold"), CAIRN_E_NOTFOUND);
    } else {
        assert_ok(cairn_checkpoint_metadata(&threshold, ours, "threshold"));
        assert_string_equal(threshold, "0.005");
    }
    free(threshold);
    const cairn_npz_array *image = cairn_npz_find(&npz, "image");
    assert_non_null(image);
    const int h = (int)image->shape[0], w = (int)image->shape[1];
    const size_t cells = (size_t)(h / 8) * (size_t)(w / 8) * (size_t)dimension;
    float *heatmap = malloc(sizeof(float) * (size_t)h * (size_t)w), *descriptors = malloc(sizeof(float) * (cells + 1));
    assert_true(heatmap && descriptors);
    gpu = test_gpu(CAIRN_CLASS_TEXEL);
    if (!gpu) gpu = test_gpu(CAIRN_CLASS_SIMT);
    assert_ok(cairn_network_load(&network, gpu, ours));
    assert_int_equal(cairn_network_dimension(network), dimension);
    assert_ok(cairn_network_run(network, image->data, 1, h, w, heatmap, dimension ? descriptors : NULL));
    /* A map of zeros and ones would agree too easily. */
    float least = 1, most = 0;
    for (int i = 0; i < h * w; i++) {
        least = fminf(least, heatmap[i]);
        most = fmaxf(most, heatmap[i]);
    }
    assert_true(least > 0 && most < 0.999f && most > 2 * least);
    const double heat = worst(heatmap, array(&npz, "heatmap", 2), (size_t)h * (size_t)w);
    const double other = dimension ? worst(descriptors, array(&npz, "descriptors", 3), cells) : 0;
    print_message("%s: heatmap within %.2g, descriptors within %.2g\n", layout, heat, other);
    assert_true(heat < 1e-4 && other < 1e-4);
    if (cairn_npz_find(&npz, "heatmap_of_batch")) {
        cairn_network_use_batch_statistics(network, true);
        assert_ok(cairn_network_run(network, image->data, 1, h, w, heatmap, NULL));
        assert_true(worst(heatmap, array(&npz, "heatmap_of_batch", 2), (size_t)h * (size_t)w) < 1e-4);
        cairn_network_use_batch_statistics(network, false);
        assert_ok(cairn_network_run(network, image->data, 1, h, w, heatmap, NULL));
        assert_true(worst(heatmap, array(&npz, "heatmap", 2), (size_t)h * (size_t)w) < 1e-4);
    }
    free(heatmap);
    free(descriptors);
    cairn_network_destroy(&network);
    cairn_npz_free(&npz);
    cairn_import_report_free(&report);
    cairn_weights_free(&weights);
}

static void test_layouts__forward_passes_agree(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int dimension;
    } layouts[] = {
        {"superpoint", 32}, {"superpoint-tf", 32}, {"superpoint-bn", 256}, {"pytorch-superpoint", 32}};
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        compare_forward(test_path("%s.pth", layouts[i].name), test_path("%s.npz", layouts[i].name), layouts[i].name,
                        layouts[i].dimension);
}

static void test_layouts__mistakes_are_named(void **state)
{
    (void)state;
    cairn_weights weights;
    cairn_import_report report;
    assert_ok(cairn_weights_read(&weights, test_path("superpoint.pth")));
    assert_status(cairn_import(&report, &weights, "superpoint-tf", test_path("no.safetensors")), CAIRN_E_NOTFOUND,
                  "backbone.0.0.conv.weight");
    cairn_weight *t = (cairn_weight *)(uintptr_t)cairn_weights_find(&weights, "conv3b.weight");
    assert_non_null(t);
    t->shape[0]--;
    assert_status(cairn_import(&report, &weights, NULL, test_path("no.safetensors")), CAIRN_E_SHAPE, "conv3b.weight");
    t->shape[0]++;
    t->data[5] = NAN;
    assert_status(cairn_import(&report, &weights, NULL, test_path("no.safetensors")), CAIRN_E_NUMERIC, "finite");
    t->data[5] = 0;
    free(t->name);
    t->name = strdup("conv3x.weight");
    assert_status(cairn_import(&report, &weights, NULL, test_path("no.safetensors")), CAIRN_E_NOTFOUND,
                  "conv3b.weight");
    assert_false(cairn_file_exists(test_path("no.safetensors")));
    cairn_weights_free(&weights);
    assert_ok(cairn_weights_read(&weights, test_path("types.pth")));
    assert_status(cairn_import(&report, &weights, NULL, test_path("no.safetensors")), CAIRN_E_FORMAT, "no layout");
    cairn_weights_free(&weights);
}

static void test_magicpoint__real_weights(void **state)
{
    (void)state;
    const char *path = getenv("CAIRN_TEST_WEIGHTS");
    if (!path) {
        print_message("skipped: CAIRN_TEST_WEIGHTS names no magicpoint .npz\n");
        skip();
    }
    assert_int_equal(ask_peer(path), 0);
    compare_forward(path, test_path("magicpoint.npz"), "magicpoint-tf", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types__zip),
        cmocka_unit_test(test_types__legacy),
        cmocka_unit_test(test_refused__what_is_no_state),
        cmocka_unit_test(test_attack__is_not_executed),
        cmocka_unit_test(test_layouts__forward_passes_agree),
        cmocka_unit_test(test_layouts__mistakes_are_named),
        cmocka_unit_test(test_magicpoint__real_weights),
    };
    if (!test_gpu_available()) return TEST_SKIP;
    if (!test_torch_available()) return TEST_SKIP;
    if (test_scratch_create(NULL)) return 1;
    int failed = ask_peer(NULL) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
    test_gpu_destroy_all();
    test_scratch_remove(NULL);
    return failed;
}
