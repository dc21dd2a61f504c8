/* Stage `magicpoint`: a detector learns the corners of synthetic shapes that are drawn on the fly (teacher.md 2
 * to 4). */
#include "experiments/stages/stages.h"

#include "experiments/stages/common.h"
#include "experiments/stages/teacher/detector_settings.h"
#include "experiments/stages/teacher/network_settings.h"
#include "experiments/stages/teacher/samples.h"
#include "experiments/stages/validation.h"
#include "system/parallel.h"
#include "teacher/synthetic/synthetic_shapes.h"

typedef struct magicpoint_settings {
    cairn_train_settings train;
    cairn_detector_settings detector;
    double width, norm_eps, norm_momentum;
    int order;
    int64_t calibrate, height, image_width, canvas_height;
    int64_t validate_every, validate_images, patience;
    double prior;
    bool literal_labels, photometric, homographic;
    char primitives[CAIRN_SETTING_TEXT_BYTES];
} magicpoint_settings;

static const cairn_setting table[] = {
    CAIRN_TRAIN_ROWS(magicpoint_settings, 40000, 64, 1e-3),
    CAIRN_TEACHER_ROWS(magicpoint_settings),
    CAIRN_SETTING_INT_ROW(magicpoint_settings, height, 120, 32, 1024, "of an image, pixels, a multiple of 8"),
    {"image_width", CAIRN_SETTING_INT, offsetof(magicpoint_settings, image_width), 160, 32, 1024, NULL, NULL,
     "of an image, pixels, a multiple of 8"},
    CAIRN_SETTING_INT_ROW(magicpoint_settings, canvas_height, 960, 60, 4096,
                          "rows of the canvas that shapes are drawn on; 960 as published, 240 is faster and coarser"),
    CAIRN_SETTING_TEXT_ROW(magicpoint_settings, primitives, "all",
                           "which are drawn to train on: lines, polygon, polygons, ellipses, star, checkerboard, "
                           "stripes, cube, noise; it is measured on all"),
    CAIRN_SETTING_FLOAT_ROW(magicpoint_settings, prior, 0.07, 0, 0.98,
                            "share of cells with a point that the network starts with; 0: plain initial values"),
    CAIRN_SETTING_BOOL_ROW(magicpoint_settings, literal_labels, 0,
                           "labels without the half-pixel correction, as TensorFlow's"),
    CAIRN_SETTING_BOOL_ROW(magicpoint_settings, photometric, 1, "photometric augmentation"),
    CAIRN_SETTING_BOOL_ROW(magicpoint_settings, homographic, 1, "homographic augmentation"),
    CAIRN_SETTING_INT_ROW(magicpoint_settings, validate_every, 1000, 0, 1e8,
                          "steps between measurements on drawings kept for it, and one at the end; 0: none"),
    CAIRN_SETTING_INT_ROW(magicpoint_settings, validate_images, 100, 1, 10000,
                          "drawings to measure on, each clean and with noise"),
    CAIRN_PATIENCE_ROW(magicpoint_settings, patience),
    CAIRN_DETECTOR_ROWS(magicpoint_settings, CAIRN_AUGMENT_SYNTHETIC, CAIRN_AUGMENT_SYNTHETIC),
    {0},
};

enum { IMAGE, LABELS, VALID, INPUTS };

typedef struct feed {
    const cairn_stage *stage;
    const magicpoint_settings *s;
    bool chosen[CAIRN_SHAPE_COUNT];
    int64_t step; /* of the batch being made */
    float *const *inputs;
    const cairn_network_spec *spec;
    cairn_validation_set sets[2]; /* clean, noisy */
    cairn_validation *validation;
} feed;

static cairn_sample_layout layout_of(const feed *f)
{
    const magicpoint_settings *s = f->s;
    return (cairn_sample_layout){INPUTS, (int)s->height, (int)s->image_width,
                                 cairn_detector_label_channels(&s->detector),
                                 cairn_sample_on_device(f->stage->gpu, s->detector.augment), s->photometric,
                                 s->homographic};
}

static cairn_status make_sample(void *payload, int i)
{
    cairn_status st = CAIRN_OK;
    feed *f = payload;
    const magicpoint_settings *s = f->s;
    const cairn_sample_layout layout = layout_of(f);
    cairn_image gray = {0};
    cairn_keypoints corners = {0};
    cairn_sample_stream stream = {f->stage->seed, f->stage->stream, (uint32_t)f->step, (uint32_t)i};
    cairn_rng draw = cairn_rng_stream(stream.seed, stream.stage, stream.step, stream.sample, CAIRN_PURPOSE_SAMPLE);
    cairn_shapes_options options = {(int)s->height, (int)s->image_width, (int)s->canvas_height, s->literal_labels};
    cairn_photometric_options photometric = cairn_photometric_preset((cairn_augment_preset)s->detector.light);
    cairn_homographic_options homographic = cairn_warp_options(&s->detector.warp);
    cairn_sample_view view =
        cairn_sample_detector_view(f->inputs, i, &layout, s->detector.loss == CAIRN_DETECTOR_SOFT);
    CAIRN_TRY(cairn_shapes_draw(&gray, &corners, &draw, cairn_shape_sample(&draw, f->chosen), &options));
    CAIRN_TRY(cairn_sample_detector(&view, &gray, &corners, s->photometric ? &photometric : NULL,
                                    s->homographic ? &homographic : NULL, &stream));
done:
    cairn_image_free(&gray);
    cairn_keypoints_free(&corners);
    return st;
}

