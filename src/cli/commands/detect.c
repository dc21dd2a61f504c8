/* cairn detect: keypoints of image files and of the frames of videos, as npz and as pictures. */
#include "base/log.h"
#include "cli/command.h"
#include "cli/images.h"
#include "cli/open_device.h"
#include "experiments/detectors/batches.h"
#include "experiments/gallery/drawing.h"
#include "formats/npz.h"
#include "system/interrupt.h"
#include "system/parallel.h"
#include "system/progress.h"

#include <string.h>

typedef struct detect_options {
    char model[CAIRN_SETTING_TEXT_BYTES], out[CAIRN_SETTING_TEXT_BYTES], format[CAIRN_SETTING_TEXT_BYTES];
    char device[CAIRN_SETTING_TEXT_BYTES];
    double threshold;
    int64_t radius, top_k, border, batch;
    int suppression, sampling;
    bool subpixel, parabola, heatmap;
} detect_options;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(detect_options, model, "", "checkpoint (safetensors) of a run"),
    CAIRN_SETTING_TEXT_ROW(detect_options, out, "", "folder of the results"),
    CAIRN_SETTING_TEXT_ROW(detect_options, format, "npz,png", "what to write: npz, png or both"),
    CAIRN_SETTING_FLOAT_ROW(detect_options, threshold, -1, -1, 1,
                            "least probability of a keypoint; -1: the checkpoint's own, else 0.015"),
    CAIRN_SETTING_CHOICE_ROW(detect_options, suppression, 0, CAIRN_SUPPRESSION_CHOICES,
                             "squares of a radius, or rpautrat's boxes of a size"),
    CAIRN_SETTING_INT_ROW(detect_options, radius, 4, 0, 64, "radius or size of the suppression, pixels"),
    CAIRN_SETTING_INT_ROW(detect_options, top_k, 1000, 0, 1e6, "most keypoints of an image, 0 for all"),
    CAIRN_SETTING_INT_ROW(detect_options, border, 4, 0, 1024, "margin without keypoints, pixels"),
    CAIRN_SETTING_BOOL_ROW(detect_options, subpixel, 1, "move keypoints by a soft-argmax, by a pixel at most"),
    CAIRN_SETTING_BOOL_ROW(detect_options, parabola, 0,
                           "or to the vertex of a parabola, by half a pixel at most: for a student's broad peaks"),
    CAIRN_SETTING_CHOICE_ROW(detect_options, sampling, 0, CAIRN_SAMPLING_CHOICES, "where descriptors are read"),
    CAIRN_SETTING_BOOL_ROW(detect_options, heatmap, 0, "the probability of every pixel as well"),
    CAIRN_SETTING_INT_ROW(detect_options, batch, 8, 1, 64,
                          "images of one size in one program at most; fewer where they are large"),
    CAIRN_CLI_DEVICE_ROW(detect_options),
    {0},
};

typedef struct formats {
    bool npz, png;
} formats;

static cairn_status read_formats(formats *out, const char *text)
{
    *out = (formats){false, false};
    for (const char *at = text; *at;) {
        const size_t length = strcspn(at, ",");
        if (length == 3 && !strncmp(at, "npz", 3)) out->npz = true;
        else if (length == 3 && !strncmp(at, "png", 3)) out->png = true;
        else
            return cairn_error_set(CAIRN_E_INVALID, "command line: format: expected npz, png or npz,png, not '%s'",
                                   text);
        at += length + (at[length] == ',');
    }
    if (!out->npz && !out->png)
        return cairn_error_set(CAIRN_E_INVALID, "command line: format: expected npz, png or npz,png");
    return CAIRN_OK;
}

/* Path <folder>/<stem of image>.<extension>; the caller frees it. */
static cairn_status output_path(char **path, const char *folder, const char *image, const char *extension)
{
    char *stem = cairn_file_stem(image), *name = NULL;
    *path = NULL;
    if (stem && asprintf(&name, "%s.%s", stem, extension) >= 0) *path = cairn_file_join(folder, name);
    free(stem);
    free(name);
    return *path ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "out of memory");
}

static cairn_status write_npz(const char *path, const cairn_batch_item *item)
{
    char keypoints[] = "keypoints", descriptors[] = "descriptors", heatmap[] = "heatmap";
    const cairn_keypoints *points = &item->points;
    cairn_npz_array arrays[3] = {
        {.name = keypoints, .type = CAIRN_NPZ_F32, .rank = 2, .shape = {points->count, 3}, .data = points->points}};
    int count = 1;
    _Static_assert(sizeof(cairn_keypoint) == 12, "a row of keypoints is x, y, score");
    if (points->dimension)
        arrays[count++] = (cairn_npz_array){.name = descriptors,
                                            .type = CAIRN_NPZ_F32,
                                            .rank = 2,
                                            .shape = {points->count, points->dimension},
                                            .data = points->descriptors};
    if (item->heatmap)
        arrays[count++] = (cairn_npz_array){.name = heatmap,
                                            .type = CAIRN_NPZ_F32,
                                            .rank = 2,
                                            .shape = {item->gray.h, item->gray.w},
                                            .data = item->heatmap};
    return cairn_npz_write(path, arrays, count, false);
}

