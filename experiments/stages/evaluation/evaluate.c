/* Stage `evaluate`: teacher, student, untrained networks and classical methods on the same pairs of images, none of
 * which training has seen (evaluation.md). */
#include "experiments/stages/stages.h"

#include "base/log.h"
#include "experiments/baselines/baselines.h"
#include "experiments/detectors/learned.h"
#include "experiments/evaluation/evaluate.h"
#include "experiments/stages/common.h"
#include "experiments/stages/evaluation/contest_pictures.h"
#include "experiments/stages/photos.h"

#include <string.h>

typedef struct evaluate_settings {
    char teacher[CAIRN_SETTING_TEXT_BYTES], student[CAIRN_SETTING_TEXT_BYTES], also[CAIRN_SETTING_TEXT_BYTES];
    char baselines[CAIRN_SETTING_TEXT_BYTES], sequences[CAIRN_SETTING_TEXT_BYTES];
    int64_t height, image_width, pairs_per_photo, sequence_pairs, top_k, points, radius, border, pictures;
    double eps;
    bool untrained, photos;
} evaluate_settings;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(evaluate_settings, teacher, NULL, "stage whose network is the teacher"),
    CAIRN_SETTING_TEXT_ROW(evaluate_settings, student, NULL, "stage whose network is the student; empty: none"),
    CAIRN_SETTING_TEXT_ROW(evaluate_settings, also, NULL, "stages whose networks are shown beside them"),
    CAIRN_SETTING_TEXT_ROW(evaluate_settings, baselines, "harris,shi-tomasi,fast,sift,random", "classical methods"),
    CAIRN_SETTING_BOOL_ROW(evaluate_settings, untrained, 1, "teacher and student with their first weights, too"),
    CAIRN_SETTING_BOOL_ROW(evaluate_settings, photos, 1, "held-back photographs under known homographies"),
    CAIRN_SETTING_TEXT_ROW(evaluate_settings, sequences, NULL, "folder of sequences in HPatches layout; empty: none"),
    CAIRN_SETTING_INT_ROW(evaluate_settings, height, 240, 32, 4096, "of the compared images, pixels"),
    {"image_width", CAIRN_SETTING_INT, offsetof(evaluate_settings, image_width), 320, 32, 4096, NULL, NULL,
     "of the compared images, pixels"},
    CAIRN_SETTING_INT_ROW(evaluate_settings, pairs_per_photo, 1, 1, 1000, "warps of each held-back crop"),
    CAIRN_SETTING_INT_ROW(evaluate_settings, sequence_pairs, 0, 0, 1e6, "most pairs of the sequences, 0: all"),
    CAIRN_SETTING_INT_ROW(evaluate_settings, top_k, 300, 1, 100000, "keypoints for repeatability"),
    CAIRN_SETTING_INT_ROW(evaluate_settings, points, 1000, 1, 100000, "keypoints kept for matching"),
    CAIRN_SETTING_INT_ROW(evaluate_settings, radius, 4, 0, 64, "of everyone's suppression, pixels"),
    CAIRN_SETTING_INT_ROW(evaluate_settings, border, 4, 0, 64, "pixels at the edge without keypoints"),
    CAIRN_SETTING_FLOAT_ROW(evaluate_settings, eps, 3, 0.1, 100, "distance of a repeated point, pixels"),
    CAIRN_SETTING_INT_ROW(evaluate_settings, pictures, 3, 0, 64, "pairs that are drawn"),
    {0},
};

static const cairn_stage_input inputs[] = {{"teacher", "magicpoint,superpoint", false, false},
                                           {"student", "student-phase1", true, false},
                                           {"also", "magicpoint,superpoint,student-phase1", true, true},
                                           {0}};

typedef struct contest {
    const cairn_stage *stage;
    const evaluate_settings *s;
    cairn_detector detectors[CAIRN_CONTEST_MOST];
    cairn_method methods[CAIRN_CONTEST_MOST];
    char weights[CAIRN_CONTEST_MOST][32];
    int count;
} contest;

