/* Stage `student-phase1`: the student learns the keypoints of a teacher as a heatmap (student.md 4). */
#include "experiments/stages/stages.h"

#include "experiments/stages/common.h"
#include "experiments/stages/student/student.h"
#include "experiments/stages/teacher/labelled.h"
#include "experiments/stages/training.h"
#include "experiments/stages/validation.h"
#include "matching/masks.h"
#include "ops/layout/layout.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"
#include "student/losses.h"
#include "system/parallel.h"

#include <math.h>
#include <string.h>

enum { TARGET_POINTS, TARGET_BLOBS, TARGET_HEATMAP };
enum { LOSS_OF_TARGET };

typedef struct phase1_settings {
    cairn_train_settings train;
    cairn_student_settings student;
    cairn_student_points points;
    double sigma, prior, homographic, validate_share;
    int64_t calibrate, validate_every, validate_images;
    int target, loss;
    bool photometric, one_batch;
} phase1_settings;

static const cairn_setting table[] = {
    CAIRN_TRAIN_ROWS(phase1_settings, 20000, 32, 1e-3),
    CAIRN_STUDENT_ROWS(phase1_settings, 128, "1,2,4,12"),
    CAIRN_STUDENT_POINTS_ROWS(phase1_settings),
    CAIRN_SETTING_INT_ROW(phase1_settings, calibrate, 16, 0, 10000,
                          "batches whose statistics replace the running ones at the end; 0: keep the running ones"),
    CAIRN_SETTING_CHOICE_ROW(phase1_settings, target, TARGET_POINTS, "points,blobs,heatmap",
                             "a pixel for each keypoint, Gaussians around them, or the teacher's heatmap"),
    CAIRN_SETTING_CHOICE_ROW(phase1_settings, loss, LOSS_OF_TARGET, "auto," CAIRN_HEATMAP_LOSSES,
                             "focal, bce or soft: the quality focal form; auto: focal for points, else soft"),
    CAIRN_SETTING_FLOAT_ROW(phase1_settings, sigma, 1.5, 0.5, 10, "of a blob, pixels"),
    CAIRN_SETTING_FLOAT_ROW(phase1_settings, prior, 0.01, 1e-6, 0.5,
                            "probability of a keypoint that a new student starts with"),
    CAIRN_SETTING_FLOAT_ROW(phase1_settings, homographic, 0.5, 0, 1, "share of views through a random homography"),
    CAIRN_SETTING_BOOL_ROW(phase1_settings, photometric, 1, "photometric augmentation"),
    CAIRN_SETTING_BOOL_ROW(phase1_settings, one_batch, 0,
                           "every step takes the photographs and the views of the first: a check that training fits"),
    CAIRN_SETTING_INT_ROW(phase1_settings, validate_every, 0, 0, 1e8,
                          "steps between measurements on the views of the first step, which training sees; 0: none"),
    CAIRN_SETTING_FLOAT_ROW(phase1_settings, validate_share, 0, 0, 0.9,
                            "of the photographs that are kept out of training and measured on, too"),
    CAIRN_SETTING_INT_ROW(phase1_settings, validate_images, 32, 1, 10000, "of these"),
    {0},
};

static const cairn_stage_input stage_inputs[] = {{"teacher", CAIRN_TEACHER_KINDS, true, false},
                                                 {"labels", CAIRN_LABEL_KINDS, true, false},
                                                 {"start", "student-phase1,student-phase2,import", true, false},
                                                 {0}};

enum { IMAGE, TARGET, VALID, SCALE }; /* the target of `heatmap` is the view before changes of light */

typedef struct feed {
    cairn_photo_feed photos;
    const phase1_settings *s;
    cairn_frozen_teacher teacher; /* of target heatmap */
    cairn_network_spec spec;
    cairn_validation_set views; /* of the first step */
    cairn_validation *validation;
    cairn_labelled_validator kept; /* photographs that training does not see; empty: none */
} feed;

/* Sample i of the feed's step. Batches behind the last step calibrate BatchNorm, on photographs as they will be seen:
 * without a homography. */
static cairn_status make_view(const feed *f, int i, const cairn_student_view *view, cairn_keypoints *points)
{
    const phase1_settings *s = f->s;
    const cairn_photo_feed *photos = &f->photos;
    const bool trains = photos->step < s->train.steps * s->train.accumulate;
    cairn_rng rng = cairn_rng_stream(photos->stage->seed, photos->stage->stream, (uint32_t)photos->step, (uint32_t)i,
                                     CAIRN_PURPOSE_AUGMENT);
    const cairn_status st = cairn_student_copy_points(points, &photos->points[i]);
    return st < 0 ? st
                  : cairn_student_make_view(view, points, &photos->images[i], &rng, trains ? s->homographic : 0,
                                            s->photometric);
}

