/* Stage `student-phase1`: the student learns the keypoints of a teacher as a heatmap (student.md 4). */
#include "experiments/stages/stages.h"

#include "experiments/stages/common.h"
#include "experiments/stages/labelling.h"
#include "experiments/stages/photo_feed.h"
#include "experiments/stages/training.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"
#include "system/file.h"
#include "system/parallel.h"
#include "teacher/augment.h"

#include <math.h>
#include <string.h>

enum { TARGET_POINTS, TARGET_BLOBS };

typedef struct phase1_settings {
    cairn_train_settings train;
    char teacher[CAIRN_SETTING_TEXT_BYTES];
    double width, threshold, sigma, prior;
    int64_t channels, calibrate, top_k, radius, border;
    int target;
    bool photometric;
} phase1_settings;

static const cairn_setting table[] = {
    CAIRN_TRAIN_ROWS(phase1_settings, 20000, 32, 1e-3),
    CAIRN_SETTING_TEXT_ROW(phase1_settings, teacher, NULL, "stage whose network is the teacher"),
    CAIRN_SETTING_FLOAT_ROW(phase1_settings, width, 1, 0.25, 2, "multiplies the channels of the backbone"),
    CAIRN_SETTING_INT_ROW(phase1_settings, channels, 128, 8, 512, "of the feature pyramid"),
    CAIRN_SETTING_INT_ROW(phase1_settings, calibrate, 16, 0, 10000,
                          "batches whose statistics replace the running ones at the end; 0: keep the running ones"),
    CAIRN_SETTING_INT_ROW(phase1_settings, top_k, 250, 1, 100000, "keypoints of the teacher on each photo"),
    CAIRN_SETTING_FLOAT_ROW(phase1_settings, threshold, 0.0005, 0, 1, "probability of a teacher's keypoint at least"),
    CAIRN_SETTING_INT_ROW(phase1_settings, radius, 4, 0, 64, "of the suppression of the teacher's keypoints, pixels"),
    CAIRN_SETTING_INT_ROW(phase1_settings, border, 4, 0, 64, "pixels at the edge without keypoints"),
    CAIRN_SETTING_CHOICE_ROW(phase1_settings, target, TARGET_POINTS, "points,blobs",
                             "points: one pixel each, focal loss; blobs: Gaussians, quality focal loss"),
    CAIRN_SETTING_FLOAT_ROW(phase1_settings, sigma, 1.5, 0.5, 10, "of a blob, pixels"),
    CAIRN_SETTING_FLOAT_ROW(phase1_settings, prior, 0.01, 1e-6, 0.5,
                            "probability of a keypoint that the student starts with"),
    CAIRN_SETTING_BOOL_ROW(phase1_settings, photometric, 1, "photometric augmentation"),
    {0},
};

static const cairn_stage_input stage_inputs[] = {{"teacher", "magicpoint,magicpoint-photos,superpoint", false, false}, {0}};

enum { IMAGE, TARGET, SCALE, INPUTS };

typedef struct feed {
    cairn_photo_feed photos;
    const phase1_settings *s;
} feed;

static cairn_network_spec spec_of(const phase1_settings *s)
{
    cairn_network_spec spec = {.kind = CAIRN_NETWORK_SP_FPN, .sp_fpn = CAIRN_SP_FPN_OPTIONS_INIT};
    spec.sp_fpn.width = s->width;
    spec.sp_fpn.channels = (int)s->channels;
    return spec;
}

/* The largest Gaussian at each pixel (student.md 5.3 without its smoothing), or 1 at the rounded points. */
static void draw_target(float *target, const cairn_keypoints *points, bool mirrored, const feed *f)
{
    double sigma = f->s->sigma;
    int h = f->photos.h, w = f->photos.w;
    int reach = f->s->target == TARGET_BLOBS ? (int)ceil(4 * sigma) : 0;
    memset(target, 0, sizeof *target * (size_t)h * (size_t)w);
    for (int i = 0; i < points->count; i++) {
        double px = mirrored ? w - 1 - (double)points->points[i].x : (double)points->points[i].x,
               py = (double)points->points[i].y;
        int cx = (int)lround(px), cy = (int)lround(py);
        for (int y = cy - reach; y <= cy + reach; y++)
            for (int x = cx - reach; x <= cx + reach; x++) {
                if (x < 0 || y < 0 || x >= w || y >= h) continue;
                double d2 = (x - px) * (x - px) + (y - py) * (y - py);
                float value = reach ? (float)exp(-d2 / (2 * sigma * sigma)) : 1.0f;
                float *t = &target[(size_t)y * (size_t)w + (size_t)x];
                if (value > *t) *t = value;
            }
    }
}

static void mirror(cairn_image *image)
{
    for (int y = 0; y < image->h; y++)
        for (int x = 0; x < image->w / 2; x++) {
            float *a = &image->pixels[(size_t)y * (size_t)image->w + (size_t)x];
            float *b = &image->pixels[(size_t)y * (size_t)image->w + (size_t)(image->w - 1 - x)], t = *a;
            *a = *b;
            *b = t;
        }
}