static cairn_status write_png(const char *path, const char *image_path, const cairn_keypoints *points)
{
    cairn_status st = CAIRN_OK;
    cairn_image image = {0}, drawing = {0};
    CAIRN_TRY(cairn_image_load(&image, image_path, 3));
    const cairn_picture picture = {&image, points, NULL};
    CAIRN_TRY(cairn_draw_keypoints(&drawing, &picture));
    CAIRN_TRY(cairn_image_save_png(&drawing, path));
done:
    cairn_image_free(&image);
    cairn_image_free(&drawing);
    return st;
}

static cairn_status write_heatmap(const char *path, const cairn_batch_item *item)
{
    cairn_image drawing = {0};
    cairn_status st = cairn_draw_heatmap(&drawing, &item->gray, item->heatmap, item->gray.h, item->gray.w);
    if (st >= 0) st = cairn_image_save_png(&drawing, path);
    cairn_image_free(&drawing);
    return st;
}

/* The picture of photo.png must not take the place of photo.png. */
static cairn_status check_outputs(const detect_options *o, formats f, const cairn_file_list *images)
{
    cairn_status st = CAIRN_OK;
    for (size_t i = 0; i < images->count && f.png; i++) {
        char *png;
        CAIRN_TRY(output_path(&png, o->out, images->paths[i], "png"));
        bool same = cairn_file_same(png, images->paths[i]);
        free(png);
        if (same)
            CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID,
                                      "command line: the picture would overwrite %s itself; give another --out, or "
                                      "--format npz",
                                      images->paths[i]));
    }
done:
    return st;
}

/* A line of the summary. */
typedef struct row {
    int h, w, points; /* h 0: not reached */
    float best;
    char *problem; /* NULL: none */
} row;

typedef struct work {
    const detect_options *o;
    formats f;
    char *heatmaps; /* folder of their pictures */
    const cairn_file_list *images;
    const cairn_batch_item *items; /* that are being written */
    row *rows;                     /* [images->count] */
    size_t reached, unusable;
    int64_t points;
    cairn_progress progress;
} work;

static cairn_status write_item(void *payload, int i)
{
    const work *w = payload;
    const cairn_batch_item *item = &w->items[i];
    const char *image = w->images->paths[item->index];
    cairn_status st = CAIRN_OK;
    char *npz = NULL, *png = NULL, *heatmap = NULL;
    if (item->status < 0) return CAIRN_OK;
    CAIRN_TRY(output_path(&npz, w->o->out, image, "npz"));
    CAIRN_TRY(output_path(&png, w->o->out, image, "png"));
    CAIRN_TRY(output_path(&heatmap, w->heatmaps, image, "png"));
    if (w->f.npz) CAIRN_TRY(write_npz(npz, item));
    if (w->f.png) CAIRN_TRY(write_png(png, image, &item->points));
    if (w->f.png && item->heatmap) CAIRN_TRY(write_heatmap(heatmap, item));
done:
    free(heatmap);
    free(npz);
    free(png);
    return st;
}

/* One unusable image among several does not stop the others; the command fails at the end. Outputs that cannot be
 * written stop it. */
static cairn_status take(void *payload, const cairn_batch_item *items, int count)
{
    work *w = payload;
    if (cairn_interrupted()) return cairn_interrupted_status();
    for (int i = 0; i < count; i++) {
        row *r = &w->rows[items[i].index];
        *r = (row){.h = items[i].gray.h, .w = items[i].gray.w, .points = items[i].points.count};
        if (r->points) r->best = items[i].points.points[0].score;
        w->points += r->points;
        if (items[i].status >= 0) continue;
        if (w->images->count == 1) return cairn_error_set(items[i].status, "%s", items[i].message);
        cairn_warn("%s", items[i].message);
        r->problem = strdup(items[i].message);
        w->unusable++;
    }
    w->items = items;
    const cairn_status st = cairn_parallel_for(count, 0, write_item, w);
    w->reached += (size_t)count;
    cairn_progress_update(&w->progress, (int64_t)w->reached, NULL);
    return st;
}

/* RFC 4180: in quotes, quotes doubled. */
static void write_field(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) fprintf(file, *text == '"' ? "\"\"" : "%c", *text);
    fputc('"', file);
}

static cairn_status write_summary(const work *w)
{
    cairn_status st = CAIRN_OK;
    char *text = NULL, *path = cairn_file_join(w->o->out, "summary.csv");
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file || !path) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    fprintf(file, "image,width,height,keypoints,best_score,problem\n");
    for (size_t i = 0; i < w->images->count; i++) {
        const row *r = &w->rows[i];
        write_field(file, w->images->paths[i]);
        if (r->problem) {
            fprintf(file, ",,,,,");
            write_field(file, r->problem);
            fputc('\n', file);
        } else {
            fprintf(file, ",%d,%d,%d,%.6g,\n", r->w, r->h, r->points, (double)r->best);
        }
    }
    if (fclose(file)) {
        file = NULL;
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    }
    file = NULL;
    CAIRN_TRY(cairn_file_write(path, text, size));
