#include "matching/lightglue/parts.h"

#include "graph/program.h"

#include <string.h>

enum { KEPT = 48 /* two of each published layer for two sizes, and some */, SIZES = 12 };
static const int sizes[SIZES] = {64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096};

typedef enum kind { WHOLE, LAYER, ASSIGNMENT } kind;

typedef struct part {
    kind kind;
    int layer, size;
    uint64_t used;
    cairn_graph *g;
    cairn_model model;
    cairn_program *program;
    cairn_tid positions, states, mask;                      /* inputs; CAIRN_NONE where it has none */
    cairn_tid behind, matchability, confidence, assignment; /* outputs; the same */
} part;

struct cairn_lightglue_parts {
    cairn_gpu *gpu;
    cairn_store *store;
    cairn_lightglue_options options;
    part of[KEPT];
    uint64_t clock;
};

cairn_status cairn_lightglue_parts_create(cairn_lightglue_parts **out, cairn_gpu *gpu, cairn_store *store,
                                          const cairn_lightglue_options *options)
{
    *out = calloc(1, sizeof **out);
    if (!*out) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a matcher");
    (*out)->gpu = gpu;
    (*out)->store = store;
    (*out)->options = *options;
    return CAIRN_OK;
}

static void forget(part *p)
{
    cairn_program_destroy(&p->program);
    cairn_model_uninit(&p->model);
    cairn_graph_destroy(&p->g);
    *p = (part){0};
}

void cairn_lightglue_parts_destroy(cairn_lightglue_parts **parts)
{
    if (!*parts) return;
    for (int i = 0; i < KEPT; i++) forget(&(*parts)->of[i]);
    free(*parts);
    *parts = NULL;
}

/* ---- making ---- */

static void build_whole(part *p, const cairn_lightglue_options *o)
{
    cairn_lightglue_outputs out = cairn_lightglue_build(&p->model, o, p->positions, p->states, p->mask);
    p->assignment = out.assignment[o->layers - 1];
}

static void build_layer(part *p, const cairn_lightglue_options *o)
{
    cairn_lightglue_points points;
    if (p->layer == 0) {
        points = cairn_lightglue_begin(&p->model, o, p->positions, p->states, p->mask);
    } else {
        /* The encoding alone: whatever the states are, no layer has the descriptors' own one. */
        cairn_lightglue_options own = *o;
        own.descriptor = o->width;
        points = cairn_lightglue_begin(&p->model, &own, p->positions, p->states, p->mask);
    }
    p->behind = cairn_lightglue_layer(&p->model, o, p->layer, &points);
    if (p->layer + 1 == o->layers) return;
    p->matchability = cairn_lightglue_matchability(&p->model, p->layer, p->behind);
    p->confidence = cairn_lightglue_confidence(&p->model, p->layer, p->behind);
}

static cairn_status make(cairn_lightglue_parts *parts, part *p, kind what, int layer, int size)
{
    cairn_status st = CAIRN_OK;
    const cairn_lightglue_options *o = &parts->options;
    const bool first = what == WHOLE || (what == LAYER && layer == 0);
    *p = (part){.kind = what, .layer = layer, .size = size, .positions = CAIRN_NONE, .behind = CAIRN_NONE,
                .matchability = CAIRN_NONE, .confidence = CAIRN_NONE, .assignment = CAIRN_NONE};
    CAIRN_TRY(cairn_graph_create(&p->g));
    cairn_model_init(&p->model, p->g, false);
    if (what != ASSIGNMENT) p->positions = cairn_graph_input(p->g, "positions", (cairn_shape){2, 1, size, 2});
    p->states = cairn_graph_input(p->g, "states", (cairn_shape){2, 1, size, first ? o->descriptor : o->width});
    p->mask = cairn_graph_input(p->g, "mask", (cairn_shape){2, 1, 1, size});
    if (what == WHOLE) build_whole(p, o);
    if (what == LAYER) build_layer(p, o);
    if (what == ASSIGNMENT)
        p->assignment = cairn_lightglue_assignment(&p->model, o, layer, p->states, p->mask);
    cairn_graph_output(p->g, p->behind, "behind");
    cairn_graph_output(p->g, p->matchability, "matchability");
    cairn_graph_output(p->g, p->confidence, "confidence");
    cairn_graph_output(p->g, p->assignment, "assignment");
    CAIRN_TRY(cairn_program_create(&p->program, parts->gpu, p->g, parts->store, NULL));
done:
    if (st < 0) forget(p);
    return st;
}

static int size_for(const cairn_lightglue_rows *rows)
{
    const int most = rows->count[0] > rows->count[1] ? rows->count[0] : rows->count[1];
    for (int i = 0; i < SIZES; i++)
        if (sizes[i] >= most) return sizes[i];
    CAIRN_ASSERT(!"more points than cairn_lightglue_run lets through");
    return 0;
}

