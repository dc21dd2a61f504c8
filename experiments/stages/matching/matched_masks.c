/* Stage `matched-masks`: keypoints of a teacher on each photograph and on warps of it, matched (matching.md 6). What it
 * writes is read by cairn_masks_read and drawn as masks when it is used. */
#include "experiments/stages/matching/matched_masks.h"

#include "base/log.h"
#include "experiments/gallery/drawing.h"
#include "experiments/stages/common.h"
#include "experiments/stages/matching/mask_maker.h"
#include "experiments/stages/photos.h"
#include "experiments/stages/stages.h"
#include "geometry/postprocess.h"
#include "system/file.h"
#include "system/interrupt.h"
#include "system/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PAIRS = 64, ALARM_PERCENT = 30, ALARM_MATCHES = 30 };

typedef cairn_mask_settings mask_settings; /* shorter rows */

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(mask_settings, teacher, "", "stage whose network finds the keypoints"),
    CAIRN_SETTING_TEXT_ROW(mask_settings, model, "", "or a file: the checkpoint of such a network"),
    CAIRN_SETTING_CHOICE_ROW(mask_settings, source, CAIRN_MASK_ORACLE, CAIRN_MASK_SOURCES,
                             "what says which points belong together; oracle: the homography itself"),
    CAIRN_SETTING_TEXT_ROW(mask_settings, lightglue, "", "lightglue: the stage that trained it"),
    CAIRN_SETTING_TEXT_ROW(mask_settings, weights, "", "lightglue: or its checkpoint, see cairn import"),
    CAIRN_SETTING_FLOAT_ROW(mask_settings, filter, 0.1, 0, 1, "lightglue: least score of a match"),
    CAIRN_SETTING_FLOAT_ROW(mask_settings, ratio, 0, 0, 1, "nearest: distance of best to second best, 0 for any"),
    CAIRN_SETTING_INT_ROW(mask_settings, pairs, 4, 0, MOST_PAIRS,
                          "warps of each photo; 0, with stored: false: a new one each time"),
    CAIRN_SETTING_BOOL_ROW(mask_settings, stored, 1,
                           "a file for each pair; false: student-phase2 makes each when it needs it, and this stage "
                           "only shows some"),
    CAIRN_SETTING_FLOAT_ROW(mask_settings, reach, 3, 0, 100,
                            "most error of a match under the homography, pixels; 0: no check"),
    CAIRN_SETTING_BOOL_ROW(mask_settings, symmetrise, 0, "both points of a match move to their middle"),
    CAIRN_SETTING_INT_ROW(mask_settings, top_k, 250, 1, 4096, "keypoints of each image"),
    CAIRN_SETTING_FLOAT_ROW(mask_settings, threshold, 0.0005, 0, 1, "probability of a keypoint at least"),
    CAIRN_SETTING_INT_ROW(mask_settings, radius, 4, 0, 64, "of the suppression, pixels"),
    CAIRN_SETTING_INT_ROW(mask_settings, border, 4, 0, 64, "pixels at the edge without keypoints"),
    CAIRN_SETTING_INT_ROW(mask_settings, margin, 8, 0, 64,
                          "pixels without keypoints around what a warp does not show of the photo"),
    CAIRN_SETTING_BOOL_ROW(mask_settings, subpixel, 1, "keypoints between pixels"),
    CAIRN_SETTING_CHOICE_ROW(mask_settings, sampling, 0, CAIRN_SAMPLING_CHOICES, "of the descriptors at keypoints"),
    CAIRN_SETTING_FLOAT_ROW(mask_settings, max_angle, 15, 0, 180, "of a warp, degrees"),
    CAIRN_SETTING_FLOAT_ROW(mask_settings, patch_ratio, 0.85, 0.1, 1, "side of what a warp shows, of the photo's"),
    CAIRN_SETTING_FLOAT_ROW(mask_settings, scaling, 0.2, 0, 0.9, "amplitude of a warp's scale"),
    CAIRN_SETTING_FLOAT_ROW(mask_settings, perspective, 0.2, 0, 0.5, "amplitude of a warp's perspective"),
    CAIRN_SETTING_INT_ROW(mask_settings, previews, 4, 0, 1000, "photos, spread over all, of which a pair is shown"),
    CAIRN_SETTING_FLOAT_ROW(mask_settings, sigma, 3, 0.1, 100, "of the blobs that are shown, pixels"),
    {0},
};