static cairn_status place(contest *c, cairn_role role)
{
    if (c->count == CAIRN_CONTEST_MOST)
        return cairn_error_set(CAIRN_E_INVALID, "%s: at most %d methods at once", c->stage->name, CAIRN_CONTEST_MOST);
    c->methods[c->count] = (cairn_method){&c->detectors[c->count], role, c->weights[c->count]};
    return CAIRN_OK;
}

static cairn_detect_options detect_options(const contest *c)
{
    /* Threshold 0: every method gives as many points as are asked for. */
    return (cairn_detect_options){0, (int)c->s->radius, (int)c->s->border, true};
}

static cairn_status add_network(contest *c, const char *stage_name, cairn_role role, const char *shown)
{
    cairn_status st = CAIRN_OK;
    char *path = NULL;
    uint64_t hash;
    cairn_network *network = NULL;
    cairn_detect_options o = detect_options(c);
    CAIRN_TRY(place(c, role));
    CAIRN_TRY(cairn_stage_model_path(&path, c->stage, stage_name));
    CAIRN_TRY(cairn_stage_file_hash(&hash, path));
    snprintf(c->weights[c->count], sizeof c->weights[0], "%016llx", (unsigned long long)hash);
    CAIRN_TRY(cairn_network_load(&network, c->stage->gpu, path));
    CAIRN_TRY(cairn_detector_wrap(&c->detectors[c->count], network, shown, &o));
    c->count++;
done:
    free(path);
    return st;
}

static cairn_status add_untrained(contest *c, const char *stage_name, cairn_role role, const char *shown)
{
    cairn_status st = CAIRN_OK;
    char *path = NULL;
    cairn_network *trained = NULL, *network = NULL;
    cairn_detect_options o = detect_options(c);
    CAIRN_TRY(place(c, role));
    CAIRN_TRY(cairn_stage_model_path(&path, c->stage, stage_name));
    CAIRN_TRY(cairn_network_load(&trained, c->stage->gpu, path));
    CAIRN_TRY(cairn_network_create_untrained(&network, c->stage->gpu, cairn_network_get_spec(trained), c->stage->seed));
    snprintf(c->weights[c->count], sizeof c->weights[0], "seed %u", c->stage->seed);
    CAIRN_TRY(cairn_detector_wrap(&c->detectors[c->count], network, shown, &o));
    c->count++;
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
    if (s->student[0]) CAIRN_TRY(add_network(c, s->student, CAIRN_ROLE_STUDENT, "student"));
    if (s->untrained) CAIRN_TRY(add_untrained(c, s->teacher, CAIRN_ROLE_UNTRAINED_TEACHER, "teacher, untrained"));
    if (s->untrained && s->student[0])
        CAIRN_TRY(add_untrained(c, s->student, CAIRN_ROLE_UNTRAINED_STUDENT, "student, untrained"));
    for (const char *list = s->also; cairn_stage_next_name(name, &list);)
        CAIRN_TRY(add_network(c, name, CAIRN_ROLE_TEACHER, name));
    for (const char *list = s->baselines; cairn_stage_next_name(name, &list);) {
        CAIRN_TRY(place(c, strcmp(name, "random") ? CAIRN_ROLE_CLASSICAL : CAIRN_ROLE_CHANCE));
        CAIRN_TRY(cairn_baseline_by_name(&c->detectors[c->count], name, (int)s->radius));
        c->count++;
    }
done:
    return st;
}

static cairn_status load_photo(void *context, int i, cairn_image *gray, char name[64])
{
    const cairn_stage_photos *photos = context;
    snprintf(name, 64, "%.63s", cairn_stage_photos_key(photos, i));
    return cairn_image_copy(gray, cairn_stage_photos_get(photos, i));
}

