/* cairn match: the matches of images, drawn and as numbers. */
#include "base/log.h"
#include "cli/command.h"
#include "cli/match/job.h"
#include "cli/match/pairs.h"
#include "cli/open_device.h"
#include "experiments/baselines/baselines.h"
#include "experiments/detectors/learned.h"
#include "system/file.h"
#include "system/interrupt.h"
#include "system/progress.h"

#include <stdlib.h>
#include <string.h>

typedef struct match_options {
    char model[CAIRN_SETTING_TEXT_BYTES], baseline[CAIRN_SETTING_TEXT_BYTES], out[CAIRN_SETTING_TEXT_BYTES];
    char pairs[CAIRN_SETTING_TEXT_BYTES], format[CAIRN_SETTING_TEXT_BYTES], device[CAIRN_SETTING_TEXT_BYTES];
    char matcher_model[CAIRN_SETTING_TEXT_BYTES];
    int order, matcher, estimator;
    double threshold, ratio, max_distance, filter, inlier_px, confidence;
    int64_t radius, border, top_k, lines, iterations, seed;
    bool mutual, adaptive, ranked;
} match_options;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(match_options, model, "", "checkpoint (safetensors) with descriptors"),
    CAIRN_SETTING_TEXT_ROW(match_options, baseline, "", "instead of --model: sift, rootsift, orb, hessian-affine, ..."),
    CAIRN_SETTING_TEXT_ROW(match_options, out, "", "PNG or npz file of one pair, else the folder of the results"),
    CAIRN_SETTING_TEXT_ROW(match_options, pairs, "", "text file with two paths on each line, relative to its folder"),
    CAIRN_SETTING_CHOICE_ROW(match_options, order, 0, CAIRN_MATCH_ORDERS,
                             "pairs of several images or a folder: neighbours, first with each, each with each"),
    CAIRN_SETTING_TEXT_ROW(match_options, format, "npz,png", "what a folder gets: npz, png or both"),
    CAIRN_SETTING_FLOAT_ROW(match_options, threshold, -1, -1, 1,
                            "least probability of a keypoint; -1: the checkpoint's own, else 0.015"),
    CAIRN_SETTING_INT_ROW(match_options, radius, 4, 0, 64, "of the suppression, pixels"),
    CAIRN_SETTING_INT_ROW(match_options, border, 4, 0, 1024, "margin without keypoints, pixels"),
    CAIRN_SETTING_INT_ROW(match_options, top_k, 1000, 0, 1e6, "most keypoints of an image, 0 for all"),
    CAIRN_SETTING_CHOICE_ROW(match_options, matcher, 0, CAIRN_MATCHER_KINDS, "how descriptors are matched"),
    CAIRN_SETTING_TEXT_ROW(match_options, matcher_model, "", "lightglue: its checkpoint"),
    CAIRN_SETTING_FLOAT_ROW(match_options, filter, 0.1, 0, 1, "lightglue: least score of a match"),
    CAIRN_SETTING_BOOL_ROW(match_options, adaptive, 1, "lightglue: stop early and leave points out, as published"),
    CAIRN_SETTING_BOOL_ROW(match_options, mutual, 1, "nearest: only pairs that are each other's nearest"),
    CAIRN_SETTING_FLOAT_ROW(match_options, ratio, 0, 0, 1, "nearest: distance of best to second best, 0 for any"),
    CAIRN_SETTING_FLOAT_ROW(match_options, max_distance, 0, 0, 2,
                            "nearest: largest distance of descriptors, 0 for any"),
    CAIRN_SETTING_CHOICE_ROW(match_options, estimator, 0, CAIRN_MATCH_ESTIMATORS,
                             "of the homography: locally optimised, as OpenCV's, or none"),
    CAIRN_SETTING_FLOAT_ROW(match_options, inlier_px, 3, 0.01, 1000, "error of a match that agrees, pixels"),
    CAIRN_SETTING_FLOAT_ROW(match_options, confidence, 0.999, 0.01, 0.999999, "of the homography's samples"),
    CAIRN_SETTING_INT_ROW(match_options, iterations, 2000, 1, 1e6, "most samples of the homography"),
    CAIRN_SETTING_BOOL_ROW(match_options, ranked, 0, "lo: sample the best matches first (PROSAC)"),
    CAIRN_SETTING_INT_ROW(match_options, seed, 0, 0, 4294967295.0, "of the samples"),
    CAIRN_SETTING_INT_ROW(match_options, lines, 300, 0, 1e6, "most lines drawn, 0 for all"),
    CAIRN_CLI_DEVICE_ROW(match_options),
    {0},
};

