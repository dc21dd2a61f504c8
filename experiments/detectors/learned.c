#include "experiments/detectors/learned.h"

#include "system/file.h"

#include <string.h>

typedef struct learned {
    cairn_network *network;
    cairn_detect_options options;
    char name[128];
} learned;

static cairn_status detect(void *state, const cairn_image *gray, int top_k, cairn_keypoints *out)
{
    cairn_status st = CAIRN_OK;
    learned *l = state;
    int h = gray->h, w = gray->w, dimension = cairn_network_dimension(l->network), hc = cairn_network_cells(h),
        wc = cairn_network_cells(w);
    float *map = NULL, *heatmap = malloc(sizeof *heatmap * (size_t)h * (size_t)w);
    if (dimension) map = malloc(sizeof *map * (size_t)hc * (size_t)wc * (size_t)dimension);
    if (!heatmap || (dimension && !map)) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a heatmap of %dx%d", w, h);
        goto done;
    }
    CAIRN_TRY(cairn_network_run(l->network, gray->pixels, 1, h, w, heatmap, map));
    CAIRN_TRY(cairn_keypoints_detect(out, heatmap, h, w, map, dimension, &l->options, top_k));
done:
    if (st < 0) cairn_keypoints_free(out);
    free(map);
    free(heatmap);
    return st;
}

static void configure(void *state, const cairn_protocol_view *view)
{
    learned *l = state;
    l->options.threshold = view->threshold;
    l->options.border = view->border;
    l->options.refine = view->subpixel;
    l->options.suppression = view->suppression.kind;
    l->options.radius = view->suppression.size;
    cairn_network_use_batch_statistics(l->network, view->batch_statistics);
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

cairn_status cairn_detector_load(cairn_detector *out, cairn_gpu *gpu, const char *model_path,
                                 const cairn_detect_options *options)
{
    cairn_network *network = NULL;
    *out = (cairn_detector){0};
    cairn_status st = cairn_network_load(&network, gpu, model_path);
    if (st < 0) return st;
    char *stem = cairn_file_stem(model_path);
    st = cairn_detector_wrap(out, network, stem ? stem : "model", options);
    free(stem);
    return st;
}

cairn_network *cairn_detector_network(const cairn_detector *detector)
{
    CAIRN_ASSERT(detector->detect == detect);
    return ((learned *)detector->state)->network;
}
