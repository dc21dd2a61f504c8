/* Stage `lightglue`: a matcher learns on pairs of views of photographs, by the points of a frozen detector
 * (matching.md 3). */
#include "experiments/stages/stages.h"

#include "base/hash.h"
#include "base/log.h"
#include "experiments/stages/common.h"
#include "experiments/stages/matching/comparison.h"
#include "matching/lightglue/loss.h"
#include "matching/lightglue/matcher.h"
#include "matching/lightglue/truth.h"
#include "system/file.h"
#include "system/parallel.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

#include <math.h>
#include <string.h>

typedef struct lightglue_settings {
    cairn_train_settings train;
    char features[CAIRN_SETTING_TEXT_BYTES], model[CAIRN_SETTING_TEXT_BYTES];
    int64_t layers, heads, width, points, radius, border, pairs, validation, view_height, view_width;
    double difficulty, max_angle, translation, near, far, filter;
    bool photometric;
} lightglue_settings;

#define ROW(kind, ...) CAIRN_SETTING_##kind##_ROW(lightglue_settings, __VA_ARGS__)
static const cairn_setting table[] = {
    CAIRN_TRAIN_ROWS(lightglue_settings, 20000, 32, 1e-4),
    ROW(TEXT, features, NULL, "stage whose detector with descriptors gives the points; stays as it is"),
    ROW(TEXT, model, NULL, "or a file: the checkpoint of such a detector"),
    ROW(INT, layers, 9, 1, CAIRN_LIGHTGLUE_LAYERS, "of self- and cross-attention"),
    ROW(INT, heads, 4, 1, 16, "of each attention"),
    ROW(INT, width, 256, 4, 1024, "channels of a point's state"),
    ROW(INT, points, 512, 8, CAIRN_LIGHTGLUE_POINTS, "of each view: the detector's best, then random ones"),
    ROW(INT, radius, 3, 0, 64, "of the suppression of points, pixels"),
    ROW(INT, border, 4, 0, 64, "pixels at the edge without points"),
    ROW(INT, pairs, 2000, 1, 1e6, "of views to train on, made once, a file each: 8 * points * (descriptor + 3) bytes"),
    ROW(INT, validation, 200, 1, 1e5, "pairs of held-back photographs that the result is judged by"),
    ROW(INT, view_height, 0, 0, 4096, "of a view, pixels, a multiple of 8; 0: of a photograph"),
    ROW(INT, view_width, 0, 0, 4096, "the same"),
    ROW(FLOAT, difficulty, 0.7, 0, 0.95, "of the views' changes"),
    ROW(FLOAT, max_angle, 45, 0, 180, "of a view, degrees at difficulty 1"),
    ROW(FLOAT, translation, 1, 0, 1, "share of the room to move in, at difficulty 1"),
    ROW(BOOL, photometric, 1, "each view has its own light"),
    ROW(FLOAT, near, 3, 0.1, 64, "points that come this close, pixels, belong together"),
    ROW(FLOAT, far, 3, 0.1, 64, "points without any so close, pixels, have no match; those between do not count"),
    ROW(FLOAT, filter, 0.1, 0, 1, "least score of a match when the result is judged"),
    {0},
};

static const cairn_stage_input inputs[] = {{"features", "superpoint,student-descriptor,import", true, false}, {0}};

enum { POSITIONS, DESCRIPTORS, INDEX, WEIGHT, UNMATCHED, INPUTS };

typedef struct feed {
    const cairn_stage *stage;
    const lightglue_settings *s;
    cairn_lightglue_options o;
    int h, w, batch;
    char *training, *held_back; /* folders of pairs */
    uint32_t *order;            /* [pairs] of pass `pass` */
    int64_t pass, number;
    float *const *inputs; /* of the batch that is being made */
} feed;

/* ---- batches ---- */

/* Every pair once in each pass, in an order of its own. */
static uint32_t pair_of(feed *f, int64_t place)
{
    const int64_t pass = place / f->s->pairs;
    if (pass != f->pass) {
        cairn_rng rng = cairn_rng_stream(f->stage->seed, f->stage->stream, (uint32_t)pass, 0, CAIRN_PURPOSE_ORDER);
        cairn_rng_shuffle(&rng, f->order, (uint32_t)f->s->pairs);
        f->pass = pass;
    }
    return f->order[place % f->s->pairs];
}