static const cairn_stage_input inputs[] = {
    {"teacher", CAIRN_TEACHER_KINDS, true, false}, {"lightglue", "lightglue", true, false}, {0}};

typedef struct maker {
    const cairn_stage *stage;
    const mask_settings *s;
    cairn_stage_photos *photos;
    cairn_mask_maker *pairs;
    char *folder;
    int h, w;
    double points, matched, least; /* over pairs that were made now: sums, and the least share */
    int made, few, unusable;       /* few: pairs with fewer matches than ALARM_MATCHES */
    bool checked;                  /* the first file that was there already is of this teacher */
} maker;

cairn_status cairn_masks_path(char **path, const char *folder, const char *key, int pair)
{
    char name[320];
    snprintf(name, sizeof name, "%.280s-%02d.npz", key, pair);
    *path = cairn_file_join(folder, name);
    return *path ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory for a path");
}

/* Left the photo, right its warp: the matches, then the masks that they make. */
static cairn_status preview(const maker *m, const cairn_image *photo, const cairn_masked_pair *pair, int number, int k)
{
    cairn_status st = CAIRN_OK;
    const size_t pixels = (size_t)m->h * (size_t)m->w, n = (size_t)pair->a.count;
    const cairn_mask_style style = {m->s->sigma, 0.1, 0.9, 6};
    cairn_image warped = {0}, masks[2] = {{0}, {0}}, lines = {0}, both = {0};
    const cairn_image *const gray[2] = {photo, &warped};
    cairn_homography to_photo;
    char file[64], caption[192], left_title[64];
    float *mask = malloc(2 * pixels * sizeof *mask), *weight = mask ? mask + pixels : NULL;
    double *from = malloc((4 * n + 1) * sizeof *from), *to = from ? from + 2 * n : NULL;
    if (!mask || !from) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a preview"));
    CAIRN_TRY(cairn_homography_invert(&to_photo, &pair->to_warped));
    CAIRN_TRY(cairn_homography_warp(&warped, NULL, photo, &to_photo, m->h, m->w));
    for (int side = 0; side < 2; side++) {
        cairn_masks_draw(mask, weight, m->h, m->w, side ? &pair->b : &pair->a, side ? &pair->lost_b : &pair->lost_a,
                         &style);
        for (size_t i = 0; i < pixels; i++)
            mask[i] = weight[i] > 0 ? mask[i] - 0.1f : 0.25f; /* what is ignored: grey */
        CAIRN_TRY(cairn_draw_heatmap(&masks[side], gray[side], mask, m->h, m->w));
    }
    for (size_t i = 0; i < n; i++) {
        from[2 * i] = (double)pair->a.points[i].x, from[2 * i + 1] = (double)pair->a.points[i].y;
        to[2 * i] = (double)pair->b.points[i].x, to[2 * i + 1] = (double)pair->b.points[i].y;
    }
    snprintf(left_title, sizeof left_title, "%d matches, %d and %d points without", pair->a.count, pair->lost_a.count,
             pair->lost_b.count);
    const cairn_picture left = {gray[0], NULL, left_title}, right = {gray[1], NULL, "warp"};
    CAIRN_TRY(cairn_draw_matches(&lines, &left, &right, from, to, NULL, pair->a.count, 0));
    snprintf(file, sizeof file, "%05d-%02d-matches.png", number, k);
    snprintf(caption, sizeof caption, "Photo %d and warp %d: %d matches by %s", number + 1, k + 1, pair->a.count,
             cairn_mask_source_name(m->s->source));
    CAIRN_TRY(cairn_stage_picture(m->stage, file, &lines, caption));
    const cairn_picture maps[2] = {{&masks[0], NULL, NULL}, {&masks[1], NULL, NULL}};
    CAIRN_TRY(cairn_draw_grid(&both, maps, 2, 2));
    snprintf(file, sizeof file, "%05d-%02d-masks.png", number, k);
    snprintf(caption, sizeof caption, "Photo %d and warp %d: the masks; discs of one shade do not count", number + 1,
             k + 1);
    CAIRN_TRY(cairn_stage_picture(m->stage, file, &both, caption));
done:
    free(mask);
    free(from);
    for (int side = 0; side < 2; side++) cairn_image_free(&masks[side]);
    cairn_image_free(&warped);
    cairn_image_free(&lines);
    cairn_image_free(&both);
    return st;
}

