/* cairn benchmark: times of whole networks, of single ops, and of the device itself. */
#include "system/parallel.h"
#include "cli/command.h"
#include "cli/open_device.h"
#include "experiments/benchmarks/compare.h"
#include "experiments/benchmarks/homography.h"
#include "experiments/benchmarks/model.h"
#include "experiments/benchmarks/ops.h"
#include "gpu/ceilings.h"
#include "system/file.h"

#include <string.h>
#include <unistd.h>

typedef struct benchmark_options {
    int model, mode, precision, recompute;
    int64_t height, width, batch, runs, warmup;
    double multiplier;
    bool profile, table;
    char profile_json[CAIRN_SETTING_TEXT_BYTES];
    int cases;
    int64_t rounds, threads, seed;
    char peer[CAIRN_SETTING_TEXT_BYTES], python[CAIRN_SETTING_TEXT_BYTES], markdown[CAIRN_SETTING_TEXT_BYTES];
    char peer_options[CAIRN_SETTING_TEXT_BYTES], cairn_options[CAIRN_SETTING_TEXT_BYTES];
    char filter[CAIRN_SETTING_TEXT_BYTES], device[CAIRN_SETTING_TEXT_BYTES];
} benchmark_options;

static const cairn_setting table[] = {
    CAIRN_SETTING_CHOICE_ROW(benchmark_options, model, 0, CAIRN_BENCHMARK_MODELS, "model: the network"),
    CAIRN_SETTING_CHOICE_ROW(benchmark_options, mode, 0, "train,infer", "model: a training step, or inference"),
    CAIRN_SETTING_INT_ROW(benchmark_options, height, 120, 32, 8192, "model: of the images, pixels"),
    CAIRN_SETTING_INT_ROW(benchmark_options, width, 160, 32, 8192, "model: of the images, pixels"),
    CAIRN_SETTING_INT_ROW(benchmark_options, batch, 1, 1, 1024, "model: images at once"),
    CAIRN_SETTING_INT_ROW(benchmark_options, warmup, 2, 0, 1000, "model: runs before the timed ones"),
    CAIRN_SETTING_CHOICE_ROW(benchmark_options, precision, 0, "fp32,mixed",
                             "model: mixed stores activations and their gradients in 16 bits"),
    CAIRN_SETTING_CHOICE_ROW(benchmark_options, recompute, 0, "none,cheap",
                             "model: cheap makes activations again for the backward pass instead of keeping them"),
    CAIRN_SETTING_FLOAT_ROW(benchmark_options, multiplier, 1, 0.0625, 2, "model: multiplies its channel counts"),
    CAIRN_SETTING_BOOL_ROW(benchmark_options, profile, 0,
                           "model: afterwards time by op, kernel and shape, on standard error"),
    CAIRN_SETTING_TEXT_ROW(benchmark_options, profile_json, "", "model: the same as JSON into this file"),
    CAIRN_SETTING_BOOL_ROW(benchmark_options, table, 0, "lines for people instead of JSON"),
    CAIRN_SETTING_TEXT_ROW(benchmark_options, filter, "",
                           "ops, compare: only cases whose 'op shape' or 'model mode' holds this text"),
    CAIRN_SETTING_INT_ROW(benchmark_options, runs, 5, 1, 100000, "timed runs; homography: of each kind, at most 10000"),
    CAIRN_SETTING_INT_ROW(benchmark_options, seed, 0, 0, 4294967295.0, "homography: of the points"),
    CAIRN_SETTING_TEXT_ROW(benchmark_options, peer, "",
                           "compare, homography: script that does the same by another program"),
    CAIRN_SETTING_TEXT_ROW(benchmark_options, python, "python3", "what the peer is started with"),
    CAIRN_SETTING_CHOICE_ROW(benchmark_options, cases, 0, "cpu,gpu,one,cost",
                             "compare: the tables of docs/performance.md, the case that --model ... --batch say, or "
                             "teacher and students in inference"),
    CAIRN_SETTING_INT_ROW(benchmark_options, rounds, 3, 1, 100, "compare: times both sides run, in turn"),
    CAIRN_SETTING_INT_ROW(benchmark_options, threads, 0, 0, 1024, "compare: of both sides on a CPU; 0: all cores"),
    CAIRN_SETTING_TEXT_ROW(benchmark_options, peer_options, "", "compare: more options for the peer, in one word"),
    CAIRN_SETTING_TEXT_ROW(benchmark_options, cairn_options, "", "compare: more options for benchmark model"),
    CAIRN_SETTING_TEXT_ROW(benchmark_options, markdown, "", "compare: the table as Markdown into this file"),
    CAIRN_CLI_DEVICE_ROW(benchmark_options),
    {0},
};

