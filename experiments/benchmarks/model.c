#include "experiments/benchmarks/model.h"

#include "base/hash.h"
#include "base/rng.h"
#include "experiments/benchmarks/networks.h"
#include "gpu/cache/tuning.h"
#include "graph/profile.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"
#include "system/progress.h"
#include "teacher/descriptor_loss.h"
#include "teacher/losses.h"
#include "train/trainer.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { ALL = CAIRN_AXIS_N | CAIRN_AXIS_H | CAIRN_AXIS_W | CAIRN_AXIS_C };

typedef struct bench {
    cairn_gpu *gpu;
    cairn_graph *g;
    cairn_model model;
    cairn_store *store;
    cairn_program *program;
    cairn_tid inputs[6], scalars;
    int input_count;
    float top[6]; /* inputs are uniform in [0, top); whole numbers when negative */
    cairn_train_settings settings;
    double macs; /* of a forward pass */
} bench;

static cairn_tid add_input(bench *b, const char *name, cairn_shape s, float top)
{
    b->top[b->input_count] = top;
    return b->inputs[b->input_count++] = cairn_graph_input(b->g, name, s);
}

static cairn_tid teacher_loss(bench *b, cairn_network_graph net)
{
    cairn_shape s = cairn_graph_shape(b->g, net.logits);
    cairn_shape cells = {s.n, s.h, s.w, 1};
    cairn_tid loss = cairn_detector_loss(b->g, net.logits, add_input(b, "labels", cells, -65),
                                         cairn_graph_constant(b->g, cells, 1));
    if (net.descriptor == CAIRN_NONE) return loss;
    int m = s.h * s.w;
    cairn_tid match = add_input(b, "match", (cairn_shape){s.n, 1, m, m}, -2);
    cairn_tid valid = cairn_graph_constant(b->g, (cairn_shape){s.n, 1, 1, m}, 1);
    cairn_descriptor_views views = {.a = net.descriptor, .b = net.descriptor, .match = match, .valid = valid};
    cairn_descriptor_options balanced = {.kind = CAIRN_DESCRIPTOR_BALANCED, .lambda = 1};
    return cairn_op_add(b->g, loss, cairn_descriptor_loss(b->g, &views, &balanced).loss);
}

static cairn_tid student_loss(bench *b, cairn_network_graph net)
{
    cairn_tid target = add_input(b, "target", cairn_graph_shape(b->g, net.heatmap), 1);
    return cairn_op_reduce_mean(b->g, cairn_op_huber(b->g, net.heatmap, target, 1.0f), ALL);
}

static cairn_status build(bench *b, const cairn_benchmark_model_options *o)
{
    cairn_status st = CAIRN_OK;
    cairn_network_spec spec;
    CAIRN_TRY(cairn_benchmark_network(&spec, o->model, o->multiplier));
    CAIRN_TRY(cairn_network_cost(&spec, o->batch, o->height, o->width, &b->macs, NULL));
    CAIRN_TRY(cairn_graph_create(&b->g));
    CAIRN_TRY(cairn_store_create(&b->store, b->gpu));
    cairn_model_init(&b->model, b->g, o->train);
    cairn_tid image = add_input(b, "image", (cairn_shape){o->batch, o->height, o->width, 1}, 1);
    cairn_network_graph net = cairn_network_build(&b->model, &spec, image);
    if (o->train) {
        cairn_tid loss = spec.kind == CAIRN_NETWORK_SP_FPN ? student_loss(b, net) : teacher_loss(b, net);
        cairn_train_optimiser optimiser;
        CAIRN_TRY(cairn_train_add_optimiser(b->g, &b->model, loss, &b->settings, &optimiser));
        b->scalars = optimiser.scalars;
        cairn_graph_output(b->g, loss, "loss");
    } else {
        /* What PyTorch's forward pass returns: logits and descriptors. */
        cairn_graph_output(b->g, net.logits, "logits");
        cairn_graph_output(b->g, net.descriptor, "descriptor");
    }
    CAIRN_TRY(cairn_model_initialise(&b->model, b->store, 1));
done:
    return st;
}

static cairn_status fill_inputs(bench *b)
{
    cairn_status st = CAIRN_OK;
    for (int i = 0; i < b->input_count && st >= 0; i++) {
        cairn_rng rng = cairn_rng_stream(1, 0, 0, (uint32_t)i, 0);
        size_t count = (size_t)cairn_shape_count(cairn_graph_shape(b->g, b->inputs[i]));
        float *values = malloc(count * sizeof *values);
        if (!values) return cairn_error_set(CAIRN_E_NOMEM, "no memory for inputs");
        for (size_t k = 0; k < count; k++)
            values[k] = b->top[i] < 0 ? (float)cairn_rng_integer(&rng, 0, (int)-b->top[i] - 1)
                                      : b->top[i] * (float)cairn_rng_uniform(&rng);
        st = cairn_program_write(b->program, b->inputs[i], values);
        free(values);
    }
    return st;
}

