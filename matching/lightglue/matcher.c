#include "matching/lightglue/matcher.h"

#include "matching/lightglue/parts.h"
#include "train/checkpoint.h"

#include <math.h>
#include <string.h>

struct cairn_lightglue {
    cairn_gpu *gpu;
    cairn_store *store;
    cairn_lightglue_options options;
    cairn_lightglue_parts *parts;
};

/* The two images of one call, and what is left of them. */
typedef struct pair {
    int all[2], alive[2]; /* points */
    int *index[2];        /* [alive] original number of each row */
    float *states[2];     /* [alive, channels] */
    float *positions[2];  /* [alive, 2] */
    int channels;         /* of a state: of a descriptor before the first layer */
    float *z[2], *confidence[2]; /* [alive] logits behind the last layer that ran */
} pair;

/* ---- making ---- */

/* Builds a small graph for its list of parameters and fills the store by `path`, or by `seed` if path is NULL. */
static cairn_status fill(cairn_lightglue *matcher, const char *path, uint32_t seed)
{
    cairn_status st = CAIRN_OK;
    cairn_graph *g = NULL;
    cairn_model m = {0};
    CAIRN_TRY(cairn_graph_create(&g));
    cairn_model_init(&m, g, false);
    cairn_lightglue_build(&m, &matcher->options, cairn_graph_input(g, "positions", (cairn_shape){2, 1, 4, 2}),
                          cairn_graph_input(g, "descriptors", (cairn_shape){2, 1, 4, matcher->options.descriptor}),
                          CAIRN_NONE);
    CAIRN_TRY(cairn_checkpoint_start(path, matcher->store, &m, seed));
done:
    cairn_model_uninit(&m);
    cairn_graph_destroy(&g);
    return st;
}

static cairn_status create(cairn_lightglue **out, cairn_gpu *gpu, const cairn_lightglue_options *options,
                           const char *path, uint32_t seed)
{
    cairn_status st = CAIRN_OK;
    *out = NULL;
    cairn_lightglue *matcher = calloc(1, sizeof *matcher);
    if (!matcher) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a matcher");
    matcher->gpu = gpu;
    matcher->options = *options;
    CAIRN_TRY(cairn_store_create(&matcher->store, gpu));
    CAIRN_TRY(fill(matcher, path, seed));
    CAIRN_TRY(cairn_lightglue_parts_create(&matcher->parts, gpu, matcher->store, options));
    *out = matcher;
    matcher = NULL;
done:
    cairn_lightglue_destroy(&matcher);
    return st;
}

cairn_status cairn_lightglue_load(cairn_lightglue **out, cairn_gpu *gpu, const char *path)
{
    cairn_status st = CAIRN_OK;
    char *text = NULL;
    cairn_lightglue_options options;
    *out = NULL;
    CAIRN_TRY(cairn_checkpoint_metadata(&text, path, "model"));
    if (!cairn_lightglue_parse(&options, text))
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT,
                                  "%s: the model is '%.80s'; expected 'lightglue layers=.. heads=.. width=.. "
                                  "descriptor=..'",
                                  path, text));
    CAIRN_TRY(create(out, gpu, &options, path, 0));
done:
    free(text);
    return st;
}

cairn_status cairn_lightglue_create_untrained(cairn_lightglue **out, cairn_gpu *gpu,
                                              const cairn_lightglue_options *options, uint32_t seed)
{
    *out = NULL;
    cairn_status st = cairn_lightglue_check(options, "matcher");
    return st < 0 ? st : create(out, gpu, options, NULL, seed);
}

void cairn_lightglue_destroy(cairn_lightglue **matcher)
{
    if (!*matcher) return;
    cairn_lightglue_parts_destroy(&(*matcher)->parts);
    cairn_store_destroy(&(*matcher)->store);
    free(*matcher);
    *matcher = NULL;
}

const cairn_lightglue_options *cairn_lightglue_get_options(const cairn_lightglue *matcher)
{
    return &matcher->options;
}

void cairn_lightglue_result_free(cairn_lightglue_result *result)
{
    free(result->matches);
    free(result->depth[0]);
    free(result->depth[1]);
    *result = (cairn_lightglue_result){0};
}

/* ---- one pair ---- */

