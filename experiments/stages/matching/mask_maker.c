#include "experiments/stages/matching/mask_maker.h"

#include "base/hash.h"
#include "experiments/stages/common.h"
#include "geometry/postprocess.h"
#include "system/file.h"
#include "system/parallel.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_VIEWS = 8 }; /* that the teacher sees at once: its memory grows with them */
static const char *const sources[] = {"oracle", "nearest", "lightglue"};

/* A photograph, or its warp of a request. */
typedef struct view {
    int request; /* the first one of the photograph, or that of the warp */
    bool warped;
    cairn_keypoints points;
} view;

struct cairn_mask_maker {
    const cairn_mask_settings *s;
    const char *name; /* of the stage matched-masks; the recipe's */
    uint32_t seed, stream;
    cairn_network *teacher;
    cairn_matcher matcher; /* empty: the oracle */
    uint64_t checkpoint;
    int h, w, dimension;
    float *images, *valid, *heatmaps, *maps; /* of MOST_VIEWS views */
    /* Of one call. */
    const cairn_mask_request *requests;
    cairn_homography *to_input; /* [requests] */
    view *views;                /* [at most two a request] */
    int first;                  /* view of those that the teacher sees now */
};

const char *cairn_mask_source_name(int source)
{
    return sources[source];
}

uint64_t cairn_mask_maker_teacher(const cairn_mask_maker *maker)
{
    return maker->checkpoint;
}

/* ---- opening ---- */

static cairn_status open_teacher(cairn_mask_maker *m, const cairn_stage *stage, cairn_gpu *gpu)
{
    cairn_status st = CAIRN_OK;
    char *path = NULL;
    if (m->s->teacher[0])
        CAIRN_TRY(cairn_stage_model_path(&path, stage, m->s->teacher));
    else if (!(path = strdup(m->s->model)))
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a path"));
    CAIRN_TRY(cairn_file_hash(&m->checkpoint, path));
    CAIRN_TRY(cairn_network_load(&m->teacher, gpu, path));
    m->dimension = cairn_network_dimension(m->teacher);
    cairn_network_use_raw_descriptors(m->teacher, m->s->sampling == CAIRN_SAMPLE_LEGACY);
done:
    free(path);
    return st;
}

static cairn_status open_matcher(cairn_mask_maker *m, const cairn_stage *stage, cairn_gpu *gpu)
{
    cairn_status st = CAIRN_OK;
    const cairn_mask_settings *s = m->s;
    char *path = NULL;
    cairn_matcher_options o = CAIRN_MATCHER_OPTIONS_INIT;
    if (s->source == CAIRN_MASK_ORACLE) goto done;
    if (!m->dimension)
        CAIRN_TRY(cairn_error_set(CAIRN_E_UNSUPPORTED,
                                  "%s: the network of '%s' has no descriptors; source: oracle needs none", m->name,
                                  s->teacher[0] ? s->teacher : s->model));
    o.kind = s->source == CAIRN_MASK_NEAREST ? CAIRN_MATCHER_NEAREST : CAIRN_MATCHER_LIGHTGLUE;
    o.nearest.ratio = (float)s->ratio;
    o.filter = s->filter;
    if (s->lightglue[0]) CAIRN_TRY(cairn_stage_model_path(&path, stage, s->lightglue));
    o.weights = path ? path : s->weights;
    CAIRN_TRY(cairn_matcher_open(&m->matcher, gpu, &o));
done:
    free(path);
    return st;
}

static cairn_status reserve(cairn_mask_maker *m)
{
    const size_t pixels = (size_t)m->h * (size_t)m->w, views = MOST_VIEWS;
    const size_t cells = (size_t)cairn_network_cells(m->h) * (size_t)cairn_network_cells(m->w) * (size_t)m->dimension;
    m->images = malloc(views * pixels * sizeof *m->images);
    m->heatmaps = malloc(views * pixels * sizeof *m->heatmaps);
    m->valid = malloc(views * pixels * sizeof *m->valid);
    if (m->matcher.match) m->maps = malloc(views * cells * sizeof *m->maps);
    if (m->images && m->heatmaps && m->valid && (m->maps || !m->matcher.match)) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu views of %dx%d", views, m->w, m->h);
}

