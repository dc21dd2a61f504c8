/* Stage `student-phase2`: the student learns to find the same keypoints in an image and in its warp (student.md 5). */
#include "experiments/stages/stages.h"

#include "experiments/stages/common.h"
#include "experiments/stages/matching/mask_maker.h"
#include "experiments/stages/matching/matched_masks.h"
#include "experiments/stages/student/student.h"
#include "experiments/stages/training.h"
#include "matching/masks.h"
#include "ops/layout/layout.h"
#include "student/losses.h"
#include "system/file.h"
#include "system/parallel.h"
#include "teacher/augment.h"

#include <string.h>

enum { FREEZE_AUTO, FREEZE_YES, FREEZE_NO };
enum { FREEZE_BELOW = 16 }; /* images of a pass: student.md 6.4 */

typedef struct phase2_settings {
    cairn_train_settings train;
    cairn_student_settings student;
    cairn_student_points points;
    char masks[CAIRN_SETTING_TEXT_BYTES];
    double huber, kl, direct, agreement, delta, positive, temperature, sigma, ignore, photometric;
    int64_t calibrate, erosion;
    int kl_target, freeze;
} phase2_settings;

static const cairn_setting table[] = {
    CAIRN_TRAIN_ROWS(phase2_settings, 10000, 32, 3e-4),
    CAIRN_STUDENT_ROWS(phase2_settings, 128, "1,2,4,12"),
    CAIRN_STUDENT_POINTS_ROWS(phase2_settings),
    CAIRN_SETTING_TEXT_ROW(phase2_settings, masks, NULL,
                           "stage whose warps and matched keypoints are taken, or made by its settings if it stores "
                           "none; empty: new warps in each step, in which the homography moves the keypoints"),
    CAIRN_SETTING_FLOAT_ROW(phase2_settings, huber, 1, 0, 1e6, "weight of the regression form"),
    CAIRN_SETTING_FLOAT_ROW(phase2_settings, kl, 0, 0, 1e6, "weight of the classification form"),
    CAIRN_SETTING_FLOAT_ROW(phase2_settings, direct, 1, 0, 1e6, "weight of the same losses without a warp"),
    CAIRN_SETTING_FLOAT_ROW(phase2_settings, agreement, 0, 0, 1e6,
                            "weight of the two predictions against each other, without masks"),
    CAIRN_SETTING_FLOAT_ROW(phase2_settings, delta, 0.2, 1e-3, 10, "of Huber, in probability"),
    CAIRN_SETTING_FLOAT_ROW(phase2_settings, positive, 20, 0, 1e4, "how much more a keypoint counts than background"),
    CAIRN_SETTING_INT_ROW(phase2_settings, erosion, 3, 0, 32,
                          "pixels along the border of what the other image sees that do not count"),
    CAIRN_SETTING_CHOICE_ROW(phase2_settings, kl_target, 0, "blobs,softmax",
                             "of the classification form: the blobs as a distribution, or the mask's softmax"),
    CAIRN_SETTING_FLOAT_ROW(phase2_settings, temperature, 0.1, 1e-2, 10, "of that softmax; 1 as published"),
    CAIRN_SETTING_FLOAT_ROW(phase2_settings, sigma, 3, 0.5, 10, "of a blob of the masks, pixels"),
    CAIRN_SETTING_FLOAT_ROW(phase2_settings, ignore, 6, 0, 64,
                            "pixels around a keypoint without a match that do not count; 0: they are background"),
    CAIRN_SETTING_FLOAT_ROW(phase2_settings, photometric, 0.5, 0, 1, "share of warped images with changes of light"),
    CAIRN_SETTING_CHOICE_ROW(phase2_settings, freeze, FREEZE_AUTO, "auto,yes,no",
                             "running statistics normalise; auto: below 16 images in a pass"),
    CAIRN_SETTING_INT_ROW(phase2_settings, calibrate, 16, 0, 10000,
                          "batches whose statistics replace the running ones at the end, unless they are frozen"),
    {0},
};