static cairn_status step(bench *b, bool train, int64_t number, double *ms)
{
    cairn_status st = CAIRN_OK;
    double start = cairn_seconds();
    if (train) {
        float scalars[CAIRN_OPTIMISER_SCALARS];
        cairn_train_scalars(&b->settings, number, 0, scalars);
        CAIRN_TRY(cairn_program_write(b->program, b->scalars, scalars));
    }
    CAIRN_TRY(cairn_program_run(b->program));
    *ms = (cairn_seconds() - start) * 1e3;
done:
    return st;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

typedef struct result {
    const double *ms; /* sorted */
    double median, cpu, first;
    uint64_t digest;
} result;

static cairn_status add_to_digest(uint64_t *digest, const bench *b, cairn_shape shape, cairn_tid output, int stored)
{
    const size_t count = (size_t)cairn_shape_count(shape);
    float *values = malloc(count * sizeof *values);
    if (!values) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a digest");
    cairn_status st = stored >= 0 ? cairn_store_read(b->store, stored, values)
                                  : cairn_program_read(b->program, output, values);
    if (st >= 0) *digest = cairn_hash_bytes(*digest, values, count * sizeof *values);
    free(values);
    return st;
}

/* Hash of all that the steps have left: parameters, moments, statistics, outputs. */
static cairn_status make_digest(uint64_t *digest, const bench *b)
{
    cairn_status st = CAIRN_OK;
    *digest = CAIRN_HASH_START;
    for (int i = 0; i < cairn_store_count(b->store); i++)
        CAIRN_TRY(add_to_digest(digest, b, cairn_store_shape(b->store, i), CAIRN_NONE, i));
    for (cairn_tid t = 0; t < cairn_graph_tensor_count(b->g); t++)
        if (cairn_graph_tensor(b->g, t)->is_output)
            CAIRN_TRY(add_to_digest(digest, b, cairn_graph_shape(b->g, t), t, -1));
done:
    return st;
}

static void add_rounded(cJSON *line, const char *key, double value)
{
    cJSON_AddNumberToObject(line, key, round(value * 1e3) / 1e3);
}

static cairn_status print_line(const bench *b, FILE *out, const cairn_benchmark_model_options *o, const result *r)
{
    const cairn_gpu_info *info = cairn_gpu_get_info(b->gpu);
    const cairn_program_stats *stats = cairn_program_get_stats(b->program);
    char tuning[64], digest[24];
    snprintf(digest, sizeof digest, "%016" PRIx64, r->digest);
    cairn_gpu_tuning_describe(b->gpu, tuning, sizeof tuning);
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "engine", "cairn " CAIRN_VERSION);
    cJSON_AddStringToObject(line, "model", o->model);
    cJSON_AddStringToObject(line, "mode", o->train ? "train" : "infer");
    cJSON_AddNumberToObject(line, "height", o->height);
    cJSON_AddNumberToObject(line, "width", o->width);
    cJSON_AddNumberToObject(line, "batch", o->batch);
    cJSON_AddStringToObject(line, "device", info->name);
    cJSON_AddStringToObject(line, "driver", info->driver);
    cJSON_AddStringToObject(line, "kernels", cairn_kernel_class_name(info->kernel_class));
    cJSON_AddStringToObject(line, "tuning", tuning);
    cJSON_AddNumberToObject(line, "threads", (double)sysconf(_SC_NPROCESSORS_ONLN));
    cJSON_AddStringToObject(line, "amp", o->precision == CAIRN_PRECISION_MIXED ? "mixed" : "off");
    cJSON_AddTrueToObject(line, "channels_last");
    cJSON_AddTrueToObject(line, "compile");
    cJSON_AddNumberToObject(line, "multiplier", o->multiplier);
    cJSON_AddNumberToObject(line, "parameters", (double)cairn_model_parameter_count(&b->model));
    cJSON_AddNumberToObject(line, "runs", o->runs);
    add_rounded(line, "ms_median", r->median);
    add_rounded(line, "ms_min", r->ms[0]);
    add_rounded(line, "ms_max", r->ms[o->runs - 1]);
    add_rounded(line, "ms_first", r->first);
    add_rounded(line, "cpu_ms", r->cpu);
    add_rounded(line, "images_per_s", o->batch / r->median * 1e3);
    add_rounded(line, "gmac", b->macs / 1e9);
    add_rounded(line, "gflop", stats->operations / 1e9);
    add_rounded(line, "gflops", stats->operations / r->median / 1e6);
    add_rounded(line, "peak_memory_mb", (double)(stats->planned_bytes + stats->stored_bytes) / 1e6);
    cJSON_AddStringToObject(line, "digest", digest);
    cJSON_AddNumberToObject(line, "submissions", stats->submissions);
    cJSON_AddNumberToObject(line, "dispatches", stats->dispatches);
    cJSON_AddNumberToObject(line, "barriers", stats->barriers);
    cJSON_AddNumberToObject(line, "recomputed", stats->recomputed);
    add_rounded(line, "planned_mb", (double)stats->planned_bytes / 1e6);
    char *text = line ? cJSON_PrintUnformatted(line) : NULL;
    cJSON_Delete(line);
    if (!text) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a line of JSON");
    const int written = fprintf(out, "%s\n", text);
    cJSON_free(text);
    if (written < 0 || fflush(out)) return cairn_error_set(CAIRN_E_IO, "cannot write the benchmark's results");
    return CAIRN_OK;
}

