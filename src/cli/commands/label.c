/* cairn label: keypoints of photographs by homographic adaptation, as training labels. */
#include "cli/command.h"
#include "cli/open_device.h"
#include "experiments/labelling/folder.h"
#include "experiments/labelling/settings.h"
#include "system/file.h"

#include <string.h>

typedef struct label_options {
    char model[CAIRN_SETTING_TEXT_BYTES], out[CAIRN_SETTING_TEXT_BYTES], skip[CAIRN_SETTING_TEXT_BYTES];
    char device[CAIRN_SETTING_TEXT_BYTES];
    int64_t height, width, limit, preview, seed, camera;
    int layout;
    cairn_labelling_settings labelling;
} label_options;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(label_options, model, "", "checkpoint (safetensors) of the labelling network"),
    CAIRN_SETTING_TEXT_ROW(label_options, out, "", "folder of the labels; goes on where it was stopped"),
    CAIRN_SETTING_INT_ROW(label_options, height, 240, 32, 4096, "of the labelled image, pixels, a multiple of 8"),
    CAIRN_SETTING_INT_ROW(label_options, width, 320, 32, 4096, "of the labelled image, pixels, a multiple of 8"),
    CAIRN_LABELLING_ROWS(label_options),
    CAIRN_SETTING_INT_ROW(label_options, preview, 0, 0, 100000,
                          "photos, spread over all, whose heatmap and labels are drawn"),
    CAIRN_SETTING_TEXT_ROW(label_options, skip, "", "photos to leave out, names without extension and with commas"),
    CAIRN_SETTING_CHOICE_ROW(label_options, layout, CAIRN_PHOTOS_AUTO, CAIRN_PHOTO_LAYOUTS, "of the folder"),
    CAIRN_SETTING_INT_ROW(label_options, camera, 0, 0, 3, "of KITTI: 0 and 1 gray, 2 and 3 colour"),
    CAIRN_SETTING_INT_ROW(label_options, limit, 0, 0, 1e9, "photos at most, spread over all; 0: all"),
    CAIRN_SETTING_INT_ROW(label_options, seed, 0, 0, 4294967295.0, "of the views"),
    CAIRN_CLI_DEVICE_ROW(label_options),
    {0},
};

static cairn_status check(const label_options *o)
{
    if (!o->model[0]) return cairn_error_set(CAIRN_E_INVALID, "command line: --model FILE is missing");
    if (!o->out[0]) return cairn_error_set(CAIRN_E_INVALID, "command line: --out DIR is missing");
    if (o->height % 8 || o->width % 8)
        return cairn_error_set(CAIRN_E_INVALID, "command line: --height and --width must be multiples of 8");
    return cairn_labelling_check(&o->labelling, "command line");
}

static void print(const cairn_label_folder_result *r, const char *out)
{
    printf("%d photographs labelled with %lld keypoints", r->labelled, (long long)r->points);
    if (r->there) printf(", %d were there", r->there);
    if (r->unusable) printf(", %d left out", r->unusable);
    if (r->labelled && r->seconds > 0)
        printf("; %.2f photographs/s, %.1f views/s", r->labelled / r->seconds, r->views_per_second);
    printf(": %s\n", out);
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)word_count;
    const label_options *o = options;
    cairn_status st = CAIRN_OK;
    cairn_gpu *gpu = NULL;
    cairn_network *network = NULL;
    cairn_photo_folder photos = {0};
    cairn_label_folder_result result;
    cairn_label_folder folder = {.out = o->out, .model = o->model, .h = (int)o->height, .w = (int)o->width,
                                 .seed = (uint32_t)o->seed, .labelling = cairn_labelling_from(&o->labelling)};
    folder.labelling.previews = (int)o->preview;
    CAIRN_TRY(check(o));
    const cairn_photo_options listed = {.skip = o->skip,
                                        .limit = (size_t)o->limit,
                                        .layout = (cairn_photo_layout)o->layout,
                                        .camera = (int)o->camera};
    CAIRN_TRY(cairn_photo_folder_open(&photos, words[0], &listed));
    CAIRN_TRY(cairn_file_hash(&folder.checkpoint, o->model));
    CAIRN_TRY(cairn_cli_open_device(&gpu, o->device));
    CAIRN_TRY(cairn_network_load(&network, gpu, o->model));
    CAIRN_TRY(cairn_label_folder_run(&result, gpu, network, &photos, &folder));
    print(&result, o->out);
done:
    cairn_network_destroy(&network);
    cairn_gpu_destroy(&gpu);
    cairn_photo_folder_free(&photos);
    return st;
}

const cairn_command cairn_command_label = {
    .name = "label",
    .summary = "label photographs by homographic adaptation",
    .synopsis = "PHOTOS --model FILE --out DIR [--views N] [--preview N]",
    .details =
        "PHOTOS is a folder of images, with its sub-folders. Each is scaled and cut to --height x --width and looked\n"
        "at over --views warped views. DIR/<stem>.npz then holds points [N,3] float32 (x, y, score), size (height,\n"
        "width), views, threshold, the checkpoint's fingerprint and the options. An interrupted call goes on with the\n"
        "same command; a DIR whose labels were made otherwise is refused.\n\n"
        "--aggregation sum: sum of the views' heatmaps by the number of views that saw the pixel (rpautrat's sum);\n"
        "mean: by the number of all views; max: the largest.",
    .example = "  cairn label photos --model runs/demo/magicpoint/model.safetensors --out labels --preview 8",
    .options = table,
    .options_bytes = sizeof(label_options),
    .least_words = 1,
    .most_words = 1,
    .run = run,
};
