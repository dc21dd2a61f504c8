/* cairn benchmark: times of whole networks and of single ops, as JSON lines. */
#include "cli/command.h"
#include "cli/open_device.h"
#include "experiments/benchmarks/model.h"
#include "experiments/benchmarks/ops.h"

#include <string.h>

typedef struct benchmark_options {
    int model, mode;
    int64_t height, width, batch, runs, warmup;
    double multiplier;
    bool profile;
    char filter[CAIRN_SETTING_TEXT_BYTES], device[CAIRN_SETTING_TEXT_BYTES];
} benchmark_options;

static const char models[] = "superpoint,magicpoint,sp-fpn";
static const cairn_setting table[] = {
    CAIRN_SETTING_CHOICE_ROW(benchmark_options, model, 0, models, "model: the network"),
    CAIRN_SETTING_CHOICE_ROW(benchmark_options, mode, 0, "train,infer", "model: a training step, or inference"),
    CAIRN_SETTING_INT_ROW(benchmark_options, height, 120, 32, 8192, "model: of the images, pixels"),
    CAIRN_SETTING_INT_ROW(benchmark_options, width, 160, 32, 8192, "model: of the images, pixels"),
    CAIRN_SETTING_INT_ROW(benchmark_options, batch, 1, 1, 1024, "model: images at once"),
    CAIRN_SETTING_INT_ROW(benchmark_options, warmup, 2, 0, 1000, "model: runs before the timed ones"),
    CAIRN_SETTING_FLOAT_ROW(benchmark_options, multiplier, 1, 0.0625, 2, "model: multiplies its channel counts"),
    CAIRN_SETTING_BOOL_ROW(benchmark_options, profile, 0, "model: afterwards the time by op, on standard error"),
    CAIRN_SETTING_TEXT_ROW(benchmark_options, filter, "", "ops: only cases whose 'op shape' holds this text"),
    CAIRN_SETTING_INT_ROW(benchmark_options, runs, 5, 1, 100000, "timed runs"),
    CAIRN_CLI_DEVICE_ROW(benchmark_options),
    {0},
};

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)word_count;
    const benchmark_options *o = options;
    cairn_status st = CAIRN_OK;
    cairn_gpu *gpu = NULL;
    const bool ops = !strcmp(words[0], "ops");
    char model[32];
    if (!ops && strcmp(words[0], "model"))
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: expected 'model' or 'ops', not '%s'", words[0]));
    CAIRN_TRY(cairn_cli_open_device(&gpu, o->device));
    if (ops) {
        CAIRN_TRY(cairn_benchmark_ops(gpu, stdout, o->filter[0] ? o->filter : NULL, (int)o->runs));
        goto done;
    }
    cairn_settings_format(model, sizeof model, cairn_settings_find(table, "model"), o);
    const cairn_benchmark_model_options benchmark = {
        .model = model,
        .train = o->mode == 0,
        .height = (int)o->height,
        .width = (int)o->width,
        .batch = (int)o->batch,
        .runs = (int)o->runs,
        .warmup = (int)o->warmup,
        .multiplier = o->multiplier,
        .profile = o->profile,
        .report = stderr,
    };
    CAIRN_TRY(cairn_benchmark_model(gpu, stdout, &benchmark));
done:
    cairn_gpu_destroy(&gpu);
    return st;
}

const cairn_command cairn_command_benchmark = {
    .name = "benchmark",
    .summary = "time whole networks or single ops",
    .synopsis = "model|ops [options]",
    .details = "Prints JSON lines: one for a network, one for each op and shape.",
    .example = "  cairn benchmark model --model superpoint --mode train --height 120 --width 160 --batch 1\n"
               "  cairn benchmark ops --filter conv",
    .options = table,
    .options_bytes = sizeof(benchmark_options),
    .least_words = 1,
    .most_words = 1,
    .run = run,
};