static cairn_status print_row(const bench *b, FILE *out, const cairn_benchmark_model_options *o, const result *r)
{
    const cairn_program_stats *stats = cairn_program_get_stats(b->program);
    fprintf(out, "%s, %s, %dx%d, batch %d on %s\n", o->model, o->train ? "train" : "infer", o->height, o->width,
            o->batch, cairn_gpu_get_info(b->gpu)->name);
    fprintf(out, "%10.3f ms median of %d (%.3f to %.3f; first step %.1f)\n", r->median, o->runs, r->ms[0],
            r->ms[o->runs - 1], r->first);
    fprintf(out, "%10.3f ms processor time of this program in a step\n", r->cpu);
    fprintf(out, "%10.3f images/s, %.2f GFLOP/s\n", o->batch / r->median * 1e3, stats->operations / r->median / 1e6);
    fprintf(out, "%10lld parameters, %.3f GMAC forward\n", (long long)cairn_model_parameter_count(&b->model),
            b->macs / 1e9);
    fprintf(out, "%10.1f MB on the device\n", (double)(stats->planned_bytes + stats->stored_bytes) / 1e6);
    if (fflush(out)) return cairn_error_set(CAIRN_E_IO, "cannot write the benchmark's results");
    return CAIRN_OK;
}

/* Another program of the same graph, with timestamps. */
static cairn_status profile(bench *b, const cairn_benchmark_model_options *o)
{
    cairn_status st = CAIRN_OK;
    double ms;
    cairn_ceilings ceilings;
    cairn_program_destroy(&b->program);
    CAIRN_TRY(cairn_ceilings_measure(&ceilings, b->gpu));
    const cairn_program_options options = {.profile = true,
                                           .precision = (cairn_precision)o->precision,
                                           .recompute = (cairn_recompute)o->recompute};
    CAIRN_TRY(cairn_program_create(&b->program, b->gpu, b->g, b->store, &options));
    CAIRN_TRY(fill_inputs(b));
    for (int i = 0; i < 2; i++) CAIRN_TRY(step(b, o->train, i, &ms)); /* the first one compiles */
    if (o->profile) CAIRN_TRY(cairn_profile_print(o->profile, b->program, &ceilings));
    if (o->profile_json) CAIRN_TRY(cairn_profile_json(o->profile_json, b->program, &ceilings));
done:
    return st;
}

cairn_status cairn_benchmark_model(cairn_gpu *gpu, FILE *out, const cairn_benchmark_model_options *o)
{
    cairn_status st = CAIRN_OK;
    bench b = {.gpu = gpu, .settings = cairn_train_defaults};
    b.settings.precision = o->precision;
    double first, *ms = calloc((size_t)o->runs, sizeof *ms);
    if (!ms) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d runs", o->runs);
    CAIRN_TRY(build(&b, o));
    CAIRN_TRY(cairn_program_create(&b.program, gpu, b.g, b.store,
                                   &(cairn_program_options){.precision = (cairn_precision)o->precision,
                                                            .recompute = (cairn_recompute)o->recompute}));
    CAIRN_TRY(fill_inputs(&b));
    CAIRN_TRY(step(&b, o->train, 0, &first));
    for (int i = 0; i < o->warmup; i++) CAIRN_TRY(step(&b, o->train, i + 1, &ms[0]));
    double cpu = cairn_cpu_seconds();
    for (int i = 0; i < o->runs; i++) CAIRN_TRY(step(&b, o->train, i + 1 + o->warmup, &ms[i]));
    cpu = (cairn_cpu_seconds() - cpu) / o->runs;
    qsort(ms, (size_t)o->runs, sizeof *ms, by_value);
    result r = {.ms = ms, .median = ms[o->runs / 2], .cpu = cpu * 1e3, .first = first};
    CAIRN_TRY(make_digest(&r.digest, &b));
    CAIRN_TRY((o->table ? print_row : print_line)(&b, out, o, &r));
    if (o->profile || o->profile_json) CAIRN_TRY(profile(&b, o));
done:
    free(ms);
    cairn_program_destroy(&b.program);
    cairn_store_destroy(&b.store);
    cairn_model_uninit(&b.model);
    cairn_graph_destroy(&b.g);
    return st;
}

cairn_status cairn_benchmark_model_compile(cairn_gpu *gpu, const cairn_benchmark_model_options *o)
{
    cairn_status st = CAIRN_OK;
    bench b = {.gpu = gpu};
    CAIRN_TRY(build(&b, o));
    CAIRN_TRY(cairn_program_create(&b.program, gpu, b.g, b.store, NULL));
done:
    cairn_program_destroy(&b.program);
    cairn_store_destroy(&b.store);
    cairn_model_uninit(&b.model);
    cairn_graph_destroy(&b.g);
    return st;
}