typedef struct outputs {
    bool npz, png;
    bool folder; /* else `out` is the one file */
} outputs;

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n > m && !strcasecmp(text + n - m, end);
}

static cairn_status read_outputs(outputs *out, const match_options *o, const cairn_match_pairs *pairs)
{
    *out = (outputs){.folder = true};
    if (!o->out[0]) return cairn_error_set(CAIRN_E_INVALID, "command line: --out FILE.png or --out DIR is missing");
    if (ends_with(o->out, ".png") || ends_with(o->out, ".npz")) {
        if (pairs->count != 1)
            return cairn_error_set(CAIRN_E_INVALID,
                                   "command line: --out %s is one file, but there are %zu pairs; name "
                                   "a folder",
                                   o->out, pairs->count);
        *out = (outputs){.png = ends_with(o->out, ".png"), .npz = ends_with(o->out, ".npz")};
        return CAIRN_OK;
    }
    for (const char *at = o->format; *at;) {
        const size_t length = strcspn(at, ",");
        if (length == 3 && !strncmp(at, "npz", 3))
            out->npz = true;
        else if (length == 3 && !strncmp(at, "png", 3))
            out->png = true;
        else
            break;
        at += length + (at[length] == ',');
        if (!*at) return CAIRN_OK;
    }
    return cairn_error_set(CAIRN_E_INVALID, "command line: format: expected npz, png or npz,png, not '%s'", o->format);
}

/* DIR/00001-left-right.extension: the number tells pairs of equal stems apart. */
static cairn_status output_path(char **path, const match_options *o, const cairn_match_pairs *pairs, size_t index,
                                const char *extension)
{
    char *a = cairn_file_stem(pairs->pairs[index].a), *b = cairn_file_stem(pairs->pairs[index].b), *name = NULL;
    *path = NULL;
    if (a && b && asprintf(&name, "%05zu-%.100s-%.100s.%s", index + 1, a, b, extension) >= 0)
        *path = cairn_file_join(o->out, name);
    free(a);
    free(b);
    free(name);
    return *path ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "out of memory");
}

/* DIR/settings.txt says what its files were made with: what is there is done only if it is the same. */
static cairn_status claim_folder(const match_options *o, const cairn_match_pairs *pairs)
{
    cairn_status st = CAIRN_OK;
    char *text = NULL, *path = cairn_file_join(o->out, "settings.txt");
    size_t size = 0, old_size = 0;
    uint8_t *old = NULL;
    uint64_t weights[2] = {0};
    match_options lasting = *o;
    lasting.out[0] = lasting.device[0] = lasting.pairs[0] = lasting.format[0] = 0; /* these change no file's content */
    FILE *memory = open_memstream(&text, &size);
    if (!path || !memory) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    if (o->model[0]) CAIRN_TRY(cairn_file_hash(&weights[0], o->model));
    if (o->matcher_model[0]) CAIRN_TRY(cairn_file_hash(&weights[1], o->matcher_model));
    cairn_settings_write(memory, table, &lasting, 0);
    fprintf(memory, "images: %016llx\nweights: %016llx %016llx\n", (unsigned long long)pairs->hash,
            (unsigned long long)weights[0], (unsigned long long)weights[1]);
    fclose(memory);
    memory = NULL;
    CAIRN_TRY(cairn_file_make_folder(o->out));
    if (!cairn_file_exists(path)) {
        CAIRN_TRY(cairn_file_write(path, text, size));
        goto done;
    }
    CAIRN_TRY(cairn_file_read(&old, &old_size, path, 1 << 20));
    if (old_size != size || memcmp(old, text, size) != 0)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID,
                                  "command line: %s holds matches of other images or settings (see its "
                                  "settings.txt); give another --out",
                                  o->out));
done:
    if (memory) fclose(memory);
    free(text);
    free(path);
    free(old);
    return st;
}

