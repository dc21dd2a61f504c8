/* Stage `evaluate`: teacher, student, untrained networks and classical methods on the same pairs of images, none of
 * which training has seen (evaluation.md). */
#include "experiments/stages/stages.h"

#include "base/log.h"
#include "experiments/baselines/baselines.h"
#include "experiments/detectors/learned.h"
#include "experiments/evaluation/evaluate.h"
#include "experiments/gallery/gallery.h"
#include "experiments/stages/common.h"
#include "experiments/stages/photos.h"
#include "system/file.h"

#include <string.h>

typedef struct evaluate_settings {
    char teacher[CAIRN_SETTING_TEXT_BYTES], student[CAIRN_SETTING_TEXT_BYTES], also[CAIRN_SETTING_TEXT_BYTES];
    char baselines[CAIRN_SETTING_TEXT_BYTES], sequences[CAIRN_SETTING_TEXT_BYTES];
    int protocol, suppression, subpixel;
    int64_t height, image_width, pairs_per_photo, photo_pairs, sequence_pairs, top_k, points, radius, border;
    double eps;
    bool untrained, describe, photos, gallery;
} evaluate_settings;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(evaluate_settings, teacher, NULL, "stage whose network is the teacher"),
    CAIRN_SETTING_TEXT_ROW(evaluate_settings, student, NULL, "stage whose network is the student; empty: none"),
    CAIRN_SETTING_TEXT_ROW(evaluate_settings, also, NULL, "stages whose networks are shown beside them"),
    CAIRN_SETTING_TEXT_ROW(evaluate_settings, baselines, "harris,shi-tomasi,fast,sift,random", "classical methods"),
    CAIRN_SETTING_BOOL_ROW(evaluate_settings, untrained, 1, "teacher and student with their first weights, too"),
    CAIRN_SETTING_BOOL_ROW(evaluate_settings, describe, 0,
                           "trained networks without descriptors get the teacher's at their points"),
    CAIRN_SETTING_BOOL_ROW(evaluate_settings, photos, 1, "held-back photographs under known homographies"),
    CAIRN_SETTING_TEXT_ROW(evaluate_settings, sequences, NULL, "folder of sequences in HPatches layout; empty: none"),
    CAIRN_SETTING_CHOICE_ROW(evaluate_settings, protocol, 0, CAIRN_PROTOCOL_CHOICES, "see docs/evaluation.md"),
    CAIRN_SETTING_INT_ROW(evaluate_settings, height, 0, 0, 4096, "of the compared images, pixels; 0: the protocol's"),
    {"image_width", CAIRN_SETTING_INT, offsetof(evaluate_settings, image_width), 0, 0, 4096, NULL, NULL,
     "of the compared images, pixels; 0: the protocol's"},
    CAIRN_SETTING_INT_ROW(evaluate_settings, pairs_per_photo, 1, 1, 1000, "warps of each held-back crop"),
    CAIRN_SETTING_INT_ROW(evaluate_settings, photo_pairs, 0, 0, 1e6,
                          "most pairs of the held-back photographs, spread over all of them; 0: all"),
    CAIRN_SETTING_INT_ROW(evaluate_settings, sequence_pairs, 0, 0, 1e6, "most pairs of the sequences, 0: all"),
    CAIRN_SETTING_INT_ROW(evaluate_settings, top_k, 0, 0, 100000, "keypoints for repeatability; 0: the protocol's"),
    CAIRN_SETTING_INT_ROW(evaluate_settings, points, 0, 0, 100000, "keypoints kept for matching; 0: the protocol's"),
    CAIRN_SETTING_INT_ROW(evaluate_settings, radius, -1, -1, 64,
                          "radius or size of the suppression, pixels; -1: the protocol's"),
    CAIRN_SETTING_CHOICE_ROW(evaluate_settings, suppression, 0, CAIRN_PROTOCOL_SUPPRESSION_CHOICES,
                             "squares of a radius, or boxes of a size (rpautrat)"),
    CAIRN_SETTING_CHOICE_ROW(evaluate_settings, subpixel, 0, CAIRN_PROTOCOL_SUBPIXEL_CHOICES,
                             "networks' points: soft-argmax, or the vertex of a parabola for broad peaks"),
    CAIRN_SETTING_INT_ROW(evaluate_settings, border, -1, -1, 64, "pixels without keypoints; -1: the protocol's"),
    CAIRN_SETTING_FLOAT_ROW(evaluate_settings, eps, 0, 0, 100, "distance of a repeated point; 0: the protocol's"),
    CAIRN_SETTING_BOOL_ROW(evaluate_settings, gallery, 1, "pictures of worst, median and best pairs"),
    {0},
};