static cairn_status make_sample(void *payload, int i)
{
    cairn_status st = CAIRN_OK;
    const feed *f = payload;
    const cairn_photo_feed *photos = &f->photos;
    size_t pixels = (size_t)photos->h * (size_t)photos->w;
    cairn_image image = {0};
    cairn_rng rng = cairn_rng_stream(photos->stage->seed, photos->stage->stream, (uint32_t)photos->step, (uint32_t)i,
                                     CAIRN_PURPOSE_AUGMENT);
    cairn_photometric_options photometric = cairn_photometric_preset(CAIRN_AUGMENT_SUPERPOINT);
    bool mirrored = cairn_rng_u32(&rng) & 1;
    CAIRN_TRY(cairn_image_copy(&image, &photos->images[i]));
    if (mirrored) mirror(&image);
    if (f->s->photometric) CAIRN_TRY(cairn_augment_photometric(&image, &rng, &photometric));
    memcpy(photos->inputs[IMAGE] + (size_t)i * pixels, image.pixels, sizeof(float) * pixels);
    draw_target(photos->inputs[TARGET] + (size_t)i * pixels, &photos->points[i], mirrored, f);
done:
    cairn_image_free(&image);
    return st;
}

static cairn_status batch(void *payload, int64_t step, float *const *values)
{
    feed *f = payload;
    const cairn_photo_feed *photos = &f->photos;
    int points = 0;
    const cairn_status st = cairn_photo_feed_step(&f->photos, step, values);
    if (st < 0) return st;
    for (int i = 0; i < photos->batch; i++) points += photos->points[i].count;
    values[SCALE][0] = 1.0f / (float)(points > 1 ? points : 1); /* the loss is a mean over keypoints */
    return cairn_parallel_for(photos->batch, 0, make_sample, f);
}

static void build(cairn_training *t, const cairn_network_spec *spec, const void *payload)
{
    const feed *f = payload;
    const phase1_settings *s = f->s;
    cairn_graph *g = t->g;
    cairn_shape image = {f->photos.batch, f->photos.h, f->photos.w, 1};
    t->inputs[IMAGE] = cairn_graph_input(g, "image", image);
    t->inputs[TARGET] = cairn_graph_input(g, "target", image);
    t->inputs[SCALE] = cairn_graph_input(g, "scale", CAIRN_SCALAR);
    t->input_count = INPUTS;
    cairn_network_graph net = cairn_network_build(t->model, spec, t->inputs[IMAGE]);
    cairn_tid target = t->inputs[TARGET], pixel;
    if (s->target == TARGET_POINTS) {
        pixel = cairn_op_focal_with_logits(g, net.logits, target, 0.25f, 2);
    } else {
        cairn_tid miss = cairn_op_square(g, cairn_op_sub(g, net.heatmap, target));
        pixel = cairn_op_mul(g, miss, cairn_op_bce_with_logits(g, net.logits, target));
    }
    t->loss = cairn_op_mul(g, cairn_op_reduce_sum(g, pixel, CAIRN_AXES_ALL), t->inputs[SCALE]);
}

/* The last bias such that the student starts with the prior everywhere (student.md 4.2). */
static cairn_status start(cairn_training *t, const void *payload)
{
    double prior = ((const feed *)payload)->s->prior;
    float bias = (float)log(prior / (1 - prior));
    int index = cairn_store_find(t->store, "integrate.1.bias");
    CAIRN_ASSERT(index >= 0);
    return cairn_store_write(t->store, index, &bias);
}

static cairn_status train(cairn_stage *stage, const phase1_settings *s, feed *f)
{
    cairn_network_spec spec = spec_of(s);
    cairn_stage_training training = {.settings = &s->train,
                                     .spec = &spec,
                                     .build = build,
                                     .start = start,
                                     .batch = batch,
                                     .payload = f,
                                     .calibrate = s->calibrate,
                                     .views = 1};
    return cairn_stage_train(stage, &training);
}

/* The teacher looks once at every photo; its keypoints lie in teacher/ beside the checkpoint. */
static cairn_status ask_teacher(cairn_stage *stage, const phase1_settings *s, cairn_photo_feed *photos)
{
    cairn_status st = CAIRN_OK;
    cairn_network *teacher = NULL;
    char *model = NULL, *folder = NULL;
    uint64_t checkpoint;
    cairn_labelling o = {.adaptation = {.views = 1},
                         .threshold = s->threshold,
                         .radius = (int)s->radius,
                         .border = (int)s->border,
                         .top_k = (int)s->top_k,
                         .previews = 2,
                         .label = "teacher's keypoints"};
    CAIRN_TRY(cairn_stage_model_path(&model, stage, s->teacher));
    CAIRN_TRY(cairn_stage_file_hash(&checkpoint, model));
    CAIRN_TRY(cairn_network_load(&teacher, stage->gpu, model));
    CAIRN_TRY(cairn_stage_path(&folder, stage, "teacher"));
    CAIRN_TRY(cairn_stage_label(stage, teacher, checkpoint, photos->photos, &o, folder));
    CAIRN_TRY(cairn_photo_feed_label(photos, folder, checkpoint));
done:
    cairn_network_destroy(&teacher);
    free(model);
    free(folder);
    return st;
}

static cairn_status run(cairn_stage *stage, const void *settings)
{
    cairn_status st = CAIRN_OK;
    const phase1_settings *s = settings;
    feed f = {.s = s};
    CAIRN_TRY(cairn_photo_feed_open(&f.photos, stage, s->train.batch));
    CAIRN_TRY(ask_teacher(stage, s, &f.photos));
    CAIRN_TRY(train(stage, s, &f));
done:
    cairn_photo_feed_close(&f.photos);
    return st;
}

static cairn_status check(const void *settings, const char *where)
{
    return cairn_train_check(&((const phase1_settings *)settings)->train, where);
}

const cairn_stage_kind cairn_stage_student_phase1 = {
    .name = "student-phase1",
    .help = "the student learns a teacher's keypoints as a heatmap",
    .settings = table,
    .settings_bytes = sizeof(phase1_settings),
    .inputs = stage_inputs,
    .uses_photos = true,
    .version = 2,
    .check = check,
    .run = run,
};
