/* LightGlue behind matching/matcher.h. */
#include "matching/lightglue/matcher.h"

#include <math.h>
#include <string.h>

typedef struct state {
    cairn_lightglue *matcher;
    cairn_lightglue_settings settings;
} state;

static void destroy(void *payload)
{
    state *s = payload;
    if (!s) return;
    cairn_lightglue_destroy(&s->matcher);
    free(s);
}

static float distance(const cairn_keypoints *a, int i, const cairn_keypoints *b, int j)
{
    const float *x = a->descriptors + (size_t)i * (size_t)a->dimension;
    const float *y = b->descriptors + (size_t)j * (size_t)b->dimension;
    double sum = 0;
    for (int k = 0; k < a->dimension; k++) sum += ((double)x[k] - y[k]) * ((double)x[k] - y[k]);
    return (float)sqrt(sum);
}

static cairn_status match(void *payload, const cairn_match_side *a, const cairn_match_side *b, cairn_match **out,
                          int *count)
{
    cairn_status st = CAIRN_OK;
    state *s = payload;
    cairn_lightglue_result result = {0};
    const cairn_lightglue_image first = {a->points, a->w, a->h}, second = {b->points, b->w, b->h};
    *out = NULL;
    *count = 0;
    CAIRN_TRY(cairn_lightglue_run(&result, s->matcher, &first, &second, &s->settings));
    *out = malloc(sizeof **out * ((size_t)result.count + 1));
    if (!*out) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for %d matches", result.count));
    for (int i = 0; i < result.count; i++) {
        const cairn_lightglue_match *m = &result.matches[i];
        (*out)[i] = (cairn_match){.a = m->a, .b = m->b, .score = m->score,
                                  .distance = distance(a->points, m->a, b->points, m->b)};
    }
    *count = result.count;
done:
    cairn_lightglue_result_free(&result);
    return st;
}

cairn_status cairn_matcher_lightglue(cairn_matcher *out, cairn_gpu *gpu, const char *path,
                                     const cairn_lightglue_settings *settings)
{
    cairn_status st = CAIRN_OK;
    *out = (cairn_matcher){0};
    state *s = calloc(1, sizeof *s);
    if (!s) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a matcher");
    s->settings = *settings;
    CAIRN_TRY(cairn_lightglue_load(&s->matcher, gpu, path));
    *out = (cairn_matcher){.name = "lightglue", .dimension = cairn_lightglue_get_options(s->matcher)->descriptor,
                           .state = s, .match = match, .destroy = destroy};
    s = NULL;
done:
    destroy(s);
    return st;
}