static const cairn_stage_input inputs[] = {{"teacher", CAIRN_TEACHER_KINDS, false, false},
                                           {"student", CAIRN_STUDENT_KINDS ",import", true, false},
                                           {"also", CAIRN_TEACHER_KINDS "," CAIRN_STUDENT_KINDS, true, true},
                                           {0}};

enum { MOST_METHODS = 48 };

typedef struct contest {
    const cairn_stage *stage;
    const evaluate_settings *s;
    cairn_protocol protocol;
    cairn_detector detectors[MOST_METHODS];
    cairn_describer *describer; /* NULL: not wanted, or the teacher has no descriptors either */
    cairn_predictions methods[MOST_METHODS];
    int count;
} contest;

static cairn_status check_room(const contest *c)
{
    if (c->count < MOST_METHODS) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_INVALID, "%s: at most %d methods at once", c->stage->name, MOST_METHODS);
}

/* The detector in the next place takes part. */
static cairn_status enter(contest *c, cairn_role role, const char *weights)
{
    cairn_status st =
        cairn_predictions_live(&c->methods[c->count], &c->detectors[c->count], &c->protocol, role, weights);
    if (st >= 0) c->count++;
    return st;
}

static cairn_status open_describer(contest *c)
{
    cairn_status st = CAIRN_OK;
    char *path = NULL;
    cairn_network *network = NULL;
    if (!c->s->describe || !c->detectors[0].dimension) return CAIRN_OK; /* the teacher came in first */
    CAIRN_TRY(cairn_stage_model_path(&path, c->stage, c->s->teacher));
    CAIRN_TRY(cairn_network_load(&network, c->stage->gpu, path));
    CAIRN_TRY(cairn_describer_create(&c->describer, network));
done:
    free(path);
    return st;
}

static cairn_status add_network(contest *c, const char *stage_name, cairn_role role, const char *shown)
{
    cairn_status st = CAIRN_OK;
    char *path = NULL, weights[64], name[128];
    uint64_t hash;
    cairn_network *network = NULL;
    CAIRN_TRY(check_room(c));
    CAIRN_TRY(cairn_stage_model_path(&path, c->stage, stage_name));
    CAIRN_TRY(cairn_file_hash(&hash, path));
    snprintf(weights, sizeof weights, "%016llx", (unsigned long long)hash);
    CAIRN_TRY(cairn_network_load(&network, c->stage->gpu, path));
    const bool describe = c->describer && !cairn_network_dimension(network);
    snprintf(name, sizeof name, "%s%s", shown, describe ? ", described by teacher" : "");
    CAIRN_TRY(cairn_detector_wrap(&c->detectors[c->count], network, name, NULL));
    if (describe) {
        CAIRN_TRY(cairn_detector_describe_by(&c->detectors[c->count], c->describer));
        const size_t length = strlen(weights);
        snprintf(weights + length, sizeof weights - length, ", descriptors %.32s", c->methods[0].weights);
    }
    CAIRN_TRY(enter(c, role, weights));
done:
    free(path);
    return st;
}

static cairn_status add_untrained(contest *c, const char *stage_name, cairn_role role, const char *shown)
{
    cairn_status st = CAIRN_OK;
    char *path = NULL, weights[32];
    cairn_network *trained = NULL, *network = NULL;
    CAIRN_TRY(check_room(c));
    CAIRN_TRY(cairn_stage_model_path(&path, c->stage, stage_name));
    CAIRN_TRY(cairn_network_load(&trained, c->stage->gpu, path));
    CAIRN_TRY(cairn_network_create_untrained(&network, c->stage->gpu, cairn_network_get_spec(trained), c->stage->seed));
    snprintf(weights, sizeof weights, "seed %u", c->stage->seed);
    CAIRN_TRY(cairn_detector_wrap(&c->detectors[c->count], network, shown, NULL));
    CAIRN_TRY(enter(c, role, weights));
done:
    cairn_network_destroy(&trained);
    free(path);
    return st;
}

