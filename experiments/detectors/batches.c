#include "experiments/detectors/batches.h"

#include "data/image_stream.h"

#include <string.h>

enum { MOST_BATCH = 64, SIZES = 4, MOST_AHEAD = 12 };

/* Images of one size that wait for more. */
typedef struct group {
    cairn_batch_item items[MOST_BATCH];
    int count;
} group;

typedef struct runner {
    const cairn_detector *detector;
    const char *const *paths;
    const cairn_batches *o;
    group groups[SIZES];
} runner;

/* On a CPU driver a program of more pixels is slower for each of them: 24 frames of 416x128 (imported MagicPoint, two
 * runs) took 4.0 and 3.2 s of processor time one by one, 3.4 and 3.3 by 4 images, 3.2 and 3.1 by 8, 4.4 and 4.8 by 16;
 * and see labeller.c, where 2 of 240x320 cost no more than 1 each, 10 half as much again. A GPU's bound is memory: a
 * layer of 64 channels has 0.5 GB for 2 million pixels. */
size_t cairn_batches_pixels(cairn_gpu *gpu)
{
    return cairn_gpu_get_info(gpu)->is_cpu ? 1 << 18 : 1 << 21;
}

static cairn_status no_memory(void)
{
    return cairn_error_set(CAIRN_E_NOMEM, "no memory for batches of images");
}

static cairn_status load(void *payload, int i, cairn_image *out)
{
    const runner *r = payload;
    return cairn_image_load(out, r->paths[i], 1);
}

static void empty(group *g)
{
    for (int i = 0; i < g->count; i++) {
        cairn_image_free(&g->items[i].gray);
        cairn_keypoints_free(&g->items[i].points);
        free(g->items[i].heatmap);
    }
    g->count = 0;
}

static void fail(runner *r, cairn_batch_item *item, cairn_status status, bool name)
{
    item->status = status;
    if (name)
        snprintf(item->message, sizeof item->message, "%s: %.800s", r->paths[item->index], cairn_error_message());
    else
        snprintf(item->message, sizeof item->message, "%s", cairn_error_message());
}

static int batch_of(const runner *r, const cairn_image *image)
{
    const size_t fit = r->o->pixels / ((size_t)image->h * (size_t)image->w);
    if (fit < 1) return 1;
    return fit < (size_t)r->o->batch ? (int)fit : r->o->batch;
}

/* Looks at `count` items of the group from `first` on. */
static cairn_status look(runner *r, group *g, int first, int count)
{
    cairn_image images[MOST_BATCH] = {0};
    cairn_keypoints found[MOST_BATCH] = {0};
    for (int i = 0; i < count; i++) images[i] = g->items[first + i].gray;
    const size_t pixels = (size_t)images->h * (size_t)images->w;
    float *heatmaps = NULL;
    if (r->o->heatmaps && !(heatmaps = malloc(sizeof *heatmaps * (size_t)count * pixels))) return no_memory();
    cairn_status st = cairn_detector_detect_many(r->detector, images, count, r->o->top_k, found, heatmaps);
    if (st == CAIRN_E_NOMEM || st == CAIRN_E_DEVICE) goto done;
    for (int i = 0; i < count; i++) {
        if (st < 0) fail(r, &g->items[first + i], st, true);
        else g->items[first + i].points = found[i];
    }
    for (int i = 0; i < count && heatmaps && st >= 0; i++) {
        float *own = malloc(sizeof *own * pixels);
        if (!own) {
            st = no_memory();
            goto done;
        }
        g->items[first + i].heatmap = memcpy(own, heatmaps + (size_t)i * pixels, sizeof *own * pixels);
    }
    st = CAIRN_OK;
done:
    free(heatmaps);
    return st;
}

/* A whole batch by one program, the rest of a size image by image: a program for each number would cost more time to
 * make than it saves. */
static cairn_status flush(runner *r, group *g)
{
    cairn_status st = CAIRN_OK;
    if (!g->count) return CAIRN_OK;
    const int batch = batch_of(r, &g->items[0].gray);
    for (int first = 0; first < g->count;) {
        const int count = g->count - first >= batch ? batch : 1;
        CAIRN_TRY(look(r, g, first, count));
        first += count;
    }
    st = r->o->take(r->o->payload, g->items, g->count);
done:
    empty(g);
    return st;
}

static bool same_size(const group *g, const cairn_image *image)
{
    return g->count && g->items[0].gray.h == image->h && g->items[0].gray.w == image->w;
}

/* The group that the image joins; where there is no place for another size, the fullest one is done first. */
static cairn_status place(runner *r, const cairn_image *image, group **out)
{
    group *fullest = &r->groups[0];
    *out = NULL;
    for (int i = 0; i < SIZES && !*out; i++) {
        if (same_size(&r->groups[i], image)) *out = &r->groups[i];
        if (r->groups[i].count > fullest->count) fullest = &r->groups[i];
    }
    for (int i = 0; i < SIZES && !*out; i++)
        if (!r->groups[i].count) *out = &r->groups[i];
    if (*out) return CAIRN_OK;
    *out = fullest;
    return flush(r, fullest);
}

/* Takes the image over. */
static cairn_status add(runner *r, int index, cairn_image *image)
{
    cairn_status st = CAIRN_OK;
    group *g;
    CAIRN_TRY(place(r, image, &g));
    g->items[g->count] = (cairn_batch_item){.index = index, .gray = *image};
    *image = (cairn_image){0};
    if (++g->count >= batch_of(r, &g->items[0].gray)) CAIRN_TRY(flush(r, g));
done:
    return st;
}

cairn_status cairn_batches_run(const cairn_detector *detector, const char *const *paths, int count,
                               const cairn_batches *options)
{
    cairn_status st = CAIRN_OK;
    cairn_image_stream *stream = NULL;
    cairn_image image = {0};
    cairn_batch_item *bad = calloc(1, sizeof *bad);
    runner *r = calloc(1, sizeof *r);
    CAIRN_ASSERT(options->batch >= 1 && options->batch <= MOST_BATCH);
    if (!r || !bad) CAIRN_TRY(no_memory());
    *r = (runner){.detector = detector, .paths = paths, .o = options};
    const int ahead = options->batch < MOST_AHEAD ? options->batch + 2 : MOST_AHEAD;
    CAIRN_TRY(cairn_image_stream_open(&stream, &(cairn_image_stream_options){count, ahead, load, r}));
    for (int i = 0; i < count; i++) {
        st = cairn_image_stream_next(stream, &image);
        if (st == CAIRN_E_NOMEM) goto done;
        if (st < 0) {
            *bad = (cairn_batch_item){.index = i};
            fail(r, bad, st, false);
            CAIRN_TRY(options->take(options->payload, bad, 1));
            continue;
        }
        CAIRN_TRY(add(r, i, &image));
    }
    for (int i = 0; i < SIZES; i++) CAIRN_TRY(flush(r, &r->groups[i]));
done:
    cairn_image_stream_close(&stream);
    cairn_image_free(&image);
    for (int i = 0; i < SIZES && r; i++) empty(&r->groups[i]);
    free(r);
    free(bad);
    return st;
}
