#include "teacher/labels/adaptation.h"

#include "graph/program.h"
#include "ops/image/geometry.h"
#include "ops/layout/layout.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"

#include <math.h>
#include <string.h>

struct cairn_adaptation {
    cairn_adaptation_options o;
    cairn_graph *g;
    cairn_model model;
    cairn_program *program;
    cairn_tid image, to_input, to_warped, aggregate, count;
    float *matrices[2], *map, *total[2];
};

const char *cairn_aggregation_name(cairn_aggregation aggregation)
{
    static const char *const names[] = {"sum", "mean", "max"};
    return aggregation < CAIRN_AGGREGATIONS ? names[aggregation] : "unknown";
}

/* Maximum over the batch by halving; the halves of an odd number share the one in the middle. */
static cairn_tid max_over_batch(cairn_graph *g, cairn_tid x, int n)
{
    while (n > 1) {
        const int half = (n + 1) / 2;
        x = cairn_op_max(g, cairn_op_slice_batch(g, x, 0, half), cairn_op_slice_batch(g, x, n - half, half));
        n = half;
    }
    return x;
}

static void build(cairn_adaptation *a, cairn_tid (*heatmap)(cairn_model *, cairn_tid, const void *),
                  const void *payload)
{
    cairn_graph *g = a->g;
    int h = a->o.h, w = a->o.w, v = a->o.chunk;
    a->image = cairn_graph_input(g, "image", (cairn_shape){1, h, w, 1});
    a->to_input = cairn_graph_input(g, "warped_to_input", (cairn_shape){v, 1, 1, 9});
    a->to_warped = cairn_graph_input(g, "input_to_warped", (cairn_shape){v, 1, 1, 9});
    cairn_tid warped = cairn_op_warp(g, a->image, a->to_input, h, w);
    cairn_tid seen = cairn_op_erode(g, cairn_op_warp_valid(g, a->to_input, h, w, h, w), a->o.margin);
    cairn_tid back_seen = cairn_op_erode(g, cairn_op_warp_valid(g, a->to_warped, h, w, h, w), a->o.margin);
    cairn_tid heat = cairn_op_mul(g, heatmap(&a->model, warped, payload), seen);
    cairn_tid back = cairn_op_mul(g, cairn_op_warp(g, heat, a->to_warped, h, w), back_seen);
    a->aggregate = a->o.aggregation == CAIRN_AGGREGATE_MAX ? max_over_batch(g, back, v)
                                                           : cairn_op_reduce_sum(g, back, CAIRN_AXIS_N);
    a->count = cairn_op_reduce_sum(g, back_seen, CAIRN_AXIS_N);
    cairn_graph_output(g, a->aggregate, "aggregate");
    cairn_graph_output(g, a->count, "count");
}

cairn_status cairn_adaptation_create(cairn_adaptation **out, cairn_gpu *gpu, cairn_store *store,
                                     cairn_tid (*heatmap)(cairn_model *m, cairn_tid image, const void *payload),
                                     const void *payload, const cairn_adaptation_options *options)
{
    cairn_status st = CAIRN_OK;
    *out = NULL;
    CAIRN_ASSERT(options->chunk > 0 && options->views % options->chunk == 0);
    cairn_adaptation *a = calloc(1, sizeof *a);
    if (!a) return cairn_error_set(CAIRN_E_NOMEM, "no memory for an adaptation");
    a->o = *options;
    size_t pixels = (size_t)options->h * (size_t)options->w;
    a->map = malloc(pixels * sizeof(float));
    for (int i = 0; i < 2; i++) {
        a->matrices[i] = malloc(9 * sizeof(float) * (size_t)options->chunk);
        a->total[i] = malloc(pixels * sizeof(float));
        if (!a->matrices[i] || !a->total[i] || !a->map) {
            st = cairn_error_set(CAIRN_E_NOMEM, "no memory for an adaptation of %dx%d", options->w, options->h);
            goto done;
        }
    }
    CAIRN_TRY(cairn_graph_create(&a->g));
    cairn_model_init(&a->model, a->g, false);
    build(a, heatmap, payload);
    CAIRN_TRY(cairn_program_create(&a->program, gpu, a->g, store, NULL));
    *out = a;
    a = NULL;
done:
    cairn_adaptation_destroy(&a);
    return st;
}