static const cairn_stage_input stage_inputs[] = {{"start", "student-phase1,student-phase2,import", false, false},
                                                 {"teacher", CAIRN_TEACHER_KINDS, true, false},
                                                 {"labels", CAIRN_LABEL_KINDS, true, false},
                                                 {"masks", "matched-masks", true, false},
                                                 {0}};

enum { IMAGE, WARPED, MASK, MASK_WARPED, USE, USE_WARPED, TO_INPUT, TO_WARPED, INPUTS };

typedef struct feed {
    cairn_photo_feed photos;
    const phase2_settings *s;
    cairn_network_spec spec;
    int pairs;    /* matched masks of each photo; 0: no end of them */
    char *folder; /* of matched masks; NULL: none */
    /* Of masks that are made on the fly: another handle of the device, since a batch is made while training runs on
     * the stage's. */
    cairn_gpu *gpu;
    cairn_mask_maker *maker;
    cairn_mask_request *requests; /* [batch] */
    cairn_masked_pair *made;      /* [batch] */
} feed;

static bool frozen(const phase2_settings *s)
{
    return s->freeze == FREEZE_YES || (s->freeze == FREEZE_AUTO && 2 * s->train.batch < FREEZE_BELOW);
}

/* Matched by the homography itself: a keypoint of the image and where it lies in the warp, if it does so at least
 * `border` pixels from the edge. The others go to `lost`. All three are the caller's, of points->count places. */
static void match_points(cairn_keypoints *here, cairn_keypoints *there, cairn_keypoints *lost,
                         const cairn_keypoints *points, const cairn_homography *to_warped, int h, int w, int border)
{
    here->count = there->count = lost->count = 0;
    for (int i = 0; i < points->count; i++) {
        const cairn_keypoint p = points->points[i];
        double x, y;
        if (cairn_homography_apply(to_warped, (double)p.x, (double)p.y, &x, &y) && x >= border && y >= border &&
            x <= w - 1 - border && y <= h - 1 - border) {
            here->points[here->count++] = p;
            there->points[there->count++] = (cairn_keypoint){(float)x, (float)y, p.score};
        } else {
            lost->points[lost->count++] = p;
        }
    }
}

/* Masks by the homography alone: of what both images show, and what of I does not count. */
static cairn_status move_masks(const feed *f, size_t at, const cairn_keypoints *points,
                                const cairn_homography *to_warped)
{
    cairn_status st = CAIRN_OK;
    const phase2_settings *s = f->s;
    const cairn_photo_feed *p = &f->photos;
    const cairn_mask_style style = {.sigma = s->sigma, .floor = 0.1, .peak = 0.9};
    cairn_keypoints here = {0}, there = {0}, lost = {0};
    CAIRN_TRY(cairn_student_copy_points(&here, points));
    CAIRN_TRY(cairn_student_copy_points(&there, points));
    CAIRN_TRY(cairn_student_copy_points(&lost, points));
    match_points(&here, &there, &lost, points, to_warped, p->h, p->w, (int)s->points.border);
    cairn_masks_draw(p->inputs[MASK] + at, NULL, p->h, p->w, &here, NULL, &style);
    cairn_masks_draw(p->inputs[MASK_WARPED] + at, NULL, p->h, p->w, &there, NULL, &style);
    if (s->ignore <= 0) lost.count = 0;
    cairn_student_mask_out(p->inputs[USE] + at, p->h, p->w, &lost, s->ignore);
    for (size_t k = 0; k < (size_t)p->h * (size_t)p->w; k++) p->inputs[USE_WARPED][at + k] = 1;
done:
    cairn_keypoints_free(&here);
    cairn_keypoints_free(&there);
    cairn_keypoints_free(&lost);
    return st;
}

static cairn_rng sample_rng(const cairn_photo_feed *p, int i)
{
    return cairn_rng_stream(p->stage->seed, p->stage->stream, (uint32_t)p->step, (uint32_t)i, CAIRN_PURPOSE_WARP);
}

/* The first number of the stream: which of the photo's matched warps the sample shows. */
static int draw_pair(const feed *f, cairn_rng *rng)
{
    return cairn_rng_integer(rng, 0, f->pairs ? f->pairs - 1 : INT32_MAX - 1);
}