static void pair_free(pair *p)
{
    for (int i = 0; i < 2; i++) {
        free(p->index[i]);
        free(p->states[i]);
        free(p->positions[i]);
        free(p->z[i]);
        free(p->confidence[i]);
    }
}

static cairn_status pair_start(pair *p, const cairn_lightglue *matcher, const cairn_lightglue_image *const images[2])
{
    const cairn_lightglue_options *o = &matcher->options;
    const size_t widest = (size_t)(o->width > o->descriptor ? o->width : o->descriptor);
    p->channels = o->descriptor;
    for (int i = 0; i < 2; i++) {
        const cairn_keypoints *k = images[i]->keypoints;
        const size_t n = (size_t)k->count;
        p->all[i] = p->alive[i] = k->count;
        p->index[i] = malloc(sizeof *p->index[i] * (n + 1));
        p->states[i] = malloc(sizeof *p->states[i] * (n * widest + 1));
        p->positions[i] = malloc(sizeof *p->positions[i] * (2 * n + 1));
        p->z[i] = malloc(sizeof *p->z[i] * (n + 1));
        p->confidence[i] = malloc(sizeof *p->confidence[i] * (n + 1));
        if (!p->index[i] || !p->states[i] || !p->positions[i] || !p->z[i] || !p->confidence[i])
            return cairn_error_set(CAIRN_E_NOMEM, "no memory to match %d points", k->count);
        for (int j = 0; j < k->count; j++) p->index[i][j] = j;
        if (n) memcpy(p->states[i], k->descriptors, sizeof(float) * n * (size_t)o->descriptor);
        cairn_lightglue_normalise(p->positions[i], &k->points->x, sizeof *k->points / sizeof(float), k->count,
                                  images[i]->width, images[i]->height);
    }
    return CAIRN_OK;
}

double cairn_lightglue_threshold(int layer, int layers)
{
    return fmin(fmax(0.8 + 0.1 * exp(-4.0 * layer / layers), 0), 1);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static bool sure_enough(const pair *p, int layer, const cairn_lightglue_options *o, double least)
{
    const double threshold = cairn_lightglue_threshold(layer, o->layers);
    int unsure = 0;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < p->alive[i]; j++) unsure += sigmoid(p->confidence[i][j]) < threshold;
    return 1 - (double)unsure / (p->all[0] + p->all[1]) > least;
}

static void prune(pair *p, int layer, const cairn_lightglue_options *o, double width_confidence)
{
    const double threshold = cairn_lightglue_threshold(layer, o->layers);
    const size_t channels = (size_t)p->channels;
    for (int i = 0; i < 2; i++) {
        int kept = 0;
        for (int j = 0; j < p->alive[i]; j++) {
            if (sigmoid(p->z[i][j]) <= 1 - width_confidence && sigmoid(p->confidence[i][j]) > threshold) continue;
            p->index[i][kept] = p->index[i][j];
            memmove(p->states[i] + (size_t)kept * channels, p->states[i] + (size_t)j * channels,
                    sizeof(float) * channels);
            memmove(p->positions[i] + 2 * kept, p->positions[i] + 2 * j, sizeof(float) * 2);
            kept++;
        }
        p->alive[i] = kept;
    }
}

/* Layer by layer; leaves the number of layers that ran in out->layers. */
static cairn_status run_layers(cairn_lightglue_result *out, cairn_lightglue *matcher, pair *p,
                               const cairn_lightglue_settings *s)
{
    cairn_status st = CAIRN_OK;
    const cairn_lightglue_options *o = &matcher->options;
    for (int layer = 0; layer < o->layers; layer++) {
        cairn_lightglue_rows rows = {.count = {p->alive[0], p->alive[1]},
                                     .positions = {p->positions[0], p->positions[1]},
                                     .states = {p->states[0], p->states[1]},
                                     .matchability = {p->z[0], p->z[1]},
                                     .confidence = {p->confidence[0], p->confidence[1]}};
        CAIRN_TRY(cairn_lightglue_parts_layer(matcher->parts, layer, &rows));
        p->channels = o->width;
        out->layers = layer + 1;
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < p->alive[i]; j++) out->depth[i][p->index[i][j]] = layer + 1;
        if (layer + 1 == o->layers) break;
        if (s->depth_confidence >= 0 && sure_enough(p, layer, o, s->depth_confidence)) break;
        if (s->width_confidence >= 0) prune(p, layer, o, s->width_confidence);
        if (!p->alive[0] || !p->alive[1]) break;
    }
