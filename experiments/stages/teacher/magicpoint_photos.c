/* Stage `magicpoint-photos`: a detector learns keypoints that homographic adaptation found on photographs (teacher.md
 * 4.3): photometric changes first, then a random view. */
#include "experiments/stages/stages.h"

#include "experiments/stages/common.h"
#include "experiments/stages/teacher/detector_settings.h"
#include "experiments/stages/teacher/labelled.h"
#include "experiments/stages/teacher/network_settings.h"
#include "experiments/stages/teacher/samples.h"
#include "experiments/stages/training.h"
#include "system/parallel.h"

typedef struct photos_settings {
    cairn_train_settings train;
    cairn_detector_settings detector;
    double width, norm_eps, norm_momentum;
    int order;
    int64_t calibrate;
    char labels[CAIRN_SETTING_TEXT_BYTES], start[CAIRN_SETTING_TEXT_BYTES];
    double prior, freeze_norm;
    bool photometric, homographic;
    cairn_labelled_settings validation;
} photos_settings;

static const cairn_setting table[] = {
    CAIRN_TRAIN_ROWS(photos_settings, 18000, 32, 1e-3),
    CAIRN_TEACHER_ROWS(photos_settings),
    CAIRN_SETTING_TEXT_ROW(photos_settings, labels, NULL, "stage that keeps the labels: adaptation or import-labels"),
    CAIRN_SETTING_TEXT_ROW(photos_settings, start, NULL,
                           "stage whose weights to start from; empty: random ones, as published rounds do"),
    CAIRN_SETTING_FLOAT_ROW(photos_settings, prior, 0.07, 0, 0.98,
                            "share of cells with a point that random weights start with; 0: plain initial values"),
    CAIRN_SETTING_BOOL_ROW(photos_settings, photometric, 1, "photometric augmentation"),
    CAIRN_SETTING_BOOL_ROW(photos_settings, homographic, 1, "homographic augmentation"),
    CAIRN_DETECTOR_ROWS(photos_settings, CAIRN_AUGMENT_MAGICPOINT, CAIRN_AUGMENT_MAGICPOINT),
    CAIRN_LABELLED_ROWS(photos_settings),
    {0},
};

static const cairn_stage_input inputs[] = {
    {"labels", CAIRN_LABEL_KINDS, false, false}, {"start", CAIRN_TEACHER_KINDS, true, false}, {0}};

enum { IMAGE, LABELS, VALID, INPUTS };

typedef struct feed {
    cairn_photo_feed photos;
    const photos_settings *s;
    const cairn_network_spec *spec;
    cairn_labelled_validator validator;
} feed;

static cairn_sample_layout layout_of(const feed *f)
{
    const photos_settings *s = f->s;
    return (cairn_sample_layout){INPUTS, f->photos.h, f->photos.w, cairn_detector_label_channels(&s->detector),
                                 cairn_sample_on_device(f->photos.stage->gpu, s->detector.augment), s->photometric,
                                 s->homographic};
}

/* Batches behind the last step calibrate BatchNorm, on photographs as they will be seen: without the random view, whose
 * black borders no photograph has (teacher.md 1.4). */
static cairn_status make_sample(void *payload, int i)
{
    const photos_settings *s = ((const feed *)payload)->s;
    const cairn_photo_feed *f = &((const feed *)payload)->photos;
    const cairn_sample_layout layout = layout_of(payload);
    const bool trains = f->step < s->train.steps * s->train.accumulate;
    const cairn_sample_stream stream = {f->stage->seed, f->stage->stream, (uint32_t)f->step, (uint32_t)i};
    const cairn_photometric_options light = cairn_photometric_preset((cairn_augment_preset)s->detector.light);
    const cairn_homographic_options warp = cairn_warp_options(&s->detector.warp);
    cairn_sample_view view =
        cairn_sample_detector_view(f->inputs, i, &layout, s->detector.loss == CAIRN_DETECTOR_SOFT);
    return cairn_sample_detector(&view, &f->images[i], &f->points[i], s->photometric ? &light : NULL,
                                 s->homographic && trains ? &warp : NULL, &stream);
}

static cairn_status batch(void *payload, int64_t step, float *const *values)
{
    feed *f = payload;
    const cairn_status st = cairn_photo_feed_step(&f->photos, step, values);
    return st < 0 ? st : cairn_parallel_for(f->photos.batch, 0, make_sample, f);
}

static void build(cairn_training *t, const cairn_network_spec *spec, const void *payload)
{
    const feed *f = payload;
    const cairn_detector_options options = cairn_detector_loss_options(&f->s->detector);
    const cairn_sample_layout layout = layout_of(f);
    cairn_sample_build_detector(t, spec, f->photos.batch, &layout, &options);
}

static cairn_status start(cairn_training *t, const void *payload)
{
    const feed *f = payload;
    if (!f->s->start[0]) return cairn_stage_set_dustbin(t->store, f->s->prior);
    return cairn_labelled_start(t, f->photos.stage, f->s->start);
}

static cairn_status validate(cairn_training *t, int64_t step, cairn_train_measured *out)
{
    (void)step;
    feed *f = t->payload;
    return cairn_labelled_validate(&f->validator, t, f->spec, out);
}

static void release(void *payload)
{
    cairn_labelled_validator_close(&((feed *)payload)->validator);
}

static cairn_status run(cairn_stage *stage, const void *settings)
{
    cairn_status st = CAIRN_OK;
    const photos_settings *s = settings;
    feed f = {.s = s};
    const cairn_network_spec spec = {.kind = CAIRN_NETWORK_SUPERPOINT,
                                     .superpoint = {s->width, 0, (cairn_superpoint_order)s->order, s->norm_eps,
                                                    s->norm_momentum}};
    const cairn_stage_training training = {.settings = &s->train,
                                           .spec = &spec,
                                           .build = build,
                                           .start = start,
                                           .batch = batch,
                                           .payload = &f,
                                           .calibrate = s->calibrate,
                                           .views = 1,
                                           .validate = validate,
                                           .validate_every = s->validation.every,
                                           .patience = s->validation.patience,
                                           .frozen_steps = cairn_stage_frozen_steps(&s->train, s->freeze_norm),
                                           .release = release};
    f.spec = &spec;
    CAIRN_TRY(cairn_labelled_open(&f.photos, &f.validator, stage, s->train.batch, s->labels, &s->validation));
    CAIRN_TRY(cairn_stage_train(stage, &training));
done:
    cairn_labelled_validator_close(&f.validator);
    cairn_photo_feed_close(&f.photos);
    return st;
}

static cairn_status check(const void *settings, const char *where)
{
    const photos_settings *s = settings;
    const cairn_status st = cairn_validation_check(s->validation.every, s->validation.patience, where);
    return st < 0 ? st : cairn_train_check(&s->train, where);
}

const cairn_stage_kind cairn_stage_magicpoint_photos = {
    .name = "magicpoint-photos",
    .help = "a detector learns keypoints that adaptation found on photographs",
    .settings = table,
    .settings_bytes = sizeof(photos_settings),
    .inputs = inputs,
    .uses_photos = true,
    .newer = "augment," CAIRN_LABELLED_NEWER "," CAIRN_TEACHER_NEWER "," CAIRN_TRAIN_NEWER,
    .version = 1,
    .check = check,
    .run = run,
};
