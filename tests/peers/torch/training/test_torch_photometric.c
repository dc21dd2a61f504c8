/* Changes of light on the device against PyTorch (torch_photometric.py): each effect alone, all six by the parameters
 * of every preset, and kernels wider than the image. */
#include "support/test.h"
#include "support/device/test_gpu.h"
#include "support/torch.h"

#include "base/rng.h"
#include "graph/program.h"
#include "teacher/augment.h"

#include <math.h>

typedef struct rig {
    test_arrays arrays;
    const char *name, *class_name;
} rig;

static float *add(rig *r, const char *part, cairn_shape s)
{
    return test_arrays_add_tensor(&r->arrays, s, "%s, %s|%s", r->name, r->class_name, part);
}

static float norm(double scale, int radius)
{
    double sum = 0;
    for (int k = -radius; k <= radius; k++) sum += exp(-scale * k * k);
    return (float)(1 / sum);
}

/* No amounts: nothing changes. */
static cairn_photometric_row no_change(uint32_t number)
{
    cairn_photometric_row r = {.factor = 1,
                               .centre = -1,
                               .shade_scale = 0.05f,
                               .shade_norm = 1,
                               .motion_x = 1,
                               .motion_scale = 0.2f,
                               .motion_norm = 1,
                               .key = {0x80000003u + number, 0xfffffff1u},
                               .counter = {9, 0x23456789u, number},
                               .speckle_word = 3000000001u + number,
                               .noise_word = 21u + number};
    for (int k = 0; k < CAIRN_PHOTOMETRIC_COUNT; k++)
        r.order[k] = (k + (int)number) % CAIRN_PHOTOMETRIC_COUNT;
    return r;
}

static void set_effect(cairn_photometric_row *r, cairn_photometric effect, int shade_radius, int motion_radius)
{
    switch (effect) {
    case CAIRN_PHOTOMETRIC_BRIGHTNESS: r->add = -0.3f; break;
    case CAIRN_PHOTOMETRIC_CONTRAST: r->factor = 1.4f; break;
    case CAIRN_PHOTOMETRIC_SPECKLE:
        r->black_below = 0x06000000u;
        r->white_below = 0x10000000u;
        break;
    case CAIRN_PHOTOMETRIC_NOISE: r->deviation = 0.05f; break;
    case CAIRN_PHOTOMETRIC_SHADE:
        r->tau = 0.6f;
        r->shade_radius = shade_radius;
        r->shade_norm = norm((double)r->shade_scale, shade_radius);
        break;
    default:
        r->motion_radius = motion_radius;
        r->motion_y = -1;
        r->motion_norm = norm((double)r->motion_scale, motion_radius);
    }
}

static void random_images(float *out, cairn_shape s, uint32_t purpose)
{
    cairn_rng rng = cairn_rng_stream(5, 0, 0, 0, purpose);
    for (int64_t i = 0; i < cairn_shape_count(s); i++) out[i] = (float)cairn_rng_uniform(&rng);
}

static void run(rig *r, cairn_gpu *gpu, cairn_shape s, const float *x, const float *masks, const float *rows)
{
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    assert_ok(cairn_graph_create(&g));
    cairn_tid in = cairn_graph_input(g, "x", s), mask = cairn_graph_input(g, "masks", s);
    cairn_tid row = cairn_graph_input(g, "rows", (cairn_shape){s.n, 1, 1, CAIRN_PHOTOMETRIC_FLOATS});
    cairn_tid y = cairn_op_photometric(g, in, mask, 0, row);
    cairn_graph_output(g, y, "y");
    assert_ok(cairn_graph_status(g));
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, g, store, NULL));
    assert_ok(cairn_program_write(program, in, x));
    assert_ok(cairn_program_write(program, mask, masks));
    assert_ok(cairn_program_write(program, row, rows));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_read(program, y, add(r, "y", s)));
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
    test_gpu_assert_valid(gpu);
}

/* Image i has effect i alone, or all of them. */
static void run_effects(rig *r, cairn_gpu *gpu, const char *name, cairn_shape s, bool all, int shade, int motion)
{
    r->name = name;
    float *x = add(r, "x", s), *masks = add(r, "masks", s);
    float *rows = add(r, "rows", (cairn_shape){s.n, 1, 1, CAIRN_PHOTOMETRIC_FLOATS});
    random_images(x, s, 1);
    random_images(masks, s, 2);
    for (int i = 0; i < s.n; i++) {
        cairn_photometric_row row = no_change((uint32_t)i);
        for (int k = 0; k < CAIRN_PHOTOMETRIC_COUNT; k++)
            if (all || k == i) set_effect(&row, (cairn_photometric)k, shade, motion);
        cairn_photometric_encode(rows + i * CAIRN_PHOTOMETRIC_FLOATS, &row);
    }
    run(r, gpu, s, x, masks, rows);
}

/* As training draws them. */
static void run_presets(rig *r, cairn_gpu *gpu)
{
    const cairn_shape s = {CAIRN_AUGMENT_COUNT, 40, 52, 1};
    const int pixels = s.h * s.w;
    r->name = "presets";
    float *x = add(r, "x", s), *masks = add(r, "masks", s);
    float *rows = add(r, "rows", (cairn_shape){s.n, 1, 1, CAIRN_PHOTOMETRIC_FLOATS});
    random_images(x, s, 3);
    for (int i = 0; i < s.n; i++) {
        cairn_photometric_plan plan;
        const cairn_photometric_options o = cairn_photometric_preset((cairn_augment_preset)i);
        cairn_rng rng = cairn_rng_stream(6, 0, 0, (uint32_t)i, 0);
        assert_ok(cairn_photometric_draw(&plan, &rng, s.h, s.w, 1, &o));
        assert_ok(cairn_photometric_for_device(rows + i * CAIRN_PHOTOMETRIC_FLOATS, masks + i * pixels, 1, &plan));
    }
    run(r, gpu, s, x, masks, rows);
}

static void agrees_with_torch(void **state)
{
    (void)state;
    static rig r;
    for (int k = 0; k < 2; k++) {
        cairn_gpu *gpu = test_gpu(k ? CAIRN_CLASS_SIMT : CAIRN_CLASS_TEXEL);
        r.class_name = test_gpu_class_name(k ? CAIRN_CLASS_SIMT : CAIRN_CLASS_TEXEL);
        if (!gpu) continue;
        run_effects(&r, gpu, "alone", (cairn_shape){CAIRN_PHOTOMETRIC_COUNT, 31, 45, 1}, false, 7, 3);
        run_effects(&r, gpu, "together", (cairn_shape){4, 24, 40, 1}, true, 7, 3);
        run_effects(&r, gpu, "wide", (cairn_shape){2, 16, 37, 1}, true, 60, 31);
        run_presets(&r, gpu);
    }
    test_torch_compare(&r.arrays, "training/torch_photometric.py");
}

int main(void)
{
    return test_torch_main(agrees_with_torch);
}