static bool shown(const maker *m, int photo)
{
    return (int64_t)photo * m->s->previews % cairn_stage_photos_count(m->photos) < m->s->previews;
}

/* How many pairs of a photo this stage makes at a time. */
static int pairs_of(const maker *m)
{
    return m->s->pairs > 0 ? (int)m->s->pairs : 1;
}

static void tally(maker *m, const cairn_masked_pair *pair)
{
    const int left = pair->a.count + pair->lost_a.count, right = pair->b.count + pair->lost_b.count;
    const double share = pair->a.count / fmax(1, fmin(left, right));
    m->points += 0.5 * (left + right);
    m->matched += pair->a.count;
    m->few += pair->a.count < ALARM_MATCHES;
    m->least = m->made++ ? fmin(m->least, share) : share;
}

/* All pairs at once, also where some are there already: what they share is looked at once. */
static cairn_status make_pairs(maker *m, const cairn_image *gray, int photo, char *const *paths)
{
    cairn_status st = CAIRN_OK;
    const int n = pairs_of(m);
    const char *key = cairn_stage_photos_key(m->photos, photo);
    cairn_mask_request requests[MOST_PAIRS];
    cairn_masked_pair pairs[MOST_PAIRS] = {{0}};
    for (int k = 0; k < n; k++) requests[k] = (cairn_mask_request){gray, key, k};
    CAIRN_TRY(cairn_mask_maker_make(m->pairs, requests, n, pairs));
    if (shown(m, photo) && !(m->s->stored && cairn_file_exists(paths[0])))
        CAIRN_TRY(preview(m, gray, &pairs[0], photo, 0));
    for (int k = 0; k < n; k++) {
        cairn_mask_info info;
        if (m->s->stored && cairn_file_exists(paths[k])) continue;
        cairn_mask_maker_info(&info, m->pairs, key, k);
        if (m->s->stored) CAIRN_TRY(cairn_masks_write(paths[k], &pairs[k], &info));
        tally(m, &pairs[k]);
        m->checked = true;
    }
done:
    for (int k = 0; k < n; k++) cairn_masked_pair_free(&pairs[k]);
    return st;
}

/* A file of an earlier run; the stage's fingerprint does not cover what lies in the checkpoint `model`. */
static cairn_status check_teacher(maker *m, const char *path)
{
    cairn_status st = CAIRN_OK;
    cairn_masked_pair pair = {0};
    cairn_mask_info info;
    if (m->checked) return CAIRN_OK;
    CAIRN_TRY(cairn_masks_read(&pair, &info, path, m->h, m->w));
    const uint64_t teacher = cairn_mask_maker_teacher(m->pairs);
    if (info.teacher != teacher)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID,
                                  "%s: masks by the checkpoint %016llx; the teacher now is %016llx: run "
                                  "the stage again (--force, or remove its folder)",
                                  path, (unsigned long long)info.teacher, (unsigned long long)teacher));
    m->checked = true;
done:
    cairn_masked_pair_free(&pair);
    return st;
}

/* The pairs of a photo, unless they are there: files appear by rename, so that those that are there are whole. Where
 * none are stored, those of the photographs that are shown. */
static cairn_status make_photo(maker *m, int photo)
{
    cairn_status st = CAIRN_OK;
    cairn_image gray = {0};
    char *paths[MOST_PAIRS] = {NULL};
    bool missing = !m->s->stored && shown(m, photo);
    for (int k = 0; m->s->stored && k < m->s->pairs; k++) {
        CAIRN_TRY(cairn_masks_path(&paths[k], m->folder, cairn_stage_photos_key(m->photos, photo), k));
        if (cairn_file_exists(paths[k]))
            CAIRN_TRY(check_teacher(m, paths[k]));
        else
            missing = true;
    }
    if (!missing) goto done;
    cairn_stage_photos_expect_after(m->photos, photo);
    st = cairn_stage_photos_read(&gray, m->photos, photo);
    if (st < 0 && st != CAIRN_E_NOMEM) { /* counted and told by the photos */
        m->unusable++;
        st = CAIRN_OK;
        goto done;
    }
    if (st >= 0) CAIRN_TRY(make_pairs(m, &gray, photo, paths));
done:
    for (int k = 0; k < MOST_PAIRS; k++) free(paths[k]);
    cairn_image_free(&gray);
    return st;
}