static cairn_status make_sample(void *payload, int i)
{
    cairn_status st = CAIRN_OK;
    const feed *f = payload;
    const phase1_settings *s = f->s;
    const cairn_photo_feed *photos = &f->photos;
    const size_t at = (size_t)i * (size_t)photos->h * (size_t)photos->w;
    const bool heatmap = s->target == TARGET_HEATMAP;
    float *target = photos->inputs[TARGET] + at;
    const cairn_student_view view = {heatmap ? target : NULL, photos->inputs[IMAGE] + at, photos->inputs[VALID] + at};
    cairn_keypoints points = {0};
    CAIRN_TRY(make_view(f, i, &view, &points));
    if (!heatmap) {
        const cairn_mask_style style = {.sigma = s->target == TARGET_BLOBS ? s->sigma : 0, .floor = 0, .peak = 1};
        cairn_masks_draw(target, NULL, photos->h, photos->w, &points, NULL, &style);
    }
done:
    cairn_keypoints_free(&points);
    return st;
}

static cairn_status batch(void *payload, int64_t step, float *const *values)
{
    feed *f = payload;
    const cairn_photo_feed *photos = &f->photos;
    int points = 0;
    const cairn_status st = cairn_photo_feed_step(&f->photos, f->s->one_batch ? 0 : step, values);
    if (st < 0) return st;
    for (int i = 0; i < photos->batch; i++) points += photos->points[i].count;
    if (f->s->target != TARGET_HEATMAP)
        values[SCALE][0] = 1.0f / (float)(points > 1 ? points : 1); /* the loss is a mean over keypoints */
    return cairn_parallel_for(photos->batch, 0, make_sample, f);
}

static void build(cairn_training *t, const cairn_network_spec *spec, const void *payload)
{
    const feed *f = payload;
    const phase1_settings *s = f->s;
    cairn_graph *g = t->g;
    const cairn_shape image = {f->photos.batch, f->photos.h, f->photos.w, 1};
    const cairn_heatmap_loss kind = s->loss != LOSS_OF_TARGET          ? (cairn_heatmap_loss)(s->loss - 1)
                                    : s->target == TARGET_POINTS ? CAIRN_HEATMAP_FOCAL
                                                                 : CAIRN_HEATMAP_SOFT;
    t->inputs[IMAGE] = cairn_graph_input(g, "image", image);
    t->inputs[TARGET] = cairn_graph_input(g, "target", image);
    t->inputs[VALID] = cairn_graph_input(g, "valid", image);
    t->input_count = SCALE;
    cairn_network_graph net = cairn_network_build(t->model, spec, t->inputs[IMAGE]);
    cairn_tid target = t->inputs[TARGET], scale;
    if (s->target == TARGET_HEATMAP) {
        target = cairn_op_detach(g, cairn_frozen_teacher_build(g, &f->teacher, target).heatmap);
        cairn_tid mass = cairn_op_reduce_sum(g, cairn_op_mul(g, target, t->inputs[VALID]), CAIRN_AXES_ALL);
        /* as many keypoints as the probabilities add up to */
        scale = cairn_op_reciprocal(g, cairn_op_max(g, mass, cairn_graph_constant(g, CAIRN_SCALAR, 1)));
    } else {
        scale = t->inputs[t->input_count++] = cairn_graph_input(g, "scale", CAIRN_SCALAR);
    }
    t->loss = cairn_op_mul(g, cairn_heatmap_loss_sum(g, net.logits, target, t->inputs[VALID], kind), scale);
}

/* A new student's last bias is such that it starts with the prior everywhere (student.md 4.2). */
static cairn_status start(cairn_training *t, const void *payload)
{
    cairn_status st = CAIRN_OK;
    const feed *f = payload;
    const phase1_settings *s = f->s;
    float bias = (float)log(s->prior / (1 - s->prior));
    const int index = cairn_store_find(t->store, "integrate.1.bias");
    CAIRN_ASSERT(index >= 0);
    if (s->target == TARGET_HEATMAP) CAIRN_TRY(cairn_frozen_teacher_load(t->store, &f->teacher));
    CAIRN_TRY(cairn_student_start(t, f->photos.stage, &s->student));
    CAIRN_TRY(cairn_student_unfold(t, &f->spec, &s->student, build));
    if (!s->student.start[0]) CAIRN_TRY(cairn_store_write(t->store, index, &bias));
done:
    return st;
}