done:
    return st;
}

static int best_of_row(const float *row, int step, int count)
{
    int best = 0;
    for (int i = 1; i < count; i++)
        if (row[(size_t)i * (size_t)step] > row[(size_t)best * (size_t)step]) best = i;
    return best;
}

int cairn_lightglue_filter(cairn_lightglue_match *out, const float *assignment, int stride, int n, int m, double filter)
{
    int count = 0;
    for (int i = 0; i < n && m > 0; i++) {
        const float *row = assignment + (size_t)i * (size_t)stride;
        const int j = best_of_row(row, 1, m);
        const double score = exp(row[j]);
        if (!(score > filter) || best_of_row(assignment + j, stride, n) != i) continue;
        out[count++] = (cairn_lightglue_match){i, j, (float)score};
    }
    return count;
}

static cairn_status take_matches(cairn_lightglue_result *out, cairn_lightglue *matcher, const pair *p, bool whole,
                                 double filter)
{
    cairn_status st = CAIRN_OK;
    float *assignment = NULL;
    int stride = 0;
    cairn_lightglue_rows rows = {.count = {p->alive[0], p->alive[1]},
                                 .positions = {p->positions[0], p->positions[1]},
                                 .states = {p->states[0], p->states[1]}};
    CAIRN_TRY(cairn_lightglue_parts_assignment(matcher->parts, whole ? -1 : out->layers - 1, &rows, &assignment,
                                               &stride));
    out->count = cairn_lightglue_filter(out->matches, assignment, stride, p->alive[0], p->alive[1], filter);
    for (int i = 0; i < out->count; i++) { /* pruning keeps the order, so that they stay sorted */
        out->matches[i].a = p->index[0][out->matches[i].a];
        out->matches[i].b = p->index[1][out->matches[i].b];
    }
done:
    free(assignment);
    return st;
}

static cairn_status check(const cairn_lightglue *matcher, const cairn_lightglue_image *image)
{
    const cairn_keypoints *k = image->keypoints;
    if (k->count > CAIRN_LIGHTGLUE_POINTS)
        return cairn_error_set(CAIRN_E_SHAPE, "LightGlue takes at most %d points of an image, not %d",
                               CAIRN_LIGHTGLUE_POINTS, k->count);
    if (k->count && (k->dimension != matcher->options.descriptor || !k->descriptors))
        return cairn_error_set(CAIRN_E_SHAPE,
                               "descriptors of %d channels; this LightGlue was made for %d: use the detector it was "
                               "trained with",
                               k->dimension, matcher->options.descriptor);
    return CAIRN_OK;
}

cairn_status cairn_lightglue_run(cairn_lightglue_result *out, cairn_lightglue *matcher, const cairn_lightglue_image *a,
                                 const cairn_lightglue_image *b, const cairn_lightglue_settings *settings)
{
    cairn_status st = CAIRN_OK;
    pair p = {0};
    const cairn_lightglue_image *const images[2] = {a, b};
    const bool whole = settings->depth_confidence < 0 && settings->width_confidence < 0;
    *out = (cairn_lightglue_result){0};
    for (int i = 0; i < 2; i++) {
        CAIRN_TRY(check(matcher, images[i]));
        out->depth[i] = calloc((size_t)images[i]->keypoints->count + 1, sizeof *out->depth[i]);
    }
    out->matches = malloc(sizeof *out->matches * ((size_t)a->keypoints->count + 1));
    if (!out->matches || !out->depth[0] || !out->depth[1])
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for matches"));
    if (!a->keypoints->count || !b->keypoints->count) goto done;
    CAIRN_TRY(pair_start(&p, matcher, images));
    if (!whole) CAIRN_TRY(run_layers(out, matcher, &p, settings));
    if (whole) {
        out->layers = matcher->options.layers;
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < p.all[i]; j++) out->depth[i][j] = out->layers;
    }
    if (p.alive[0] && p.alive[1]) CAIRN_TRY(take_matches(out, matcher, &p, whole, settings->filter));
done:
    pair_free(&p);
    if (st < 0) cairn_lightglue_result_free(out);
    return st;
}
