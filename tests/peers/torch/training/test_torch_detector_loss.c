/* Both detector losses, averaged over the batch and image by image, with their gradients, against PyTorch in double
 * precision: a share of the cells is not valid, one image has none. Skipped where PyTorch is absent. */
#include "support/test.h"
#include "support/device/test_gpu.h"
#include "support/torch.h"

#include "base/rng.h"
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

static cairn_tid add_input(test_torch_case *c, const char *name, cairn_shape shape, const float *from)
{
    float *values;
    const cairn_tid t = test_torch_case_input(c, name, shape, &values);
    memcpy(values, from, sizeof *values * (size_t)cairn_shape_count(shape));
    return t;
}

static void compute(test_arrays *out, const cairn_detector_options *o, cairn_kernel_class kernel_class)
{
    const bool is_soft = o->kind == CAIRN_DETECTOR_SOFT;
    test_torch_case c;
    cairn_gpu *gpu = test_gpu(kernel_class);
    if (!gpu) return;
    test_torch_case_begin(&c, out, gpu, "%s-%s-%d", is_soft ? "soft" : "classes", o->per_image ? "image" : "batch",
                          (int)kernel_class);
    const cairn_tid x = add_input(&c, "logits", map, logits);
    const cairn_tid target = add_input(&c, "target", is_soft ? map : one, is_soft ? soft : classes);
    const cairn_tid loss = cairn_detector_loss_of(c.g, x, target, add_input(&c, "valid", one, valid), o);
    test_torch_case_output(&c, "loss", loss);
    test_torch_case_run(&c, loss, 1);
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
