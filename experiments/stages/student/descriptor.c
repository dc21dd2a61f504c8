/* Stage `student-descriptor`: a student with SuperPoint's outputs learns them from the teacher's (student.md 6). The
 * teacher sees the view before changes of light, the student what they made of it. */
#include "experiments/stages/stages.h"

#include "experiments/stages/common.h"
#include "experiments/stages/student/student.h"
#include "experiments/stages/training.h"
#include "ops/image/geometry.h"
#include "ops/layout/layout.h"
#include "ops/pointwise/pointwise.h"
#include "student/losses.h"
#include "system/parallel.h"
#include "teacher/augment.h"
#include "teacher/descriptor_loss.h"
#include "teacher/labels/labels.h"

#include <string.h>

typedef struct descriptor_settings {
    cairn_train_settings train;
    cairn_student_settings student;
    char teacher[CAIRN_SETTING_TEXT_BYTES], labels[CAIRN_SETTING_TEXT_BYTES];
    double temperature, point_weight, background, descriptor_weight, relational, hard, warped, homographic;
    int64_t calibrate, pairs;
    int weighting;
    bool separable, photometric;
} descriptor_settings;

enum { FIXED, LOG_VARIANCE };

static const cairn_setting table[] = {
    CAIRN_TRAIN_ROWS(descriptor_settings, 40000, 16, 1e-3),
    CAIRN_STUDENT_ROWS(descriptor_settings, 64, "1,3,8,11"),
    CAIRN_SETTING_TEXT_ROW(descriptor_settings, teacher, NULL, "stage whose network, with descriptors, is the teacher"),
    CAIRN_SETTING_BOOL_ROW(descriptor_settings, separable, 1, "3x3 convolutions of pyramid and heads by channel"),
    CAIRN_SETTING_FLOAT_ROW(descriptor_settings, temperature, 2, 0.1, 100, "of the detector's classes"),
    CAIRN_SETTING_FLOAT_ROW(descriptor_settings, point_weight, 4, 0, 1e4,
                            "how much more a cell with a point counts in the detector"),
    CAIRN_SETTING_FLOAT_ROW(descriptor_settings, background, 0.2, 0, 1,
                            "weight of a cell without a point in the descriptor"),
    CAIRN_SETTING_FLOAT_ROW(descriptor_settings, descriptor_weight, 1, 0, 1e6, "of the descriptor loss"),
    CAIRN_SETTING_FLOAT_ROW(descriptor_settings, relational, 0.5, 0, 1e6, "weight of the similarities of pairs"),
    CAIRN_SETTING_TEXT_ROW(descriptor_settings, labels, "",
                           "stage that keeps labels for the detector, beside the teacher's classes; empty: none"),
    CAIRN_SETTING_FLOAT_ROW(descriptor_settings, hard, 0.25, 0, 1e6, "weight of the labels' cross-entropy"),
    CAIRN_SETTING_FLOAT_ROW(descriptor_settings, warped, 0, 0, 1e6,
                            "weight of the teacher's joint loss (balanced) of the student's own descriptors on the view "
                            "and on a warp of it; 0: no warp. 0.1 at the end of a training, from start"),
    CAIRN_SETTING_CHOICE_ROW(descriptor_settings, weighting, FIXED, "fixed,log-variance",
                             "of the terms: by the weights above, or besides by learned ones, by which each term comes "
                             "to count as much"),
    CAIRN_SETTING_INT_ROW(descriptor_settings, pairs, 512, 1, 100000, "pairs of cells of an image"),
    CAIRN_SETTING_FLOAT_ROW(descriptor_settings, homographic, 0.5, 0, 1, "share of views through a random homography"),
    CAIRN_SETTING_BOOL_ROW(descriptor_settings, photometric, 1, "photometric augmentation"),
    CAIRN_SETTING_INT_ROW(descriptor_settings, calibrate, 64, 0, 10000,
                          "batches whose statistics replace the running ones at the end; 0: keep the running ones"),
    {0},
};

static const cairn_stage_input stage_inputs[] = {
    {"teacher", "superpoint,import", false, false},
    {"labels", CAIRN_LABEL_KINDS, true, false},
    {"start", "student-descriptor,import", true, false},
    {0}};

enum { IMAGE, CLEAN, VALID, FIRST, SECOND, ALWAYS };
enum { LABELS = ALWAYS };                          /* with labels */
enum { WARPED, WARPED_VALID, TO_WARPED, OF_WARP }; /* with a warp, from first_of_warp on */

