/* cairn tune: measures which variants of kernels are fastest for a network on this device, and keeps that. */
#include "cli/command.h"
#include "cli/open_device.h"
#include "experiments/benchmarks/model.h"
#include "gpu/cache/tuning.h"
#include "reference/self_test.h"

typedef struct tune_options {
    int model, mode;
    int64_t height, width, batch;
    double multiplier;
    bool again;
    char file[CAIRN_SETTING_TEXT_BYTES], device[CAIRN_SETTING_TEXT_BYTES];
} tune_options;

static const cairn_setting table[] = {
    CAIRN_SETTING_CHOICE_ROW(tune_options, model, 0, CAIRN_BENCHMARK_MODELS, "the network"),
    CAIRN_SETTING_CHOICE_ROW(tune_options, mode, 0, "train,infer", "a training step, or inference"),
    CAIRN_SETTING_INT_ROW(tune_options, height, 120, 32, 8192, "of the images, pixels"),
    CAIRN_SETTING_INT_ROW(tune_options, width, 160, 32, 8192, "of the images, pixels"),
    CAIRN_SETTING_INT_ROW(tune_options, batch, 8, 1, 1024, "images at once"),
    CAIRN_SETTING_FLOAT_ROW(tune_options, multiplier, 1, 0.0625, 2, "multiplies the network's channel counts"),
    CAIRN_SETTING_BOOL_ROW(tune_options, again, 0, "forget what was measured before, of every network"),
    CAIRN_SETTING_TEXT_ROW(tune_options, file, "", "where to keep it; empty: the user's cache folder"),
    CAIRN_CLI_DEVICE_ROW(tune_options),
    {0},
};

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)words, (void)word_count;
    const tune_options *o = options;
    cairn_status st = CAIRN_OK;
    cairn_gpu *gpu = NULL;
    char model[32];
    cairn_gpu_options device = CAIRN_GPU_OPTIONS_INIT;
    device.device = o->device[0] ? o->device : NULL;
    device.tuning = CAIRN_TUNING_MEASURE;
    device.tuning_file = o->file[0] ? o->file : NULL;
    cairn_settings_format(model, sizeof model, cairn_settings_find(table, "model"), o);
    const cairn_benchmark_model_options network = {.model = model,
                                                   .train = o->mode == 0,
                                                   .height = (int)o->height,
                                                   .width = (int)o->width,
                                                   .batch = (int)o->batch,
                                                   .multiplier = o->multiplier};
    CAIRN_TRY(cairn_self_test_open(&gpu, &device));
    if (o->again) cairn_gpu_tuning_clear(gpu);
    const int before = cairn_gpu_tuning_count(gpu);
    CAIRN_TRY(cairn_benchmark_model_compile(gpu, &network));
    cairn_gpu_tuning_save(gpu);
    const char *path = cairn_gpu_tuning_path(gpu);
    printf("%d choices measured, %d known in %s\n", cairn_gpu_tuning_count(gpu) - before, cairn_gpu_tuning_count(gpu),
           path ? path : "no file");
done:
    cairn_gpu_destroy(&gpu);
    return st;
}

const cairn_command cairn_command_tune = {
    .name = "tune",
    .summary = "measure which kernels are fastest on this device, once",
    .synopsis = "[options]",
    .details = "Every later run on this device and driver uses what was found; shipped choices serve until then.\n"
               "The variable CAIRN_TUNE=1 makes any command measure what it needs and does not know, CAIRN_TUNE=0\n"
               "uses the shipped choices only, and CAIRN_TUNING_FILE names the file. Results are the same bit for\n"
               "bit as long as the file is the same; another choice may change the last bits.",
    .example = "  cairn tune --model superpoint --mode train --height 120 --width 160 --batch 8\n",
    .options = table,
    .options_bytes = sizeof(tune_options),
    .run = run,
};
