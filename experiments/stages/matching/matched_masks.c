/* Stage `matched-masks`: keypoints of a teacher on each photograph and on warps of it, matched (matching.md 6). What it
 * writes is read by cairn_masks_read and drawn as masks when it is used. */
#include "experiments/stages/matching/matched_masks.h"

#include "base/hash.h"
#include "base/log.h"
#include "experiments/gallery/drawing.h"
#include "experiments/stages/common.h"
#include "experiments/stages/photos.h"
#include "experiments/stages/stages.h"
#include "geometry/postprocess.h"
#include "matching/masks.h"
#include "system/file.h"
#include "system/interrupt.h"
#include "system/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCE_ORACLE, SOURCE_NEAREST, SOURCE_LIGHTGLUE };
enum { MOST_PAIRS = 64, ALARM_PERCENT = 30 };
static const char *const sources[] = {"oracle", "nearest", "lightglue"};

typedef struct mask_settings {
    char teacher[CAIRN_SETTING_TEXT_BYTES], model[CAIRN_SETTING_TEXT_BYTES], lightglue[CAIRN_SETTING_TEXT_BYTES],
        weights[CAIRN_SETTING_TEXT_BYTES];
    int source, sampling;
    int64_t pairs, top_k, radius, border, margin, previews;
    double threshold, reach, ratio, filter, max_angle, patch_ratio, scaling, perspective, sigma;
    bool symmetrise, subpixel;
} mask_settings;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(mask_settings, teacher, "", "stage whose network finds the keypoints"),
    CAIRN_SETTING_TEXT_ROW(mask_settings, model, "", "or a file: the checkpoint of such a network"),
    CAIRN_SETTING_CHOICE_ROW(mask_settings, source, SOURCE_ORACLE, "oracle,nearest,lightglue",
                             "what says which points belong together; oracle: the homography itself"),
    CAIRN_SETTING_TEXT_ROW(mask_settings, lightglue, "", "lightglue: the stage that trained it"),
    CAIRN_SETTING_TEXT_ROW(mask_settings, weights, "", "lightglue: or its checkpoint, see cairn import"),
    CAIRN_SETTING_FLOAT_ROW(mask_settings, filter, 0.1, 0, 1, "lightglue: least score of a match"),
    CAIRN_SETTING_FLOAT_ROW(mask_settings, ratio, 0, 0, 1, "nearest: distance of best to second best, 0 for any"),
    CAIRN_SETTING_INT_ROW(mask_settings, pairs, 4, 1, MOST_PAIRS, "warps of each photo"),
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
    cairn_network *teacher;
    cairn_matcher matcher; /* empty: the oracle */
    uint64_t checkpoint;
    char *folder;
    int h, w, dimension;
    float *images, *valid, *heatmaps, *maps; /* of one photo and its warps */
    cairn_homography to_input[MOST_PAIRS], to_warped[MOST_PAIRS];
    double points, matched, least; /* over pairs that were made now: sums, and the least share */
    int made, unusable;
    bool checked; /* the first file that was there already is of this teacher */
} maker;

cairn_status cairn_masks_path(char **path, const char *folder, const char *key, int pair)
{
    char name[320];
    snprintf(name, sizeof name, "%.280s-%02d.npz", key, pair);
    *path = cairn_file_join(folder, name);
    return *path ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory for a path");
}

static cairn_homography_options views_of(const mask_settings *s)
{
    cairn_homography_options o = CAIRN_HOMOGRAPHY_OPTIONS_INIT;
    o.max_angle = s->max_angle * 0.017453292519943295;
    o.patch_ratio = s->patch_ratio;
    o.scaling_amplitude = s->scaling;
    o.perspective_x = o.perspective_y = s->perspective;
    o.allow_artifacts = false;
    return o;
}

/* The photo and its warps one behind the other. A homography depends on seed, stage, photo and number alone. */
static cairn_status make_views(maker *m, const cairn_image *gray, const char *key)
{
    cairn_status st = CAIRN_OK;
    const cairn_homography_options views = views_of(m->s);
    const size_t pixels = (size_t)m->h * (size_t)m->w;
    cairn_image warped = {0};
    memcpy(m->images, gray->pixels, pixels * sizeof *m->images);
    for (int k = 0; k < m->s->pairs; k++) {
        cairn_rng rng =
            cairn_rng_stream(m->stage->seed, m->stage->stream, (uint32_t)cairn_hash_text(CAIRN_HASH_START, key),
                             (uint32_t)k, CAIRN_PURPOSE_WARP);
        CAIRN_TRY(cairn_homography_sample(&m->to_input[k], &rng, m->h, m->w, &views));
        CAIRN_TRY(cairn_homography_invert(&m->to_warped[k], &m->to_input[k]));
        CAIRN_TRY(cairn_homography_warp(&warped, m->valid + (size_t)k * pixels, gray, &m->to_input[k], m->h, m->w));
        memcpy(m->images + (size_t)(k + 1) * pixels, warped.pixels, pixels * sizeof *m->images);
        cairn_image_free(&warped);
    }
done:
    cairn_image_free(&warped);
    return st;
}