done:
    if (file) fclose(file);
    free(text);
    free(path);
    return st;
}

static cairn_status detect_all(cairn_gpu *gpu, const cairn_detector *detector, const detect_options *o, formats f,
                               const cairn_file_list *images)
{
    cairn_status st = CAIRN_OK;
    work w = {.o = o, .f = f, .images = images};
    const cairn_batches batches = {
        (int)o->batch, cairn_batches_pixels(gpu), (int)o->top_k, o->heatmap, take, &w};
    const double start = cairn_seconds();
    w.rows = calloc(images->count, sizeof *w.rows);
    if (!w.rows) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    w.heatmaps = cairn_file_join(o->out, "heatmaps");
    if (!w.heatmaps) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    if (o->heatmap && f.png) CAIRN_TRY(cairn_file_make_folder(w.heatmaps));
    cairn_progress_start(&w.progress, "detect", (int64_t)images->count, 0);
    CAIRN_TRY(cairn_batches_run(detector, (const char *const *)images->paths, (int)images->count, &batches));
    cairn_progress_finish(&w.progress);
    CAIRN_TRY(write_summary(&w));
    const double seconds = cairn_seconds() - start;
    const size_t used = images->count - w.unusable;
    printf("%zu image%s, %lld keypoints, %.2f images/s: %s\n", used, used == 1 ? "" : "s", (long long)w.points,
           seconds > 0 ? (double)used / seconds : 0.0, o->out);
    if (w.unusable)
        CAIRN_TRY(cairn_error_set(CAIRN_E_FAIL, "%zu of %zu images could not be used (see the warnings)", w.unusable,
                                  images->count));
done:
    for (size_t i = 0; i < images->count; i++) free(w.rows[i].problem);
    free(w.rows);
    free(w.heatmaps);
    return st;
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)word_count;
    const detect_options *o = options;
    cairn_status st = CAIRN_OK;
    cairn_gpu *gpu = NULL;
    cairn_detector detector = {0};
    cairn_file_list images = {0};
    formats f;
    cairn_detect_options detect = CAIRN_DETECT_OPTIONS_INIT;
    detect.threshold = o->threshold;
    detect.radius = (int)o->radius;
    detect.border = (int)o->border;
    detect.refine = o->subpixel;
    detect.parabola = o->parabola;
    detect.suppression = (cairn_suppression_kind)o->suppression;
    detect.sampling = (cairn_sampling)o->sampling;
    if (!o->model[0]) CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --model FILE is missing"));
    if (!o->out[0]) CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --out DIR is missing"));
    CAIRN_TRY(read_formats(&f, o->format));
    CAIRN_TRY(cairn_cli_images(&images, words));
    cairn_file_list_sort_natural(&images);
    CAIRN_TRY(check_outputs(o, f, &images));
    CAIRN_TRY(cairn_cli_open_device(&gpu, o->device));
    CAIRN_TRY(cairn_detector_load(&detector, gpu, o->model, &detect));
    CAIRN_TRY(cairn_file_make_folder(o->out));
    CAIRN_TRY(detect_all(gpu, &detector, o, f, &images));
done:
    cairn_detector_free(&detector);
    cairn_gpu_destroy(&gpu);
    cairn_file_list_free(&images);
    return st;
}

const cairn_command cairn_command_detect = {
    .name = "detect",
    .summary = "find keypoints in images and frames",
    .synopsis = "--model FILE IMAGE|FOLDER ... --out DIR [--format npz,png]",
    .details =
        "DIR/<stem>.npz holds keypoints [N,3] float32 (x, y, score) and, where the model has them, descriptors\n"
        "[N,D] float32; DIR/<stem>.png shows the keypoints over the image, and DIR/summary.csv has a line for each\n"
        "image. A folder stands for the images in it, in natural order (frame2 before frame10): the frames of a\n"
        "video, say. Images are decoded ahead, and those of one size go through the network in batches.\n\n"
        "--heatmap: heatmap [H,W] float32 in the npz, the probability of every pixel before suppression, and\n"
        "DIR/heatmaps/<stem>.png, which shows it.\n\n"
        "--sampling: the cell of a map of Wc cells of 8 pixels at which the descriptor of pixel x is read. centres:\n"
        "(x + 0.5) / 8 - 0.5, exact; corners: x / 8 (Wc - 1) / Wc, superpoint_v1 and pytorch-superpoint as\n"
        "published; half: x / 8 - 0.5, superpoint_v1 under newer PyTorch; superglue: (x - 3.5) / (8 Wc - 4.5)\n"
        "(Wc - 1), SuperGlue and LightGlue; legacy: x / 8, rpautrat's TensorFlow, which normalises behind the\n"
        "interpolation; loss: (x - 4) / 8, the cell centres of the losses.",
    .example = "  cairn detect --model runs/demo/student/model.safetensors photo.jpg --out found --top-k 500",
    .options = table,
    .options_bytes = sizeof(detect_options),
    .least_words = 1,
    .most_words = CAIRN_CLI_MOST_WORDS,
    .run = run,
};
