/* Samples at points, rows by number and the best points of a map: on the device against their references, gradients,
 * known answers, and the host's own way to find the best points. */
#include "geometry/keypoints.h"
#include "graph/program.h"
#include "ops/image/geometry.h"
#include "ops/sampling/sampling.h"
#include "support/device/op_case.h"

#include <stdlib.h>

typedef struct sampling_case {
    cairn_shape shape; /* of the map, or of the rows */
    int count;
    float stride;
    cairn_border border;
    float threshold; /* top_points */
    int edge, levels;
} sampling_case;

/* Points whose positions on the map are away from cell centres, where the gradient jumps; some lie outside. */
static cairn_tid random_points(op_case *c, const sampling_case *p)
{
    cairn_tid t = op_case_input(c, (cairn_shape){p->shape.n, 1, p->count, 2}, 0.1, 0.9);
    float *v = op_case_values(c, t);
    for (int i = 0; i < 2 * p->count * p->shape.n; i++) {
        int size = i % 2 ? p->shape.h : p->shape.w;
        float u = v[i] + (float)cairn_rng_integer(op_case_rng(c), -2, size);
        v[i] = (u + 0.5f) * p->stride - 0.5f;
    }
    return t;
}

static void sample(op_case *c, cairn_graph *g)
{
    const sampling_case *p = op_case_data(c);
    cairn_tid map = op_case_input(c, p->shape, -1, 1);
    op_case_output(c, cairn_op_sample(g, map, random_points(c, p), p->stride, p->border));
}

static void gather(op_case *c, cairn_graph *g)
{
    const sampling_case *p = op_case_data(c);
    cairn_tid x = op_case_input(c, p->shape, -1, 1);
    cairn_tid index = op_case_input_integers(c, (cairn_shape){p->shape.n, 1, p->count, 1}, -2, p->shape.w);
    op_case_output(c, cairn_op_gather(g, x, index));
}

static void top(op_case *c, cairn_graph *g)
{
    const sampling_case *p = op_case_data(c);
    cairn_tid x = p->levels ? op_case_input_integers(c, p->shape, -p->levels, p->levels)
                            : op_case_input(c, p->shape, -1, 1);
    cairn_top_points t = cairn_op_top_points(g, x, p->count, p->threshold, p->edge);
    op_case_output(c, t.points);
    op_case_output(c, t.scores);
    op_case_output(c, t.count);
}

static const sampling_case top_one = {.shape = {1, 1, 1, 1}, .count = 1, .threshold = -2},
                           top_none = {.shape = {2, 3, 5, 1}, .count = 7, .threshold = 2},
                           top_few = {.shape = {3, 9, 7, 1}, .count = 50, .threshold = 0.5f},
                           top_all = {.shape = {2, 5, 13, 1}, .count = 65, .threshold = -2},
                           top_ties = {{2, 17, 33, 1}, 40, .threshold = -1.5f, .levels = 2, .edge = 2},
                           top_many = {.shape = {1, 120, 160, 1}, .count = 1000, .threshold = -0.2f, .edge = 4},
                           top_edge = {.shape = {1, 6, 8, 1}, .count = 4, .threshold = -2, .edge = 3};
static const sampling_case one_pixel = {.shape = {1, 1, 1, 1}, .count = 3, .stride = 1, .border = CAIRN_BORDER_ZERO},
                           one_clamped = {.shape = {1, 1, 1, 1}, .count = 3, .stride = 1, .border = CAIRN_BORDER_CLAMP},
                           odd = {.shape = {3, 5, 7, 17}, .count = 9, .stride = 1, .border = CAIRN_BORDER_ZERO},
                           cells = {.shape = {3, 5, 7, 17}, .count = 9, .stride = 8, .border = CAIRN_BORDER_CLAMP},
                           column = {.shape = {2, 9, 1, 5}, .count = 1, .stride = 4, .border = CAIRN_BORDER_ZERO},
                           large = {.shape = {2, 30, 40, 65}, .count = 333, .stride = 8, .border = CAIRN_BORDER_CLAMP};
static const sampling_case one_row = {.shape = {1, 1, 1, 3}, .count = 5}, rows = {.shape = {3, 1, 7, 17}, .count = 20},
                           many_rows = {.shape = {2, 1, 300, 65}, .count = 211};

#define CASE(text, build_, data_) {.name = text, .build = build_, .data = &data_, .nmse = 1e-10}
#define TOP(text, data_) {.name = text, .build = top, .data = &data_, .no_gradient = true}
static const op_case_spec cases[] = {
    CASE("sample a pixel", sample, one_pixel),
    CASE("sample a pixel, clamped", sample, one_clamped),
    CASE("sample", sample, odd),
    CASE("sample cells, clamped", sample, cells),
    CASE("sample a column", sample, column),
    CASE("sample a large map", sample, large),
    CASE("gather from one row", gather, one_row),
    CASE("gather", gather, rows),
    CASE("gather many", gather, many_rows),
    TOP("top of one pixel", top_one),
    TOP("top where nothing passes", top_none),
    TOP("top of few", top_few),
    TOP("top takes all", top_all),
    TOP("top with ties and signs", top_ties),
    TOP("top of many", top_many),
    TOP("top inside a border that leaves nothing", top_edge),
};