static cairn_status points_of(cairn_keypoints *out, const maker *m, int view)
{
    const mask_settings *s = m->s;
    const size_t pixels = (size_t)m->h * (size_t)m->w;
    const size_t cells = (size_t)cairn_network_cells(m->h) * (size_t)cairn_network_cells(m->w) * (size_t)m->dimension;
    cairn_detect_options o = CAIRN_DETECT_OPTIONS_INIT;
    o.threshold = s->threshold;
    o.radius = (int)s->radius;
    o.border = (int)s->border;
    o.refine = s->subpixel;
    o.sampling = (cairn_sampling)s->sampling;
    cairn_status st = cairn_keypoints_detect(out, m->heatmaps + (size_t)view * pixels, m->h, m->w,
                                             m->maps ? m->maps + (size_t)view * cells : NULL,
                                             m->maps ? m->dimension : 0, &o, (int)s->top_k);
    if (st >= 0 && view > 0)
        st = cairn_masks_drop_invalid(out, m->valid + (size_t)(view - 1) * pixels, m->h, m->w, (int)s->margin);
    return st;
}

/* Left the photo, right its warp: the matches, then the masks that they make. */
static cairn_status preview(const maker *m, const cairn_masked_pair *pair, int photo, int k)
{
    cairn_status st = CAIRN_OK;
    const size_t pixels = (size_t)m->h * (size_t)m->w, n = (size_t)pair->a.count;
    const cairn_mask_style style = {m->s->sigma, 0.1, 0.9, 6};
    cairn_image gray[2] = {{0}, {0}}, masks[2] = {{0}, {0}}, lines = {0}, both = {0};
    char file[64], caption[192], left_title[64];
    float *mask = malloc(2 * pixels * sizeof *mask), *weight = mask ? mask + pixels : NULL;
    double *from = malloc((4 * n + 1) * sizeof *from), *to = from ? from + 2 * n : NULL;
    if (!mask || !from) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a preview"));
    for (int side = 0; side < 2; side++) {
        CAIRN_TRY(cairn_image_create(&gray[side], m->h, m->w, 1));
        memcpy(gray[side].pixels, m->images + (side ? (size_t)(k + 1) * pixels : 0), pixels * sizeof(float));
        cairn_masks_draw(mask, weight, m->h, m->w, side ? &pair->b : &pair->a, side ? &pair->lost_b : &pair->lost_a,
                         &style);
        for (size_t i = 0; i < pixels; i++)
            mask[i] = weight[i] > 0 ? mask[i] - 0.1f : 0.25f; /* what is ignored: grey */
        CAIRN_TRY(cairn_draw_heatmap(&masks[side], &gray[side], mask, m->h, m->w));
    }
    for (size_t i = 0; i < n; i++) {
        from[2 * i] = (double)pair->a.points[i].x, from[2 * i + 1] = (double)pair->a.points[i].y;
        to[2 * i] = (double)pair->b.points[i].x, to[2 * i + 1] = (double)pair->b.points[i].y;
    }
    snprintf(left_title, sizeof left_title, "%d matches, %d and %d points without", pair->a.count, pair->lost_a.count,
             pair->lost_b.count);
    const cairn_picture left = {&gray[0], NULL, left_title}, right = {&gray[1], NULL, "warp"};
    CAIRN_TRY(cairn_draw_matches(&lines, &left, &right, from, to, NULL, pair->a.count, 0));
    snprintf(file, sizeof file, "%05d-%02d-matches.png", photo, k);
    snprintf(caption, sizeof caption, "Photo %d and warp %d: %d matches by %s", photo + 1, k + 1, pair->a.count,
             sources[m->s->source]);
    CAIRN_TRY(cairn_stage_picture(m->stage, file, &lines, caption));
    const cairn_picture maps[2] = {{&masks[0], NULL, NULL}, {&masks[1], NULL, NULL}};
    CAIRN_TRY(cairn_draw_grid(&both, maps, 2, 2));
    snprintf(file, sizeof file, "%05d-%02d-masks.png", photo, k);
    snprintf(caption, sizeof caption, "Photo %d and warp %d: the masks; discs of one shade do not count", photo + 1,
             k + 1);
    CAIRN_TRY(cairn_stage_picture(m->stage, file, &both, caption));
done:
    free(mask);
    free(from);
    for (int side = 0; side < 2; side++) {
        cairn_image_free(&gray[side]);
        cairn_image_free(&masks[side]);
    }
    cairn_image_free(&lines);
    cairn_image_free(&both);
    return st;
}

