#include "experiments/detectors/learned.h"

#include "system/file.h"
#include "system/parallel.h"
#include "train/checkpoint.h"

#include <string.h>

typedef struct learned {
    cairn_network *network;
    cairn_describer *describer; /* borrowed: whose descriptors the points get; NULL: the network's own, if any */
    bool batch_statistics;
    cairn_detect_options options;
    char name[128];
} learned;

/* One run of the network and what is taken from its maps. */
typedef struct look {
    const learned *by;
    int h, w, dimension, top_k;
    float *images, *heatmaps, *maps; /* [n,h,w] twice, [n,cells,cells,dimension] or NULL */
    cairn_keypoints *out;
} look;

static cairn_status choose(void *payload, int i)
{
    const look *l = payload;
    const size_t pixels = (size_t)l->h * (size_t)l->w;
    const size_t cells = (size_t)cairn_network_cells(l->h) * (size_t)cairn_network_cells(l->w);
    const float *map = l->maps ? l->maps + (size_t)i * cells * (size_t)l->dimension : NULL;
    return cairn_keypoints_detect(&l->out[i], l->heatmaps + (size_t)i * pixels, l->h, l->w, map, l->dimension,
                                  &l->by->options, l->top_k);
}

static cairn_status look_at(learned *l, const cairn_image *images, int count, int top_k, cairn_keypoints *out,
                            float *heatmaps)
{
    cairn_status st = CAIRN_OK;
    const int h = images->h, w = images->w;
    const int dimension = l->describer ? cairn_describer_dimension(l->describer) : cairn_network_dimension(l->network);
    const size_t pixels = (size_t)h * (size_t)w, n = (size_t)count;
    const size_t cells = (size_t)cairn_network_cells(h) * (size_t)cairn_network_cells(w);
    look k = {.by = l, .h = h, .w = w, .dimension = dimension, .top_k = top_k, .out = out};
    k.heatmaps = heatmaps ? heatmaps : malloc(sizeof(float) * n * pixels);
    if (count > 1) k.images = malloc(sizeof(float) * n * pixels);
    if (dimension) k.maps = malloc(sizeof(float) * n * cells * (size_t)dimension);
    if (!k.heatmaps || (count > 1 && !k.images) || (dimension && !k.maps))
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for the heatmaps of %d images of %dx%d", count, w, h));
    for (int i = 0; i < count && count > 1; i++)
        memcpy(k.images + (size_t)i * pixels, images[i].pixels, sizeof(float) * pixels);
    const float *seen = k.images ? k.images : images->pixels;
    CAIRN_TRY(cairn_network_run(l->network, seen, count, h, w, k.heatmaps, l->describer ? NULL : k.maps));
    for (int i = 0; l->describer && i < count; i++)
        CAIRN_TRY(cairn_describer_map(k.maps + (size_t)i * cells * (size_t)dimension, l->describer, &images[i],
                                      l->options.sampling == CAIRN_SAMPLE_LEGACY, l->batch_statistics));
    CAIRN_TRY(cairn_parallel_for(count, 0, choose, &k));
done:
    if (st < 0)
        for (int i = 0; i < count; i++) cairn_keypoints_free(&out[i]);
    free(k.images);
    if (!heatmaps) free(k.heatmaps);
    free(k.maps);
    return st;
}

static cairn_status detect(void *state, const cairn_image *gray, int top_k, cairn_keypoints *out)
{
    return look_at(state, gray, 1, top_k, out, NULL);
}

cairn_status cairn_detector_detect_many(const cairn_detector *detector, const cairn_image *images, int count, int top_k,
                                        cairn_keypoints *out, float *heatmaps)
{
    CAIRN_ASSERT(detector->detect == detect && count >= 1);
    for (int i = 0; i < count; i++) {
        out[i] = (cairn_keypoints){0};
        CAIRN_ASSERT(images[i].c == 1 && images[i].h == images[0].h && images[i].w == images[0].w);
    }
    return look_at(detector->state, images, count, top_k, out, heatmaps);
}

static void configure(void *state, const cairn_protocol_view *view)
{
    learned *l = state;
    l->options.threshold = view->threshold;
    l->options.border = view->border;
    l->options.refine = view->subpixel;
    l->options.parabola = view->parabola;
    l->options.suppression = view->suppression.kind;
    l->options.radius = view->suppression.size;
    cairn_network_use_batch_statistics(l->network, view->batch_statistics);
    l->batch_statistics = view->batch_statistics;
}

static void destroy(void *state)
{
    learned *l = state;
    cairn_network_destroy(&l->network);
    free(l);
}

cairn_status cairn_detector_wrap(cairn_detector *out, cairn_network *network, const char *name,
                                 const cairn_detect_options *options)
{
    *out = (cairn_detector){0};
    learned *l = calloc(1, sizeof *l);
    if (!l) {
        cairn_network_destroy(&network);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory for a detector");
    }
    l->network = network;
    l->options = options ? *options : CAIRN_DETECT_OPTIONS_INIT;
    cairn_network_use_raw_descriptors(network, l->options.sampling == CAIRN_SAMPLE_LEGACY);
    snprintf(l->name, sizeof l->name, "%s", name);
    *out = (cairn_detector){.name = l->name,
                            .dimension = cairn_network_dimension(network),
                            .state = l,
                            .detect = detect,
                            .destroy = destroy,
                            .configure = configure,
                            .learned = true};
    return CAIRN_OK;
}

cairn_status cairn_detector_describe_by(cairn_detector *detector, cairn_describer *describer)
{
    CAIRN_ASSERT(detector->detect == detect);
    if (detector->dimension)
        return cairn_error_set(CAIRN_E_INVALID, "%s has descriptors of its own", detector->name);
    ((learned *)detector->state)->describer = describer;
    detector->dimension = cairn_describer_dimension(describer);
    return CAIRN_OK;
}

/* Of a checkpoint that can be read. */
static cairn_status own_threshold(double *threshold, const char *model_path)
{
    char *text = NULL, *end;
    cairn_status st = cairn_checkpoint_metadata(&text, model_path, "threshold");
    *threshold = CAIRN_DETECT_OPTIONS_INIT.threshold;
    if (st == CAIRN_E_NOTFOUND) return CAIRN_OK;
    if (st < 0) return st;
    *threshold = strtod(text, &end);
    if (end == text || *end || !(*threshold >= 0 && *threshold <= 1))
        st = cairn_error_set(CAIRN_E_FORMAT, "%s: metadata 'threshold' is '%.40s', expected a number in 0..1",
                             model_path, text);
    free(text);
    return st;
}

cairn_status cairn_detector_load(cairn_detector *out, cairn_gpu *gpu, const char *model_path,
                                 const cairn_detect_options *options)
{
    cairn_status st = CAIRN_OK;
    cairn_network *network = NULL;
    cairn_detect_options o = options ? *options : CAIRN_DETECT_OPTIONS_INIT;
    char *stem = cairn_file_stem(model_path);
    *out = (cairn_detector){0};
    CAIRN_TRY(cairn_network_load(&network, gpu, model_path));
    if (o.threshold < 0) st = own_threshold(&o.threshold, model_path);
    if (st < 0) cairn_network_destroy(&network);
    CAIRN_TRY(st);
    st = cairn_detector_wrap(out, network, stem ? stem : "model", &o);
done:
    free(stem);
    return st;
}

cairn_network *cairn_detector_network(const cairn_detector *detector)
{
    CAIRN_ASSERT(detector->detect == detect);
    return ((learned *)detector->state)->network;
}
