/* cairn heatmap: what teacher and students make of the same photographs, side by side. */
#include "base/log.h"
#include "cli/command.h"
#include "cli/evaluation.h"
#include "cli/images.h"
#include "experiments/detectors/model_name.h"
#include "experiments/gallery/heatmaps.h"
#include "student/network.h"
#include "system/interrupt.h"
#include "system/progress.h"

#include <string.h>

/* Photographs of a group are in memory together with all their heatmaps, and networks on the device one after the
 * other: several with their programs at once are more than small devices hold. */
enum { MOST_MODELS = 16, GROUP = 16 };

typedef struct heatmap_options {
    char model[CAIRN_SETTING_TEXT_BYTES], out[CAIRN_SETTING_TEXT_BYTES], device[CAIRN_SETTING_TEXT_BYTES];
    int64_t side;
} heatmap_options;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(heatmap_options, model, "", "checkpoint (safetensors), or several with commas"),
    CAIRN_SETTING_TEXT_ROW(heatmap_options, out, "", "folder of the pictures"),
    CAIRN_SETTING_INT_ROW(heatmap_options, side, 640, 0, 16384,
                          "photographs with a longer side are reduced to it, pixels; 0: none are"),
    CAIRN_CLI_DEVICE_ROW(heatmap_options),
    {0},
};

typedef struct photo {
    const char *path;
    cairn_image image;
    float *heatmaps[MOST_MODELS];
    bool unusable;
} photo;

typedef struct work {
    const heatmap_options *o;
    cairn_gpu *gpu;
    const cairn_file_list *images;
    char models[MOST_MODELS][CAIRN_SETTING_TEXT_BYTES], names[MOST_MODELS][64];
    int model_count;
    photo photos[GROUP];
    int photo_count;
    size_t unusable;
    cairn_progress progress;
    int64_t steps;
} work;

static cairn_status read_models(work *w)
{
    const char *list = w->o->model;
    while (*list) {
        const size_t length = strcspn(list, ",");
        if (length && w->model_count == MOST_MODELS)
            return cairn_error_set(CAIRN_E_INVALID, "command line: at most %d models at once", MOST_MODELS);
        if (length) {
            char *path = w->models[w->model_count];
            snprintf(path, sizeof w->models[0], "%.*s", (int)length, list);
            cairn_model_name(w->names[w->model_count++], path, w->o->model);
        }
        list += length + (list[length] == ',');
    }
    return w->model_count ? CAIRN_OK : cairn_error_set(CAIRN_E_INVALID, "command line: --model FILE is missing");
}

/* <out>/<stem>.png; the caller frees it. */
static cairn_status output_path(char **path, const char *folder, const char *image)
{
    char *stem = cairn_file_stem(image), *name = NULL;
    *path = NULL;
    if (stem && asprintf(&name, "%s.png", stem) >= 0) *path = cairn_file_join(folder, name);
    free(stem);
    free(name);
    return *path ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "out of memory");
}

static cairn_status check_outputs(const work *w)
{
    cairn_status st = CAIRN_OK;
    for (size_t i = 0; i < w->images->count; i++) {
        char *path;
        CAIRN_TRY(output_path(&path, w->o->out, w->images->paths[i]));
        const bool same = cairn_file_same(path, w->images->paths[i]);
        free(path);
        if (same)
            CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID,
                                      "command line: the picture would overwrite %s itself; give another --out",
                                      w->images->paths[i]));
    }
done:
    return st;
}

/* One unusable photograph among several does not stop the others; the command fails at the end. */
static cairn_status leave_out(work *w, photo *p, cairn_status st)
{
    if (w->images->count == 1) return st;
    cairn_warn("%s", cairn_error_message());
    p->unusable = true;
    w->unusable++;
    return CAIRN_OK;
}

static cairn_status load(photo *p, const char *path, int64_t side)
{
    cairn_status st = CAIRN_OK;
    cairn_image whole = {0};
    CAIRN_TRY(cairn_image_load(&whole, path, 3));
    const int longer = whole.h > whole.w ? whole.h : whole.w;
    if (side && longer > side) {
        const int h = (int)((int64_t)whole.h * side / longer), w = (int)((int64_t)whole.w * side / longer);
        CAIRN_TRY(cairn_image_resize(&p->image, &whole, h > 1 ? h : 1, w > 1 ? w : 1));
    } else {
        p->image = whole;
        whole = (cairn_image){0};
    }
    if (p->image.h < 32 || p->image.w < 32)
        CAIRN_TRY(cairn_error_set(CAIRN_E_SHAPE, "%s: %dx%d pixels are too few; at least 32x32 are needed%s", path,
                                  p->image.w, p->image.h, side && longer > side ? " (--side reduced it)" : ""));
done:
    cairn_image_free(&whole);
    return st;
}

static cairn_status look(photo *p, int model, cairn_network *network)
{
    cairn_status st = CAIRN_OK;
    cairn_image gray = {0};
    CAIRN_TRY(cairn_image_to_gray(&gray, &p->image));
    p->heatmaps[model] = malloc(sizeof(float) * (size_t)gray.h * (size_t)gray.w);
    if (!p->heatmaps[model]) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for heatmaps"));
    CAIRN_TRY(cairn_network_run(network, gray.pixels, 1, gray.h, gray.w, p->heatmaps[model], NULL));
done:
    cairn_image_free(&gray);
    return st;
}

