#include "experiments/stages/photo_feed.h"

#include "base/rng.h"
#include "experiments/labelling/folder.h"
#include "experiments/stages/common.h"
#include "experiments/stages/labelling.h"
#include "system/file.h"
#include "system/parallel.h"

#include <stdlib.h>
#include <string.h>

cairn_status cairn_photo_feed_open(cairn_photo_feed *out, const cairn_stage *stage, int64_t batch)
{
    cairn_status st = CAIRN_OK;
    *out = (cairn_photo_feed){.stage = stage, .batch = (int)batch, .pass = -1};
    CAIRN_TRY(cairn_stage_photos_open(&out->photos, stage, false));
    out->count = cairn_stage_photos_count(out->photos);
    cairn_stage_photos_size(out->photos, &out->h, &out->w);
    out->order = malloc(sizeof *out->order * (size_t)out->count);
    out->photo_of = malloc(sizeof *out->photo_of * (size_t)batch);
    out->images = calloc((size_t)batch, sizeof *out->images);
    out->points = calloc((size_t)batch, sizeof *out->points);
    if (!out->order || !out->photo_of || !out->images || !out->points)
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for %d photos", out->count);
done:
    return st;
}

static cairn_status read_label(void *feed, int i)
{
    cairn_photo_feed *f = feed;
    return cairn_stage_read_label(&f->labels[i], f->photos, i, f->label_folder, f->checkpoint);
}

cairn_status cairn_photo_feed_label(cairn_photo_feed *feed, const char *folder, uint64_t checkpoint)
{
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(cairn_stage_check_labels(feed->photos, folder, checkpoint));
    feed->checkpoint = checkpoint;
    feed->label_folder = strdup(folder);
    if (!feed->label_folder) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a path"));
    if (!cairn_stage_photos_all_there(feed->photos)) goto done;
    const int count = cairn_stage_photos_count(feed->photos);
    feed->labels = calloc((size_t)count, sizeof *feed->labels);
    if (!feed->labels) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for the labels of %d photos", count));
    CAIRN_TRY(cairn_parallel_for(count, 0, read_label, feed));
done:
    return st;
}

/* The checkpoint that made the labels of a stage: that of its setting `teacher`, or of the folder that it imported. */
static cairn_status find_checkpoint(uint64_t *checkpoint, const cairn_stage *stage, const cairn_recipe_stage *labels,
                                    const char *folder)
{
    cairn_status st = CAIRN_OK;
    const cairn_setting *row = cairn_settings_find(labels->kind->settings, "teacher");
    cairn_label_info info;
    char *model = NULL;
    if (row) {
        CAIRN_ASSERT(row->type == CAIRN_SETTING_TEXT);
        CAIRN_TRY(cairn_stage_model_path(&model, stage, (const char *)labels->settings + row->offset));
        CAIRN_TRY(cairn_file_hash(checkpoint, model));
    } else {
        CAIRN_TRY(cairn_label_folder_read(&info, folder));
        *checkpoint = info.checkpoint;
    }
done:
    free(model);
    return st;
}

cairn_status cairn_photo_feed_label_from(cairn_photo_feed *feed, const char *stage_name)
{
    cairn_status st = CAIRN_OK;
    const cairn_recipe *recipe = feed->stage->recipe;
    const int index = cairn_recipe_find_stage(recipe, stage_name);
    if (index < 0) return cairn_error_set(CAIRN_E_NOTFOUND, "the recipe has no stage '%s'", stage_name);
    char *input = NULL, *folder = NULL;
    uint64_t checkpoint;
    CAIRN_TRY(cairn_stage_input_folder(&input, feed->stage, stage_name));
    folder = cairn_file_join(input, "labels");
    if (!folder) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a path"));
    CAIRN_TRY(find_checkpoint(&checkpoint, feed->stage, &recipe->stages[index], folder));
    CAIRN_TRY(cairn_photo_feed_label(feed, folder, checkpoint));
done:
    free(input);
    free(folder);
    return st;
}

static void set_pass(cairn_photo_feed *feed, int64_t pass)
{
    if (pass == feed->pass) return;
    cairn_rng rng = cairn_rng_stream(feed->stage->seed, feed->stage->stream, (uint32_t)pass, 0, CAIRN_PURPOSE_ORDER);
    cairn_rng_shuffle(&rng, feed->order, (uint32_t)feed->count);
    for (int i = 0; i < feed->count && feed->drawn; i++) feed->order[i] = feed->drawn[feed->order[i]];
    feed->pass = pass;
}

static cairn_status copy_points(cairn_keypoints *out, const cairn_keypoints *points)
{
    const cairn_status st = cairn_keypoints_create(out, points->count, 0);
    if (st >= 0 && points->count) memcpy(out->points, points->points, sizeof *points->points * (size_t)points->count);
    return st;
}

static cairn_status read_points(cairn_keypoints *out, const cairn_photo_feed *f, int photo)
{
    if (f->labels) return copy_points(out, &f->labels[photo]);
    if (!f->label_folder) return CAIRN_OK;
    return cairn_stage_read_label(out, f->photos, photo, f->label_folder, f->checkpoint);
}