/* What a matched pair, read or made, says about sample i. */
static cairn_status take_masks(const feed *f, int i, cairn_rng *rng, cairn_homography *to_warped)
{
    cairn_status st = CAIRN_OK;
    const cairn_photo_feed *p = &f->photos;
    const size_t at = (size_t)i * (size_t)p->h * (size_t)p->w;
    const cairn_mask_style style = {f->s->sigma, 0.1, 0.9, f->s->ignore};
    cairn_masked_pair read = {0};
    const cairn_masked_pair *pair = f->made ? &f->made[i] : &read;
    const int number = draw_pair(f, rng);
    char *path = NULL;
    if (!f->made) {
        CAIRN_TRY(cairn_masks_path(&path, f->folder, cairn_stage_photos_key(p->photos, p->photo_of[i]), number));
        CAIRN_TRY(cairn_masks_read(&read, NULL, path, p->h, p->w));
    }
    cairn_masks_draw(p->inputs[MASK] + at, p->inputs[USE] + at, p->h, p->w, &pair->a, &pair->lost_a, &style);
    cairn_masks_draw(p->inputs[MASK_WARPED] + at, p->inputs[USE_WARPED] + at, p->h, p->w, &pair->b, &pair->lost_b,
                     &style);
    *to_warped = pair->to_warped;
done:
    cairn_masked_pair_free(&read);
    free(path);
    return st;
}

/* The matched pairs of the batch. */
static cairn_status make_pairs(feed *f)
{
    const cairn_photo_feed *p = &f->photos;
    for (int i = 0; i < p->batch; i++) {
        cairn_rng rng = sample_rng(p, i);
        f->requests[i] = (cairn_mask_request){&p->images[i], cairn_stage_photos_key(p->photos, p->photo_of[i]),
                                              draw_pair(f, &rng)};
    }
    return cairn_mask_maker_make(f->maker, f->requests, p->batch, f->made);
}

/* A new warp, and the keypoints moved by it. */
static cairn_status make_masks(const feed *f, int i, cairn_rng *rng, cairn_image *image, cairn_homography *to_warped)
{
    cairn_status st = CAIRN_OK;
    const cairn_photo_feed *p = &f->photos;
    const size_t pixels = (size_t)p->h * (size_t)p->w, at = (size_t)i * pixels;
    const cairn_student_view view = {NULL, p->inputs[IMAGE] + at, NULL};
    const cairn_homography_options sampler = cairn_student_homographies();
    cairn_keypoints points = {0};
    cairn_homography to_input;
    CAIRN_TRY(cairn_student_copy_points(&points, &p->points[i]));
    CAIRN_TRY(cairn_student_make_view(&view, &points, &p->images[i], rng, 0, false));
    memcpy(image->pixels, view.image, sizeof(float) * pixels); /* mirrored, perhaps */
    CAIRN_TRY(cairn_homography_sample(&to_input, rng, p->h, p->w, &sampler));
    CAIRN_TRY(cairn_homography_invert(to_warped, &to_input));
    CAIRN_TRY(move_masks(f, at, &points, to_warped));
done:
    cairn_keypoints_free(&points);
    return st;
}

static cairn_status make_sample(void *payload, int i)
{
    cairn_status st = CAIRN_OK;
    const feed *f = payload;
    const cairn_photo_feed *p = &f->photos;
    const size_t pixels = (size_t)p->h * (size_t)p->w, at = (size_t)i * pixels;
    const cairn_photometric_options light = cairn_photometric_preset(CAIRN_AUGMENT_SUPERPOINT);
    cairn_image image = {0}, warped = {0};
    cairn_homography to_input, to_warped;
    cairn_rng rng = sample_rng(p, i);
    CAIRN_TRY(cairn_image_copy(&image, &p->images[i]));
    CAIRN_TRY(f->folder || f->made ? take_masks(f, i, &rng, &to_warped) : make_masks(f, i, &rng, &image, &to_warped));
    CAIRN_TRY(cairn_homography_invert(&to_input, &to_warped));
    CAIRN_TRY(cairn_homography_warp(&warped, NULL, &image, &to_input, p->h, p->w));
    if (cairn_rng_uniform(&rng) < f->s->photometric) CAIRN_TRY(cairn_augment_photometric(&warped, &rng, &light));
    memcpy(p->inputs[IMAGE] + at, image.pixels, sizeof(float) * pixels);
    memcpy(p->inputs[WARPED] + at, warped.pixels, sizeof(float) * pixels);
    for (int k = 0; k < 9; k++) {
        p->inputs[TO_INPUT][9 * i + k] = (float)to_input.m[k];
        p->inputs[TO_WARPED][9 * i + k] = (float)to_warped.m[k];
    }
done:
    cairn_image_free(&image);
    cairn_image_free(&warped);
    return st;
}

