/* Changes of light on the device against the reference, and against teacher/augment.h on the host. */
#include "ops/image/photometric.h"
#include "support/device/op_case.h"
#include "graph/program.h"
#include "teacher/augment.h"

#include <math.h>
#include <string.h>

typedef struct light_case {
    cairn_shape x, masks;
    int channel;
    int first;     /* of the order; the others follow in turn */
    bool mid_grey; /* contrast about 0.5 */
    int shade_radius, motion_radius;
} light_case;

static float norm(double scale, int radius)
{
    double sum = 0;
    for (int k = -radius; k <= radius; k++) sum += exp(-scale * k * k);
    return (float)(1 / sum);
}

static void light(op_case *c, cairn_graph *g)
{
    static const int lines[4][2] = {{1, 0}, {0, 1}, {1, 1}, {1, -1}};
    const light_case *p = op_case_data(c);
    cairn_tid x = op_case_input(c, p->x, 0, 1), masks = op_case_input(c, p->masks, 0, 1);
    float rows[8 * CAIRN_PHOTOMETRIC_FLOATS];
    for (int n = 0; n < p->x.n; n++) {
        cairn_photometric_row r = {
            .add = 0.1f * (float)(n % 3) - 0.08f,
            .factor = 0.6f + 0.3f * (float)n,
            .centre = p->mid_grey ? 0.5f : -1,
            .tau = 0.4f - 0.3f * (float)n,
            .shade_radius = p->shade_radius,
            .shade_scale = 0.05f,
            .shade_norm = norm(0.05f, p->shade_radius),
            .motion_radius = p->motion_radius,
            .motion_x = lines[n % 4][0],
            .motion_y = lines[n % 4][1],
            .motion_scale = 0.2f,
            .motion_norm = norm(0.2f, p->motion_radius),
            .deviation = 0.05f,
            .key = {0x80000001u + (uint32_t)n, 0xffffffffu},
            .counter = {7, 0x12345678u, (uint32_t)n},
            .speckle_word = 1000000007u + (uint32_t)n,
            .noise_word = 11u + 5u * (uint32_t)n,
            .black_below = 0x06000000u,
            .white_below = 0x10000000u,
        };
        for (int k = 0; k < CAIRN_PHOTOMETRIC_COUNT; k++)
            r.order[k] = (p->first + n + k * (n % 2 ? 5 : 1)) % CAIRN_PHOTOMETRIC_COUNT;
        cairn_photometric_encode(rows + n * CAIRN_PHOTOMETRIC_FLOATS, &r);
    }
    const cairn_shape s = {p->x.n, 1, 1, CAIRN_PHOTOMETRIC_FLOATS};
    op_case_output(c, cairn_op_photometric(g, x, masks, p->channel, op_case_input_values(c, s, rows, false)));
}

static const light_case odd = {{5, 17, 19, 1}, {5, 17, 19, 1}, 0, 0, false, 3, 2};
static const light_case wide = {{2, 16, 37, 1}, {2, 16, 37, 1}, 0, 4, true, 127, 31};
static const light_case none = {{3, 21, 16, 1}, {3, 21, 16, 1}, 0, 2, false, 0, 0};
static const light_case channels = {{3, 18, 22, 6}, {3, 18, 22, 7}, 5, 3, false, 9, 1};
static const light_case own = {{4, 24, 32, 1}, {4, 24, 32, 2}, 1, 5, false, 25, 3};

static const op_case_spec cases[] = {
    {.name = "photometric, odd sides, five orders", .build = light, .data = &odd, .no_gradient = true},
    {.name = "photometric, kernels wider than the image", .build = light, .data = &wide, .no_gradient = true},
    {.name = "photometric, no blur", .build = light, .data = &none, .no_gradient = true},
    {.name = "photometric, of many channels", .build = light, .data = &channels, .no_gradient = true},
    {.name = "photometric, 24x32", .build = light, .data = &own, .no_gradient = true},
};