static void report_counts(const maker *m)
{
    const char *name = m->stage->name;
    cairn_info("%s: %.1f of %.1f keypoints matched (%.0f %%, at least %.0f %% in a pair)", name, m->matched / m->made,
               m->points / m->made, 100 * m->matched / fmax(1, m->points), 100 * m->least);
    if (m->matched < ALARM_PERCENT / 100.0 * m->points)
        cairn_warn("%s: fewer than %d %% of the keypoints have a match; look at the pictures: is the teacher trained, "
                   "and is the source right?", name, ALARM_PERCENT);
    else if (m->s->top_k > ALARM_MATCHES && 2 * m->few > m->made)
        cairn_warn("%s: %d of %d pairs have fewer than %d matches; look at the pictures: more keypoints (top_k, a "
                   "lower threshold) may help",
                   name, m->few, m->made, ALARM_MATCHES);
}

static cairn_status make_all(maker *m)
{
    cairn_status st = CAIRN_OK;
    cairn_progress bar;
    const int count = cairn_stage_photos_count(m->photos);
    cairn_progress_start(&bar, m->stage->name, count, 0);
    for (int i = 0; i < count; i++) {
        char note[96] = "";
        CAIRN_TRY(make_photo(m, i));
        if (m->made) snprintf(note, sizeof note, "%.0f of %.0f matched", m->matched / m->made, m->points / m->made);
        cairn_progress_update(&bar, i + 1, note[0] ? note : NULL);
        if (cairn_interrupted()) {
            cairn_progress_finish(&bar);
            CAIRN_TRY(cairn_interrupted_status());
        }
    }
    cairn_progress_finish(&bar);
    if (m->unusable == count)
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND, "%s: none of the %d photographs can be used; the last: %s",
                                  m->stage->photos->root, count, cairn_error_message()));
    if (!m->made) goto done;
    report_counts(m);
done:
    return st;
}

static cairn_status run(cairn_stage *stage, const void *settings)
{
    cairn_status st = CAIRN_OK;
    maker m = {.stage = stage, .s = settings};
    CAIRN_TRY(cairn_stage_photos_open(&m.photos, stage, false));
    cairn_stage_photos_size(m.photos, &m.h, &m.w);
    CAIRN_TRY(cairn_mask_maker_open(&m.pairs, stage, stage->gpu, stage->name, m.s, m.h, m.w));
    CAIRN_TRY(cairn_stage_path(&m.folder, stage, CAIRN_MASKS_FOLDER));
    if (m.s->stored) CAIRN_TRY(cairn_file_make_folder(m.folder));
    CAIRN_TRY(make_all(&m));
done:
    cairn_mask_maker_close(&m.pairs);
    cairn_stage_photos_close(&m.photos);
    free(m.folder);
    return st;
}

static cairn_status check(const void *settings, const char *where)
{
    const mask_settings *s = settings;
    const bool named = s->lightglue[0] || s->weights[0];
    if (!s->teacher[0] == !s->model[0])
        return cairn_error_set(CAIRN_E_INVALID, "%s: name either teacher, a stage, or model, a checkpoint", where);
    if (s->source == CAIRN_MASK_LIGHTGLUE && (!named || (s->lightglue[0] && s->weights[0])))
        return cairn_error_set(CAIRN_E_INVALID,
                               "%s: source lightglue needs lightglue, a stage, or weights, a "
                               "checkpoint: one of them",
                               where);
    if (s->source != CAIRN_MASK_LIGHTGLUE && named)
        return cairn_error_set(CAIRN_E_INVALID, "%s: lightglue and weights are for source: lightglue", where);
    if (s->stored && s->pairs < 1)
        return cairn_error_set(CAIRN_E_INVALID, "%s: pairs: 0, a new warp each time, needs stored: false", where);
    if (s->source == CAIRN_MASK_ORACLE && !(s->reach > 0))
        return cairn_error_set(CAIRN_E_INVALID, "%s: source oracle needs a reach above 0", where);
    return CAIRN_OK;
}

const cairn_stage_kind cairn_stage_matched_masks = {
    .name = "matched-masks",
    .help = "a teacher's keypoints on photographs and their warps, matched: targets of student-phase2",
    .settings = table,
    .settings_bytes = sizeof(mask_settings),
    .inputs = inputs,
    .uses_photos = true,
    .version = 1,
    .check = check,
    .run = run,
};