typedef struct sample {
    const feed *f;
    const uint32_t *pairs;
} sample;

static cairn_status make_sample(void *payload, int i)
{
    cairn_status st = CAIRN_OK;
    const sample *job = payload;
    const feed *f = job->f;
    const int n = (int)f->s->points, d = f->o.descriptor;
    cairn_view_pair pair = {0};
    int *truth = malloc(sizeof *truth * 2 * (size_t)n);
    if (!truth) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for %d points", n));
    CAIRN_TRY(cairn_stage_read_pair(&pair, f->training, (int)job->pairs[i], n, d));
    CAIRN_TRY(cairn_match_truth(truth, truth + n, &pair.points[0], &pair.points[1], &pair.a_to_b, f->s->near,
                                f->s->far));
    const size_t row = (size_t)i * ((size_t)n + 1);
    cairn_lightglue_fill_targets(f->inputs[INDEX] + row, f->inputs[WEIGHT] + row, f->inputs[UNMATCHED] + row, n, truth,
                                 n, truth + n, n);
    for (int k = 0; k < 2; k++) {
        const size_t image = ((size_t)k * (size_t)f->batch + (size_t)i) * (size_t)n;
        cairn_lightglue_normalise(f->inputs[POSITIONS] + 2 * image, &pair.points[k].points->x, 3, n, f->w, f->h);
        memcpy(f->inputs[DESCRIPTORS] + image * (size_t)d, pair.points[k].descriptors,
               sizeof(float) * (size_t)n * (size_t)d);
    }
done:
    free(truth);
    cairn_view_pair_free(&pair);
    return st;
}

static cairn_status batch(void *payload, int64_t number, float *const *values)
{
    feed *f = payload;
    uint32_t *pairs = malloc(sizeof *pairs * (size_t)f->batch);
    if (!pairs) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a batch");
    for (int i = 0; i < f->batch; i++) pairs[i] = pair_of(f, number * f->batch + i);
    f->inputs = values;
    sample job = {f, pairs};
    cairn_status st = cairn_parallel_for(f->batch, 0, make_sample, &job);
    free(pairs);
    return st;
}

/* ---- training ---- */

static void build(cairn_training *t, const feed *f)
{
    cairn_graph *g = t->g;
    const int b = f->batch, n = (int)f->s->points;
    t->inputs[POSITIONS] = cairn_graph_input(g, "positions", (cairn_shape){2 * b, 1, n, 2});
    t->inputs[DESCRIPTORS] = cairn_graph_input(g, "descriptors", (cairn_shape){2 * b, 1, n, f->o.descriptor});
    t->inputs[INDEX] = cairn_graph_input(g, "index", (cairn_shape){b, 1, n + 1, 1});
    t->inputs[WEIGHT] = cairn_graph_input(g, "weight", (cairn_shape){b, 1, n + 1, 1});
    t->inputs[UNMATCHED] = cairn_graph_input(g, "unmatched", (cairn_shape){b, 1, 1, n + 1});
    t->input_count = INPUTS;
    cairn_lightglue_outputs out =
        cairn_lightglue_build(t->model, &f->o, t->inputs[POSITIONS], t->inputs[DESCRIPTORS], CAIRN_NONE);
    const cairn_lightglue_targets targets = {t->inputs[INDEX], t->inputs[WEIGHT], t->inputs[UNMATCHED]};
    cairn_lightglue_losses l = cairn_lightglue_loss(g, &f->o, &out, &targets, CAIRN_NONE);
    t->loss = l.loss;
    const char *const names[] = {"match", "last_layer", "confidence"};
    const cairn_tid values[] = {l.match, l.last, l.confidence};
    for (int i = 0; i < 3; i++) {
        if (values[i] == CAIRN_NONE) continue;
        t->logged[t->logged_count].name = names[i];
        t->logged[t->logged_count++].value = values[i];
    }
}

static cairn_status save(const feed *f, cairn_store *store, const cairn_model *m, const char *description,
                         const char *detector, const char *recipe)
{
    cairn_status st = CAIRN_OK;
    char number[32], *path = NULL;
    snprintf(number, sizeof number, "%lld", (long long)f->s->train.steps);
    const cairn_metadata metadata[] = {{"model", description}, {"step", number}, {"stage", f->stage->name},
                                       {"detector", detector}, {"recipe", recipe}};
    CAIRN_TRY(cairn_stage_path(&path, f->stage, "model.safetensors"));
    CAIRN_TRY(cairn_checkpoint_save(path, store, m, false, metadata, 5));
done:
    free(path);
    return st;
}

