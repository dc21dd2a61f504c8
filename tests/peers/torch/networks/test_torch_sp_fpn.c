/* Checkpoints of SP-FPN's source after their import, against PyTorch's forward pass: names with DataParallel's prefix,
 * older torchvision's, other taps, Large. Skipped where PyTorch is absent. */
#include "formats/npz.h"
#include "student/network.h"
#include "student/import/sp_fpn.h"
#include "system/file.h"

#include "support/device/test_gpu.h"
#include "support/scratch.h"
#include "support/test.h"
#include "support/torch.h"

#include <math.h>

static cairn_gpu *any_gpu(void)
{
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_TEXEL);
    return gpu ? gpu : test_gpu(CAIRN_CLASS_SIMT);
}

static const cairn_npz_array *array(const cairn_npz *npz, const char *name)
{
    const cairn_npz_array *a = NULL;
    const int64_t any[2] = {-1, -1};
    assert_ok(cairn_npz_require(&a, npz, name, CAIRN_NPZ_F32, 2, any));
    return a;
}

/* Imports NAME.pth and compares the heatmap of its image. left: tensors without a place. */
static void agree(const char *name, const char *model, int left)
{
    cairn_weights weights;
    cairn_import_report report;
    cairn_npz npz;
    cairn_network *network = NULL;
    const char *ours = test_path("%s.safetensors", name);
    assert_ok(cairn_weights_read(&weights, test_path("%s.pth", name)));
    assert_true(cairn_sp_fpn_names_fit(&weights));
    assert_ok(cairn_sp_fpn_import(&report, &weights, ours));
    assert_string_equal(report.model, model);
    assert_int_equal(report.left, left);
    for (int i = 0; i < left; i++)
        if (!strstr(report.left_names[i], ".bias")) fail_msg("%s has no place", report.left_names[i]);
    assert_ok(cairn_network_load(&network, any_gpu(), ours));
    assert_ok(cairn_npz_read(&npz, test_path("%s.npz", name)));
    const cairn_npz_array *image = array(&npz, "image"), *expected = array(&npz, "heatmap");
    const float *e = expected->data;
    float *heatmap = malloc(expected->count * sizeof *heatmap), least = 1, most = 0;
    double worst = 0;
    assert_non_null(heatmap);
    assert_ok(cairn_network_run(network, image->data, 1, (int)image->shape[0], (int)image->shape[1], heatmap, NULL));
    for (size_t i = 0; i < expected->count; i++) {
        const double d = fabs((double)heatmap[i] - e[i]);
        if (!(d <= worst)) worst = d;
        least = fminf(least, e[i]);
        most = fmaxf(most, e[i]);
    }
    print_message("%s: heatmap of %.3f to %.3f within %.2g\n", name, (double)least, (double)most, worst);
    /* An instance norm of the coarsest map, six pixels at Large's width of 0.35, magnifies both sides' rounding
     * (1.5e-4); a wrong place or size is off by tenths. */
    assert_true(most - least > 0.2f && worst < 1e-3);
    free(heatmap);
    cairn_network_destroy(&network);
    cairn_npz_free(&npz);
    cairn_import_report_free(&report);
    cairn_weights_free(&weights);
}

static void test_import__agrees_with_pytorch(void **state)
{
    (void)state;
    agree("seed", "sp-fpn width=1 channels=128 taps=1,2,4,12 backbone=small", 0);
    agree("old", "sp-fpn width=0.5 channels=16 taps=1,2,4,12 backbone=small", 8);
    agree("deep", "sp-fpn width=1 channels=24 taps=1,3,8,11 backbone=small", 8);
    agree("large", "sp-fpn width=0.35 channels=8 taps=3,6,12,16 backbone=large", 0);
}

static void test_import__mistakes_are_named(void **state)
{
    (void)state;
    cairn_weights weights;
    cairn_import_report report;
    const char *out = test_path("no.safetensors");
    assert_ok(cairn_weights_read(&weights, test_path("old.pth")));
    static const char stem[] = "model_state_dict.module.";
    cairn_weight *t = (cairn_weight *)(uintptr_t)cairn_weights_find(
        &weights, "model_state_dict.module.backbone.4.block.2.fc1.weight");
    assert_non_null(t);
    t->shape[0]--;
    assert_status(cairn_sp_fpn_import(&report, &weights, out), CAIRN_E_SHAPE, "backbone.4.block.2.fc1.weight");
    t->shape[0]++;
    t->data[0] = NAN;
    assert_status(cairn_sp_fpn_import(&report, &weights, out), CAIRN_E_NUMERIC, "finite");
    t->name[sizeof stem] = 'x';
    assert_status(cairn_sp_fpn_import(&report, &weights, out), CAIRN_E_NOTFOUND, "backbone.4.block.2.fc1.weight");
    t = (cairn_weight *)(uintptr_t)cairn_weights_find(&weights, "model_state_dict.module.fpn.inner_blocks.0.weight");
    t->shape[0] = 4;
    assert_status(cairn_sp_fpn_import(&report, &weights, out), CAIRN_E_SHAPE, "pyramid");
    t->name[sizeof stem] = 'x';
    assert_false(cairn_sp_fpn_names_fit(&weights));
    assert_status(cairn_sp_fpn_import(&report, &weights, out), CAIRN_E_NOTFOUND, "fpn.inner_blocks.0.0.weight");
    assert_false(cairn_file_exists(out));
    cairn_weights_free(&weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_import__agrees_with_pytorch),
        cmocka_unit_test(test_import__mistakes_are_named),
    };
    if (!test_gpu_available() || !test_torch_available()) return TEST_SKIP;
    if (test_scratch_create(NULL)) return 1;
    int failed = test_torch_call("networks/torch_sp_fpn.py", "'%s'", test_path("%s", "")) ||
                 cmocka_run_group_tests(tests, NULL, NULL);
    test_gpu_destroy_all();
    test_scratch_remove(NULL);
    return failed;
}
