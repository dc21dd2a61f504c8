#include "matching/matcher.h"

#include "matching/lightglue/matcher.h"
#include "matching/nearest_device.h"

#include <stdlib.h>

cairn_status cairn_matcher_run(const cairn_matcher *matcher, const cairn_match_side *a, const cairn_match_side *b,
                               cairn_match **out, int *count)
{
    *out = NULL;
    *count = 0;
    const int da = a->points->dimension, db = b->points->dimension;
    if (a->points->count > 0 && b->points->count > 0 &&
        (da != db || da < 1 || (matcher->dimension && da != matcher->dimension)))
        return cairn_error_set(CAIRN_E_SHAPE, "matcher %s: descriptors of %d and %d values; it takes %d of both sides "
                                              "(0: any, but equal)", matcher->name, da, db, matcher->dimension);
    if (a->points->count < 1 || b->points->count < 1) {
        *out = malloc(sizeof **out);
        return *out ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    }
    return matcher->match(matcher->state, a, b, out, count);
}

void cairn_matcher_free(cairn_matcher *matcher)
{
    if (matcher->destroy) matcher->destroy(matcher->state);
    *matcher = (cairn_matcher){0};
}

static cairn_status match_nearest(void *state, const cairn_match_side *a, const cairn_match_side *b, cairn_match **out,
                                  int *count)
{
    return cairn_nearest_match(out, count, a->points, b->points, state);
}

cairn_status cairn_matcher_nearest(cairn_matcher *out, const cairn_nearest_options *options)
{
    *out = (cairn_matcher){0};
    cairn_nearest_options *state = malloc(sizeof *state);
    if (!state) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    *state = options ? *options : CAIRN_NEAREST_OPTIONS_INIT;
    *out = (cairn_matcher){.name = "nearest", .state = state, .match = match_nearest, .destroy = free};
    return CAIRN_OK;
}

static cairn_status open_lightglue(cairn_matcher *out, cairn_gpu *gpu, const cairn_matcher_options *o)
{
    cairn_lightglue_settings settings = o->adaptive ? CAIRN_LIGHTGLUE_ADAPTIVE : CAIRN_LIGHTGLUE_COMPLETE;
    settings.filter = o->filter;
    if (!o->weights || !o->weights[0])
        return cairn_error_set(CAIRN_E_INVALID, "lightglue: the file of its weights is missing (--matcher-model; see "
                                                "cairn import)");
    if (!gpu) return cairn_error_set(CAIRN_E_INVALID, "lightglue: it needs a device");
    return cairn_matcher_lightglue(out, gpu, o->weights, &settings);
}

cairn_status cairn_matcher_open(cairn_matcher *out, cairn_gpu *gpu, const cairn_matcher_options *options)
{
    *out = (cairn_matcher){0};
    if (options->kind == CAIRN_MATCHER_LIGHTGLUE) return open_lightglue(out, gpu, options);
    if (options->weights && options->weights[0])
        return cairn_error_set(CAIRN_E_INVALID, "%s: nearest neighbours have no weights; leave the file out",
                               options->weights);
    if (gpu && !cairn_gpu_get_info(gpu)->is_cpu) return cairn_matcher_nearest_device(out, gpu, &options->nearest);
    return cairn_matcher_nearest(out, &options->nearest);
}