static void describe(char text[512], const mask_settings *s)
{
    snprintf(text, 512,
             "source=%s reach=%g symmetrise=%s top_k=%d threshold=%g radius=%d border=%d margin=%d subpixel=%s "
             "sampling=%s filter=%g ratio=%g max_angle=%g patch_ratio=%g scaling=%g perspective=%g",
             sources[s->source], s->reach, s->symmetrise ? "true" : "false", (int)s->top_k, s->threshold,
             (int)s->radius, (int)s->border, (int)s->margin, s->subpixel ? "true" : "false",
             cairn_sampling_name((cairn_sampling)s->sampling), s->filter, s->ratio, s->max_angle, s->patch_ratio,
             s->scaling, s->perspective);
}

static cairn_status write_pair(maker *m, const cairn_keypoints *a, const cairn_keypoints *b, int photo, int k,
                               const char *path)
{
    cairn_status st = CAIRN_OK;
    cairn_masked_pair pair = {0};
    cairn_mask_info info = {.teacher = m->checkpoint, .seed = m->stage->seed, .stream = m->stage->stream, .pair = k};
    const cairn_match_side left = {a, m->h, m->w}, right = {b, m->h, m->w};
    const cairn_mask_options o = {m->s->reach, m->s->symmetrise};
    const int count = cairn_stage_photos_count(m->photos);
    snprintf(info.image, sizeof info.image, "%s", cairn_stage_photos_key(m->photos, photo));
    describe(info.options, m->s);
    CAIRN_TRY(cairn_masks_match(&pair, &left, &right, &m->to_warped[k], m->matcher.match ? &m->matcher : NULL, &o));
    if (k == 0 && (int64_t)photo * m->s->previews % count < m->s->previews) CAIRN_TRY(preview(m, &pair, photo, k));
    CAIRN_TRY(cairn_masks_write(path, &pair, &info));
    const double share = pair.a.count / fmax(1, fmin(a->count, b->count));
    m->points += 0.5 * (a->count + b->count);
    m->matched += pair.a.count;
    m->least = m->made++ ? fmin(m->least, share) : share;
    m->checked = true;
done:
    cairn_masked_pair_free(&pair);
    return st;
}

static cairn_status make_pairs(maker *m, const cairn_image *gray, int photo, char *const *paths)
{
    cairn_status st = CAIRN_OK;
    cairn_keypoints a = {0}, b = {0};
    const int views = (int)m->s->pairs + 1;
    CAIRN_TRY(make_views(m, gray, cairn_stage_photos_key(m->photos, photo)));
    CAIRN_TRY(cairn_network_run(m->teacher, m->images, views, m->h, m->w, m->heatmaps, m->maps));
    CAIRN_TRY(points_of(&a, m, 0));
    for (int k = 0; k < m->s->pairs; k++) {
        if (cairn_file_exists(paths[k])) continue;
        CAIRN_TRY(points_of(&b, m, k + 1));
        CAIRN_TRY(write_pair(m, &a, &b, photo, k, paths[k]));
        cairn_keypoints_free(&b);
    }
done:
    cairn_keypoints_free(&a);
    cairn_keypoints_free(&b);
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
    if (info.teacher != m->checkpoint)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID,
                                  "%s: masks by the checkpoint %016llx; the teacher now is %016llx: run "
                                  "the stage again (--force, or remove its folder)",
                                  path, (unsigned long long)info.teacher, (unsigned long long)m->checkpoint));
    m->checked = true;
done:
    cairn_masked_pair_free(&pair);
    return st;
}

