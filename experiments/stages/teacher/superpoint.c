/* Stage `superpoint`: detector and descriptors are trained together on photographs and their warps (teacher.md 6). */
#include "experiments/stages/stages.h"

#include "base/log.h"
#include "experiments/gallery/drawing.h"
#include "experiments/stages/common.h"
#include "experiments/stages/photo_feed.h"
#include "experiments/stages/teacher/network_settings.h"
#include "experiments/stages/teacher/samples.h"
#include "experiments/stages/training.h"
#include "ops/image/geometry.h"
#include "ops/pointwise/pointwise.h"
#include "system/file.h"
#include "system/parallel.h"
#include "teacher/losses.h"
#include "train/checkpoint.h"

#include <string.h>

typedef struct superpoint_settings {
    cairn_train_settings train;
    double width;
    int order;
    int64_t calibrate, descriptor;
    char labels[CAIRN_SETTING_TEXT_BYTES], start[CAIRN_SETTING_TEXT_BYTES];
    double descriptor_weight, positive_weight, match_distance;
} superpoint_settings;

static const cairn_setting table[] = {
    CAIRN_TRAIN_ROWS(superpoint_settings, 200000, 8, 1e-4),
    CAIRN_TEACHER_ROWS(superpoint_settings),
    CAIRN_SETTING_TEXT_ROW(superpoint_settings, labels, NULL, "stage whose keypoints are the labels"),
    CAIRN_SETTING_TEXT_ROW(superpoint_settings, start, NULL, "stage whose weights to start from; empty: random ones"),
    CAIRN_SETTING_INT_ROW(superpoint_settings, descriptor, 0, 0, 1024,
                          "channels of the descriptor; 0: 256 times the width"),
    CAIRN_SETTING_FLOAT_ROW(superpoint_settings, descriptor_weight, 1, 0, 1e6, "of the descriptor loss in the sum"),
    CAIRN_SETTING_FLOAT_ROW(superpoint_settings, positive_weight, 1, 0, 1e6,
                            "of the positive pairs in the descriptor loss"),
    CAIRN_SETTING_FLOAT_ROW(superpoint_settings, match_distance, 7.5, 0.5, 64,
                            "cells whose centres come this close under the warp are positive pairs, pixels"),
    {0},
};

static const cairn_stage_input inputs[] = {{"labels", "adaptation", false, false},
                                           {"start", "magicpoint,superpoint", true, false},
                                           {0}};

enum { IMAGE, LABELS, VALID, WARPED, WARPED_LABELS, WARPED_VALID, WARPED_VALID_ROW, TO_WARPED, INPUTS };

typedef struct feed {
    cairn_photo_feed photos;
    const superpoint_settings *s;
} feed;

/* The clean view: photometric changes only. The warped view: homography first, then photometric changes of its own. */
static cairn_status make_sample(void *payload, int i)
{
    cairn_status st = CAIRN_OK;
    const cairn_photo_feed *f = &((const feed *)payload)->photos;
    int h = f->h, w = f->w, cells = h / 8 * (w / 8), photo = f->photo_of[i];
    size_t pixel = (size_t)i * (size_t)h * (size_t)w, cell = (size_t)i * (size_t)cells;
    cairn_sample_stream stream = {f->stage->seed, f->stage->stream, (uint32_t)f->step, (uint32_t)i};
    const cairn_image *gray = cairn_stage_photos_get(f->photos, photo);
    cairn_sample_view view = {f->inputs[IMAGE] + pixel, f->inputs[LABELS] + cell, f->inputs[VALID] + cell};
    cairn_sample_view warped = {f->inputs[WARPED] + pixel, f->inputs[WARPED_LABELS] + cell,
                                f->inputs[WARPED_VALID] + cell};
    cairn_homography to_warped;
    cairn_photometric_options photometric = cairn_photometric_preset(CAIRN_AUGMENT_SUPERPOINT);
    CAIRN_TRY(cairn_sample_detector(&view, gray, &f->labels[photo], &photometric, NULL, &stream));
    CAIRN_TRY(cairn_sample_warped(&warped, &to_warped, gray, &f->labels[photo], &stream));
    memcpy(f->inputs[WARPED_VALID_ROW] + cell, warped.valid, sizeof(float) * (size_t)cells);
    for (int k = 0; k < 9; k++) f->inputs[TO_WARPED][9 * i + k] = (float)to_warped.m[k];
done:
    return st;
}

static cairn_status batch(void *payload, int64_t step, float *const *values)
{
    feed *f = payload;
    cairn_photo_feed_step(&f->photos, step, values);
    return cairn_parallel_for(f->photos.batch, 0, make_sample, f);
}

static cairn_network_spec spec_of(const superpoint_settings *s)
{
    int descriptor = s->descriptor ? (int)s->descriptor : cairn_superpoint_channels(256, s->width);
    return (cairn_network_spec){.kind = CAIRN_NETWORK_SUPERPOINT,
                                .superpoint = {s->width, descriptor, (cairn_superpoint_order)s->order}};
}