static cairn_status add_methods(contest *c)
{
    cairn_status st = CAIRN_OK;
    const evaluate_settings *s = c->s;
    char name[CAIRN_RECIPE_NAME_BYTES];
    CAIRN_TRY(add_network(c, s->teacher, CAIRN_ROLE_TEACHER, "teacher"));
    CAIRN_TRY(open_describer(c));
    if (s->student[0]) CAIRN_TRY(add_network(c, s->student, CAIRN_ROLE_STUDENT, s->student)); /* others in `also` */
    if (s->untrained) CAIRN_TRY(add_untrained(c, s->teacher, CAIRN_ROLE_UNTRAINED_TEACHER, "teacher, untrained"));
    if (s->untrained && s->student[0])
        CAIRN_TRY(add_untrained(c, s->student, CAIRN_ROLE_UNTRAINED_STUDENT, "student, untrained"));
    for (const char *list = s->also; cairn_stage_next_name(name, &list);)
        CAIRN_TRY(add_network(c, name, CAIRN_ROLE_TEACHER, name));
    for (const char *list = s->baselines; cairn_stage_next_name(name, &list);) {
        CAIRN_TRY(check_room(c));
        CAIRN_TRY(cairn_baseline_by_name(&c->detectors[c->count], name, 0)); /* the protocol's views say the radius */
        CAIRN_TRY(enter(c, strcmp(name, "random") ? CAIRN_ROLE_CLASSICAL : CAIRN_ROLE_CHANCE, NULL));
    }
done:
    return st;
}

/* The same pairs at the size of each view of the protocol. */
typedef struct pair_set {
    cairn_pair_source views[CAIRN_PROTOCOL_VIEWS];
    cairn_stage_photos *photos;
    int wanted; /* of the photographs */
    cairn_evaluation result;
    cJSON *json;
} pair_set;

static cairn_status load_photo(void *context, int index, cairn_image *gray, char name[CAIRN_PAIR_NAME_BYTES])
{
    const pair_set *set = context;
    cairn_stage_photos *photos = set->photos;
    const int i = (int)((int64_t)index * cairn_stage_photos_count(photos) / set->wanted);
    snprintf(name, CAIRN_PAIR_NAME_BYTES, "%s", cairn_stage_photos_key(photos, i));
    if (set->wanted == cairn_stage_photos_count(photos)) cairn_stage_photos_expect_after(photos, i);
    return cairn_stage_photos_read(gray, photos, i);
}

static void pair_set_free(pair_set *set)
{
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++) cairn_pair_source_free(&set->views[v]);
    cairn_stage_photos_close(&set->photos);
    cairn_evaluation_free(&set->result);
    cJSON_Delete(set->json);
}

static cairn_status evaluate(contest *c, pair_set *set)
{
    cairn_status st = CAIRN_OK;
    char *text = NULL;
    const cairn_evaluation_options o = {.protocol = &c->protocol, .seed = c->stage->seed, .progress = true};
    const cairn_table_style style = {.columns = 100};
    const cairn_gpu_info *info = cairn_gpu_get_info(c->stage->gpu);
    CAIRN_TRY(cairn_evaluation_run(&set->result, set->views, c->methods, c->count, &o));
    snprintf(set->result.device, sizeof set->result.device, "%s", info->name);
    snprintf(set->result.driver, sizeof set->result.driver, "%s", info->driver);
    CAIRN_TRY(cairn_evaluation_table(&text, &set->result, &style));
    cairn_info("%s", text);
    CAIRN_TRY(cairn_evaluation_json(&set->json, &set->result));
    if (c->s->gallery)
        CAIRN_TRY(cairn_gallery_draw(set->json, c->stage->folder, &set->result, set->views, c->methods, c->count));
done:
    free(text);
    return st;
}

/* Crops as large as the largest view, which the others are made from. */
static cairn_status open_photos(contest *c, pair_set *set)
{
    cairn_status st = CAIRN_OK;
    cairn_pair_options o = CAIRN_PAIR_OPTIONS_INIT;
    int h = 0, w = 0;
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++) {
        const cairn_protocol_view *view = &c->protocol.view[v];
        if (!view->used) continue;
        const bool sized = view->resize <= CAIRN_RESIZE_TOP_LEFT || view->resize == CAIRN_RESIZE_STRETCH;
        if ((sized ? view->h : 480) > h) h = sized ? view->h : 480;
        if ((sized ? view->w : 640) > w) w = sized ? view->w : 640;
    }
    o.pairs_per_image = (int)c->s->pairs_per_photo;
    o.seed = c->stage->seed;
    CAIRN_TRY(cairn_stage_photos_open_sized(&set->photos, c->stage, true, h, w));
    set->wanted = cairn_stage_photos_count(set->photos);
    const int64_t most = (c->s->photo_pairs + c->s->pairs_per_photo - 1) / c->s->pairs_per_photo;
    if (most && most < set->wanted) set->wanted = (int)most;
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++) {
        if (!c->protocol.view[v].used) continue;
        o.view = c->protocol.view[v];
        CAIRN_TRY(cairn_pairs_generate(&set->views[v], "held-back photos", set->wanted, load_photo, set, &o));
    }
