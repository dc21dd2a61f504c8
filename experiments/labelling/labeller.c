#include "experiments/labelling/labeller.h"

#include "base/hash.h"

#include <math.h>
#include <string.h>

struct cairn_labeller {
    cairn_labelling o;
    cairn_network *network;
    cairn_adaptation *adaptation; /* NULL: one look */
    cairn_label_info info;
    int seen_h, seen_w; /* of the image that the network sees */
    float *heatmap;     /* [seen_h,seen_w], or [h,w] where that is larger */
};

static cairn_tid heatmap_of(cairn_model *m, cairn_tid image, const void *payload)
{
    return cairn_network_build(m, payload, image).heatmap;
}

/* One line that says everything but size, views, threshold and checkpoint, which a label file has by themselves. */
static void describe(char text[CAIRN_LABEL_OPTIONS_BYTES], const cairn_labelling *o)
{
    const cairn_adaptation_options *a = &o->adaptation;
    const cairn_homography_options *h = &a->homography;
    int used = snprintf(text, CAIRN_LABEL_OPTIONS_BYTES,
                        "suppression=%s size=%d border=%d top_k=%d subpixel=%s", cairn_suppression_name(o->suppression),
                        o->radius, o->border, o->top_k, o->subpixel ? "true" : "false");
    if (o->side)
        used += snprintf(text + used, CAIRN_LABEL_OPTIONS_BYTES - (size_t)used, " side=%d", o->side);
    if (a->views == 1) return;
    used += snprintf(text + used, CAIRN_LABEL_OPTIONS_BYTES - (size_t)used,
                     " aggregation=%s filter_counts=%d margin=%d patch_ratio=%g scaling=%g perspective=%g,%g "
                     "max_angle=%.9g overflow=%g artifacts=%s translation=%s",
                     cairn_aggregation_name(a->aggregation), a->filter_counts, a->margin, h->patch_ratio,
                     h->scaling_amplitude, h->perspective_x, h->perspective_y, h->max_angle, h->translation_overflow,
                     h->allow_artifacts ? "true" : "false", h->translation ? "true" : "false");
    if (used < CAIRN_LABEL_OPTIONS_BYTES && (h->full_corners || h->affine))
        snprintf(text + used, CAIRN_LABEL_OPTIONS_BYTES - (size_t)used, " views_of=%s", h->affine ? "affine" : "image");
}

/* A GPU wants work for all its lanes. On a CPU driver the activations of a few views already fill the caches, and those
 * of many cost pages besides: 10 views of 240x320 (imported MagicPoint, `cairn label --views 10 --chunk N`, two runs)
 * took 2.5 and 2.4 s of processor time one by one, 2.7 and 2.7 in fives, 3.8 and 4.5 all at once; 50 views of 120x160
 * took 2.8 and 2.8 s in fives, 3.1 and 3.5 by 25, 5.2 by 50. So there is nothing to gain from several photographs in
 * one program either. */
static int chunk_of(int views, int h, int w, bool cpu)
{
    enum { MOST_VIEWS = 25, CPU_PIXELS = 160000 };
    const int fit = cpu ? CPU_PIXELS / (h * w) : MOST_VIEWS;
    int chunk = fit < 1 ? 1 : fit > MOST_VIEWS ? MOST_VIEWS : fit;
    if (chunk > views) chunk = views;
    while (views % chunk) chunk--;
    return chunk;
}

cairn_status cairn_labeller_create(cairn_labeller **out, cairn_gpu *gpu, cairn_network *network, uint64_t checkpoint,
                                   const cairn_labelling *options, int h, int w)
{
    cairn_status st = CAIRN_OK;
    *out = NULL;
    cairn_labeller *l = calloc(1, sizeof *l);
    if (!l) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a labeller");
    l->o = *options;
    l->network = network;
    cairn_adaptation_options *a = &l->o.adaptation;
    a->h = h;
    a->w = w;
    if (!a->chunk) a->chunk = chunk_of(a->views, h, w, cairn_gpu_get_info(gpu)->is_cpu);
    if (a->views % a->chunk)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "chunk is %d; it must divide views, %d", a->chunk, a->views));
    l->info = (cairn_label_info){h, w, a->views, (float)options->threshold, checkpoint, ""};
    describe(l->info.options, &l->o);
    if (options->side && a->views > 1)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "side is %d; it is for one look, not for %d views", options->side,
                                  a->views));
    const double scale = options->side ? (double)options->side / (h > w ? h : w) : 1;
    l->seen_h = (int)lround(h * scale);
    l->seen_w = (int)lround(w * scale);
    l->heatmap = malloc(sizeof *l->heatmap * (scale > 1 ? (size_t)l->seen_h * (size_t)l->seen_w
                                                        : (size_t)h * (size_t)w));
    if (!l->heatmap) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a heatmap of %dx%d", w, h));
    if (a->views > 1)
        CAIRN_TRY(cairn_adaptation_create(&l->adaptation, gpu, cairn_network_store(network), heatmap_of,
                                          cairn_network_get_spec(network), a));
    *out = l;
    l = NULL;