static void build(cairn_training *t, const cairn_network_spec *spec, const void *payload)
{
    const feed *f = payload;
    const superpoint_settings *s = f->s;
    cairn_graph *g = t->g;
    int n = f->photos.batch, h = f->photos.h, w = f->photos.w, hc = h / 8, wc = w / 8;
    cairn_shape image = {n, h, w, 1}, cells = {n, hc, wc, 1};
    const cairn_tid in[INPUTS] = {cairn_graph_input(g, "image", image),
                                  cairn_graph_input(g, "labels", cells),
                                  cairn_graph_input(g, "valid", cells),
                                  cairn_graph_input(g, "warped", image),
                                  cairn_graph_input(g, "warped_labels", cells),
                                  cairn_graph_input(g, "warped_valid", cells),
                                  cairn_graph_input(g, "warped_valid_row", (cairn_shape){n, 1, 1, hc * wc}),
                                  cairn_graph_input(g, "to_warped", (cairn_shape){n, 1, 1, 9})};
    memcpy(t->inputs, in, sizeof in);
    t->input_count = INPUTS;
    cairn_network_graph a = cairn_network_build(t->model, spec, in[IMAGE]);
    cairn_network_graph b = cairn_network_build(t->model, spec, in[WARPED]);
    cairn_tid detector = cairn_detector_loss(g, a.logits, in[LABELS], in[VALID]);
    cairn_tid detector_warped = cairn_detector_loss(g, b.logits, in[WARPED_LABELS], in[WARPED_VALID]);
    cairn_tid match = cairn_op_correspondence(g, in[TO_WARPED], hc, wc, 8, (float)s->match_distance);
    cairn_descriptor_terms d = cairn_descriptor_loss(g, a.descriptor, b.descriptor, match, in[WARPED_VALID_ROW],
                                                     (float)s->positive_weight);
    t->loss = cairn_op_add(g, cairn_op_add(g, detector, detector_warped),
                           cairn_op_scale(g, d.loss, (float)s->descriptor_weight));
    const char *names[] = {"detector", "detector_warped", "positive", "negative", "positive_cosine", "collapse"};
    const cairn_tid values[] = {detector, detector_warped, d.positive, d.negative, d.positive_cosine, d.mean_norm};
    for (int i = 0; i < 6; i++) {
        t->logged[i].name = names[i];
        t->logged[i].value = values[i];
    }
    t->logged_count = 6;
}

static cairn_status start(cairn_training *t, const void *payload)
{
    cairn_status st = CAIRN_OK;
    const feed *f = payload;
    char *path = NULL;
    int loaded;
    if (!f->s->start[0]) return CAIRN_OK;
    CAIRN_TRY(cairn_stage_model_path(&path, f->photos.stage, f->s->start));
    CAIRN_TRY(cairn_checkpoint_load_matching(path, t->store, t->model, &loaded));
    cairn_info("%s: %d of %d tensors start from %s", f->photos.stage->name, loaded, t->model->count, f->s->start);
done:
    free(path);
    return st;
}

/* BatchNorm's statistics are those of the view without warp (teacher.md 1.4). */
static cairn_status train(cairn_stage *stage, const superpoint_settings *s, feed *f)
{
    cairn_network_spec spec = spec_of(s);
    cairn_stage_training training = {.settings = &s->train, .spec = &spec, .build = build, .start = start,
                                     .batch = batch, .payload = f, .calibrate = s->calibrate, .views = 2};
    return cairn_stage_train(stage, &training);
}

static cairn_status run(cairn_stage *stage, const void *settings)
{
    cairn_status st = CAIRN_OK;
    const superpoint_settings *s = settings;
    char *input = NULL, *folder = NULL;
    feed f = {.s = s};
    CAIRN_TRY(cairn_photo_feed_open(&f.photos, stage, s->train.batch));
    CAIRN_TRY(cairn_stage_input_folder(&input, stage, s->labels));
    folder = cairn_file_join(input, "labels");
    if (!folder) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a path");
        goto done;
    }
    CAIRN_TRY(cairn_photo_feed_label(&f.photos, folder));
    CAIRN_TRY(train(stage, s, &f));
done:
    cairn_photo_feed_close(&f.photos);
    free(input);
    free(folder);
    return st;
}

static cairn_status check(const void *settings, const char *where)
{
    return cairn_train_check(&((const superpoint_settings *)settings)->train, where);
}

const cairn_stage_kind cairn_stage_superpoint = {
    .name = "superpoint",
    .help = "detector and descriptors together, on photographs and their warps",
    .settings = table,
    .settings_bytes = sizeof(superpoint_settings),
    .inputs = inputs,
    .uses_photos = true,
    .version = 2,
    .check = check,
    .run = run,
};