static cairn_status run_model(cairn_gpu *gpu, const benchmark_options *o)
{
    cairn_status st = CAIRN_OK;
    char model[32], *json = NULL;
    size_t json_bytes = 0;
    FILE *json_file = NULL;
    cairn_settings_format(model, sizeof model, cairn_settings_find(table, "model"), o);
    if (o->profile_json[0] && !(json_file = open_memstream(&json, &json_bytes)))
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for the profile"));
    const cairn_benchmark_model_options benchmark = {
        .model = model,
        .train = o->mode == 0,
        .precision = o->precision,
        .recompute = o->recompute,
        .height = (int)o->height,
        .width = (int)o->width,
        .batch = (int)o->batch,
        .runs = (int)o->runs,
        .warmup = (int)o->warmup,
        .multiplier = o->multiplier,
        .table = o->table,
        .profile = o->profile ? stderr : NULL,
        .profile_json = json_file,
    };
    CAIRN_TRY(cairn_benchmark_model(gpu, stdout, &benchmark));
    if (json_file) CAIRN_TRY(cairn_file_write(o->profile_json, json, json_bytes));
done:
    if (json_file) fclose(json_file);
    free(json);
    return st;
}

static cairn_status run_ceilings(cairn_gpu *gpu, const benchmark_options *o)
{
    cairn_status st;
    cairn_ceilings c;
    const cairn_gpu_info *info = cairn_gpu_get_info(gpu);
    CAIRN_TRY(cairn_ceilings_measure(&c, gpu));
    if (o->table)
        printf("%s: %.1f GFLOP/s fp32 multiply-adds, %.1f GB/s copying %.0f MiB\n", info->name, c.fp32_gflops,
               c.copy_gbps, c.copy_mib);
    else
        printf("{\"device\":\"%s\",\"driver\":\"%s\",\"kernels\":\"%s\",\"fp32_gflops\":%.3f,\"copy_gbps\":%.3f,"
               "\"copy_mib\":%.0f}\n",
               info->name, info->driver, info->kernel_class == CAIRN_CLASS_TEXEL ? "texel" : "simt", c.fp32_gflops,
               c.copy_gbps, c.copy_mib);
done:
    return st;
}

enum { MOST_CASES = 16 };

static cairn_status choose_cases(cairn_compare_case chosen[MOST_CASES], const benchmark_options *o)
{
    const cairn_compare_case one[] = {
        {cairn_benchmark_models[o->model], o->mode == 0, (int)o->height, (int)o->width, (int)o->batch}, {0}};
    const cairn_compare_case *from = o->cases == 0   ? cairn_compare_cpu
                                     : o->cases == 1 ? cairn_compare_gpu
                                     : o->cases == 2 ? one
                                                     : cairn_compare_cost;
    int count = 0;
    for (; from->model; from++) {
        char name[64];
        snprintf(name, sizeof name, "%s %s", from->model, from->train ? "train" : "infer");
        if (!o->filter[0] || strstr(name, o->filter)) chosen[count++] = *from;
    }
    chosen[count] = (cairn_compare_case){0};
    return count ? CAIRN_OK : cairn_error_set(CAIRN_E_NOTFOUND, "no case matches '%s'", o->filter);
}