cairn_status cairn_mask_maker_open(cairn_mask_maker **out, const cairn_stage *stage, cairn_gpu *gpu,
                                   const char *stage_name, const cairn_mask_settings *settings, int h, int w)
{
    cairn_status st = CAIRN_OK;
    *out = NULL;
    cairn_mask_maker *m = calloc(1, sizeof *m);
    if (!m) return cairn_error_set(CAIRN_E_NOMEM, "no memory for matched masks");
    *m = (cairn_mask_maker){.s = settings,
                            .name = stage_name,
                            .seed = stage->seed,
                            .stream = cairn_stage_stream(stage_name),
                            .h = h,
                            .w = w};
    CAIRN_TRY(open_teacher(m, stage, gpu));
    CAIRN_TRY(open_matcher(m, stage, gpu));
    CAIRN_TRY(reserve(m));
    *out = m;
    m = NULL;
done:
    cairn_mask_maker_close(&m);
    return st;
}

void cairn_mask_maker_close(cairn_mask_maker **maker)
{
    cairn_mask_maker *m = *maker;
    if (!m) return;
    cairn_matcher_free(&m->matcher);
    cairn_network_destroy(&m->teacher);
    free(m->images);
    free(m->valid);
    free(m->heatmaps);
    free(m->maps);
    free(m);
    *maker = NULL;
}

/* ---- views ---- */

static cairn_homography_options views_of(const cairn_mask_settings *s)
{
    cairn_homography_options o = CAIRN_HOMOGRAPHY_OPTIONS_INIT;
    o.max_angle = s->max_angle * 0.017453292519943295;
    o.patch_ratio = s->patch_ratio;
    o.scaling_amplitude = s->scaling;
    o.perspective_x = o.perspective_y = s->perspective;
    o.allow_artifacts = false;
    return o;
}

/* A homography depends on seed, stage, photo and number alone. */
static cairn_status draw_homographies(cairn_mask_maker *m, int count)
{
    cairn_status st = CAIRN_OK;
    const cairn_homography_options views = views_of(m->s);
    for (int i = 0; i < count; i++) {
        const uint32_t photo = (uint32_t)cairn_hash_text(CAIRN_HASH_START, m->requests[i].key);
        cairn_rng rng = cairn_rng_stream(m->seed, m->stream, photo, (uint32_t)m->requests[i].pair, CAIRN_PURPOSE_WARP);
        CAIRN_TRY(cairn_homography_sample(&m->to_input[i], &rng, m->h, m->w, &views));
    }
done:
    return st;
}

static cairn_status make_view(void *payload, int i)
{
    cairn_mask_maker *m = payload;
    const view *v = &m->views[m->first + i];
    const size_t pixels = (size_t)m->h * (size_t)m->w;
    const cairn_image *gray = m->requests[v->request].gray;
    float *to = m->images + (size_t)i * pixels;
    cairn_image warped = {0};
    if (!v->warped) {
        memcpy(to, gray->pixels, pixels * sizeof *to);
        return CAIRN_OK;
    }
    const cairn_status st = cairn_homography_warp(&warped, m->valid + (size_t)i * pixels, gray,
                                                  &m->to_input[v->request], m->h, m->w);
    if (st >= 0) memcpy(to, warped.pixels, pixels * sizeof *to);
    cairn_image_free(&warped);
    return st;
}

static cairn_status find_points(void *payload, int i)
{
    cairn_mask_maker *m = payload;
    const cairn_mask_settings *s = m->s;
    view *v = &m->views[m->first + i];
    const size_t pixels = (size_t)m->h * (size_t)m->w;
    const size_t cells = (size_t)cairn_network_cells(m->h) * (size_t)cairn_network_cells(m->w) * (size_t)m->dimension;
    cairn_detect_options o = CAIRN_DETECT_OPTIONS_INIT;
    o.threshold = s->threshold;
    o.radius = (int)s->radius;
    o.border = (int)s->border;
    o.refine = s->subpixel;
    o.sampling = (cairn_sampling)s->sampling;
    cairn_status st = cairn_keypoints_detect(&v->points, m->heatmaps + (size_t)i * pixels, m->h, m->w,
                                             m->maps ? m->maps + (size_t)i * cells : NULL, m->maps ? m->dimension : 0,
                                             &o, (int)s->top_k);
    if (st >= 0 && v->warped)
        st = cairn_masks_drop_invalid(&v->points, m->valid + (size_t)i * pixels, m->h, m->w, (int)s->margin);
    return st;
}