static cairn_status evaluate(contest *c, const cairn_pair_source *source, cairn_evaluation *out)
{
    cairn_status st = CAIRN_OK;
    const evaluate_settings *s = c->s;
    char *text = NULL;
    cairn_evaluation_options o = CAIRN_EVALUATION_OPTIONS_INIT;
    o.eps = s->eps;
    o.top_k = (int)s->top_k;
    o.points = (int)s->points;
    o.nms_radius = (int)s->radius;
    o.border = (int)s->border;
    o.seed = c->stage->seed;
    CAIRN_TRY(cairn_evaluation_run(out, source, c->methods, c->count, &o, true));
    CAIRN_TRY(cairn_evaluation_table(&text, out));
    cairn_info("%s", text);
    CAIRN_TRY(cairn_contest_pictures(c->stage, source, c->methods, c->count, &o, (int)s->pictures));
done:
    free(text);
    return st;
}

static cairn_status photo_source(contest *c, cairn_pair_source *source, cairn_stage_photos **photos)
{
    cairn_status st = CAIRN_OK;
    const evaluate_settings *s = c->s;
    cairn_pair_options o = CAIRN_PAIR_OPTIONS_INIT;
    o.h = (int)s->height;
    o.w = (int)s->image_width;
    o.pairs_per_image = (int)s->pairs_per_photo;
    o.seed = c->stage->seed;
    CAIRN_TRY(cairn_stage_photos_open_sized(photos, c->stage, true, o.h, o.w));
    CAIRN_TRY(
        cairn_pairs_generate(source, "held-back photos", cairn_stage_photos_count(*photos), load_photo, *photos, &o));
done:
    return st;
}

static cairn_status run(cairn_stage *stage, const void *settings)
{
    cairn_status st = CAIRN_OK;
    const evaluate_settings *s = settings;
    contest *c = calloc(1, sizeof *c);
    cairn_stage_photos *photos = NULL;
    cairn_pair_source sources[2] = {0};
    cairn_evaluation sets[2] = {0};
    const cairn_evaluation *pointers[2];
    int count = 0;
    if (!c) return cairn_error_set(CAIRN_E_NOMEM, "no memory for an evaluation");
    c->stage = stage;
    c->s = s;
    CAIRN_TRY(add_methods(c));
    if (s->photos) {
        CAIRN_TRY(photo_source(c, &sources[count], &photos));
        CAIRN_TRY(evaluate(c, &sources[count], &sets[count]));
        count++;
    }
    if (s->sequences[0]) {
        CAIRN_TRY(cairn_pairs_from_sequences(&sources[count], s->sequences, (int)s->height, (int)s->image_width,
                                             (int)s->sequence_pairs));
        CAIRN_TRY(evaluate(c, &sources[count], &sets[count]));
        count++;
    }
    for (int i = 0; i < count; i++) pointers[i] = &sets[i];
    CAIRN_TRY(cairn_evaluation_write(pointers, count, stage->folder));
done:
    for (int i = 0; i < 2; i++) {
        cairn_evaluation_free(&sets[i]);
        cairn_pair_source_free(&sources[i]);
    }
    for (int i = 0; i < CAIRN_CONTEST_MOST; i++) cairn_detector_free(&c->detectors[i]);
    cairn_stage_photos_close(&photos);
    free(c);
    return st;
}

static cairn_status check(const void *settings, const char *where)
{
    const evaluate_settings *s = settings;
    if (s->height % 8 || s->image_width % 8)
        return cairn_error_set(CAIRN_E_INVALID,
                               "%s: height and image_width are %lld and %lld; both must be multiples of 8", where,
                               (long long)s->height, (long long)s->image_width);
    if (!s->photos && !s->sequences[0])
        return cairn_error_set(CAIRN_E_INVALID, "%s: nothing to evaluate on: photos is false and sequences is empty",
                               where);
    return CAIRN_OK;
}

const cairn_stage_kind cairn_stage_evaluate = {
    .name = "evaluate",
    .help = "networks and classical methods on pairs of images with known homographies",
    .settings = table,
    .settings_bytes = sizeof(evaluate_settings),
    .inputs = inputs,
    .uses_photos = true,
    .version = 2,
    .check = check,
    .run = run,
};