done:
    cairn_labeller_destroy(&l);
    return st;
}

void cairn_labeller_destroy(cairn_labeller **labeller)
{
    if (!*labeller) return;
    cairn_adaptation_destroy(&(*labeller)->adaptation);
    free((*labeller)->heatmap);
    free(*labeller);
    *labeller = NULL;
}

const cairn_label_info *cairn_labeller_info(const cairn_labeller *labeller)
{
    return &labeller->info;
}

static float moved(float v, int from, int to)
{
    const double x = (v + 0.5) * to / from - 0.5;
    return (float)fmin(fmax(x, 0), to - 1);
}

/* One look at the image enlarged or reduced: points and heatmap are brought back to its own size. */
static cairn_status look_at_side(cairn_labeller *l, const cairn_image *gray, const cairn_detect_options *detect,
                                 cairn_keypoints *points)
{
    cairn_status st = CAIRN_OK;
    cairn_image seen = {0}, back = {0};
    const cairn_image map = {l->seen_h, l->seen_w, 1, l->heatmap};
    CAIRN_TRY(cairn_image_resize(&seen, gray, l->seen_h, l->seen_w));
    CAIRN_TRY(cairn_network_run(l->network, seen.pixels, 1, seen.h, seen.w, l->heatmap, NULL));
    CAIRN_TRY(cairn_keypoints_detect(points, l->heatmap, seen.h, seen.w, NULL, 0, detect, l->o.top_k));
    for (int i = 0; i < points->count; i++) {
        points->points[i].x = moved(points->points[i].x, seen.w, gray->w);
        points->points[i].y = moved(points->points[i].y, seen.h, gray->h);
    }
    CAIRN_TRY(cairn_image_resize(&back, &map, gray->h, gray->w));
    memcpy(l->heatmap, back.pixels, sizeof *l->heatmap * (size_t)gray->h * (size_t)gray->w);
done:
    cairn_image_free(&seen);
    cairn_image_free(&back);
    if (st < 0) cairn_keypoints_free(points);
    return st;
}

cairn_status cairn_labeller_run(cairn_labeller *l, const cairn_image *gray, uint32_t seed, uint32_t stream,
                                const char *key, cairn_keypoints *points, const float **heatmap)
{
    cairn_status st = CAIRN_OK;
    const uint64_t name = cairn_hash_text(CAIRN_HASH_START, key);
    const cairn_detect_options detect = {.threshold = l->o.threshold,
                                         .radius = l->o.radius,
                                         .border = l->o.border,
                                         .refine = l->o.subpixel,
                                         .suppression = l->o.suppression};
    *points = (cairn_keypoints){0};
    CAIRN_ASSERT(gray->h == l->info.h && gray->w == l->info.w && gray->c == 1);
    if (heatmap) *heatmap = l->heatmap;
    if (l->o.side) return look_at_side(l, gray, &detect, points);
    if (l->adaptation)
        CAIRN_TRY(cairn_adaptation_run(l->adaptation, gray->pixels, seed, stream, (uint32_t)(name ^ name >> 32),
                                       l->heatmap));
    else
        CAIRN_TRY(cairn_network_run(l->network, gray->pixels, 1, gray->h, gray->w, l->heatmap, NULL));
    CAIRN_TRY(cairn_keypoints_detect(points, l->heatmap, gray->h, gray->w, NULL, 0, &detect, l->o.top_k));
done:
    return st;
}