static int first_of_warp(const descriptor_settings *s)
{
    return ALWAYS + (s->labels[0] != 0);
}

typedef struct feed {
    cairn_photo_feed photos;
    const descriptor_settings *s;
    cairn_frozen_teacher teacher;
    cairn_network_spec spec;
} feed;

/* A warp of sample i's view before changes of light, with changes of its own, and which of its cells show what `valid`
 * [h,w] 0/1 says of the view. */
static cairn_status make_warp(const feed *f, int i, float *valid, cairn_rng *rng)
{
    cairn_status st = CAIRN_OK;
    const cairn_photo_feed *p = &f->photos;
    const int h = p->h, w = p->w, cells = h / 8 * (w / 8);
    const size_t pixels = (size_t)h * (size_t)w;
    float *const *in = p->inputs + first_of_warp(f->s);
    const cairn_homography_options sampler = cairn_student_homographies();
    const cairn_photometric_options light = cairn_photometric_preset(CAIRN_AUGMENT_SUPERPOINT);
    const cairn_image clean = {h, w, 1, p->inputs[CLEAN] + (size_t)i * pixels}, shows = {h, w, 1, valid};
    cairn_image warped = {0}, still_shows = {0};
    cairn_homography to_input, to_warped;
    CAIRN_TRY(cairn_homography_sample(&to_input, rng, h, w, &sampler));
    CAIRN_TRY(cairn_homography_invert(&to_warped, &to_input));
    CAIRN_TRY(cairn_homography_warp(&warped, NULL, &clean, &to_input, h, w));
    CAIRN_TRY(cairn_homography_warp(&still_shows, NULL, &shows, &to_input, h, w));
    for (size_t k = 0; k < pixels; k++) still_shows.pixels[k] = still_shows.pixels[k] > 0.999f;
    CAIRN_TRY(cairn_labels_valid_cells(in[WARPED_VALID] + (size_t)i * (size_t)cells, still_shows.pixels, h, w));
    if (f->s->photometric) CAIRN_TRY(cairn_augment_photometric(&warped, rng, &light));
    memcpy(in[WARPED] + (size_t)i * pixels, warped.pixels, sizeof(float) * pixels);
    for (int k = 0; k < 9; k++) in[TO_WARPED][9 * i + k] = (float)to_warped.m[k];
done:
    cairn_image_free(&warped);
    cairn_image_free(&still_shows);
    return st;
}

/* Batches behind the last step calibrate BatchNorm, on photographs as they will be seen: without a homography. */
static cairn_status make_sample(void *payload, int i)
{
    cairn_status st = CAIRN_OK;
    const feed *f = payload;
    const descriptor_settings *s = f->s;
    const cairn_photo_feed *p = &f->photos;
    const int cells = p->h / 8 * (p->w / 8);
    const size_t at = (size_t)i * (size_t)p->h * (size_t)p->w, pair = (size_t)i * (size_t)s->pairs;
    const bool trains = p->step < s->train.steps * s->train.accumulate;
    cairn_keypoints points = {0};
    cairn_rng rng = cairn_rng_stream(p->stage->seed, p->stage->stream, (uint32_t)p->step, (uint32_t)i,
                                     CAIRN_PURPOSE_AUGMENT);
    float *valid = malloc(sizeof *valid * (size_t)p->h * (size_t)p->w);
    if (!valid) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a view");
    const cairn_student_view view = {p->inputs[CLEAN] + at, p->inputs[IMAGE] + at, valid};
    CAIRN_TRY(cairn_student_copy_points(&points, &p->points[i])); /* none without labels */
    CAIRN_TRY(cairn_student_make_view(&view, &points, &p->images[i], &rng, trains ? s->homographic : 0,
                                      s->photometric));
    CAIRN_TRY(cairn_labels_valid_cells(p->inputs[VALID] + (size_t)i * (size_t)cells, valid, p->h, p->w));
    for (int64_t k = 0; k < s->pairs; k++) {
        p->inputs[FIRST][pair + (size_t)k] = (float)cairn_rng_integer(&rng, 0, cells - 1);
        p->inputs[SECOND][pair + (size_t)k] = (float)cairn_rng_integer(&rng, 0, cells - 1);
    }
    if (s->labels[0])
        CAIRN_TRY(cairn_labels_from_points(p->inputs[LABELS] + (size_t)i * (size_t)cells, &points, p->h, p->w, &rng));
    if (s->warped > 0) CAIRN_TRY(make_warp(f, i, valid, &rng));
done:
    cairn_keypoints_free(&points);
    free(valid);
    return st;
}

