/* cairn evaluate video: tracking and stabilisation on the frames of a video. */
#include "cli/command.h"
#include "cli/images.h"
#include "cli/sheet.h"
#include "experiments/baselines/baselines.h"
#include "experiments/measurements/video.h"

#include <string.h>

typedef struct video_options {
    cairn_cli_evaluation methods; /* first: the shared rows of the table mean its fields */
    char frames[CAIRN_SETTING_TEXT_BYTES], reference[CAIRN_SETTING_TEXT_BYTES];
    int64_t height, width, points, pairs, most, chain;
    bool oc;
} video_options;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(video_options, frames, "", "folder of the frames, in the order of their names"),
    CAIRN_CLI_METHODS_ROWS,
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, baselines, "sift,orb", "classical methods, \"\" for none"),
    CAIRN_SETTING_BOOL_ROW(cairn_cli_evaluation, untrained, 0, "the same networks with their first weights"),
    CAIRN_SETTING_BOOL_ROW(video_options, oc, 0, "superpoint-pytorch's rules; needs more than 60 frames"),
    CAIRN_SETTING_TEXT_ROW(video_options, reference, "",
                           "name of the method whose homographies count as true; \"\": the first with descriptors"),
    CAIRN_SETTING_INT_ROW(video_options, height, 0, 0, 4096, "to which frames are scaled and cropped; 0: as they are"),
    CAIRN_SETTING_INT_ROW(video_options, width, 0, 0, 4096, "to which frames are scaled and cropped; 0: as they are"),
    CAIRN_SETTING_INT_ROW(video_options, points, 1000, 4, 100000, "of a frame"),
    CAIRN_SETTING_INT_ROW(video_options, pairs, 50, 0, 100000, "most pairs of an interval, spread evenly; 0: all"),
    CAIRN_SETTING_INT_ROW(video_options, most, 0, 0, 100000, "most frames, the first ones; 0: all"),
    CAIRN_SETTING_INT_ROW(video_options, chain, 10, 1, 1000, "frames of the forward-backward check"),
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, out, "", "folder for evaluation.json, else only the table"),
    CAIRN_CLI_SEED_ROW,
    CAIRN_CLI_DEVICE_ROW(cairn_cli_evaluation),
    {0},
};

/* All frames stay in memory. */
enum { MOST_PIXELS = 1 << 29 };

typedef struct clip {
    cairn_image *frames;
    int count;
    char name[64];
} clip;

static void free_clip(clip *c)
{
    for (int i = 0; c->frames && i < c->count; i++) cairn_image_free(&c->frames[i]);
    free(c->frames);
    *c = (clip){0};
}

static cairn_status load_frame(cairn_image *out, const char *path, const video_options *o)
{
    cairn_status st = CAIRN_OK;
    cairn_image image = {0};
    CAIRN_TRY(cairn_image_load(&image, path, 1));
    if (o->height && o->width) {
        CAIRN_TRY(cairn_image_resize_crop(out, &image, (int)o->height, (int)o->width, NULL, NULL, NULL));
    } else {
        *out = image;
        image = (cairn_image){0};
    }
done:
    cairn_image_free(&image);
    return st;
}

static cairn_status load_clip(clip *out, const video_options *o)
{
    cairn_status st = CAIRN_OK;
    const char *words[] = {o->frames, NULL};
    cairn_file_list files = {0};
    char *stem = NULL;
    if (!o->frames[0]) CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --frames DIR is missing"));
    if (!o->height != !o->width)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: give --height and --width, or none"));
    CAIRN_TRY(cairn_cli_images(&files, words));
    const size_t count = o->most && (size_t)o->most < files.count ? (size_t)o->most : files.count;
    out->frames = calloc(count + 1, sizeof *out->frames);
    if (!out->frames || count > INT32_MAX / 2)
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu frames", count));
    out->count = (int)count;
    for (size_t i = 0; i < count; i++) {
        CAIRN_TRY(load_frame(&out->frames[i], files.paths[i], o));
        if (count * (size_t)out->frames[0].h * (size_t)out->frames[0].w > MOST_PIXELS)
            CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "%s: %zu frames of %dx%d are too many pixels to hold; take "
                                                       "fewer by --most or smaller ones by --height and --width",
                                      o->frames, count, out->frames[0].w, out->frames[0].h));
    }
    stem = cairn_file_stem(o->frames);
    snprintf(out->name, sizeof out->name, "%.60s", stem ? stem : "");
done:
    free(stem);
    cairn_file_list_free(&files);
    return st;
}

/* -1 without a method that describes. */
static cairn_status choose_reference(int *out, const cairn_cli_contest *c, const char *name)
{
    *out = -1;
    for (int m = 0; m < c->count && *out < 0; m++)
        if (c->methods[m].dimension > 0 && (!name[0] || !strcmp(name, c->methods[m].name))) *out = m;
    if (*out >= 0 || !name[0]) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_INVALID, "command line: --reference: no method with descriptors is called '%.64s'",
                           name);
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)words, (void)word_count;
    const video_options *o = options;
    cairn_status st = CAIRN_OK;
    cairn_sheet sheet = {0};
    clip video = {0};
    cairn_cli_contest *c = calloc(1, sizeof *c);
    if (!c) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    cairn_video_options how = CAIRN_VIDEO_OPTIONS_INIT;
    how.oc = o->oc;
    how.points = (int)o->points;
    how.pairs = (int)o->pairs;
    how.chain = (int)o->chain;
    how.seed = (uint32_t)o->methods.seed;
    how.progress = true;
    CAIRN_TRY(load_clip(&video, o));
    CAIRN_TRY(cairn_cli_contest_open_methods(c, &o->methods));
    CAIRN_TRY(choose_reference(&how.reference, c, o->reference));
    CAIRN_TRY(cairn_video_run(&sheet, video.frames, video.count, video.name, c->methods, c->count, &how));
    CAIRN_TRY(cairn_cli_sheet_finish(&sheet, c));
done:
    cairn_sheet_free(&sheet);
    cairn_cli_contest_close(c);
    free_clip(&video);
    free(c);
    return st;
}

const cairn_command cairn_command_evaluate_video = {
    .name = "evaluate video",
    .summary = "measure tracking and stabilisation on the frames of a video",
    .synopsis = "--frames DIR [--model FILE] [--baselines LIST] [--oc] [--out DIR]",
    .details = "Nothing is known of the true motion: frames are laid over each other by the homography of a method's\n"
               "matches (mean absolute difference in grey levels, 0 to 255, inside a margin; best for planes and\n"
               "rotations), points are followed from frame to frame, and matches are chained there and back.\n"
               "Baselines: " CAIRN_BASELINE_NAMES ".",
    .example = "  cairn evaluate video --frames clip --model runs/demo/teacher/model.safetensors",
    .options = table,
    .options_bytes = sizeof(video_options),
    .run = run,
};