cairn_status cairn_photo_feed_read(cairn_image *image, cairn_keypoints *points, const cairn_photo_feed *feed, int i)
{
    cairn_status st = CAIRN_OK;
    *points = (cairn_keypoints){0};
    *image = (cairn_image){0};
    CAIRN_TRY(cairn_stage_photos_read(image, feed->photos, i));
    CAIRN_TRY(read_points(points, feed, i));
done:
    if (st < 0) cairn_image_free(image);
    return st;
}

/* Uniform over 32 bits, whatever decided that the photograph is one of training. */
static uint32_t draw_of(const cairn_photo_feed *f, int i)
{
    enum { STREAM = 0x686f6c64 }; /* "hold" */
    cairn_rng rng = cairn_rng_stream(f->stage->seed, STREAM, cairn_stage_photos_draw(f->photos, i), 0, 0);
    return cairn_rng_u32(&rng);
}

cairn_status cairn_photo_feed_hold_out(uint32_t **held, int *count, cairn_photo_feed *f, double share)
{
    cairn_status st = CAIRN_OK;
    const int all = f->count;
    uint32_t least = UINT32_MAX, most = 0;
    *held = NULL;
    *count = 0;
    if (!(share > 0)) return CAIRN_OK;
    uint32_t *out = malloc((size_t)all * sizeof *out), *in = malloc((size_t)all * sizeof *in);
    if (!out || !in) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for %d photos", all));
    for (int i = 0; i < all; i++) {
        const uint32_t draw = draw_of(f, i);
        least = draw < least ? draw : least;
        most = draw > most ? draw : most;
    }
    if (least == most)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID,
                                  "%s: validate_share: nothing can be held out of one photograph, or one drive; set it "
                                  "to 0",
                                  f->stage->name));
    f->count = 0;
    for (int i = 0; i < all; i++) {
        const uint32_t draw = draw_of(f, i);
        if (draw < most && (draw < share * 4294967296.0 || draw == least))
            out[(*count)++] = (uint32_t)i;
        else
            in[f->count++] = (uint32_t)i;
    }
    *held = out;
    f->drawn = in;
    out = in = NULL;
done:
    free(out);
    free(in);
    return st;
}

/* photo_of[i] is a place in the pass's order on entry, and the photo that was read there or behind it afterwards. */
static cairn_status load(cairn_photo_feed *f, int i)
{
    cairn_status st = CAIRN_E_NOTFOUND;
    const int place = f->photo_of[i];
    for (int k = 0; k < f->count && st < 0; k++) {
        f->photo_of[i] = (int)f->order[((int64_t)place + k) % f->count];
        st = cairn_stage_photos_read(&f->images[i], f->photos, f->photo_of[i]);
        if (st == CAIRN_E_NOMEM) return st;
    }
    if (st < 0)
        return cairn_error_set(CAIRN_E_NOTFOUND, "%s: none of the %d photographs can be used; the last: %s",
                               f->stage->photos->root, f->count, cairn_error_message());
    return read_points(&f->points[i], f, f->photo_of[i]);
}

typedef struct part {
    cairn_photo_feed *feed;
    int first; /* sample of the batch */
} part;

static cairn_status load_part(void *payload, int i)
{
    const part *p = payload;
    return load(p->feed, p->first + i);
}

/* What the next two steps of this pass draw is decoded meanwhile. */
static void expect_next(cairn_photo_feed *feed, int64_t first)
{
    enum { STEPS = 2, MOST = 512 };
    int next[MOST], count = 0;
    while (count < MOST && count < STEPS * feed->batch && first + count < feed->count) {
        next[count] = (int)feed->order[first + count];
        count++;
    }
    cairn_stage_photos_expect(feed->photos, next, count);
}

cairn_status cairn_photo_feed_step(cairn_photo_feed *feed, int64_t step, float *const *inputs)
{
    cairn_status st = CAIRN_OK;
    feed->step = step;
    feed->inputs = inputs;
    for (int i = 0; i < feed->batch; i++) {
        cairn_image_free(&feed->images[i]);
        cairn_keypoints_free(&feed->points[i]);
    }
    /* A batch that begins in one pass may end in the next, or in one after that. */
    for (int first = 0, last; first < feed->batch; first = last) {
        const int64_t position = step * feed->batch + first, place = position % feed->count;
        const int left = feed->batch - first;
        last = feed->count - place < left ? first + (int)(feed->count - place) : feed->batch;
        set_pass(feed, position / feed->count);
        for (int i = first; i < last; i++) feed->photo_of[i] = (int)place + i - first;
        part of_pass = {feed, first};
        CAIRN_TRY(cairn_parallel_for(last - first, 0, load_part, &of_pass));
        expect_next(feed, place + last - first);
    }
done:
    return st;
}

void cairn_photo_feed_close(cairn_photo_feed *feed)
{
    for (int i = 0; feed->labels && i < cairn_stage_photos_count(feed->photos); i++)
        cairn_keypoints_free(&feed->labels[i]);
    for (int i = 0; i < feed->batch && feed->images; i++) cairn_image_free(&feed->images[i]);
    for (int i = 0; i < feed->batch && feed->points; i++) cairn_keypoints_free(&feed->points[i]);
    free(feed->labels);
    free(feed->label_folder);
    free(feed->images);
    free(feed->points);
    cairn_stage_photos_close(&feed->photos);
    free(feed->drawn);
    free(feed->order);
    free(feed->photo_of);
    *feed = (cairn_photo_feed){0};
}