static cairn_status look_at_all(work *w, int model)
{
    cairn_status st = CAIRN_OK;
    cairn_network *network = NULL;
    CAIRN_TRY(cairn_network_load(&network, w->gpu, w->models[model]));
    for (int i = 0; i < w->photo_count; i++) {
        if (cairn_interrupted()) CAIRN_TRY(cairn_interrupted_status());
        if (!w->photos[i].unusable) CAIRN_TRY(look(&w->photos[i], model, network));
        cairn_progress_update(&w->progress, ++w->steps, NULL);
    }
done:
    cairn_network_destroy(&network);
    return st;
}

static cairn_status draw(const work *w, const photo *p)
{
    cairn_status st = CAIRN_OK;
    cairn_image sheet = {0};
    cairn_heatmap heatmaps[MOST_MODELS];
    char *path = NULL;
    const char *slash = strrchr(p->path, '/');
    for (int i = 0; i < w->model_count; i++) heatmaps[i] = (cairn_heatmap){w->names[i], p->heatmaps[i]};
    CAIRN_TRY(output_path(&path, w->o->out, p->path));
    CAIRN_TRY(cairn_draw_heatmaps(&sheet, &p->image, slash ? slash + 1 : p->path, heatmaps, w->model_count));
    CAIRN_TRY(cairn_image_save_png(&sheet, path));
done:
    free(path);
    cairn_image_free(&sheet);
    return st;
}

static void clear(work *w)
{
    for (int i = 0; i < w->photo_count; i++) {
        cairn_image_free(&w->photos[i].image);
        for (int k = 0; k < w->model_count; k++) free(w->photos[i].heatmaps[k]);
        w->photos[i] = (photo){0};
    }
    w->photo_count = 0;
}

static cairn_status do_group(work *w, size_t first)
{
    cairn_status st = CAIRN_OK;
    while (w->photo_count < GROUP && first + (size_t)w->photo_count < w->images->count) {
        photo *p = &w->photos[w->photo_count];
        p->path = w->images->paths[first + (size_t)w->photo_count++];
        st = load(p, p->path, w->o->side);
        if (st < 0) CAIRN_TRY(leave_out(w, p, st));
    }
    for (int i = 0; i < w->model_count; i++) CAIRN_TRY(look_at_all(w, i));
    for (int i = 0; i < w->photo_count; i++)
        if (!w->photos[i].unusable) CAIRN_TRY(draw(w, &w->photos[i]));
done:
    clear(w);
    return st;
}

static cairn_status do_all(work *w)
{
    cairn_status st = CAIRN_OK;
    const size_t all = w->images->count;
    cairn_progress_start(&w->progress, "heatmap", (int64_t)all * w->model_count, 0);
    for (size_t first = 0; first < all; first += GROUP) CAIRN_TRY(do_group(w, first));
    cairn_progress_finish(&w->progress);
    const size_t drawn = all - w->unusable;
    printf("%zu picture%s of %d model%s: %s\n", drawn, drawn == 1 ? "" : "s", w->model_count,
           w->model_count == 1 ? "" : "s", w->o->out);
    if (w->unusable)
        CAIRN_TRY(
            cairn_error_set(CAIRN_E_FAIL, "%zu of %zu images could not be used (see the warnings)", w->unusable, all));
done:
    return st;
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)word_count;
    cairn_status st = CAIRN_OK;
    cairn_file_list images = {0};
    work *w = calloc(1, sizeof *w);
    if (!w) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    w->o = options;
    w->images = &images;
    CAIRN_TRY(read_models(w));
    if (!w->o->out[0]) CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --out DIR is missing"));
    CAIRN_TRY(cairn_cli_images(&images, words));
    cairn_file_list_sort_natural(&images);
    CAIRN_TRY(check_outputs(w));
    CAIRN_TRY(cairn_cli_open_device(&w->gpu, w->o->device));
    CAIRN_TRY(cairn_file_make_folder(w->o->out));
    CAIRN_TRY(do_all(w));
done:
    if (w) cairn_gpu_destroy(&w->gpu);
    free(w);
    cairn_file_list_free(&images);
    return st;
}

const cairn_command cairn_command_heatmap = {
    .name = "heatmap",
    .summary = "draw what models see in photographs, side by side",
    .synopsis = "--model FILE[,FILE ...] IMAGE|FOLDER ... --out DIR",
    .details =
        "DIR/<stem>.png shows the photograph and, for each model, its heatmap over it in dark gray. The\n"
        "colour is the square root of a probability's share of the heatmap's largest one, which stands beside\n"
        "the model's name; so two models of different confidence can be compared. A model is called by its\n"
        "file, or by its folder where the file is model.safetensors.",
    .example = "  cairn heatmap --model runs/demo/teacher/model.safetensors,runs/demo/student/model.safetensors \\\n"
               "      photo.jpg --out heatmaps",
    .options = table,
    .options_bytes = sizeof(heatmap_options),
    .least_words = 1,
    .most_words = CAIRN_CLI_MOST_WORDS,
    .run = run,
};