static cairn_status batch(void *payload, int64_t step, float *const *values)
{
    feed *f = payload;
    f->step = step;
    f->inputs = values;
    return cairn_parallel_for((int)f->s->train.batch, 0, make_sample, f);
}

static void build(cairn_training *t, const cairn_network_spec *spec, const void *payload)
{
    const magicpoint_settings *s = ((const feed *)payload)->s;
    const cairn_detector_options options = cairn_detector_loss_options(&s->detector);
    const cairn_sample_layout layout = layout_of(payload);
    cairn_sample_build_detector(t, spec, (int)s->train.batch, &layout, &options);
}

static cairn_status start(cairn_training *t, const void *payload)
{
    return cairn_stage_set_dustbin(t->store, ((const feed *)payload)->s->prior);
}

static cairn_status validate(cairn_training *t, int64_t step, cairn_train_measured *out)
{
    (void)step;
    cairn_status st = CAIRN_OK;
    feed *f = t->payload;
    const magicpoint_settings *s = f->s;
    if (!f->sets[0].count)
        CAIRN_TRY(cairn_validation_set_shapes(&f->sets[0], &f->sets[1], (int)s->validate_images, (int)s->height,
                                              (int)s->image_width, (int)s->canvas_height, s->literal_labels));
    for (int i = 0; i < 2; i++) CAIRN_TRY(cairn_validation_measure(&f->validation, t, f->spec, &f->sets[i], out));
    out->score = cairn_validation_score(out, f->sets[0].prefix);
done:
    return st;
}

static void release(void *payload)
{
    cairn_validation_destroy(&((feed *)payload)->validation);
}

static cairn_status contact_sheet(const feed *f)
{
    const cairn_stage *stage = f->stage;
    const magicpoint_settings *s = f->s;
    cairn_image sheet = {0};
    cairn_shapes_options options = {(int)s->height, (int)s->image_width, (int)s->canvas_height, s->literal_labels};
    cairn_status st = cairn_shapes_contact_sheet(&sheet, stage->seed, 3, 3, f->chosen, &options);
    if (st >= 0)
        st = cairn_stage_picture(stage, "shapes.png", &sheet,
                                 "Synthetic shapes before augmentation, of each kind, with their labels");
    cairn_image_free(&sheet);
    return st;
}

static cairn_status run(cairn_stage *stage, const void *settings)
{
    cairn_status st = CAIRN_OK;
    const magicpoint_settings *s = settings;
    feed f = {.stage = stage, .s = s};
    cairn_network_spec spec = {.kind = CAIRN_NETWORK_SUPERPOINT,
                               .superpoint = {s->width, 0, (cairn_superpoint_order)s->order, s->norm_eps,
                                              s->norm_momentum}};
    f.spec = &spec;
    cairn_stage_training training = {.settings = &s->train,
                                     .spec = &spec,
                                     .build = build,
                                     .start = start,
                                     .batch = batch,
                                     .payload = &f,
                                     .calibrate = s->calibrate,
                                     .views = 1,
                                     .validate = validate,
                                     .validate_every = s->validate_every,
                                     .patience = s->patience,
                                     .release = release};
    CAIRN_TRY(cairn_shapes_choose(f.chosen, s->primitives, stage->name));
    CAIRN_TRY(contact_sheet(&f));
    CAIRN_TRY(cairn_stage_train(stage, &training));
done:
    cairn_validation_set_free(&f.sets[0]);
    cairn_validation_set_free(&f.sets[1]);
    return st;
}

static cairn_status check(const void *settings, const char *where)
{
    const magicpoint_settings *s = settings;
    bool chosen[CAIRN_SHAPE_COUNT];
    char primitives[600];
    cairn_status st = cairn_train_check(&s->train, where);
    snprintf(primitives, sizeof primitives, "%s: primitives", where);
    if (st >= 0) st = cairn_validation_check(s->validate_every, s->patience, where);
    if (st >= 0) st = cairn_shapes_choose(chosen, s->primitives, primitives);
    if (st < 0) return st;
    if (s->height % 8 || s->image_width % 8)
        return cairn_error_set(CAIRN_E_INVALID,
                               "%s: height and image_width are %lld and %lld; both must be multiples of 8", where,
                               (long long)s->height, (long long)s->image_width);
    if (s->canvas_height < s->height)
        return cairn_error_set(CAIRN_E_INVALID, "%s: canvas_height is %lld; it must not be smaller than height, %lld",
                               where, (long long)s->canvas_height, (long long)s->height);
    return CAIRN_OK;
}

const cairn_stage_kind cairn_stage_magicpoint = {
    .name = "magicpoint",
    .help = "a detector learns the corners of synthetic shapes",
    .settings = table,
    .settings_bytes = sizeof(magicpoint_settings),
    .newer = "primitives,augment,patience," CAIRN_TEACHER_NEWER "," CAIRN_TRAIN_NEWER,
    .version = 1,
    .check = check,
    .run = run,
};