static cairn_status batch(void *payload, int64_t step, float *const *values)
{
    cairn_status st = CAIRN_OK;
    feed *f = payload;
    CAIRN_TRY(cairn_photo_feed_step(&f->photos, step, values));
    if (f->maker) CAIRN_TRY(make_pairs(f));
    CAIRN_TRY(cairn_parallel_for(f->photos.batch, 0, make_sample, f));
done:
    for (int i = 0; f->made && i < f->photos.batch; i++) cairn_masked_pair_free(&f->made[i]);
    return st;
}

static void build(cairn_training *t, const cairn_network_spec *spec, const void *payload)
{
    static const char *const names[INPUTS] = {"image",      "warped",   "mask",     "mask_warped", "use",
                                              "use_warped", "to_input", "to_warped"};
    const feed *f = payload;
    const phase2_settings *s = f->s;
    cairn_graph *g = t->g;
    const int n = f->photos.batch;
    const cairn_shape map = {n, f->photos.h, f->photos.w, 1}, matrix = {n, 1, 1, 9};
    for (int i = 0; i < INPUTS; i++) t->inputs[i] = cairn_graph_input(g, names[i], i < TO_INPUT ? map : matrix);
    t->input_count = INPUTS;
    cairn_tid both = cairn_op_concat_batch(g, t->inputs[IMAGE], t->inputs[WARPED]);
    cairn_tid logits = cairn_network_build(t->model, spec, both).logits;
    const cairn_pair_tensors pair = {cairn_op_slice_batch(g, logits, 0, n), cairn_op_slice_batch(g, logits, n, n),
                                     t->inputs[MASK], t->inputs[MASK_WARPED], t->inputs[USE],
                                     t->inputs[USE_WARPED], t->inputs[TO_INPUT], t->inputs[TO_WARPED]};
    const cairn_consistency_options options = {s->huber, s->kl, s->direct, s->agreement, s->delta, s->positive,
                                               (int)s->erosion, s->kl_target == 1, s->temperature};
    const cairn_consistency_terms terms = cairn_consistency_loss(g, &pair, &options);
    const char *const logged[] = {"huber", "kl", "direct", "agreement", "seen"};
    const cairn_tid values[] = {terms.huber, terms.kl, terms.direct, terms.agreement, terms.seen};
    t->loss = terms.loss;
    for (int i = 0; i < 5; i++) {
        if (values[i] == CAIRN_NONE) continue;
        t->logged[t->logged_count].name = logged[i];
        t->logged[t->logged_count++].value = values[i];
    }
}

static cairn_status start(cairn_training *t, const void *payload)
{
    const feed *f = payload;
    return cairn_student_start(t, f->photos.stage, &f->s->student);
}

/* How many pairs the masks have of a photo: those of the first one that has any. */
static cairn_status open_masks(feed *f, const cairn_stage *stage, const char *name)
{
    cairn_status st = CAIRN_OK;
    char *path = NULL, *input = NULL;
    CAIRN_TRY(cairn_stage_input_folder(&input, stage, name));
    f->folder = cairn_file_join(input, CAIRN_MASKS_FOLDER);
    if (!f->folder) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a path"));
    for (int i = 0; i < f->photos.count && f->pairs == 0; i++)
        for (bool there = true; there; f->pairs += there) {
            free(path);
            CAIRN_TRY(cairn_masks_path(&path, f->folder, cairn_stage_photos_key(f->photos.photos, i), f->pairs));
            there = cairn_file_exists(path);
        }
    if (f->pairs == 0)
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND, "%s: has no masks of these photographs", f->folder));
done:
    free(path);
    free(input);
    return st;
}

