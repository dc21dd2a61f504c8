#include "matching/nearest_device.h"

#include "graph/program.h"
#include "matching/internal.h"
#include "ops/layout/layout.h"
#include "ops/product/matrix.h"
#include "ops/reduce/reduce.h"
#include "ops/sampling/best.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT = 4, ROUND = 128, BLOCK = 1024, MOST_POINTS = 16384, MOST_PAIRS = 64 };
enum { MOST_BLOCKS = MOST_POINTS / BLOCK };

/* A program for so many pairs of so many points; smaller sets leave the rest zero. */
typedef struct search {
    int pairs, rows, columns, dimension, blocks;
    uint64_t used;
    cairn_graph *graph;
    cairn_store *store;
    cairn_program *program;
    cairn_tid a, b, count_a, count_b, of_b, of_a[MOST_BLOCKS];
    float *values; /* room for the largest input or output */
} search;

struct cairn_nearest_device {
    cairn_gpu *gpu;
    uint64_t clock;
    search searches[KEPT];
};

static void search_free(search *s)
{
    cairn_program_destroy(&s->program);
    cairn_store_destroy(&s->store);
    cairn_graph_destroy(&s->graph);
    free(s->values);
    *s = (search){0};
}

cairn_status cairn_nearest_device_create(cairn_nearest_device **out, cairn_gpu *gpu)
{
    *out = calloc(1, sizeof **out);
    if (!*out) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    (*out)->gpu = gpu;
    return CAIRN_OK;
}

void cairn_nearest_device_destroy(cairn_nearest_device **device)
{
    if (!*device) return;
    for (int i = 0; i < KEPT; i++) search_free(&(*device)->searches[i]);
    free(*device);
    *device = NULL;
}

static cairn_status search_create(search *s, cairn_gpu *gpu)
{
    cairn_status st = CAIRN_OK;
    const cairn_shape scalar = {s->pairs, 1, 1, 1};
    const int longest = s->rows > s->columns ? s->rows : s->columns;
    const size_t width = s->dimension > 3 ? (size_t)s->dimension : 3;
    CAIRN_TRY(cairn_graph_create(&s->graph));
    cairn_graph *g = s->graph;
    s->values = malloc((size_t)s->pairs * (size_t)longest * width * sizeof *s->values);
    if (!s->values) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to match %d pairs of images", s->pairs));
    s->a = cairn_graph_input(g, "a", (cairn_shape){s->pairs, 1, s->rows, s->dimension});
    s->b = cairn_graph_input(g, "b", (cairn_shape){s->pairs, 1, s->columns, s->dimension});
    s->count_a = cairn_graph_input(g, "count_a", scalar);
    s->count_b = cairn_graph_input(g, "count_b", scalar);
    s->of_b = CAIRN_NONE;
    s->blocks = 0;
    for (int first = 0; first < s->rows; first += BLOCK) {
        const int rows = s->rows - first < BLOCK ? s->rows - first : BLOCK;
        char name[32];
        cairn_tid block = rows == s->rows ? s->a : cairn_op_slice(g, s->a, CAIRN_AXIS_W, first, rows);
        cairn_tid products = cairn_op_matmul(g, block, s->b, false, true);
        s->of_a[s->blocks] = cairn_op_best_channels(g, products, s->count_b);
        s->of_b = cairn_op_best_rows(g, products, s->count_a, first, s->of_b);
        snprintf(name, sizeof name, "of_a%d", s->blocks);
        cairn_graph_output(g, s->of_a[s->blocks++], name);
    }
    cairn_graph_output(g, s->of_b, "of_b");
    CAIRN_TRY(cairn_graph_status(g));
    CAIRN_TRY(cairn_store_create(&s->store, gpu));
    CAIRN_TRY(cairn_program_create(&s->program, gpu, g, s->store, NULL));
done:
    return st;
}

static int round_up(int count)
{
    const int size = count < 1 ? 1 : count;
    return (size + ROUND - 1) / ROUND * ROUND;
}

/* The program for these sizes: a kept one, or a new one in place of the one that was used longest ago. */
static cairn_status find(search **out, cairn_nearest_device *d, int pairs, int rows, int columns, int dimension)
{
    search *oldest = &d->searches[0];
    for (int i = 0; i < KEPT; i++) {
        search *s = &d->searches[i];
        if (s->program && s->pairs == pairs && s->rows == rows && s->columns == columns && s->dimension == dimension) {
            s->used = ++d->clock;
            *out = s;
            return CAIRN_OK;
        }
        if (s->used < oldest->used) oldest = s;
    }
    search_free(oldest);
    *oldest = (search){.pairs = pairs, .rows = rows, .columns = columns, .dimension = dimension, .used = ++d->clock};
    cairn_status st = search_create(oldest, d->gpu);
    if (st < 0)
        search_free(oldest);
    else
        *out = oldest;
    return st;
}

static cairn_status write(search *s, cairn_tid to, cairn_tid to_count, const cairn_nearest_pair *pairs, bool second,
                          int rows)
{
    cairn_status st = CAIRN_OK;
    float counts[MOST_PAIRS];
    const size_t row = (size_t)s->dimension, plane = (size_t)rows * row;
    memset(s->values, 0, (size_t)s->pairs * plane * sizeof *s->values);
    for (int i = 0; i < s->pairs; i++) {
        const cairn_keypoints *k = second ? pairs[i].b : pairs[i].a;
        counts[i] = (float)k->count;
        if (k->count)
            memcpy(s->values + (size_t)i * plane, k->descriptors, (size_t)k->count * row * sizeof *s->values);
    }
    CAIRN_TRY(cairn_program_write(s->program, to, s->values));
    CAIRN_TRY(cairn_program_write(s->program, to_count, counts));
done:
    return st;
}

