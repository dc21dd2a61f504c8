/* Stage `superpoint`: detector and descriptors are trained together on photographs and their warps (teacher.md 6). */
#include "experiments/stages/stages.h"

#include "base/log.h"
#include "experiments/gallery/drawing.h"
#include "experiments/stages/common.h"
#include "experiments/stages/teacher/detector_settings.h"
#include "experiments/stages/teacher/labelled.h"
#include "experiments/stages/teacher/network_settings.h"
#include "experiments/stages/teacher/samples.h"
#include "experiments/stages/training.h"
#include "ops/image/geometry.h"
#include "ops/pointwise/pointwise.h"
#include "system/parallel.h"
#include "teacher/descriptor_loss.h"

#include <string.h>

typedef struct superpoint_settings {
    cairn_train_settings train;
    cairn_detector_settings detector;
    double width, norm_eps, norm_momentum;
    int order;
    int64_t calibrate, descriptor;
    char labels[CAIRN_SETTING_TEXT_BYTES], start[CAIRN_SETTING_TEXT_BYTES];
    double descriptor_weight, positive_weight, match_distance, freeze_norm;
    cairn_labelled_settings validation;
    int descriptor_loss;
    int64_t matches, negatives;
    bool raw, fixed_views;
} superpoint_settings;

enum { OWN = -1 }; /* weights: the loss's own */
/* What each loss's source takes (teacher.md, 6.3 and 6.4), in the order of CAIRN_DESCRIPTOR_LOSSES; dense: for the 1200
 * cells of 240x320, and in proportion to their number, so that a collapse stays dearer than no correlation. */
static const struct {
    double lambda, weight;
} own[] = {{1, 1}, {250, 1}, {0.05, 1e4}, {1, 1}};

static const cairn_setting table[] = {
    CAIRN_TRAIN_ROWS(superpoint_settings, 200000, 8, 1e-4),
    CAIRN_TEACHER_ROWS(superpoint_settings),
    CAIRN_SETTING_TEXT_ROW(superpoint_settings, labels, NULL, "stage that keeps the labels: adaptation or import-labels"),
    CAIRN_SETTING_TEXT_ROW(superpoint_settings, start, NULL, "stage whose weights to start from; empty: random ones"),
    CAIRN_SETTING_INT_ROW(superpoint_settings, descriptor, 0, 0, 1024,
                          "channels of the descriptor; 0: 256 times the width"),
    CAIRN_SETTING_CHOICE_ROW(superpoint_settings, descriptor_loss, 0, CAIRN_DESCRIPTOR_LOSSES,
                             "balanced means, dense hinge, dense hinge of twice normalised similarities (only from a "
                             "trained start), or sparse sampled pairs"),
    CAIRN_SETTING_FLOAT_ROW(superpoint_settings, descriptor_weight, OWN, OWN, 1e6,
                            "of the descriptor loss in the sum; -1: 1, with the normalised loss 10000"),
    CAIRN_SETTING_FLOAT_ROW(superpoint_settings, positive_weight, OWN, OWN, 1e6,
                            "of the positive pairs; -1: balanced and sparse 1, dense 250 at 240x320, normalised 0.05"),
    CAIRN_SETTING_BOOL_ROW(superpoint_settings, raw, 0, "dense: similarities of descriptors that are not normalised"),
    CAIRN_SETTING_INT_ROW(superpoint_settings, matches, 1000, 1, 100000, "sparse: sampled matches of an image"),
    CAIRN_SETTING_INT_ROW(superpoint_settings, negatives, 100, 1, 10000, "sparse: sampled negatives of a match"),
    CAIRN_SETTING_FLOAT_ROW(superpoint_settings, match_distance, 7.5, 0.5, 64,
                            "cells whose centres come this close under the warp are positive pairs, pixels"),
    CAIRN_SETTING_BOOL_ROW(superpoint_settings, fixed_views, 0,
                           "each photo always with the same changes of light and view: a check that training fits"),
    CAIRN_DETECTOR_ROWS(superpoint_settings, CAIRN_AUGMENT_SUPERPOINT, CAIRN_AUGMENT_SUPERPOINT),
    CAIRN_LABELLED_ROWS(superpoint_settings),
    {0},
};

