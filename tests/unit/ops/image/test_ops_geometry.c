/* Warps, masks, suppression and correspondence on the device against their references, and some known answers. */
#include "geometry/homography.h"
#include "ops/image/geometry.h"
#include "reference/evaluate.h"
#include "support/device/op_case.h"

#include <math.h>

typedef struct geometry_case {
    cairn_shape shape;
    int matrices, h, w;
    int radius;  /* or pixels of a cell */
    float limit; /* threshold or distance */
} geometry_case;

/* Random homographies near the identity, for images of about h x w pixels. */
static cairn_tid random_matrices(op_case *c, int count, int h, int w)
{
    cairn_tid t = op_case_input(c, (cairn_shape){count, 1, 1, 9}, -1, 1);
    float *m = op_case_values(c, t);
    for (int n = 0; n < count; n++, m += 9)
        for (int k = 0; k < 9; k++)
            m[k] = (k % 4 == 0 ? 1.0f : 0.0f) +
                   m[k] * (k < 6 ? k % 3 == 2 ? 0.3f * (float)w : 0.3f : k < 8 ? 0.2f / (float)(h + w) : 0.0f);
    op_case_freeze(c, t);
    return t;
}

static void warp(op_case *c, cairn_graph *g)
{
    const geometry_case *p = op_case_data(c);
    cairn_tid x = op_case_input(c, p->shape, -1, 1);
    op_case_output(c, cairn_op_warp(g, x, random_matrices(c, p->matrices, p->shape.h, p->shape.w), p->h, p->w));
}

static void warp_identity(op_case *c, cairn_graph *g)
{
    const geometry_case *p = op_case_data(c);
    const float identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    cairn_tid x = op_case_input(c, p->shape, -1, 1);
    cairn_tid m = op_case_input_values(c, (cairn_shape){1, 1, 1, 9}, identity, false);
    op_case_output(c, cairn_op_warp(g, x, m, p->shape.h + 1, p->shape.w + 2));
}

/* w = x - 2 vanishes in one column of the output. */
static void warp_infinity(op_case *c, cairn_graph *g)
{
    const geometry_case *p = op_case_data(c);
    const float matrix[9] = {1, 0, 0, 0, 1, 0, 1, 0, -2};
    cairn_tid x = op_case_input(c, p->shape, -1, 1);
    cairn_tid m = op_case_input_values(c, (cairn_shape){1, 1, 1, 9}, matrix, false);
    op_case_output(c, cairn_op_warp(g, x, m, p->h, p->w));
    op_case_output(c, cairn_op_warp_valid(g, m, p->shape.h, p->shape.w, p->h, p->w));
}

static void warp_valid(op_case *c, cairn_graph *g)
{
    const geometry_case *p = op_case_data(c);
    cairn_tid m = random_matrices(c, p->matrices, p->shape.h, p->shape.w);
    op_case_output(c, cairn_op_warp_valid(g, m, p->shape.h, p->shape.w, p->h, p->w));
}

static void erode(op_case *c, cairn_graph *g)
{
    const geometry_case *p = op_case_data(c);
    cairn_tid mask = op_case_input(c, p->shape, 0, 1);
    float *values = op_case_values(c, mask); /* mostly ones, so that something is left */
    for (int64_t i = 0; i < cairn_shape_count(p->shape); i++) values[i] = values[i] > 0.05f ? 1.0f : 0.0f;
    op_case_output(c, cairn_op_erode(g, mask, p->radius));
}

static void suppress(op_case *c, cairn_graph *g)
{
    const geometry_case *p = op_case_data(c);
    op_case_output(c, cairn_op_suppress(g, op_case_input_distinct(c, p->shape, 0, 1), p->radius, p->limit));
}

/* Few distinct values: ties and plateaus. */
static void suppress_ties(op_case *c, cairn_graph *g)
{
    const geometry_case *p = op_case_data(c);
    op_case_output(c, cairn_op_suppress(g, op_case_input_integers(c, p->shape, 0, 5), p->radius, p->limit));
}

static void correspondence(op_case *c, cairn_graph *g)
{
    const geometry_case *p = op_case_data(c);
    cairn_tid m = random_matrices(c, p->matrices, p->h * p->radius, p->w * p->radius);
    op_case_output(c, cairn_op_correspondence(g, m, p->h, p->w, p->radius, p->limit));
}

