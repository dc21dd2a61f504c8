/* Ops around the networks. `co` is a number of points or rows where there are any. */
#include "experiments/benchmarks/op_case.h"
#include "ops/image/filter.h"
#include "ops/layout/layout.h"
#include "ops/optimiser/optimiser.h"
#include "ops/pointwise/pointwise.h"
#include "ops/product/matrix.h"
#include "ops/quantise/quantise.h"
#include "ops/reduce/reduce.h"
#include "ops/sampling/best.h"
#include "ops/sampling/sampling.h"

static cairn_tid map_of(cairn_graph *g, const cairn_bench_op *b)
{
    return cairn_graph_input(g, "x", b->x);
}

/* Points all over an image of eight pixels a cell. */
static cairn_tid points_of(cairn_graph *g, const cairn_bench_op *b)
{
    float half = 4.0f * (float)(b->x.h < b->x.w ? b->x.h : b->x.w);
    return cairn_op_affine(g, cairn_graph_input(g, "points", (cairn_shape){b->x.n, 1, b->co, 2}), half, half);
}

static cairn_tid rows_of(cairn_graph *g, const cairn_bench_op *b)
{
    float half = 0.5f * (float)(b->x.w - 1);
    return cairn_op_affine(g, cairn_graph_input(g, "rows", (cairn_shape){b->x.n, 1, b->co, 1}), half, half);
}

static cairn_tid sample(cairn_graph *g, const cairn_bench_op *b)
{
    return cairn_op_sample(g, map_of(g, b), points_of(g, b), 8, CAIRN_BORDER_CLAMP);
}

static cairn_tid gradient_of(cairn_graph *g, cairn_tid y, cairn_tid wrt)
{
    cairn_tid dy = cairn_graph_input(g, "dy", cairn_graph_shape(g, y)), gradient = CAIRN_NONE;
    cairn_graph_differentiate(g, cairn_op_mul(g, y, dy), &wrt, 1, &gradient);
    return gradient;
}

static cairn_tid sample_grad_map(cairn_graph *g, const cairn_bench_op *b)
{
    cairn_tid map = map_of(g, b);
    return gradient_of(g, cairn_op_sample(g, map, points_of(g, b), 8, CAIRN_BORDER_CLAMP), map);
}

static cairn_tid sample_grad_points(cairn_graph *g, const cairn_bench_op *b)
{
    cairn_tid points = points_of(g, b);
    return gradient_of(g, cairn_op_sample(g, map_of(g, b), points, 8, CAIRN_BORDER_CLAMP), points);
}

static cairn_tid gather(cairn_graph *g, const cairn_bench_op *b)
{
    return cairn_op_gather(g, map_of(g, b), rows_of(g, b));
}

static cairn_tid gather_grad(cairn_graph *g, const cairn_bench_op *b)
{
    cairn_tid x = map_of(g, b);
    return gradient_of(g, cairn_op_gather(g, x, rows_of(g, b)), x);
}

static cairn_tid top_points(cairn_graph *g, const cairn_bench_op *b)
{
    return cairn_op_top_points(g, map_of(g, b), b->co, 0, 4).points;
}

static cairn_tid best_channels(cairn_graph *g, const cairn_bench_op *b)
{
    cairn_tid count = cairn_graph_constant(g, (cairn_shape){b->x.n, 1, 1, 1}, (float)b->x.c);
    return cairn_op_best_channels(g, map_of(g, b), count);
}

static cairn_tid best_rows(cairn_graph *g, const cairn_bench_op *b)
{
    cairn_tid count = cairn_graph_constant(g, (cairn_shape){b->x.n, 1, 1, 1}, (float)b->x.w);
    return cairn_op_best_rows(g, map_of(g, b), count, 0, CAIRN_NONE);
}

/* A block of nearest_device: x.w points of `co` channels against x.c, and the best of both sides. */
static cairn_tid nearest(cairn_graph *g, const cairn_bench_op *b)
{
    cairn_tid points = cairn_graph_input(g, "a", (cairn_shape){b->x.n, 1, b->x.w, b->co});
    cairn_tid others = cairn_graph_input(g, "b", (cairn_shape){b->x.n, 1, b->x.c, b->co});
    cairn_tid products = cairn_op_matmul(g, points, others, false, true);
    cairn_tid all_a = cairn_graph_constant(g, (cairn_shape){b->x.n, 1, 1, 1}, (float)b->x.w);
    cairn_tid all_b = cairn_graph_constant(g, (cairn_shape){b->x.n, 1, 1, 1}, (float)b->x.c);
    cairn_graph_output(g, cairn_op_best_channels(g, products, all_b), "of_a");
    return cairn_op_best_rows(g, products, all_a, 0, CAIRN_NONE);
}