static const cairn_stage_input inputs[] = {
    {"labels", CAIRN_LABEL_KINDS, false, false}, {"start", CAIRN_TEACHER_KINDS, true, false}, {0}};

/* The last ones are those of the descriptor loss: the warp for the dense ones, sampled pairs for the sparse one. */
enum { IMAGE, LABELS, VALID, WARPED, WARPED_LABELS, WARPED_VALID, DETECTOR_INPUTS };
enum { WARPED_VALID_ROW = DETECTOR_INPUTS, TO_WARPED, DENSE_INPUTS };
enum { POINTS_A = DETECTOR_INPUTS, POINTS_B, WEIGHT, NEGATIVES, SPARSE_INPUTS };
/* Where the device makes the views: IMAGE is the photo with both views' masks, WARPED the matrices of the warp, and the
 * rows of both views follow behind all other inputs. */
enum { PHOTO_CHANNELS = 3 };

typedef struct feed {
    cairn_photo_feed photos;
    const superpoint_settings *s;
    cairn_collapse_alarm alarm;
    cairn_network_spec spec;
    cairn_labelled_validator validator;
} feed;

static bool on_device(const feed *f)
{
    return cairn_sample_on_device(f->photos.stage->gpu, f->s->detector.augment);
}

static void views_on_device(cairn_sample_view *view, cairn_sample_view *warped, const feed *f, size_t i)
{
    const int light = f->s->descriptor_loss == CAIRN_DESCRIPTOR_SPARSE ? SPARSE_INPUTS : DENSE_INPUTS;
    float *const *in = f->photos.inputs;
    view->stride = warped->stride = PHOTO_CHANNELS;
    view->image = in[IMAGE] + i * (size_t)f->photos.h * (size_t)f->photos.w * PHOTO_CHANNELS;
    view->mask = view->image + 1;
    view->light = in[light] + i * CAIRN_PHOTOMETRIC_FLOATS;
    warped->image = NULL;
    warped->mask = view->image + 2;
    warped->light = in[light + 1] + i * CAIRN_PHOTOMETRIC_FLOATS;
    warped->matrix = in[WARPED] + i * 9;
}

/* The clean view: photometric changes only. The warped view: homography first, then photometric changes of its own. */
static cairn_status make_sample(void *payload, int i)
{
    cairn_status st = CAIRN_OK;
    const superpoint_settings *s = ((const feed *)payload)->s;
    const cairn_photo_feed *f = &((const feed *)payload)->photos;
    int h = f->h, w = f->w, cells = h / 8 * (w / 8);
    size_t pixel = (size_t)i * (size_t)h * (size_t)w, cell = (size_t)i * (size_t)cells;
    cairn_sample_stream stream = {f->stage->seed, f->stage->stream, (uint32_t)f->step, (uint32_t)i};
    if (s->fixed_views) {
        stream.step = 0;
        stream.sample = (uint32_t)f->photo_of[i];
    }
    const cairn_image *gray = &f->images[i];
    const size_t label = cell * (size_t)cairn_detector_label_channels(&s->detector);
    const bool soft = s->detector.loss == CAIRN_DETECTOR_SOFT;
    const bool device = on_device(payload);
    cairn_sample_view view = {.labels = f->inputs[LABELS] + label, .valid = f->inputs[VALID] + cell, .soft = soft};
    cairn_sample_view warped = {
        .labels = f->inputs[WARPED_LABELS] + label, .valid = f->inputs[WARPED_VALID] + cell, .soft = soft};
    view.image = f->inputs[IMAGE] + (device ? 0 : pixel);
    warped.image = f->inputs[WARPED] + (device ? 0 : pixel);
    if (device) views_on_device(&view, &warped, payload, (size_t)i);
    cairn_homography to_warped;
    const cairn_photometric_options light = cairn_photometric_preset((cairn_augment_preset)s->detector.light);
    const cairn_homographic_options warp = cairn_warp_options(&s->detector.warp);
    CAIRN_TRY(cairn_sample_detector(&view, gray, &f->points[i], &light, NULL, &stream));
    CAIRN_TRY(cairn_sample_warped(&warped, &to_warped, gray, &f->points[i], &light, &warp, &stream));
    if (s->descriptor_loss == CAIRN_DESCRIPTOR_SPARSE) {
        const size_t match = (size_t)i * (size_t)s->matches;
        const uint32_t named[4] = {stream.seed, stream.stage, stream.step, stream.sample};
        CAIRN_TRY(cairn_sparse_pairs(f->inputs[POINTS_A] + 2 * match, f->inputs[POINTS_B] + 2 * match,
                                     f->inputs[WEIGHT] + match, f->inputs[NEGATIVES] + cell * (size_t)cells, &to_warped,
                                     h / 8, w / 8, (int)s->matches, (int)s->negatives, named));
        goto done;
    }
    memcpy(f->inputs[WARPED_VALID_ROW] + cell, warped.valid, sizeof(float) * (size_t)cells);
    for (int k = 0; k < 9; k++) f->inputs[TO_WARPED][9 * i + k] = (float)to_warped.m[k];
done:
    return st;
}