/* By the settings of a stage of matched masks that stores none. */
static cairn_status open_maker(feed *f, const cairn_stage *stage, const char *name, const cairn_mask_settings *s)
{
    cairn_status st = CAIRN_OK;
    const cairn_gpu_info *info = cairn_gpu_get_info(stage->gpu);
    cairn_gpu_options device = CAIRN_GPU_OPTIONS_INIT;
    device.device = info->uuid;
    device.kernel_class = info->kernel_class;
    device.quiet = true; /* it was said before */
    CAIRN_TRY(cairn_gpu_create(&f->gpu, &device));
    CAIRN_TRY(cairn_mask_maker_open(&f->maker, stage, f->gpu, name, s, f->photos.h, f->photos.w));
    f->pairs = (int)s->pairs;
    f->requests = malloc((size_t)f->photos.batch * sizeof *f->requests);
    f->made = calloc((size_t)f->photos.batch, sizeof *f->made);
    if (!f->requests || !f->made) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for %d pairs", f->photos.batch));
done:
    return st;
}

/* The stage's kind is checked when the recipe is read. */
static cairn_status open_source(feed *f, cairn_stage *stage)
{
    const char *name = f->s->masks;
    if (!name[0]) return cairn_student_points_open(&f->photos, stage, &f->s->points);
    const int index = cairn_recipe_find_stage(stage->recipe, name);
    if (index < 0) return cairn_error_set(CAIRN_E_NOTFOUND, "%s: the recipe has no stage '%s'", stage->name, name);
    const cairn_mask_settings *masks = stage->recipe->stages[index].settings;
    return masks->stored ? open_masks(f, stage, name) : open_maker(f, stage, name, masks);
}

static void close_feed(feed *f)
{
    cairn_mask_maker_close(&f->maker);
    cairn_gpu_destroy(&f->gpu);
    cairn_photo_feed_close(&f->photos);
    free(f->folder);
    free(f->requests);
    free(f->made);
}

static cairn_status run(cairn_stage *stage, const void *settings)
{
    cairn_status st = CAIRN_OK;
    const phase2_settings *s = settings;
    feed f = {.s = s};
    const cairn_stage_training training = {.settings = &s->train, .spec = &f.spec, .build = build, .start = start,
                                           .batch = batch, .payload = &f,
                                           .frozen_steps = frozen(s) ? s->train.steps : 0,
                                           .calibrate = s->calibrate, .views = 1};
    CAIRN_TRY(cairn_student_spec(&f.spec, stage, &s->student, CAIRN_NETWORK_SP_FPN));
    if (f.spec.kind != CAIRN_NETWORK_SP_FPN)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "stage %s: start %s is no student with a heatmap", stage->name,
                                  s->student.start));
    CAIRN_TRY(cairn_photo_feed_open(&f.photos, stage, s->train.batch));
    CAIRN_TRY(open_source(&f, stage));
    CAIRN_TRY(cairn_stage_train(stage, &training));
done:
    close_feed(&f);
    return st;
}

static cairn_status check(const void *settings, const char *where)
{
    cairn_status st = CAIRN_OK;
    const phase2_settings *s = settings;
    if (!(s->huber > 0) && !(s->kl > 0) && !(s->agreement > 0))
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "%s: huber, kl and agreement are all 0; one needs a weight", where));
    if (!s->masks[0]) CAIRN_TRY(cairn_student_points_check(&s->points, false, where));
    CAIRN_TRY(cairn_student_check(&s->student, where));
    CAIRN_TRY(cairn_train_check(&s->train, where));
done:
    return st;
}

const cairn_stage_kind cairn_stage_student_phase2 = {
    .name = "student-phase2",
    .help = "the student finds the same keypoints in an image and its warp",
    .settings = table,
    .settings_bytes = sizeof(phase2_settings),
    .inputs = stage_inputs,
    .uses_photos = true,
    .newer = CAIRN_STUDENT_POINTS_NEWER "," CAIRN_TRAIN_NEWER,
    .version = 1,
    .check = check,
    .run = run,
};