static cairn_tid transpose(cairn_graph *g, const cairn_bench_op *b)
{
    return cairn_op_transpose(g, map_of(g, b));
}

static cairn_tid concat_channels(cairn_graph *g, const cairn_bench_op *b)
{
    return cairn_op_concat(g, map_of(g, b), cairn_graph_input(g, "b", b->x), CAIRN_AXIS_C);
}

static cairn_tid blur(cairn_graph *g, const cairn_bench_op *b)
{
    return cairn_op_gaussian_blur(g, map_of(g, b), 3, 0, CAIRN_FILTER_REFLECT);
}

static cairn_tid fake_quantise(cairn_graph *g, const cairn_bench_op *b)
{
    cairn_tid scale = cairn_graph_constant(g, (cairn_shape){1, 1, 2, b->x.c}, 0.01f);
    return cairn_op_fake_quantise(g, map_of(g, b), scale, 8, true);
}

static cairn_tid observe_range(cairn_graph *g, const cairn_bench_op *b)
{
    cairn_op_observe_range(g, map_of(g, b), cairn_graph_stored(g, "range", (cairn_shape){1, 1, 3, b->x.c}), 0.01f);
    return CAIRN_NONE;
}

/* As many parameters as x has elements, in 32 parts. */
static cairn_tid optimiser(cairn_graph *g, const cairn_bench_op *b)
{
    enum { PARTS = 32 };
    static const char *const names[4] = {"p", "gradient", "m", "v"};
    static const float scalars[CAIRN_OPTIMISER_SCALARS] = {1e-3f, 0.1f, 1e-3f, 1e-8f, 0.5f, 0.5f, 0, 1, 1, 1, 0.01f};
    cairn_optimiser_group groups[PARTS];
    cairn_tid joins[4], members[PARTS], table = CAIRN_NONE;
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < PARTS; i++) {
            char name[32];
            snprintf(name, sizeof name, "%s%d", names[k], i);
            members[i] = cairn_graph_stored(g, name, (cairn_shape){1, 1, b->x.w / PARTS, b->x.c});
            groups[i] = (cairn_optimiser_group){1, 1, false};
        }
        joins[k] = cairn_graph_join(g, names[k], members, PARTS);
        if (!k) table = cairn_optimiser_table(g, members, groups, PARTS);
    }
    cairn_tid at = cairn_graph_constant_data(g, (cairn_shape){1, 1, 1, CAIRN_OPTIMISER_SCALARS}, scalars);
    cairn_tid control = cairn_optimiser_plain_control(g);
    if (b->co) control = cairn_op_clip(g, cairn_op_gradient_statistics(g, joins[1], table), at, control, 1);
    cairn_op_adam(g, joins[0], joins[1], joins[2], joins[3], table, at, control, true);
    return CAIRN_NONE;
}

#define OTHER(name, build, n, h, w, c, co)                                                                             \
    {                                                                                                                  \
        name, build, {n, h, w, c}, co, 0, 0                                                                            \
    }
const cairn_bench_op cairn_bench_other_ops[] = {
    OTHER("sample", sample, 8, 30, 40, 256, 500),
    OTHER("sample_grad_map", sample_grad_map, 8, 30, 40, 256, 500),
    OTHER("sample_grad_points", sample_grad_points, 8, 30, 40, 256, 500),
    OTHER("gather", gather, 8, 1, 1200, 256, 500),
    OTHER("gather_grad", gather_grad, 8, 1, 1200, 256, 500),
    OTHER("top_points", top_points, 1, 480, 640, 1, 1000),
    OTHER("best_channels", best_channels, 1, 1, 512, 2048, 0),
    OTHER("best_rows", best_rows, 1, 1, 512, 2048, 0),
    OTHER("nearest neighbours", nearest, 1, 1, 512, 2048, 256),
    OTHER("transpose", transpose, 8, 1, 1200, 256, 0),
    OTHER("concat_channels", concat_channels, 8, 60, 80, 65, 0),
    OTHER("gaussian_blur", blur, 8, 240, 320, 1, 0),
    OTHER("fake_quantise", fake_quantise, 8, 120, 160, 64, 0),
    OTHER("observe_range", observe_range, 8, 120, 160, 64, 0),
    OTHER("adam", optimiser, 1, 1, 325120, 4, 0),
    OTHER("adam, clipped", optimiser, 1, 1, 325120, 4, 1),
};
const int cairn_bench_other_count = sizeof cairn_bench_other_ops / sizeof *cairn_bench_other_ops;