static cairn_status batch(void *payload, int64_t step, float *const *values)
{
    feed *f = payload;
    const cairn_status st = cairn_photo_feed_step(&f->photos, step, values);
    return st < 0 ? st : cairn_parallel_for(f->photos.batch, 0, make_sample, f);
}

static cairn_network_spec spec_of(const superpoint_settings *s)
{
    int descriptor = s->descriptor ? (int)s->descriptor : cairn_superpoint_channels(256, s->width);
    return (cairn_network_spec){.kind = CAIRN_NETWORK_SUPERPOINT,
                                .superpoint = {s->width, descriptor, (cairn_superpoint_order)s->order, s->norm_eps,
                                               s->norm_momentum}};
}

/* Inputs of the descriptor loss, behind those of the detector. */
static cairn_descriptor_views descriptor_views(cairn_training *t, const feed *f, const cairn_network_graph *a,
                                               const cairn_network_graph *b)
{
    cairn_graph *g = t->g;
    const superpoint_settings *s = f->s;
    const int n = f->photos.batch, hc = f->photos.h / 8, wc = f->photos.w / 8, cells = hc * wc, k = (int)s->matches;
    cairn_descriptor_views v = {.a = a->descriptor, .b = b->descriptor, .raw_a = a->raw, .raw_b = b->raw};
    if (s->descriptor_loss == CAIRN_DESCRIPTOR_SPARSE) {
        v.points_a = t->inputs[POINTS_A] = cairn_graph_input(g, "points_a", (cairn_shape){n, 1, k, 2});
        v.points_b = t->inputs[POINTS_B] = cairn_graph_input(g, "points_b", (cairn_shape){n, 1, k, 2});
        v.weight = t->inputs[WEIGHT] = cairn_graph_input(g, "weight", (cairn_shape){n, 1, k, 1});
        v.negatives = t->inputs[NEGATIVES] = cairn_graph_input(g, "negatives", (cairn_shape){n, 1, cells, cells});
        t->input_count = SPARSE_INPUTS;
        return v;
    }
    v.valid = t->inputs[WARPED_VALID_ROW] = cairn_graph_input(g, "warped_valid_row", (cairn_shape){n, 1, 1, cells});
    t->inputs[TO_WARPED] = cairn_graph_input(g, "to_warped", (cairn_shape){n, 1, 1, 9});
    v.match = cairn_op_correspondence(g, t->inputs[TO_WARPED], hc, wc, 8, (float)s->match_distance);
    t->input_count = DENSE_INPUTS;
    return v;
}