static void print_counts(const cairn_match_counts *c, const match_options *o, const char *file)
{
    printf("%d and %d keypoints, %d matches", c->points_a, c->points_b, c->matches);
    if (o->estimator != CAIRN_MATCH_NONE)
        printf(", %d agree on one homography within %g pixels", c->inliers, o->inlier_px);
    printf(": %s\n", file);
}

static cairn_status run_one(cairn_match_job *job, const match_options *o, outputs f, const cairn_match_pair *pair)
{
    cairn_match_counts counts;
    cairn_status st = cairn_match_job_run(job, pair->a, pair->b, f.npz ? o->out : NULL, f.png ? o->out : NULL, &counts);
    if (st >= 0) print_counts(&counts, o, o->out);
    return st;
}

/* false: its files are there already. */
static cairn_status run_in_folder(bool *fresh, cairn_match_counts *counts, cairn_match_job *job, const match_options *o,
                                  outputs f, const cairn_match_pairs *pairs, size_t index)
{
    cairn_status st = CAIRN_OK;
    char *npz = NULL, *png = NULL;
    *fresh = false;
    if (f.npz) CAIRN_TRY(output_path(&npz, o, pairs, index, "npz"));
    if (f.png) CAIRN_TRY(output_path(&png, o, pairs, index, "png"));
    if ((!npz || cairn_file_exists(npz)) && (!png || cairn_file_exists(png))) goto done;
    *fresh = true;
    CAIRN_TRY(cairn_match_job_run(job, pairs->pairs[index].a, pairs->pairs[index].b, npz, png, counts));
done:
    free(npz);
    free(png);
    return st;
}

/* One unusable image among several does not stop the others; the command fails at the end. Outputs that cannot be
 * written stop it. */
static cairn_status run_all(cairn_match_job *job, const match_options *o, outputs f, const cairn_match_pairs *pairs)
{
    cairn_status st = CAIRN_OK;
    cairn_progress progress;
    size_t unusable = 0, made = 0, models = 0;
    double matches = 0, inliers = 0;
    cairn_progress_start(&progress, "match", (int64_t)pairs->count, 0);
    for (size_t i = 0; i < pairs->count; i++) {
        cairn_match_counts counts = {0};
        char note[96];
        bool fresh;
        if (cairn_interrupted()) CAIRN_TRY(cairn_interrupted_status());
        st = run_in_folder(&fresh, &counts, job, o, f, pairs, i);
        if (st < 0 && (pairs->count == 1 || st == CAIRN_E_IO || st == CAIRN_E_DEVICE)) goto done;
        if (st < 0) {
            cairn_warn("%s", cairn_error_message());
            unusable++;
        } else if (fresh) {
            made++, models += counts.model;
            matches += counts.matches, inliers += counts.inliers;
        }
        snprintf(note, sizeof note, "%d matches, %d agree", counts.matches, counts.inliers);
        cairn_progress_update(&progress, (int64_t)i + 1, fresh ? note : NULL);
    }
    cairn_progress_finish(&progress);
    const double n = made ? (double)made : 1;
    printf("%zu pairs: %zu matched, %zu were there; on average %.1f matches", pairs->count, made,
           pairs->count - made - unusable, matches / n);
    if (o->estimator != CAIRN_MATCH_NONE)
        printf(", %.1f agree on one homography within %g pixels (%zu pairs have one)", inliers / n, o->inlier_px,
               models);
    printf(": %s\n", o->out);
    st = unusable ? cairn_error_set(CAIRN_E_FAIL, "%zu of %zu pairs could not be matched (see the warnings)", unusable,
                                    pairs->count)
                  : CAIRN_OK;
done:
    return st;
}

static cairn_status open_detector(cairn_detector *detector, cairn_gpu **gpu, const match_options *o)
{
    cairn_status st = CAIRN_OK;
    cairn_detect_options detect = CAIRN_DETECT_OPTIONS_INIT;
    detect.threshold = o->threshold;
    detect.radius = (int)o->radius;
    detect.border = (int)o->border;
    if (o->model[0]) {
        CAIRN_TRY(cairn_cli_open_device(gpu, o->device));
        CAIRN_TRY(cairn_detector_load(detector, *gpu, o->model, &detect));
    } else {
        CAIRN_TRY(cairn_baseline_by_name(detector, o->baseline, (int)o->radius));
        if (o->matcher != CAIRN_MATCHER_NEAREST) CAIRN_TRY(cairn_cli_open_device(gpu, o->device));
    }
    if (!detector->dimension)
        CAIRN_TRY(cairn_error_set(CAIRN_E_UNSUPPORTED,
                                  "%s: it has no descriptors; matching needs a superpoint, or "
                                  "--baseline sift",
                                  o->model[0] ? o->model : o->baseline));
done:
    return st;
}