static cairn_status train(feed *f, const char *detector)
{
    cairn_status st = CAIRN_OK;
    const cairn_stage *stage = f->stage;
    cairn_model m = {0};
    char description[128], *recipe = NULL;
    cairn_lightglue_describe(description, sizeof description, &f->o);
    cairn_training t = {.gpu = stage->gpu, .model = &m, .settings = &f->s->train, .folder = stage->folder,
                        .label = stage->name, .description = description, .batch = batch, .payload = f,
                        .explain = stage->explain ? stderr : NULL, .profile = stage->profile ? stderr : NULL};
    CAIRN_TRY(cairn_recipe_print(&recipe, stage->recipe));
    t.recipe = recipe;
    CAIRN_TRY(cairn_graph_create(&t.g));
    CAIRN_TRY(cairn_store_create(&t.store, stage->gpu));
    cairn_model_init(&m, t.g, true);
    build(&t, f);
    CAIRN_TRY(cairn_model_initialise(&m, t.store, stage->seed));
    CAIRN_TRY(cairn_train(&t));
    if (f->s->train.ema > 0) CAIRN_TRY(cairn_train_use_average(&m, t.store));
    CAIRN_TRY(save(f, t.store, &m, description, detector, recipe));
done:
    free(recipe);
    cairn_store_destroy(&t.store);
    cairn_model_uninit(&m);
    cairn_graph_destroy(&t.g);
    return st;
}

/* ---- pairs ---- */

/* The folder's name has the detector's hash, so that no pair of another one is taken for this one's. */
static cairn_status pair_folder(char **path, const cairn_stage *stage, const char *what, uint64_t checkpoint)
{
    char name[64];
    snprintf(name, sizeof name, "%s-%016llx", what, (unsigned long long)checkpoint);
    return cairn_stage_path(path, stage, name);
}

static cairn_status make_pairs(feed *f, cairn_network *network, uint64_t checkpoint, bool held_back, char **folder)
{
    cairn_status st = CAIRN_OK;
    const lightglue_settings *s = f->s;
    cairn_stage_photos *photos = NULL;
    const double radians = s->max_angle * 3.14159265358979323846 / 180;
    const cairn_view_pair_options o = {.h = f->h, .w = f->w, .points = (int)s->points, .radius = (int)s->radius,
                                  .border = (int)s->border, .photometric = s->photometric, .held_back = held_back,
                                  .view = {s->difficulty, radians, s->translation}};
    CAIRN_TRY(pair_folder(folder, f->stage, held_back ? "held-back" : "pairs", checkpoint));
    const int count = (int)(held_back ? s->validation : s->pairs);
    if (cairn_stage_pairs_there(*folder, count) == count) goto done; /* no photograph need be decoded */
    CAIRN_TRY(cairn_stage_photos_open(&photos, f->stage, held_back));
    CAIRN_TRY(cairn_stage_make_pairs(f->stage, network, photos, &o, count, *folder));
done:
    cairn_stage_photos_close(&photos);
    return st;
}

/* The detector that is named, by a stage or a file; its descriptor decides the network's. */
static cairn_status prepare(feed *f, char detector[128])
{
    cairn_status st = CAIRN_OK;
    const lightglue_settings *s = f->s;
    cairn_network *network = NULL;
    char *path = NULL;
    uint64_t checkpoint;
    if (s->features[0])
        CAIRN_TRY(cairn_stage_model_path(&path, f->stage, s->features));
    else if (!(path = strdup(s->model)))
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a path"));
    CAIRN_TRY(cairn_network_load(&network, f->stage->gpu, path));
    CAIRN_TRY(cairn_file_hash(&checkpoint, path));
    cairn_network_describe(detector, 128, cairn_network_get_spec(network));
    f->o = (cairn_lightglue_options){(int)s->layers, (int)s->heads, (int)s->width, cairn_network_dimension(network)};
    if (f->o.descriptor < 1)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "%s: the model '%s' has no descriptors; a matcher needs them", path,
                                  detector));
    CAIRN_TRY(cairn_lightglue_check(&f->o, f->stage->name));
    CAIRN_TRY(make_pairs(f, network, checkpoint, false, &f->training));
    CAIRN_TRY(make_pairs(f, network, checkpoint, true, &f->held_back));