/* Results [pairs][rows][3] of a tensor into found[pair * stride + first ...]. */
static cairn_status read(search *s, cairn_tid from, cairn_match__nearest *found, int stride, int first, int rows)
{
    cairn_status st = cairn_program_read(s->program, from, s->values);
    for (int i = 0; i < s->pairs && st >= 0; i++) {
        for (int r = 0; r < rows; r++) {
            const float *v = s->values + 3 * ((size_t)i * (size_t)rows + (size_t)r);
            found[(size_t)i * (size_t)stride + (size_t)(first + r)] = (cairn_match__nearest){v[0], v[1], (int)v[2]};
        }
    }
    return st;
}

static cairn_status match(search *s, cairn_nearest_pair *pairs, const cairn_nearest_options *options)
{
    cairn_status st = CAIRN_OK;
    const size_t n = (size_t)s->pairs;
    cairn_match__nearest *of_a = malloc(n * (size_t)s->rows * sizeof *of_a);
    cairn_match__nearest *of_b = malloc(n * (size_t)s->columns * sizeof *of_b);
    if (!of_a || !of_b) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to match %d pairs of images", s->pairs));
    CAIRN_TRY(write(s, s->a, s->count_a, pairs, false, s->rows));
    CAIRN_TRY(write(s, s->b, s->count_b, pairs, true, s->columns));
    CAIRN_TRY(cairn_program_run(s->program));
    for (int k = 0; k < s->blocks; k++)
        CAIRN_TRY(read(s, s->of_a[k], of_a, s->rows, k * BLOCK,
                       s->rows - k * BLOCK < BLOCK ? s->rows - k * BLOCK : BLOCK));
    CAIRN_TRY(read(s, s->of_b, of_b, s->columns, 0, s->columns));
    for (size_t i = 0; i < n; i++)
        CAIRN_TRY(cairn_match__choose(&pairs[i].matches, &pairs[i].count, of_a + i * (size_t)s->rows, pairs[i].a->count,
                                      of_b + i * (size_t)s->columns, pairs[i].b->count, options));
done:
    free(of_a);
    free(of_b);
    return st;
}

cairn_status cairn_nearest_device_match(cairn_nearest_device *device, cairn_nearest_pair *pairs, int count,
                                        const cairn_nearest_options *options)
{
    cairn_status st = CAIRN_OK;
    search *s = NULL;
    int rows = 0, columns = 0;
    for (int i = 0; i < count; i++) pairs[i].matches = NULL, pairs[i].count = 0;
    if (count < 1 || count > MOST_PAIRS)
        return cairn_error_set(CAIRN_E_INVALID, "matching %d pairs at once: expected 1 to %d", count, MOST_PAIRS);
    for (int i = 0; i < count; i++) {
        CAIRN_TRY(cairn_match__check(pairs[i].a, pairs[i].b, options));
        if (pairs[i].a->dimension != pairs[0].a->dimension)
            CAIRN_TRY(cairn_error_set(CAIRN_E_SHAPE, "matching several pairs at once: descriptors of %d and %d values",
                                      pairs[0].a->dimension, pairs[i].a->dimension));
        if (pairs[i].a->count > rows) rows = pairs[i].a->count;
        if (pairs[i].b->count > columns) columns = pairs[i].b->count;
    }
    if (rows > MOST_POINTS || columns > MOST_POINTS)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "matching %d with %d points on a device: at most %d; keep fewer",
                                  rows, columns, MOST_POINTS));
    CAIRN_TRY(find(&s, device, count, round_up(rows), round_up(columns), pairs[0].a->dimension));
    CAIRN_TRY(match(s, pairs, options));
done:
    for (int i = 0; i < count && st < 0; i++) {
        free(pairs[i].matches);
        pairs[i].matches = NULL;
        pairs[i].count = 0;
    }
    return st;
}

typedef struct matcher_state {
    cairn_nearest_device *device;
    cairn_nearest_options options;
} matcher_state;

static cairn_status matcher_match(void *state, const cairn_match_side *a, const cairn_match_side *b, cairn_match **out,
                                  int *count)
{
    matcher_state *m = state;
    cairn_nearest_pair pair = {.a = a->points, .b = b->points};
    cairn_status st = cairn_nearest_device_match(m->device, &pair, 1, &m->options);
    *out = pair.matches;
    *count = pair.count;
    return st;
}

static void matcher_destroy(void *state)
{
    matcher_state *m = state;
    cairn_nearest_device_destroy(&m->device);
    free(m);
}

cairn_status cairn_matcher_nearest_device(cairn_matcher *out, cairn_gpu *gpu, const cairn_nearest_options *options)
{
    *out = (cairn_matcher){0};
    matcher_state *m = calloc(1, sizeof *m);
    if (!m) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    m->options = options ? *options : CAIRN_NEAREST_OPTIONS_INIT;
    cairn_status st = cairn_nearest_device_create(&m->device, gpu);
    if (st < 0) {
        free(m);
        return st;
    }
    *out = (cairn_matcher){.name = "nearest", .state = m, .match = matcher_match, .destroy = matcher_destroy};
    return CAIRN_OK;
}