/* Before training, whose thread then draws from the feed. */
static cairn_status first_views(feed *f)
{
    cairn_status st = CAIRN_OK;
    const cairn_photo_feed *photos = &f->photos;
    const size_t pixels = (size_t)photos->h * (size_t)photos->w;
    if (photos->h < 32 || photos->w < 32) return CAIRN_OK; /* the network refuses them */
    CAIRN_TRY(cairn_validation_set_create(&f->views, "trained", photos->batch, photos->h, photos->w));
    CAIRN_TRY(cairn_photo_feed_step(&f->photos, 0, NULL));
    for (int i = 0; i < photos->batch; i++) {
        const cairn_student_view view = {NULL, f->views.images + (size_t)i * pixels, NULL};
        CAIRN_TRY(make_view(f, i, &view, &f->views.points[i]));
    }
done:
    return st;
}

static cairn_status validate(cairn_training *t, int64_t step, cairn_train_measured *out)
{
    (void)step;
    feed *f = t->payload;
    const cairn_status st = cairn_validation_measure(&f->validation, t, &f->spec, &f->views, out);
    return st >= 0 && f->kept.set.count ? cairn_labelled_validate(&f->kept, t, &f->spec, out) : st;
}

static void release(void *payload)
{
    feed *f = payload;
    cairn_validation_destroy(&f->validation);
    cairn_labelled_validator_close(&f->kept);
}

static cairn_status train(cairn_stage *stage, const phase1_settings *s, feed *f)
{
    cairn_stage_training training = {.settings = &s->train,
                                     .spec = &f->spec,
                                     .build = build,
                                     .start = start,
                                     .batch = batch,
                                     .payload = f,
                                     .calibrate = s->calibrate,
                                     .validate = validate,
                                     .validate_every = s->validate_every,
                                     .release = release,
                                     .views = 1};
    return cairn_stage_train(stage, &training);
}

static cairn_status run(cairn_stage *stage, const void *settings)
{
    cairn_status st = CAIRN_OK;
    const phase1_settings *s = settings;
    feed f = {.s = s};
    CAIRN_TRY(cairn_student_spec(&f.spec, stage, &s->student, CAIRN_NETWORK_SP_FPN));
    if (f.spec.kind != CAIRN_NETWORK_SP_FPN)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "stage %s: start %s is no student with a heatmap", stage->name,
                                  s->student.start));
    CAIRN_TRY(cairn_photo_feed_open(&f.photos, stage, s->train.batch));
    if (s->target == TARGET_HEATMAP)
        CAIRN_TRY(cairn_frozen_teacher_open(&f.teacher, stage, s->points.teacher));
    else
        CAIRN_TRY(cairn_student_points_open(&f.photos, stage, &s->points));
    if (s->validate_share > 0)
        CAIRN_TRY(cairn_labelled_validator_open(
            &f.kept, &f.photos,
            &(cairn_labelled_settings){s->validate_every, s->validate_images, 0, s->validate_share}));
    if (s->validate_every) CAIRN_TRY(first_views(&f));
    CAIRN_TRY(train(stage, s, &f));
done:
    cairn_photo_feed_close(&f.photos);
    cairn_frozen_teacher_close(&f.teacher);
    cairn_validation_set_free(&f.views);
    cairn_labelled_validator_close(&f.kept);
    return st;
}

static cairn_status check(const void *settings, const char *where)
{
    const phase1_settings *s = settings;
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(cairn_student_points_check(&s->points, s->target == TARGET_HEATMAP, where));
    if (s->validate_every && s->target == TARGET_HEATMAP)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "%s: validate_every is set; a target heatmap has no keypoints to "
                                                   "measure by",
                                  where));
    if (s->validate_share > 0 && !s->validate_every)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "%s: validate_share keeps photographs to measure on; set "
                                                   "validate_every above 0",
                                  where));
    CAIRN_TRY(cairn_student_check(&s->student, where));
    CAIRN_TRY(cairn_train_check(&s->train, where));
done:
    return st;
}

const cairn_stage_kind cairn_stage_student_phase1 = {
    .name = "student-phase1",
    .help = "the student learns a teacher's keypoints as a heatmap",
    .settings = table,
    .settings_bytes = sizeof(phase1_settings),
    .inputs = stage_inputs,
    .uses_photos = true,
    .newer = "validate_share,validate_images," CAIRN_STUDENT_POINTS_NEWER "," CAIRN_TRAIN_NEWER,
    .version = 3,
    .check = check,
    .run = run,
};