static const geometry_case gray = {{3, 9, 7, 1}, 3, 9, 7, 0, 0}, views = {{1, 7, 9, 1}, 5, 8, 11, 0, 0};
static const geometry_case many = {{2, 5, 5, 17}, 2, 3, 6, 0, 0}, one_matrix = {{3, 5, 7, 3}, 1, 5, 7, 0, 0};
static const geometry_case tiny = {{1, 1, 1, 4}, 1, 2, 3, 0, 0}, at_infinity = {{1, 7, 9, 5}, 1, 7, 9, 0, 0};
static const geometry_case mask3 = {{2, 17, 23, 1}, 0, 0, 0, 3, 0}, mask0 = {{1, 5, 3, 1}, 0, 0, 0, 0, 0};
static const geometry_case mask1 = {{1, 7, 9, 1}, 0, 0, 0, 1, 0}, mask6 = {{1, 40, 3, 1}, 0, 0, 0, 6, 0};
static const geometry_case heat4 = {{2, 33, 41, 1}, 0, 0, 0, 4, 0.1f}, heat1 = {{1, 9, 70, 1}, 0, 0, 0, 1, 0};
static const geometry_case heat_wide = {{1, 5, 7, 1}, 0, 0, 0, 9, 0}, heat_line = {{1, 1, 65, 1}, 0, 0, 0, 2, 0.5f};
static const geometry_case cells = {{1, 1, 1, 1}, 3, 5, 7, 8, 7.5f}, cells_far = {{1, 1, 1, 1}, 1, 3, 3, 8, 20};
static const geometry_case cells_row = {{1, 1, 1, 1}, 2, 1, 6, 8, 7.5f};

static const op_case_spec cases[] = {
    {.name = "warp, one channel", .build = warp, .data = &gray},
    {.name = "warp, one image to five views", .build = warp, .data = &views},
    {.name = "warp, C=17", .build = warp, .data = &many},
    {.name = "warp, one matrix for three images", .build = warp, .data = &one_matrix},
    {.name = "warp of one pixel", .build = warp, .data = &tiny},
    {.name = "warp by the identity, beyond the edge", .build = warp_identity, .data = &many},
    {.name = "warp through infinity", .build = warp_infinity, .data = &at_infinity, .no_gradient = true},
    {.name = "warp_valid", .build = warp_valid, .data = &gray, .no_gradient = true},
    {.name = "warp_valid, other size", .build = warp_valid, .data = &views, .no_gradient = true},
    {.name = "erode by 3", .build = erode, .data = &mask3, .no_gradient = true},
    {.name = "erode by 0", .build = erode, .data = &mask0, .no_gradient = true},
    {.name = "erode by 1", .build = erode, .data = &mask1, .no_gradient = true},
    {.name = "erode by 6, narrow", .build = erode, .data = &mask6, .no_gradient = true},
    {.name = "suppress, radius 4", .build = suppress, .data = &heat4, .no_gradient = true},
    {.name = "suppress, radius 1", .build = suppress, .data = &heat1, .no_gradient = true},
    {.name = "suppress, radius beyond the image", .build = suppress, .data = &heat_wide, .no_gradient = true},
    {.name = "suppress, one line", .build = suppress, .data = &heat_line, .no_gradient = true},
    {.name = "suppress with ties", .build = suppress_ties, .data = &heat4, .no_gradient = true},
    {.name = "correspondence, 5x7 cells", .build = correspondence, .data = &cells, .no_gradient = true},
    {.name = "correspondence, 3x3 cells", .build = correspondence, .data = &cells_far, .no_gradient = true},
    {.name = "correspondence, one row", .build = correspondence, .data = &cells_row, .no_gradient = true},
};

/* The reference itself against known answers. */
static void run_reference(cairn_graph *g, cairn_tid input, const float *values, cairn_tid output, double *out)
{
    cairn_reference *r = NULL;
    assert_ok(cairn_graph_status(g));
    assert_ok(cairn_reference_create(&r, g));
    for (int64_t i = 0; i < cairn_shape_count(cairn_graph_shape(g, input)); i++)
        cairn_reference_values(r, input)[i] = values[i];
    assert_ok(cairn_reference_run(r));
    memcpy(out, cairn_reference_values(r, output),
           sizeof *out * (size_t)cairn_shape_count(cairn_graph_shape(g, output)));
    cairn_reference_destroy(&r);
}

static void erosion_of_radius_3_is_a_5x5_square_without_corners(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    float mask[81];
    double out[81];
    for (int i = 0; i < 81; i++) mask[i] = i != 40;
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 9, 9, 1});
    run_reference(g, x, mask, cairn_op_erode(g, x, 3), out);
    for (int i = 0; i < 81; i++) {
        int dy = abs(i / 9 - 4), dx = abs(i % 9 - 4);
        assert_true((out[i] == 0) == (dx <= 2 && dy <= 2 && dx + dy < 4));
    }
    cairn_graph_destroy(&g);
}

static void suppression_rescues_what_a_suppressed_peak_hid(void **state)
{
    (void)state;
    /* 9 hides 8 and 8 hides 7, but 7 lies outside 9's window: greedy suppression keeps 9 and 7. */
    const float heat[9] = {9, 0, 8, 0, 7, 0, 0, 0, 0.5f};
    const double expected[9] = {9, 0, 0, 0, 7, 0, 0, 0, 0};
    double out[9];
    cairn_graph *g = NULL;
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 1, 9, 1});
    run_reference(g, x, heat, cairn_op_suppress(g, x, 2, 1), out);
    for (int i = 0; i < 9; i++) assert_true(out[i] == expected[i]);
    cairn_graph_destroy(&g);
}