void cairn_adaptation_destroy(cairn_adaptation **adaptation)
{
    cairn_adaptation *a = *adaptation;
    if (!a) return;
    cairn_program_destroy(&a->program);
    cairn_model_uninit(&a->model);
    cairn_graph_destroy(&a->g);
    for (int i = 0; i < 2; i++) {
        free(a->matrices[i]);
        free(a->total[i]);
    }
    free(a->map);
    free(a);
    *adaptation = NULL;
}

/* The homography of one view and its inverse; view 0 is the identity. */
static cairn_status view(cairn_adaptation *a, int number, cairn_rng *rng, float *to_input, float *to_warped)
{
    cairn_status st = CAIRN_OK;
    cairn_homography h = CAIRN_HOMOGRAPHY_IDENTITY, inverse = h;
    if (number > 0) {
        CAIRN_TRY(cairn_homography_sample(&h, rng, a->o.h, a->o.w, &a->o.homography));
        CAIRN_TRY(cairn_homography_invert(&inverse, &h));
    }
    for (int i = 0; i < 9; i++) {
        to_input[i] = (float)h.m[i];
        to_warped[i] = (float)inverse.m[i];
    }
done:
    return st;
}

static cairn_status add_chunk(cairn_adaptation *a)
{
    cairn_status st = CAIRN_OK;
    const cairn_tid outputs[2] = {a->aggregate, a->count};
    const bool largest = a->o.aggregation == CAIRN_AGGREGATE_MAX;
    size_t pixels = (size_t)a->o.h * (size_t)a->o.w;
    CAIRN_TRY(cairn_program_write(a->program, a->to_input, a->matrices[0]));
    CAIRN_TRY(cairn_program_write(a->program, a->to_warped, a->matrices[1]));
    CAIRN_TRY(cairn_program_run(a->program));
    for (int k = 0; k < 2; k++) {
        CAIRN_TRY(cairn_program_read(a->program, outputs[k], a->map));
        for (size_t i = 0; i < pixels; i++)
            if (k == 0 && largest)
                a->total[k][i] = fmaxf(a->total[k][i], a->map[i]);
            else
                a->total[k][i] += a->map[i];
    }
done:
    return st;
}

/* The value of a pixel that `count` views saw. Counts are whole numbers below 2^24: exact. */
static float aggregate(const cairn_adaptation *a, float total, float count)
{
    if (!(count > 0) || count < (float)a->o.filter_counts) return 0;
    if (a->o.aggregation == CAIRN_AGGREGATE_MAX) return total;
    return total / (a->o.aggregation == CAIRN_AGGREGATE_MEAN ? (float)a->o.views : count);
}

cairn_status cairn_adaptation_run(cairn_adaptation *a, const float *image, uint32_t seed, uint32_t stage,
                                  uint32_t sample, float *heatmap)
{
    enum { PURPOSE = 0x76696577 }; /* "view" */
    cairn_status st = CAIRN_OK;
    size_t pixels = (size_t)a->o.h * (size_t)a->o.w;
    cairn_rng rng = cairn_rng_stream(seed, stage, 0, sample, PURPOSE);
    memset(a->total[0], 0, pixels * sizeof(float));
    memset(a->total[1], 0, pixels * sizeof(float));
    CAIRN_TRY(cairn_program_write(a->program, a->image, image));
    for (int first = 0; first < a->o.views; first += a->o.chunk) {
        for (int i = 0; i < a->o.chunk; i++)
            CAIRN_TRY(view(a, first + i, &rng, a->matrices[0] + 9 * i, a->matrices[1] + 9 * i));
        CAIRN_TRY(add_chunk(a));
    }
    for (size_t i = 0; i < pixels; i++) heatmap[i] = aggregate(a, a->total[0][i], a->total[1][i]);
done:
    return st;
}