done:
    return st;
}

static cairn_status open_sequences(contest *c, pair_set *set)
{
    cairn_status st = CAIRN_OK;
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++)
        if (c->protocol.view[v].used)
            CAIRN_TRY(cairn_pairs_from_sequences(&set->views[v], c->s->sequences, &c->protocol.view[v],
                                                 c->protocol.leave_out_large, (int)c->s->sequence_pairs));
done:
    return st;
}

static void protocol_of(cairn_protocol *out, const evaluate_settings *s)
{
    const cairn_protocol_overrides overrides = {.h = (int)s->height,
                                                .w = (int)s->image_width,
                                                .points = (int)s->points,
                                                .top_k = (int)s->top_k,
                                                .radius = (int)s->radius,
                                                .border = (int)s->border,
                                                .suppression = s->suppression,
                                                .subpixel = s->subpixel,
                                                .eps = s->eps};
    const cairn_status st = cairn_protocol_find(out, cairn_protocol_ids[s->protocol], "protocol");
    CAIRN_ASSERT(st == CAIRN_OK); /* the choices of the setting are its ids */
    cairn_protocol_override(out, &overrides);
}

static cairn_status run(cairn_stage *stage, const void *settings)
{
    cairn_status st = CAIRN_OK;
    const evaluate_settings *s = settings;
    contest *c = calloc(1, sizeof *c);
    pair_set *sets = calloc(2, sizeof *sets);
    cJSON *results[2];
    int count = 0;
    if (!c || !sets) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for an evaluation"));
    c->stage = stage;
    c->s = s;
    protocol_of(&c->protocol, s);
    CAIRN_TRY(add_methods(c));
    for (int i = 0; i < 2; i++) {
        if (i == 0 ? !s->photos : !s->sequences[0]) continue;
        CAIRN_TRY(i == 0 ? open_photos(c, &sets[i]) : open_sequences(c, &sets[i]));
        CAIRN_TRY(evaluate(c, &sets[i]));
        results[count++] = sets[i].json;
        sets[i].json = NULL; /* the next call takes it over */
    }
    st = cairn_evaluation_write_sets(results, count, stage->folder);
    count = 0;
done:
    for (int i = 0; i < count; i++) cJSON_Delete(results[i]);
    for (int i = 0; sets && i < 2; i++) pair_set_free(&sets[i]);
    for (int i = 0; c && i < MOST_METHODS; i++) {
        cairn_predictions_free(&c->methods[i]);
        cairn_detector_free(&c->detectors[i]);
    }
    if (c) cairn_describer_destroy(&c->describer);
    free(sets);
    free(c);
    return st;
}

static cairn_status check(const void *settings, const char *where)
{
    const evaluate_settings *s = settings;
    if (s->height % 8 || s->image_width % 8 || (s->height && s->height < 32) || (s->image_width && s->image_width < 32))
        return cairn_error_set(CAIRN_E_INVALID,
                               "%s: height and image_width are %lld and %lld; both must be multiples of 8 from 32 on",
                               where, (long long)s->height, (long long)s->image_width);
    if (!s->photos && !s->sequences[0])
        return cairn_error_set(CAIRN_E_INVALID, "%s: nothing to evaluate on: photos is false and sequences is empty",
                               where);
    return CAIRN_OK;
}

static int photo_parts(const void *settings)
{
    return ((const evaluate_settings *)settings)->photos ? CAIRN_PHOTOS_HELD_BACK : 0;
}

const cairn_stage_kind cairn_stage_evaluate = {
    .name = "evaluate",
    .help = "networks and classical methods on pairs of images with known homographies",
    .settings = table,
    .settings_bytes = sizeof(evaluate_settings),
    .inputs = inputs,
    .uses_photos = true,
    .photo_parts = photo_parts,
    .version = 4,
    .check = check,
    .run = run,
};