static void correspondence_at_the_identity(void **state)
{
    (void)state;
    const float identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, shift[9] = {1, 0, 8, 0, 1, 0, 0, 0, 1};
    double out[36];
    cairn_graph *g = NULL;
    assert_ok(cairn_graph_create(&g));
    cairn_tid m = cairn_graph_input(g, "m", (cairn_shape){1, 1, 1, 9});
    cairn_tid s = cairn_op_correspondence(g, m, 2, 3, 8, 7.5f);
    run_reference(g, m, identity, s, out);
    for (int i = 0; i < 36; i++) assert_true(out[i] == (i / 6 == i % 6));
    run_reference(g, m, shift, s, out); /* cell c of view 1 is seen in cell c+1 of view 2 */
    for (int i = 0; i < 36; i++) assert_true(out[i] == (i / 6 + 1 == i % 6 && i / 6 != 2));
    cairn_graph_destroy(&g);
}

/* The host's warp, mask and erosion (geometry/homography.h) and the ops follow the same conventions. */
static void agrees_with_the_host(void **state)
{
    (void)state;
    enum { H = 24, W = 33 };
    cairn_graph *g = NULL;
    cairn_reference *r = NULL;
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, H, W, 1});
    cairn_tid m = cairn_graph_input(g, "m", (cairn_shape){1, 1, 1, 9});
    cairn_tid y = cairn_op_warp(g, x, m, H, W), exists = cairn_op_warp_valid(g, m, H, W, H, W);
    cairn_tid mask = cairn_op_erode(g, exists, 3);
    assert_ok(cairn_reference_create(&r, g));
    for (uint32_t trial = 0; trial < 8; trial++) {
        cairn_rng rng = cairn_rng_stream(7, 0, trial, 0, 0);
        cairn_homography_options options = CAIRN_HOMOGRAPHY_OPTIONS_INIT;
        cairn_homography homography;
        cairn_image image, warped;
        float valid[H * W];
        assert_ok(cairn_homography_sample(&homography, &rng, H, W, &options));
        assert_ok(cairn_image_create(&image, H, W, 1));
        for (int i = 0; i < H * W; i++)
            cairn_reference_values(r, x)[i] = image.pixels[i] = (float)cairn_rng_uniform(&rng);
        memcpy(cairn_reference_values(r, m), homography.m, sizeof homography.m);
        assert_ok(cairn_homography_warp(&warped, valid, &image, &homography, H, W));
        assert_ok(cairn_reference_run(r));
        for (int i = 0; i < H * W; i++) {
            assert_true(fabs(warped.pixels[i] - cairn_reference_values(r, y)[i]) < 1e-6);
            assert_true(valid[i] == cairn_reference_values(r, exists)[i]);
        }
        cairn_mask_erode(valid, H, W, 3);
        for (int i = 0; i < H * W; i++) assert_true(valid[i] == cairn_reference_values(r, mask)[i]);
        cairn_image_free(&image);
        cairn_image_free(&warped);
    }
    cairn_reference_destroy(&r);
    cairn_graph_destroy(&g);
}

static void refuses_wrong_shapes(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    const cairn_shape s = {2, 4, 6, 1}, m = {3, 1, 1, 9};
    assert_ok(cairn_graph_create(&g));
    cairn_op_warp(g, cairn_graph_input(g, "x", s), cairn_graph_input(g, "m", m), 4, 6);
    op_case_refused(&g, "do not fit");
    assert_ok(cairn_graph_create(&g));
    cairn_op_suppress(g, cairn_graph_input(g, "x", s), 0, 0);
    op_case_refused(&g, "radius 0");
    assert_ok(cairn_graph_create(&g));
    cairn_op_erode(g, cairn_graph_input(g, "m", m), 3);
    op_case_refused(&g, "one channel");
    assert_ok(cairn_graph_create(&g));
    cairn_op_correspondence(g, cairn_graph_input(g, "m", m), 300, 300, 8, 7.5f);
    op_case_refused(&g, "at most 65535");
}

int main(void)
{
    const struct CMUnitTest more[] = {
        cmocka_unit_test(erosion_of_radius_3_is_a_5x5_square_without_corners),
        cmocka_unit_test(suppression_rescues_what_a_suppressed_peak_hid),
        cmocka_unit_test(correspondence_at_the_identity),
        cmocka_unit_test(agrees_with_the_host),
        cmocka_unit_test(refuses_wrong_shapes),
    };
    return op_case_main("geometry", cases, sizeof cases / sizeof *cases, more, sizeof more / sizeof *more);
}