static cairn_status find_pairs(cairn_match_pairs *pairs, const match_options *o, const char *const *words, int count)
{
    if (!o->pairs[0]) return cairn_match_pairs_of(pairs, words, (cairn_match_order)o->order);
    if (count > 0)
        return cairn_error_set(CAIRN_E_INVALID, "command line: --pairs names the images; '%s' is one too many",
                               words[0]);
    return cairn_match_pairs_read(pairs, o->pairs);
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    const match_options *o = options;
    cairn_status st = CAIRN_OK;
    cairn_gpu *gpu = NULL;
    cairn_detector detector = {0};
    cairn_matcher matcher = {0};
    cairn_match_pairs pairs = {0};
    outputs f;
    const cairn_match_settings settings = {.top_k = (int)o->top_k,
                                           .lines = (int)o->lines,
                                           .estimator = (cairn_match_estimator)o->estimator,
                                           .ranked = o->ranked,
                                           .inlier_px = o->inlier_px,
                                           .confidence = o->confidence,
                                           .iterations = (int)o->iterations,
                                           .seed = (uint32_t)o->seed};
    const cairn_matcher_options how = {
        (cairn_matcher_kind)o->matcher,
        {.mutual = o->mutual, .max_distance = (float)o->max_distance, .ratio = (float)o->ratio},
        o->matcher_model,
        o->filter,
        o->adaptive};
    cairn_match_job job = {.detector = &detector, .matcher = &matcher, .settings = &settings};
    CAIRN_TRY(find_pairs(&pairs, o, words, word_count));
    if (!o->model[0] == !o->baseline[0])
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: give --model FILE or --baseline NAME"));
    CAIRN_TRY(read_outputs(&f, o, &pairs));
    for (int i = 0; !f.folder && i < 2; i++)
        if (cairn_file_same(o->out, i ? pairs.pairs[0].b : pairs.pairs[0].a))
            CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID,
                                      "command line: the drawing would overwrite %s itself; give "
                                      "another --out",
                                      o->out));
    CAIRN_TRY(open_detector(&detector, &gpu, o));
    CAIRN_TRY(cairn_matcher_open(&matcher, gpu, &how));
    if (f.folder) {
        CAIRN_TRY(claim_folder(o, &pairs));
        CAIRN_TRY(run_all(&job, o, f, &pairs));
    } else {
        CAIRN_TRY(run_one(&job, o, f, &pairs.pairs[0]));
    }
done:
    cairn_match_job_free(&job);
    cairn_match_pairs_free(&pairs);
    cairn_matcher_free(&matcher);
    cairn_detector_free(&detector);
    cairn_gpu_destroy(&gpu);
    return st;
}

const cairn_command cairn_command_match = {
    .name = "match",
    .summary = "match images and draw the matches",
    .synopsis = "--model FILE|--baseline NAME A B|FOLDER ...|--pairs LIST --out FILE.png|DIR",
    .details =
        "Green lines agree on one homography, red ones do not. DIR gets NUMBER-A-B.png and .npz of each pair: "
        "keypoints0,\n"
        "keypoints1 [N,3] float32 (x, y, score), matches [S,2] int32, scores and distances [S] float32, inliers [S]\n"
        "uint8, homography [3,3] float64 (A to B, zeros: none). What is there already from the same images and "
        "settings\n"
        "is kept. Frames of a video: their folder, in natural order.",
    .example = "  cairn match --model runs/demo/teacher/model.safetensors left.jpg right.jpg --out matches.png\n"
               "  cairn match --baseline sift frames --order first --out matches\n"
               "  cairn match --baseline rootsift --pairs list.txt --ratio 0.9 --estimator cv --out matches",
    .options = table,
    .options_bytes = sizeof(match_options),
    .least_words = 0,
    .most_words = CAIRN_CLI_MOST_WORDS,
    .run = run,
};