static cairn_status look(cairn_mask_maker *m, int views)
{
    cairn_status st = CAIRN_OK;
    for (m->first = 0; m->first < views; m->first += MOST_VIEWS) {
        const int n = views - m->first < MOST_VIEWS ? views - m->first : MOST_VIEWS;
        CAIRN_TRY(cairn_parallel_for(n, 0, make_view, m));
        CAIRN_TRY(cairn_network_run(m->teacher, m->images, n, m->h, m->w, m->heatmaps, m->maps));
        CAIRN_TRY(cairn_parallel_for(n, 0, find_points, m));
    }
done:
    return st;
}

/* ---- pairs ---- */

/* `photo` and `warp` are views of the same photograph. */
static cairn_status match(cairn_masked_pair *out, const cairn_mask_maker *m, const view *photo, const view *warp)
{
    const cairn_match_side left = {&photo->points, m->h, m->w}, right = {&warp->points, m->h, m->w};
    const cairn_mask_options o = {m->s->reach, m->s->symmetrise};
    cairn_homography to_warped;
    const cairn_status st = cairn_homography_invert(&to_warped, &m->to_input[warp->request]);
    if (st < 0) return st;
    return cairn_masks_match(out, &left, &right, &to_warped, m->matcher.match ? &m->matcher : NULL, &o);
}

cairn_status cairn_mask_maker_make(cairn_mask_maker *m, const cairn_mask_request *requests, int count,
                                   cairn_masked_pair *out)
{
    cairn_status st = CAIRN_OK;
    int views = 0, photo = 0;
    memset(out, 0, (size_t)count * sizeof *out);
    m->requests = requests;
    m->to_input = malloc((size_t)count * sizeof *m->to_input);
    m->views = calloc(2 * (size_t)count, sizeof *m->views);
    if (!m->to_input || !m->views) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for %d pairs", count));
    CAIRN_TRY(draw_homographies(m, count));
    for (int i = 0; i < count; i++) {
        if (!i || requests[i].gray != requests[i - 1].gray) m->views[views++] = (view){i, false, {0}};
        m->views[views++] = (view){i, true, {0}};
    }
    CAIRN_TRY(look(m, views));
    for (int v = 0; v < views; v++) {
        if (!m->views[v].warped)
            photo = v;
        else
            CAIRN_TRY(match(&out[m->views[v].request], m, &m->views[photo], &m->views[v]));
    }
done:
    for (int v = 0; v < views; v++) cairn_keypoints_free(&m->views[v].points);
    free(m->views);
    free(m->to_input);
    m->views = NULL;
    m->to_input = NULL;
    for (int i = 0; i < count && st < 0; i++) cairn_masked_pair_free(&out[i]);
    return st;
}

void cairn_mask_maker_info(cairn_mask_info *info, const cairn_mask_maker *m, const char *key, int pair)
{
    const cairn_mask_settings *s = m->s;
    *info = (cairn_mask_info){.teacher = m->checkpoint, .seed = m->seed, .stream = m->stream, .pair = pair};
    snprintf(info->image, sizeof info->image, "%s", key);
    snprintf(info->options, sizeof info->options,
             "source=%s reach=%g symmetrise=%s top_k=%d threshold=%g radius=%d border=%d margin=%d subpixel=%s "
             "sampling=%s filter=%g ratio=%g max_angle=%g patch_ratio=%g scaling=%g perspective=%g",
             sources[s->source], s->reach, s->symmetrise ? "true" : "false", (int)s->top_k, s->threshold,
             (int)s->radius, (int)s->border, (int)s->margin, s->subpixel ? "true" : "false",
             cairn_sampling_name((cairn_sampling)s->sampling), s->filter, s->ratio, s->max_angle, s->patch_ratio,
             s->scaling, s->perspective);
}