static cairn_status batch(void *payload, int64_t step, float *const *values)
{
    feed *f = payload;
    const cairn_status st = cairn_photo_feed_step(&f->photos, step, values);
    return st < 0 ? st : cairn_parallel_for(f->photos.batch, 0, make_sample, f);
}

/* One of each term, 1 at first (student.md 6.2). The model holds them, so that checkpoints do. */
static cairn_tid log_variance(cairn_model *m)
{
    return cairn_model_parameter(m, "loss.log_variance", CAIRN_PARAMETER_VECTOR, CAIRN_DISTILLATION_TERMS, 1, 1, true,
                                 false, CAIRN_INIT_CONSTANT, 1);
}

static void log_values(cairn_training *t, const cairn_distillation_terms *d, cairn_tid variances)
{
    static const char *const names[] = {"detector", "relational", "cosine", "hard"};
    static const char *const learned[CAIRN_DISTILLATION_TERMS] = {"log_variance_detector", "log_variance_descriptor",
                                                                  "log_variance_relational", "log_variance_hard"};
    const cairn_tid values[] = {d->detector, d->relational, d->cosine, d->hard};
    const int terms = d->hard == CAIRN_NONE ? 3 : 4;
    for (int i = 0; i < terms; i++) {
        t->logged[i].name = names[i];
        t->logged[i].value = values[i];
    }
    t->logged_count = terms;
    for (int i = 0; variances != CAIRN_NONE && i < terms; i++) {
        t->logged[t->logged_count].name = learned[i];
        t->logged[t->logged_count++].value = cairn_op_slice_channels(t->g, variances, i, 1);
    }
}

/* The student's descriptors of the view and of its warp: where both show the same point they should agree, else differ
 * (student.md 6.2, last line). Adds to the loss, and its two energies to the log. */
static void add_warp(cairn_training *t, const cairn_network_spec *spec, const feed *f, const cairn_network_graph *net)
{
    const descriptor_settings *s = f->s;
    const int n = f->photos.batch, hc = f->photos.h / 8, wc = f->photos.w / 8, first = first_of_warp(s);
    cairn_tid *in = t->inputs + first;
    cairn_graph *g = t->g;
    in[WARPED] = cairn_graph_input(g, "warped", (cairn_shape){n, 8 * hc, 8 * wc, 1});
    in[WARPED_VALID] = cairn_graph_input(g, "warped_valid", (cairn_shape){n, 1, 1, hc * wc});
    in[TO_WARPED] = cairn_graph_input(g, "to_warped", (cairn_shape){n, 1, 1, 9});
    t->input_count = first + OF_WARP;
    const cairn_descriptor_views views = {
        .a = net->descriptor,
        .b = cairn_network_build(t->model, spec, in[WARPED]).descriptor,
        .raw_a = CAIRN_NONE,
        .raw_b = CAIRN_NONE,
        .match = cairn_op_correspondence(g, in[TO_WARPED], hc, wc, 8, 7.5f),
        .valid = in[WARPED_VALID],
    };
    const cairn_descriptor_options options = {CAIRN_DESCRIPTOR_BALANCED, false, 1};
    const cairn_descriptor_terms d = cairn_descriptor_loss(g, &views, &options);
    t->loss = cairn_op_add(g, t->loss, cairn_op_scale(g, d.loss, (float)s->warped));
    t->logged[t->logged_count].name = "positive";
    t->logged[t->logged_count++].value = d.positive;
    t->logged[t->logged_count].name = "negative";
    t->logged[t->logged_count++].value = d.negative;
}