/* The op draws and does what the host does: for every preset, images that differ by rounding alone. */
static void test_equals_the_host(void **state)
{
    (void)state;
    enum { N = CAIRN_AUGMENT_COUNT, H = 24, W = 40, PIXELS = H * W };
    cairn_graph *g = NULL;
    static float photos[N * PIXELS * 2], rows[N * CAIRN_PHOTOMETRIC_FLOATS], out[N * PIXELS];
    cairn_image changed[N];
    for (uint32_t n = 0; n < N; n++) {
        cairn_rng pixels = cairn_rng_stream(1, 2, 3, n, 4), rng = cairn_rng_stream(1, 2, 3, n, 5), again = rng;
        const cairn_photometric_options o = cairn_photometric_preset((cairn_augment_preset)n);
        cairn_photometric_plan plan;
        assert_ok(cairn_image_create(&changed[n], H, W, 1));
        for (int i = 0; i < PIXELS; i++)
            photos[(n * PIXELS + (uint32_t)i) * 2] = changed[n].pixels[i] = (float)cairn_rng_uniform(&pixels);
        assert_ok(cairn_photometric_draw(&plan, &rng, H, W, 1, &o));
        assert_ok(cairn_photometric_for_device(rows + n * CAIRN_PHOTOMETRIC_FLOATS, photos + n * PIXELS * 2 + 1, 2,
                                               &plan));
        assert_ok(cairn_augment_photometric(&changed[n], &again, &o));
        assert_int_equal(cairn_rng_u32(&rng), cairn_rng_u32(&again)); /* drawing alone leaves the stream there too */
    }
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){N, H, W, 2});
    cairn_tid r = cairn_graph_input(g, "rows", (cairn_shape){N, 1, 1, CAIRN_PHOTOMETRIC_FLOATS});
    cairn_tid y = cairn_op_photometric(g, x, x, 1, r);
    cairn_graph_output(g, y, "y");
    assert_ok(cairn_graph_status(g));
    for (int class = CAIRN_CLASS_TEXEL; class <= CAIRN_CLASS_SIMT; class++) {
        cairn_gpu *gpu = test_gpu((cairn_kernel_class)class);
        cairn_store *store = NULL;
        cairn_program *program = NULL;
        const cairn_program_options options = {0};
        if (!gpu) continue;
        assert_ok(cairn_store_create(&store, gpu));
        assert_ok(cairn_program_create(&program, gpu, g, store, &options));
        assert_ok(cairn_program_write(program, x, photos));
        assert_ok(cairn_program_write(program, r, rows));
        assert_ok(cairn_program_run(program));
        assert_ok(cairn_program_read(program, y, out));
        for (int n = 0; n < N; n++) {
            double worst = 0;
            for (int i = 0; i < PIXELS; i++)
                worst = fmax(worst, fabs((double)out[n * PIXELS + i] - (double)changed[n].pixels[i]));
            if (worst > 1e-5) fail_msg("class %d, preset %d: %.3g apart", class, n, worst);
        }
        cairn_program_destroy(&program);
        cairn_store_destroy(&store);
        test_gpu_assert_valid(gpu);
    }
    for (int n = 0; n < N; n++) cairn_image_free(&changed[n]);
    cairn_graph_destroy(&g);
}

static void refuses_wrong_shapes(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    const cairn_shape s = {2, 16, 24, 1}, small = {2, 15, 24, 1}, r = {2, 1, 1, CAIRN_PHOTOMETRIC_FLOATS};
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", s);
    cairn_op_photometric(g, x, x, 1, cairn_graph_input(g, "r", r));
    op_case_refused(&g, "do not fit");
    assert_ok(cairn_graph_create(&g));
    x = cairn_graph_input(g, "x", small);
    cairn_op_photometric(g, x, x, 0, cairn_graph_input(g, "r", r));
    op_case_refused(&g, "24x15");
    assert_ok(cairn_graph_create(&g));
    x = cairn_graph_input(g, "x", s);
    cairn_op_photometric(g, x, x, 0, x);
    op_case_refused(&g, "do not fit");
}

int main(void)
{
    const struct CMUnitTest more[] = {
        cmocka_unit_test(test_equals_the_host),
        cmocka_unit_test(refuses_wrong_shapes),
    };
    return op_case_main("photometric", cases, sizeof cases / sizeof *cases, more, sizeof more / sizeof *more);
}
