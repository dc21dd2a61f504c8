/* Both detector losses, averaged over the batch and image by image, with their gradients, against PyTorch in double
 * precision: a share of the cells is not valid, one image has none. Skipped where PyTorch is absent. */
#include "support/test.h"
#include "support/device/test_gpu.h"
#include "support/torch.h"

#include "base/rng.h"
#include "graph/program.h"
#include "teacher/labels/labels.h"
#include "teacher/losses.h"

#include <math.h>
#include <string.h>

enum { N = 3, HC = 3, WC = 5, CELLS = HC * WC, ALL = N * CELLS };

static const cairn_shape map = {N, HC, WC, 65}, one = {N, HC, WC, 1};
static float logits[ALL * 65], valid[ALL], classes[ALL], soft[ALL * 65];

static void fill(void)
{
    cairn_rng rng = cairn_rng_stream(3, 5, 4, 1, 5);
    for (int i = 0; i < ALL * 65; i++) logits[i] = (float)(3 * cairn_rng_normal(&rng));
    for (int i = 0; i < ALL; i++) valid[i] = i / CELLS < 2 && cairn_rng_uniform(&rng) < 0.7;
    for (int n = 0; n < N; n++) {
        cairn_keypoints k;
        assert_ok(cairn_keypoints_create(&k, 9, 0));
        for (int i = 0; i < 9; i++)
            k.points[i] = (cairn_keypoint){(float)cairn_rng_between(&rng, 0, 8 * WC - 1),
                                           (float)cairn_rng_between(&rng, 0, 8 * HC - 1), 1};
        assert_ok(cairn_labels_soft(soft + n * CELLS * 65, &k, 8 * HC, 8 * WC));
        assert_ok(cairn_labels_from_points(classes + n * CELLS, &k, 8 * HC, 8 * WC, &rng));
        cairn_keypoints_free(&k);
    }
}

static void compute(test_arrays *out, const cairn_detector_options *o, cairn_kernel_class kernel_class)
{
    cairn_graph *g = NULL;
    cairn_store *store = NULL;
    cairn_program *program = NULL;
    char name[64];
    cairn_gpu *gpu = test_gpu(kernel_class);
    if (!gpu) return;
    const cairn_shape target = o->kind == CAIRN_DETECTOR_SOFT ? map : one;
    const float *values[3] = {logits, o->kind == CAIRN_DETECTOR_SOFT ? soft : classes, valid};
    snprintf(name, sizeof name, "%s-%s-%d", o->kind == CAIRN_DETECTOR_SOFT ? "soft" : "classes",
             o->per_image ? "image" : "batch", (int)kernel_class);
    assert_ok(cairn_graph_create(&g));
    const cairn_tid in[3] = {cairn_graph_input(g, "logits", map), cairn_graph_input(g, "target", target),
                             cairn_graph_input(g, "valid", one)};
    const cairn_tid loss = cairn_detector_loss_of(g, in[0], in[1], in[2], o);
    cairn_tid gradient;
    assert_ok(cairn_graph_status(g));
    assert_ok(cairn_graph_differentiate(g, loss, in, 1, &gradient));
    cairn_graph_output(g, loss, "loss");
    cairn_graph_output(g, gradient, "gradient");
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, g, store, NULL));
    for (int i = 0; i < 3; i++) assert_ok(cairn_program_write(program, in[i], values[i]));
    assert_ok(cairn_program_run(program));
    memcpy(test_arrays_add_tensor(out, map, "%s|logits", name), logits, sizeof logits);
    memcpy(test_arrays_add_tensor(out, target, "%s|target", name), values[1],
           sizeof(float) * (size_t)cairn_shape_count(target));
    memcpy(test_arrays_add_tensor(out, one, "%s|valid", name), valid, sizeof valid);
    assert_ok(cairn_program_read(program, loss, test_arrays_add_tensor(out, CAIRN_SCALAR, "%s|loss", name)));
    assert_ok(cairn_program_read(program, gradient, test_arrays_add_tensor(out, map, "%s|d_logits", name)));
    test_gpu_assert_valid(gpu);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

static void test_detector_loss(void **state)
{
    (void)state;
    static test_arrays out;
    fill();
    for (int i = 0; i < 4; i++) {
        const cairn_detector_options o = {(cairn_detector_loss_kind)(i / 2), i % 2};
        compute(&out, &o, CAIRN_CLASS_TEXEL);
        compute(&out, &o, CAIRN_CLASS_SIMT);
    }
    test_torch_compare(&out, "training/torch_detector_loss.py");
}

int main(void)
{
    return test_torch_main(test_detector_loss);
}