static void build(cairn_training *t, const cairn_network_spec *spec, const void *payload)
{
    const feed *f = payload;
    const descriptor_settings *s = f->s;
    cairn_graph *g = t->g;
    const int n = f->photos.batch, h = f->photos.h, w = f->photos.w;
    const cairn_shape image = {n, h, w, 1}, cells = {n, h / 8, w / 8, 1}, pairs = {n, 1, (int)s->pairs, 1};
    t->inputs[IMAGE] = cairn_graph_input(g, "image", image);
    t->inputs[CLEAN] = cairn_graph_input(g, "clean", image);
    t->inputs[VALID] = cairn_graph_input(g, "valid", cells);
    t->inputs[FIRST] = cairn_graph_input(g, "first", pairs);
    t->inputs[SECOND] = cairn_graph_input(g, "second", pairs);
    t->input_count = ALWAYS;
    if (s->labels[0]) t->inputs[t->input_count++] = cairn_graph_input(g, "labels", cells);
    const cairn_network_graph net = cairn_network_build(t->model, spec, t->inputs[IMAGE]);
    const cairn_network_graph teacher = cairn_frozen_teacher_build(g, &f->teacher, t->inputs[CLEAN]);
    const cairn_distillation_tensors tensors = {
        .logits = net.logits,
        .teacher_logits = teacher.logits,
        .descriptor = net.descriptor,
        .teacher_descriptor = teacher.descriptor,
        .valid = t->inputs[VALID],
        .first = t->inputs[FIRST],
        .second = t->inputs[SECOND],
        .labels = s->labels[0] ? t->inputs[LABELS] : CAIRN_NONE,
        .log_variance = s->weighting == LOG_VARIANCE ? log_variance(t->model) : CAIRN_NONE,
    };
    const cairn_distillation_options options = {s->temperature, s->point_weight, s->background, s->descriptor_weight,
                                                s->relational, s->hard};
    const cairn_distillation_terms d = cairn_distillation_loss(g, &tensors, &options);
    t->loss = d.loss;
    log_values(t, &d, tensors.log_variance);
    if (s->warped > 0) add_warp(t, spec, f, &net);
}

static cairn_status start(cairn_training *t, const void *payload)
{
    cairn_status st = CAIRN_OK;
    const feed *f = payload;
    CAIRN_TRY(cairn_frozen_teacher_load(t->store, &f->teacher));
    CAIRN_TRY(cairn_student_start(t, f->photos.stage, &f->s->student));
    CAIRN_TRY(cairn_student_unfold(t, &f->spec, &f->s->student, build));
done:
    return st;
}

static cairn_status run(cairn_stage *stage, const void *settings)
{
    cairn_status st = CAIRN_OK;
    const descriptor_settings *s = settings;
    feed f = {.s = s};
    const cairn_stage_training training = {.settings = &s->train, .spec = &f.spec, .build = build, .start = start,
                                           .batch = batch, .payload = &f, .calibrate = s->calibrate,
                                           .views = s->warped > 0 ? 2 : 1};
    CAIRN_TRY(cairn_frozen_teacher_open(&f.teacher, stage, s->teacher));
    CAIRN_TRY(cairn_student_spec(&f.spec, stage, &s->student, CAIRN_NETWORK_DROP_IN));
    if (!s->student.start[0])
        f.spec.heads = (cairn_drop_in_heads){f.teacher.spec.superpoint.descriptor, s->separable};
    if (f.teacher.spec.superpoint.descriptor == 0)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "stage %s: teacher %s has no descriptors", stage->name, s->teacher));
    if (f.spec.kind != CAIRN_NETWORK_DROP_IN)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "stage %s: start %s is another kind of student", stage->name,
                                  s->student.start));
    if (f.spec.heads.descriptor != f.teacher.spec.superpoint.descriptor)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID,
                                  "stage %s: the student's descriptor has %d channels, that of teacher %s %d",
                                  stage->name, f.spec.heads.descriptor, s->teacher,
                                  f.teacher.spec.superpoint.descriptor));
    CAIRN_TRY(cairn_photo_feed_open(&f.photos, stage, s->train.batch));
    if (s->labels[0]) CAIRN_TRY(cairn_photo_feed_label_from(&f.photos, s->labels));
    CAIRN_TRY(cairn_stage_train(stage, &training));
done:
    cairn_photo_feed_close(&f.photos);
    cairn_frozen_teacher_close(&f.teacher);
    return st;
}

static cairn_status check(const void *settings, const char *where)
{
    const descriptor_settings *s = settings;
    const cairn_status st = cairn_student_check(&s->student, where);
    return st < 0 ? st : cairn_train_check(&s->train, where);
}

const cairn_stage_kind cairn_stage_student_descriptor = {
    .name = "student-descriptor",
    .help = "a student with the teacher's outputs learns keypoints and descriptors from it",
    .settings = table,
    .settings_bytes = sizeof(descriptor_settings),
    .inputs = stage_inputs,
    .uses_photos = true,
    .newer = CAIRN_TRAIN_NEWER,
    .version = 1,
    .check = check,
    .run = run,
};