done:
    cairn_network_destroy(&network);
    free(path);
    return st;
}

static cairn_status judge(const feed *f)
{
    cairn_status st = CAIRN_OK;
    cairn_matcher matcher = {0};
    cairn_match_counts counts[2];
    char *model = NULL, *out = NULL;
    const lightglue_settings *s = f->s;
    const cairn_lightglue_settings complete = {s->filter, -1, -1};
    const cairn_comparison_options o = {.folder = f->held_back, .pairs = (int)s->validation, .points = (int)s->points,
                                        .dimension = f->o.descriptor, .h = f->h, .w = f->w, .near = s->near,
                                        .far = s->far};
    CAIRN_TRY(cairn_stage_path(&model, f->stage, "model.safetensors"));
    CAIRN_TRY(cairn_stage_path(&out, f->stage, "comparison.json"));
    CAIRN_TRY(cairn_matcher_lightglue(&matcher, f->stage->gpu, model, &complete));
    CAIRN_TRY(cairn_stage_compare_matchers(counts, &matcher, &o, out));
    for (int i = 0; i < 2; i++)
        cairn_info("%s: %-24s precision %.3f, recall %.3f, average precision %.3f on %d held-back pairs",
                   f->stage->name, i ? "mutual nearest neighbour" : "lightglue", cairn_match_precision(&counts[i]),
                   cairn_match_recall(&counts[i]), cairn_match_average(&counts[i]), o.pairs);
done:
    cairn_matcher_free(&matcher);
    free(model);
    free(out);
    return st;
}

static cairn_status run(cairn_stage *stage, const void *settings)
{
    cairn_status st = CAIRN_OK;
    const lightglue_settings *s = settings;
    char detector[128];
    feed f = {.stage = stage, .s = s, .batch = (int)s->train.batch, .pass = -1,
              .h = (int)(s->view_height ? s->view_height : stage->photos->height),
              .w = (int)(s->view_width ? s->view_width : stage->photos->width),
              .order = malloc(sizeof *f.order * (size_t)s->pairs)};
    if (!f.order) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for %lld pairs", (long long)s->pairs));
    CAIRN_TRY(prepare(&f, detector));
    CAIRN_TRY(train(&f, detector));
    CAIRN_TRY(judge(&f));
done:
    free(f.order);
    free(f.training);
    free(f.held_back);
    return st;
}

static cairn_status check(const void *settings, const char *where)
{
    const lightglue_settings *s = settings;
    const cairn_lightglue_options o = {(int)s->layers, (int)s->heads, (int)s->width, 1};
    if (!s->features[0] == !s->model[0])
        return cairn_error_set(CAIRN_E_INVALID, "%s: name either features, a stage, or model, a detector's checkpoint",
                               where);
    if (s->view_height % 8 || s->view_width % 8 || (s->view_height && s->view_height < 32) ||
        (s->view_width && s->view_width < 32))
        return cairn_error_set(CAIRN_E_INVALID, "%s: view_height and view_width must be multiples of 8 from 32 on",
                               where);
    if (s->far < s->near)
        return cairn_error_set(CAIRN_E_INVALID, "%s: far (%g pixels) must not be below near (%g)", where, s->far,
                               s->near);
    cairn_status st = cairn_lightglue_check(&o, where);
    return st < 0 ? st : cairn_train_check(&s->train, where);
}

static int photo_parts(const void *settings)
{
    (void)settings;
    return CAIRN_PHOTOS_OF_TRAINING | CAIRN_PHOTOS_HELD_BACK;
}

const cairn_stage_kind cairn_stage_lightglue = {
    .name = "lightglue",
    .help = "a matcher learns on pairs of views by a frozen detector's points, and is judged beside nearest neighbours",
    .settings = table,
    .settings_bytes = sizeof(lightglue_settings),
    .inputs = inputs,
    .uses_photos = true,
    .newer = CAIRN_TRAIN_NEWER,
    .photo_parts = photo_parts,
    .version = 1,
    .check = check,
    .run = run,
};