static cairn_status find(part **out, cairn_lightglue_parts *parts, kind what, int layer,
                         const cairn_lightglue_rows *rows)
{
    cairn_status st = CAIRN_OK;
    const int size = size_for(rows);
    part *oldest = &parts->of[0];
    *out = NULL;
    for (int i = 0; i < KEPT && !*out; i++) {
        part *p = &parts->of[i];
        if (p->program && p->kind == what && p->layer == layer && p->size == size) *out = p;
        if (p->used < oldest->used) oldest = p;
    }
    if (!*out) {
        forget(oldest);
        CAIRN_TRY(make(parts, oldest, what, layer, size));
        *out = oldest;
    }
    (*out)->used = ++parts->clock;
done:
    return st;
}

/* ---- running ---- */

/* [count0, channels] and [count1, channels] as one input of [2, size, channels], zeros behind the points. */
static cairn_status write_rows(const part *p, cairn_tid input, const float *const from[2], const int count[2])
{
    const size_t channels = (size_t)cairn_graph_shape(p->g, input).c, image = (size_t)p->size * channels;
    float *values = calloc(2 * image, sizeof *values);
    if (!values) return cairn_error_set(CAIRN_E_NOMEM, "no memory to match %d points", p->size);
    for (int i = 0; i < 2; i++)
        memcpy(values + (size_t)i * image, from[i], sizeof *values * channels * (size_t)count[i]);
    cairn_status st = cairn_program_write(p->program, input, values);
    free(values);
    return st;
}

static cairn_status read_rows(const part *p, cairn_tid output, float *const to[2], const int count[2])
{
    const size_t channels = (size_t)cairn_graph_shape(p->g, output).c, image = (size_t)p->size * channels;
    float *values = malloc(sizeof *values * 2 * image);
    if (!values) return cairn_error_set(CAIRN_E_NOMEM, "no memory to match %d points", p->size);
    cairn_status st = cairn_program_read(p->program, output, values);
    for (int i = 0; i < 2 && st >= 0; i++)
        memcpy(to[i], values + (size_t)i * image, sizeof *values * channels * (size_t)count[i]);
    free(values);
    return st;
}

static cairn_status write_mask(const part *p, const int count[2])
{
    float *mask = calloc(2 * (size_t)p->size, sizeof *mask);
    if (!mask) return cairn_error_set(CAIRN_E_NOMEM, "no memory to match %d points", p->size);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < count[i]; j++) mask[i * p->size + j] = 1;
    cairn_status st = cairn_program_write(p->program, p->mask, mask);
    free(mask);
    return st;
}

static cairn_status run(const part *p, const cairn_lightglue_rows *rows)
{
    cairn_status st = CAIRN_OK;
    const float *const states[2] = {rows->states[0], rows->states[1]};
    CAIRN_TRY(write_rows(p, p->states, states, rows->count));
    if (p->positions != CAIRN_NONE) CAIRN_TRY(write_rows(p, p->positions, rows->positions, rows->count));
    CAIRN_TRY(write_mask(p, rows->count));
    CAIRN_TRY(cairn_program_run(p->program));
done:
    return st;
}

cairn_status cairn_lightglue_parts_layer(cairn_lightglue_parts *parts, int layer, const cairn_lightglue_rows *rows)
{
    cairn_status st = CAIRN_OK;
    part *p;
    CAIRN_TRY(find(&p, parts, LAYER, layer, rows));
    CAIRN_TRY(run(p, rows));
    CAIRN_TRY(read_rows(p, p->behind, rows->states, rows->count));
    if (p->matchability != CAIRN_NONE && rows->matchability[0])
        CAIRN_TRY(read_rows(p, p->matchability, rows->matchability, rows->count));
    if (p->confidence != CAIRN_NONE && rows->confidence[0])
        CAIRN_TRY(read_rows(p, p->confidence, rows->confidence, rows->count));
done:
    return st;
}

cairn_status cairn_lightglue_parts_assignment(cairn_lightglue_parts *parts, int layer, const cairn_lightglue_rows *rows,
                                              float **assignment, int *stride)
{
    cairn_status st = CAIRN_OK;
    part *p;
    *assignment = NULL;
    CAIRN_TRY(find(&p, parts, layer < 0 ? WHOLE : ASSIGNMENT, layer, rows));
    CAIRN_TRY(run(p, rows));
    *stride = p->size + 1;
    *assignment = malloc(sizeof **assignment * (size_t)*stride * (size_t)*stride);
    if (!*assignment) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to match %d points", p->size));
    CAIRN_TRY(cairn_program_read(p->program, p->assignment, *assignment));
done:
    return st;
}