static cairn_status run_compare(const benchmark_options *o)
{
    cairn_status st;
    cairn_compare_case cases[MOST_CASES];
    char program[4096], *table_text = NULL;
    size_t table_bytes = 0;
    FILE *markdown = NULL;
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0) CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND, "cannot find this program's own file"));
    program[length] = 0;
    if (!o->peer[0]) CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: compare needs --peer SCRIPT"));
    CAIRN_TRY(choose_cases(cases, o));
    if (o->markdown[0] && !(markdown = open_memstream(&table_text, &table_bytes)))
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for the table"));
    CAIRN_TRY(cairn_benchmark_compare(&(cairn_compare_options){
        .cases = cases,
        .program = program,
        .python = o->python,
        .peer = o->peer,
        .our_words = o->cairn_options,
        .peer_words = o->peer_options,
        .rounds = (int)o->rounds,
        .runs = (int)o->runs,
        .warmup = (int)o->warmup,
        .threads = o->threads ? (int)o->threads : cairn_cores(),
        .lines = o->table ? NULL : stdout,
        .table = o->table ? stdout : markdown,
    }));
    if (markdown && !o->table) CAIRN_TRY(cairn_file_write(o->markdown, table_text, table_bytes));
done:
    if (markdown) fclose(markdown);
    free(table_text);
    return st;
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)word_count;
    static const char *const kinds[] = {"model", "ops", "ceilings", "compare", "homography"};
    enum { MODEL, OPS, CEILINGS, COMPARE, HOMOGRAPHY, KINDS };
    const benchmark_options *o = options;
    cairn_status st = CAIRN_OK;
    cairn_gpu *gpu = NULL;
    int kind = MODEL;
    while (kind < KINDS && strcmp(words[0], kinds[kind])) kind++;
    if (kind == KINDS)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: expected 'model', 'ops', 'ceilings', 'compare' or "
                                                   "'homography', not '%s'", words[0]));
    if (kind == COMPARE) return run_compare(o); /* its children open the device */
    if (kind == HOMOGRAPHY)
        return cairn_benchmark_homography(
            stdout, &(cairn_benchmark_homography_options){(int)o->runs, (uint32_t)o->seed, o->python, o->peer, o->table});
    CAIRN_TRY(cairn_cli_open_device(&gpu, o->device));
    if (kind == MODEL)
        CAIRN_TRY(run_model(gpu, o));
    else if (kind == OPS)
        CAIRN_TRY(cairn_benchmark_ops(gpu, stdout, o->filter[0] ? o->filter : NULL, (int)o->runs, o->table));
    else
        CAIRN_TRY(run_ceilings(gpu, o));
done:
    cairn_gpu_destroy(&gpu);
    return st;
}

const cairn_command cairn_command_benchmark = {
    .name = "benchmark",
    .summary = "time whole networks or single ops",
    .synopsis = "model|ops|ceilings|compare|homography [options]",
    .details = "Prints JSON lines: one for a network, one for each op and shape, one for what the device reaches at\n"
               "most; compare runs this program and another engine in turn and prints the ratio of their times; one for\n"
               "each robust estimator on random pairs of points with a known homography.",
    .example = "  cairn benchmark model --model superpoint --mode train --height 120 --width 160 --batch 1\n"
               "  cairn benchmark ops --filter conv\n"
               "  cairn benchmark compare --cases cost --rounds 2 --runs 3 --peer experiments/benchmarks/torch_peer.py\n"
               "  cairn benchmark homography --runs 200 --table --peer tests/peers/homography_peer.py",
    .options = table,
    .options_bytes = sizeof(benchmark_options),
    .least_words = 1,
    .most_words = 1,
    .run = run,
};