static void refuses_other_shapes(void **state)
{
    (void)state;
    cairn_graph *g;
    assert_ok(cairn_graph_create(&g));
    cairn_tid map = cairn_graph_input(g, "map", (cairn_shape){2, 3, 4, 5});
    cairn_op_sample(g, map, cairn_graph_input(g, "p", (cairn_shape){1, 1, 6, 2}), 1, CAIRN_BORDER_ZERO);
    op_case_refused(&g, "points [1,1,6,2] for a map [2,3,4,5]");
    assert_ok(cairn_graph_create(&g));
    map = cairn_graph_input(g, "map", (cairn_shape){1, 3, 4, 5});
    cairn_op_sample(g, map, cairn_graph_input(g, "p", (cairn_shape){1, 1, 6, 2}), 0, CAIRN_BORDER_ZERO);
    op_case_refused(&g, "stride of 0");
    assert_ok(cairn_graph_create(&g));
    cairn_op_gather(g, cairn_graph_input(g, "x", (cairn_shape){1, 2, 3, 4}),
                    cairn_graph_input(g, "i", (cairn_shape){1, 1, 6, 1}));
    op_case_refused(&g, "rows of [1,2,3,4]");
}

/* Exactly what the host finds, on maps with many ties, alone and after suppression. */
static void check_against_host(cairn_kernel_class kernel_class, int h, int w, int k, int levels, int radius)
{
    cairn_gpu *gpu = test_gpu(kernel_class);
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    cairn_keypoints expected;
    cairn_rng rng = cairn_rng_stream(9, (uint32_t)levels, (uint32_t)radius, (uint32_t)h, 0);
    if (!gpu) return;
    size_t count = (size_t)h * (size_t)w;
    if (kernel_class == CAIRN_CLASS_TEXEL && cairn_gpu_get_info(gpu)->max_texel_elements < count) return;
    float *map = malloc(sizeof *map * count), *points = malloc(sizeof *points * 3 * (size_t)k), found;
    for (size_t i = 0; i < count; i++) map[i] = (float)cairn_rng_integer(&rng, 0, levels) / (float)levels;
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, h, w, 1});
    cairn_tid scores = radius ? cairn_op_suppress(g, x, radius, 0.05f) : x;
    cairn_top_points t = cairn_op_top_points(g, scores, k, 0.05f, 2);
    cairn_graph_output(g, scores, "scores");
    cairn_graph_output(g, t.points, "points");
    cairn_graph_output(g, t.scores, "best");
    cairn_graph_output(g, t.count, "count");
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, g, store, NULL));
    assert_ok(cairn_program_write(program, x, map));
    assert_ok(cairn_program_run(program));
    if (radius) assert_ok(cairn_program_read(program, scores, map));
    assert_ok(cairn_program_read(program, t.points, points));
    assert_ok(cairn_program_read(program, t.scores, points + 2 * k));
    assert_ok(cairn_program_read(program, t.count, &found));
    assert_ok(cairn_keypoints_from_heatmap(&expected, map, h, w, 0.05f, 0, 2, k));
    assert_int_equal((int)found, expected.count);
    for (int i = 0; i < expected.count; i++) {
        const cairn_keypoint *p = &expected.points[i];
        if (points[2 * i] != p->x || points[2 * i + 1] != p->y || points[2 * k + i] != p->score)
            fail_msg("point %d is (%g, %g) with %g, the host's (%g, %g) with %g", i, (double)points[2 * i],
                     (double)points[2 * i + 1], (double)points[2 * k + i], (double)p->x, (double)p->y,
                     (double)p->score);
    }
    cairn_keypoints_free(&expected);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
    free(map);
    free(points);
}

static void the_best_points_are_the_hosts(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        cairn_kernel_class kernel_class = k ? CAIRN_CLASS_SIMT : CAIRN_CLASS_TEXEL;
        check_against_host(kernel_class, 61, 83, 300, 5, 0);
        check_against_host(kernel_class, 61, 83, 300, 1 << 20, 0);
        check_against_host(kernel_class, 120, 160, 500, 200, 4);
        check_against_host(kernel_class, 480, 640, 1024, 1 << 20, 0);
    }
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses_other_shapes),
                                      cmocka_unit_test(the_best_points_are_the_hosts)};
    return op_case_main("sampling", cases, sizeof cases / sizeof *cases, more, sizeof more / sizeof *more);
}