/* The pairs of a photo, unless they are there: files appear by rename, so that those that are there are whole. */
static cairn_status make_photo(maker *m, int photo)
{
    cairn_status st = CAIRN_OK;
    cairn_image gray = {0};
    char *paths[MOST_PAIRS] = {NULL};
    bool missing = false;
    for (int k = 0; k < m->s->pairs; k++) {
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
    cairn_info("%s: %.1f of %.1f keypoints matched (%.0f %%, at least %.0f %% in a pair)", m->stage->name,
               m->matched / m->made, m->points / m->made, 100 * m->matched / fmax(1, m->points), 100 * m->least);
    if (m->matched < ALARM_PERCENT / 100.0 * m->points)
        cairn_warn("%s: fewer than %d %% of the keypoints have a match; look at the pictures: is the teacher trained, "
                   "and is the source right?",
                   m->stage->name, ALARM_PERCENT);
done:
    return st;
}

static cairn_status open_matcher(maker *m)
{
    cairn_status st = CAIRN_OK;
    const mask_settings *s = m->s;
    char *path = NULL;
    cairn_matcher_options o = CAIRN_MATCHER_OPTIONS_INIT;
    if (s->source == SOURCE_ORACLE) goto done;
    if (!m->dimension)
        CAIRN_TRY(cairn_error_set(CAIRN_E_UNSUPPORTED,
                                  "%s: the network of '%s' has no descriptors; source: oracle needs "
                                  "none",
                                  m->stage->name, s->teacher[0] ? s->teacher : s->model));
    o.kind = s->source == SOURCE_NEAREST ? CAIRN_MATCHER_NEAREST : CAIRN_MATCHER_LIGHTGLUE;
    o.nearest.ratio = (float)s->ratio;
    o.filter = s->filter;
    if (s->lightglue[0]) CAIRN_TRY(cairn_stage_model_path(&path, m->stage, s->lightglue));
    o.weights = path ? path : s->weights;
    CAIRN_TRY(cairn_matcher_open(&m->matcher, m->stage->gpu, &o));
done:
    free(path);
    return st;
}

static cairn_status reserve(maker *m)
{
    const size_t pixels = (size_t)m->h * (size_t)m->w, views = (size_t)m->s->pairs + 1;
    const size_t cells = (size_t)cairn_network_cells(m->h) * (size_t)cairn_network_cells(m->w) * (size_t)m->dimension;
    m->images = malloc(views * pixels * sizeof *m->images);
    m->heatmaps = malloc(views * pixels * sizeof *m->heatmaps);
    m->valid = malloc(views * pixels * sizeof *m->valid);
    if (m->matcher.match) m->maps = malloc(views * cells * sizeof *m->maps);
    if (m->images && m->heatmaps && m->valid && (m->maps || !m->matcher.match)) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu views of %dx%d", views, m->w, m->h);
}

static cairn_status run(cairn_stage *stage, const void *settings)
{
    cairn_status st = CAIRN_OK;
    maker m = {.stage = stage, .s = settings};
    char *model = NULL;
    if (m.s->teacher[0])
        CAIRN_TRY(cairn_stage_model_path(&model, stage, m.s->teacher));
    else if (!(model = strdup(m.s->model)))
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a path"));
    CAIRN_TRY(cairn_stage_file_hash(&m.checkpoint, model));
    CAIRN_TRY(cairn_network_load(&m.teacher, stage->gpu, model));
    m.dimension = cairn_network_dimension(m.teacher);
    CAIRN_TRY(open_matcher(&m));
    CAIRN_TRY(cairn_stage_photos_open(&m.photos, stage, false));
    cairn_stage_photos_size(m.photos, &m.h, &m.w);
    CAIRN_TRY(reserve(&m));
    CAIRN_TRY(cairn_stage_path(&m.folder, stage, CAIRN_MASKS_FOLDER));
    CAIRN_TRY(cairn_file_make_folder(m.folder));
    CAIRN_TRY(make_all(&m));
done:
    cairn_matcher_free(&m.matcher);
    cairn_network_destroy(&m.teacher);
    cairn_stage_photos_close(&m.photos);
    free(m.images);
    free(m.heatmaps);
    free(m.valid);
    free(m.maps);
    free(m.folder);
    free(model);
    return st;
}

static cairn_status check(const void *settings, const char *where)
{
    const mask_settings *s = settings;
    const bool named = s->lightglue[0] || s->weights[0];
    if (!s->teacher[0] == !s->model[0])
        return cairn_error_set(CAIRN_E_INVALID, "%s: name either teacher, a stage, or model, a checkpoint", where);
    if (s->source == SOURCE_LIGHTGLUE && (!named || (s->lightglue[0] && s->weights[0])))
        return cairn_error_set(CAIRN_E_INVALID,
                               "%s: source lightglue needs lightglue, a stage, or weights, a "
                               "checkpoint: one of them",
                               where);
    if (s->source != SOURCE_LIGHTGLUE && named)
        return cairn_error_set(CAIRN_E_INVALID, "%s: lightglue and weights are for source: lightglue", where);
    if (s->source == SOURCE_ORACLE && !(s->reach > 0))
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