enum { LOGGED_COLLAPSE = 7 };

/* A collapse shows early and training does not come back from it: said once (teacher.md 6.7). */
static void watch(void *payload, int64_t step, const double *values)
{
    feed *f = payload;
    if (!cairn_collapse_alarm_rings(&f->alarm, step, values[LOGGED_COLLAPSE])) return;
    cairn_warn("%s: step %lld: descriptors look alike (norm of their mean %.2f); they may have collapsed. A smaller "
               "positive_weight or lr, or descriptor_loss balanced, helps",
               f->photos.stage->name, (long long)step + 1, values[LOGGED_COLLAPSE]);
}

/* Clean and warped view of the photo. */
static void make_views(cairn_training *t, cairn_tid seen[2], cairn_tid rows[2])
{
    const cairn_tid photo = t->inputs[IMAGE];
    const cairn_shape row = {cairn_graph_shape(t->g, photo).n, 1, 1, CAIRN_PHOTOMETRIC_FLOATS};
    rows[0] = cairn_graph_input(t->g, "light", row);
    rows[1] = cairn_graph_input(t->g, "light_warped", row);
    const cairn_device_view clean = {photo, rows[0], CAIRN_NONE, 0, false};
    const cairn_device_view warped = {photo, rows[1], t->inputs[WARPED], 1, true};
    seen[0] = cairn_sample_device_view(t->g, &clean);
    seen[1] = cairn_sample_device_view(t->g, &warped);
}

static void build(cairn_training *t, const cairn_network_spec *spec, const void *payload)
{
    const feed *f = payload;
    const superpoint_settings *s = f->s;
    cairn_graph *g = t->g;
    int n = f->photos.batch, h = f->photos.h, w = f->photos.w;
    const cairn_shape image = {n, h, w, 1}, cells = {n, h / 8, w / 8, 1};
    const cairn_shape labels = {n, h / 8, w / 8, cairn_detector_label_channels(&s->detector)};
    const cairn_detector_options detect = cairn_detector_loss_options(&s->detector);
    const bool device = on_device(f);
    const cairn_shape photo = {n, h, w, device ? PHOTO_CHANNELS : 1}, matrices = {n, 1, 1, 9};
    const cairn_tid in[DETECTOR_INPUTS] = {
        cairn_graph_input(g, "image", photo),          cairn_graph_input(g, "labels", labels),
        cairn_graph_input(g, "valid", cells),          cairn_graph_input(g, "warped", device ? matrices : image),
        cairn_graph_input(g, "warped_labels", labels), cairn_graph_input(g, "warped_valid", cells)};
    memcpy(t->inputs, in, sizeof in);
    cairn_tid seen[2] = {in[IMAGE], in[WARPED]}, rows[2] = {CAIRN_NONE, CAIRN_NONE};
    if (device) make_views(t, seen, rows);
    cairn_network_graph a = cairn_network_build(t->model, spec, seen[0]);
    cairn_network_graph b = cairn_network_build(t->model, spec, seen[1]);
    cairn_tid detector = cairn_detector_loss_of(g, a.logits, in[LABELS], in[VALID], &detect);
    cairn_tid detector_warped = cairn_detector_loss_of(g, b.logits, in[WARPED_LABELS], in[WARPED_VALID], &detect);
    const int kind = s->descriptor_loss;
    const double scale = kind == CAIRN_DESCRIPTOR_DENSE ? (double)(cells.h * cells.w) / 1200 : 1;
    const double lambda = s->positive_weight < 0 ? own[kind].lambda * scale : s->positive_weight;
    const double weight = s->descriptor_weight < 0 ? own[kind].weight : s->descriptor_weight;
    const cairn_descriptor_options options = {(cairn_descriptor_loss_kind)kind, s->raw, lambda};
    const cairn_descriptor_views views = descriptor_views(t, f, &a, &b);
    for (int i = 0; i < 2 && device; i++) t->inputs[t->input_count++] = rows[i];
    cairn_descriptor_terms d = cairn_descriptor_loss(g, &views, &options);
    t->loss = cairn_op_add(g, cairn_op_add(g, detector, detector_warped), cairn_op_scale(g, d.loss, (float)weight));
    const char *names[] = {"detector",    "detector_warped", "positive", "negative", "positive_cosine",
                           "mean_cosine", "active",          "collapse", "raw_norm"};
    const cairn_tid values[] = {detector,      detector_warped, d.positive,  d.negative, d.positive_cosine,
                                d.mean_cosine, d.active,        d.mean_norm, d.raw_norm};
    CAIRN_ASSERT(!strcmp(names[LOGGED_COLLAPSE], "collapse"));
    t->logged_count = (int)(sizeof values / sizeof *values);
    for (int i = 0; i < t->logged_count; i++) {
        t->logged[i].name = names[i];
        t->logged[i].value = values[i];
    }
    t->watch = watch;
}

