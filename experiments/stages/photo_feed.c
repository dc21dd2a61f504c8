#include "experiments/stages/photo_feed.h"

#include "base/rng.h"
#include "experiments/stages/common.h"
#include "experiments/stages/labelling.h"

#include <stdlib.h>

cairn_status cairn_photo_feed_open(cairn_photo_feed *out, const cairn_stage *stage, int64_t batch)
{
    cairn_status st = CAIRN_OK;
    *out = (cairn_photo_feed){.stage = stage, .batch = (int)batch, .pass = -1};
    CAIRN_TRY(cairn_stage_photos_open(&out->photos, stage, false));
    out->count = cairn_stage_photos_count(out->photos);
    out->h = cairn_stage_photos_get(out->photos, 0)->h;
    out->w = cairn_stage_photos_get(out->photos, 0)->w;
    out->order = malloc(sizeof *out->order * (size_t)out->count);
    out->photo_of = malloc(sizeof *out->photo_of * (size_t)batch);
    if (!out->order || !out->photo_of) st = cairn_error_set(CAIRN_E_NOMEM, "no memory for %d photos", out->count);
done:
    return st;
}

cairn_status cairn_photo_feed_label(cairn_photo_feed *feed, const char *folder)
{
    return cairn_stage_read_labels(&feed->labels, feed->photos, folder);
}

void cairn_photo_feed_step(cairn_photo_feed *feed, int64_t step, float *const *inputs)
{
    feed->step = step;
    feed->inputs = inputs;
    for (int i = 0; i < feed->batch; i++) {
        int64_t position = step * feed->batch + i, pass = position / feed->count;
        if (pass != feed->pass) {
            cairn_rng rng = cairn_rng_stream(feed->stage->seed, feed->stage->stream, (uint32_t)pass, 0,
                                             CAIRN_PURPOSE_ORDER);
            cairn_rng_shuffle(&rng, feed->order, (uint32_t)feed->count);
            feed->pass = pass;
        }
        feed->photo_of[i] = (int)feed->order[position % feed->count];
    }
}

void cairn_photo_feed_close(cairn_photo_feed *feed)
{
    for (int i = 0; i < feed->count && feed->labels; i++) cairn_keypoints_free(&feed->labels[i]);
    free(feed->labels);
    cairn_stage_photos_close(&feed->photos);
    free(feed->order);
    free(feed->photo_of);
    *feed = (cairn_photo_feed){0};
}