static cairn_status start(cairn_training *t, const void *payload)
{
    const feed *f = payload;
    return cairn_labelled_start(t, f->photos.stage, f->s->start);
}

static cairn_status validate(cairn_training *t, int64_t step, cairn_train_measured *out)
{
    (void)step;
    feed *f = t->payload;
    return cairn_labelled_validate(&f->validator, t, &f->spec, out);
}

static void release(void *payload)
{
    cairn_labelled_validator_close(&((feed *)payload)->validator);
}

/* BatchNorm's statistics are those of the view without warp (teacher.md 1.4). */
static cairn_status train(cairn_stage *stage, const superpoint_settings *s, feed *f)
{
    cairn_stage_training training = {.settings = &s->train,
                                     .spec = &f->spec,
                                     .build = build,
                                     .start = start,
                                     .batch = batch,
                                     .payload = f,
                                     .calibrate = s->calibrate,
                                     .views = 2,
                                     .validate = validate,
                                     .validate_every = s->validation.every,
                                     .patience = s->validation.patience,
                                     .frozen_steps = cairn_stage_frozen_steps(&s->train, s->freeze_norm),
                                     .release = release};
    return cairn_stage_train(stage, &training);
}

static cairn_status run(cairn_stage *stage, const void *settings)
{
    cairn_status st = CAIRN_OK;
    const superpoint_settings *s = settings;
    feed f = {.s = s, .spec = spec_of(s)};
    CAIRN_TRY(cairn_labelled_open(&f.photos, &f.validator, stage, s->train.batch, s->labels, &s->validation));
    CAIRN_TRY(train(stage, s, &f));
done:
    cairn_labelled_validator_close(&f.validator);
    cairn_photo_feed_close(&f.photos);
    return st;
}

static cairn_status check(const void *settings, const char *where)
{
    const superpoint_settings *s = settings;
    if (s->raw && s->descriptor_loss != CAIRN_DESCRIPTOR_DENSE)
        return cairn_error_set(CAIRN_E_INVALID, "%s: raw is for descriptor_loss dense only", where);
    if (s->descriptor_loss == CAIRN_DESCRIPTOR_NORMALISED && !s->start[0])
        return cairn_error_set(CAIRN_E_INVALID,
                               "%s: descriptor_loss normalised stays on a plateau from random weights; set start to a "
                               "stage that was trained with another loss",
                               where);
    const cairn_status st = cairn_validation_check(s->validation.every, s->validation.patience, where);
    return st < 0 ? st : cairn_train_check(&s->train, where);
}

const cairn_stage_kind cairn_stage_superpoint = {
    .name = "superpoint",
    .help = "detector and descriptors together, on photographs and their warps",
    .settings = table,
    .settings_bytes = sizeof(superpoint_settings),
    .inputs = inputs,
    .uses_photos = true,
    .newer = "augment," CAIRN_LABELLED_NEWER "," CAIRN_TEACHER_NEWER "," CAIRN_TRAIN_NEWER,
    .version = 4,
    .check = check,
    .run = run,
};
