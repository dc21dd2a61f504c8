#include "experiments/benchmarks/ops.h"

#include "system/progress.h"
#include "base/rng.h"
#include "experiments/benchmarks/op_case.h"
#include "graph/program.h"
#include "ops/attention/attention.h"
#include "ops/conv/conv.h"
#include "ops/conv/depthwise.h"
#include "ops/norm/layer_norm.h"
#include "ops/loss/likelihood.h"
#include "ops/product/matrix.h"
#include "ops/norm/norm.h"
#include "ops/pointwise/pointwise.h"
#include "ops/image/pool.h"
#include "ops/reduce/reduce.h"

#include <cjson/cJSON.h>
#include <string.h>

typedef cairn_bench_op bench;

static cairn_conv_options window(const bench *b)
{
    return (cairn_conv_options){.kernel = b->kernel, .stride = b->stride};
}

static cairn_shape output_of(const bench *b, int channels)
{
    int s = b->stride;
    return (cairn_shape){b->x.n, (b->x.h - 1) / s + 1, (b->x.w - 1) / s + 1, channels};
}

static cairn_tid input(cairn_graph *g, const char *name, cairn_shape shape)
{
    return cairn_graph_input(g, name, shape);
}

static cairn_tid conv_forward(cairn_graph *g, const bench *b)
{
    cairn_conv_options o = window(b);
    cairn_tid weight = input(g, "weight", cairn_conv2d_weight_shape(b->kernel, b->x.c, b->co));
    cairn_tid bias = input(g, "bias", (cairn_shape){1, 1, 1, b->co});
    return cairn_op_conv2d(g, input(g, "x", b->x), weight, bias, &o);
}

static cairn_tid conv_grad_input(cairn_graph *g, const bench *b)
{
    cairn_conv_options o = window(b);
    cairn_tid weight = input(g, "weight", cairn_conv2d_weight_shape(b->kernel, b->x.c, b->co));
    return cairn_op_conv2d_grad_input(g, input(g, "dy", output_of(b, b->co)), weight, b->x, &o);
}

static cairn_tid conv_grad_weight(cairn_graph *g, const bench *b)
{
    cairn_conv_options o = window(b);
    return cairn_op_conv2d_grad_weight(g, input(g, "x", b->x), input(g, "dy", output_of(b, b->co)), &o);
}

static cairn_tid conv_grad_bias(cairn_graph *g, const bench *b)
{
    return cairn_op_conv2d_grad_bias(g, input(g, "dy", b->x));
}

static cairn_tid depthwise_forward(cairn_graph *g, const bench *b)
{
    cairn_conv_options o = window(b);
    cairn_tid weight = input(g, "weight", cairn_depthwise2d_weight_shape(b->kernel, b->x.c));
    return cairn_op_depthwise2d(g, input(g, "x", b->x), weight, CAIRN_NONE, &o);
}

static cairn_tid depthwise_grad_input(cairn_graph *g, const bench *b)
{
    cairn_conv_options o = window(b);
    cairn_tid weight = input(g, "weight", cairn_depthwise2d_weight_shape(b->kernel, b->x.c));
    return cairn_op_depthwise2d_grad_input(g, input(g, "dy", output_of(b, b->x.c)), weight, b->x, &o);
}

static cairn_tid depthwise_grad_weight(cairn_graph *g, const bench *b)
{
    cairn_conv_options o = window(b);
    return cairn_op_depthwise2d_grad_weight(g, input(g, "x", b->x), input(g, "dy", output_of(b, b->x.c)), &o);
}

static cairn_tid relu(cairn_graph *g, const bench *b)
{
    return cairn_op_relu(g, input(g, "x", b->x));
}

static cairn_tid add(cairn_graph *g, const bench *b)
{
    return cairn_op_add(g, input(g, "x", b->x), input(g, "other", b->x));
}

static cairn_tid max_pool2(cairn_graph *g, const bench *b)
{
    return cairn_op_max_pool2(g, input(g, "x", b->x));
}

static cairn_tid reduce_sum(cairn_graph *g, const bench *b)
{
    return cairn_op_reduce_to(g, input(g, "x", b->x), (cairn_shape){1, 1, 1, b->x.c});
}

static cairn_tid batch_norm(cairn_graph *g, const bench *b)
{
    cairn_shape per_channel = {1, 1, 1, b->x.c};
    cairn_tid mean, variance, gamma = input(g, "gamma", per_channel), beta = input(g, "beta", per_channel);
    return cairn_op_batch_norm_train(g, input(g, "x", b->x), gamma, beta, 1e-5f, CAIRN_ACTIVATION_RELU, &mean,
                                     &variance);
}

static cairn_tid matmul(cairn_graph *g, const bench *b)
{
    cairn_shape second = {b->x.n, 1, b->x.c, b->co};
    return cairn_op_matmul(g, input(g, "a", b->x), input(g, "b", second), false, false);
}

/* The products of a distillation's descriptors: x's rows with as many others, and both gradients. */
static cairn_tid matmul_rows(cairn_graph *g, const bench *b)
{
    return cairn_op_matmul(g, input(g, "a", b->x), input(g, "b", (cairn_shape){b->x.n, 1, b->co, b->x.c}), false, true);
}

static cairn_tid matmul_columns(cairn_graph *g, const bench *b)
{
    return cairn_op_matmul(g, input(g, "a", (cairn_shape){b->x.n, 1, b->x.c, b->x.w}),
                           input(g, "b", (cairn_shape){b->x.n, 1, b->x.c, b->co}), true, false);
}

static cairn_tid layer_norm(cairn_graph *g, const bench *b)
{
    cairn_shape per_channel = {1, 1, 1, b->x.c};
    return cairn_op_layer_norm(g, input(g, "x", b->x), input(g, "gamma", per_channel), input(g, "beta", per_channel),
                               1e-5f);
}

static cairn_tid gelu(cairn_graph *g, const bench *b)
{
    return cairn_op_gelu(g, input(g, "x", b->x));
}

static cairn_tid attention(cairn_graph *g, const bench *b)
{
    const cairn_attention_options o = {.heads = 4};
    return cairn_op_attention(g, input(g, "x", b->x), input(g, "k", b->x), input(g, "v", b->x), CAIRN_NONE, CAIRN_NONE,
                              &o);
}

static cairn_tid rotate(cairn_graph *g, const bench *b)
{
    cairn_shape table = {b->x.n, 1, b->x.w, b->x.c / 4};
    return cairn_op_rotate(g, input(g, "x", b->x), input(g, "table", table), 4);
}

static cairn_tid log_softmax_rows(cairn_graph *g, const bench *b)
{
    return cairn_op_log_softmax_rows(g, input(g, "x", b->x), CAIRN_NONE);
}

static cairn_tid log_assignment(cairn_graph *g, const bench *b)
{
    cairn_tid z0 = input(g, "z0", (cairn_shape){b->x.n, 1, b->x.w, 1});
    cairn_tid z1 = input(g, "z1", (cairn_shape){b->x.n, 1, b->x.c, 1});
    return cairn_op_log_assignment(g, input(g, "x", b->x), z0, z1, CAIRN_NONE, CAIRN_NONE);
}

static cairn_tid kl_divergence(cairn_graph *g, const bench *b)
{
    return cairn_op_kl_divergence(g, input(g, "x", b->x), input(g, "teacher", b->x), 2);
}

/* Forward and backward to x. */
static cairn_tid backward(cairn_graph *g, cairn_tid y)
{
    cairn_tid x = cairn_graph_find(g, "x"), d = CAIRN_NONE;
    if (y != CAIRN_NONE) cairn_graph_output(g, y, "forward");
    return cairn_graph_differentiate(g, y, &x, 1, &d) < 0 ? CAIRN_NONE : d;
}

static cairn_tid layer_norm_train(cairn_graph *g, const bench *b)
{
    return backward(g, layer_norm(g, b));
}

static cairn_tid attention_train(cairn_graph *g, const bench *b)
{
    return backward(g, attention(g, b));
}

static cairn_tid log_assignment_train(cairn_graph *g, const bench *b)
{
    return backward(g, log_assignment(g, b));
}

#define PASSES(n, h, w, ci, co, k, s)                                                                                  \
    {"conv2d", conv_forward, {n, h, w, ci}, co, k, s},                                                                 \
        {"conv2d_grad_input", conv_grad_input, {n, h, w, ci}, co, k, s},                                               \
        {"conv2d_grad_weight", conv_grad_weight, {n, h, w, ci}, co, k, s}
#define FIRST(n, h, w, ci, co, k, s)                                                                                   \
    {"conv2d", conv_forward, {n, h, w, ci}, co, k, s}, {"conv2d_grad_weight", conv_grad_weight, {n, h, w, ci}, co, k, s}
#define DEPTHWISE(n, h, w, c, k, s)                                                                                    \
    {"depthwise2d", depthwise_forward, {n, h, w, c}, c, k, s},                                                         \
        {"depthwise2d_grad_input", depthwise_grad_input, {n, h, w, c}, c, k, s},                                       \
        {"depthwise2d_grad_weight", depthwise_grad_weight, {n, h, w, c}, c, k, s}
#define OTHER(name, build, n, h, w, c, co)                                                                             \
    {                                                                                                                  \
        name, build, {n, h, w, c}, co, 0, 0                                                                            \
    }

static const bench benches[] = {
    /* SuperPoint at 120x160, full width, then a quarter of it */
    FIRST(8, 120, 160, 1, 64, 3, 1),
    PASSES(8, 120, 160, 64, 64, 3, 1),
    PASSES(8, 60, 80, 64, 64, 3, 1),
    PASSES(8, 30, 40, 128, 128, 3, 1),
    PASSES(8, 15, 20, 128, 128, 3, 1),
    PASSES(8, 15, 20, 128, 256, 3, 1),
    PASSES(8, 15, 20, 256, 65, 1, 1),
    PASSES(8, 15, 20, 256, 256, 1, 1),
    FIRST(8, 120, 160, 1, 16, 3, 1),
    PASSES(8, 120, 160, 16, 16, 3, 1),
    PASSES(8, 120, 160, 16, 32, 3, 1),
    PASSES(8, 120, 160, 32, 32, 3, 1),
    PASSES(8, 15, 20, 32, 64, 3, 1),
    PASSES(8, 15, 20, 64, 65, 1, 1),
    PASSES(8, 15, 20, 64, 256, 1, 1),
    /* MobileNetV3 */
    FIRST(8, 120, 160, 3, 16, 3, 2),
    PASSES(8, 60, 80, 16, 64, 1, 1),
    PASSES(8, 30, 40, 72, 24, 1, 1),
    PASSES(8, 30, 40, 16, 72, 1, 1),
    PASSES(8, 15, 20, 40, 240, 1, 1),
    PASSES(8, 60, 80, 24, 88, 1, 1),
    PASSES(8, 15, 20, 96, 576, 1, 1),
    PASSES(8, 15, 20, 576, 96, 1, 1),
    PASSES(8, 60, 80, 16, 128, 1, 1),
    PASSES(8, 1, 1, 240, 64, 1, 1),
    PASSES(1, 4, 4, 256, 256, 3, 1),
    DEPTHWISE(8, 60, 80, 16, 3, 1),
    DEPTHWISE(8, 60, 80, 64, 3, 2),
    DEPTHWISE(8, 30, 40, 72, 3, 1),
    DEPTHWISE(8, 15, 20, 120, 5, 1),
    DEPTHWISE(8, 30, 40, 72, 5, 2),
    OTHER("conv2d_grad_bias", conv_grad_bias, 8, 120, 160, 64, 0),
    OTHER("relu", relu, 8, 120, 160, 64, 0),
    OTHER("add", add, 8, 120, 160, 64, 0),
    OTHER("max_pool2", max_pool2, 8, 120, 160, 64, 0),
    OTHER("reduce_sum", reduce_sum, 8, 120, 160, 64, 0),
    OTHER("batch_norm_train", batch_norm, 8, 120, 160, 64, 0),
    OTHER("matmul", matmul, 1, 1, 512, 512, 512),
    OTHER("matmul", matmul, 8, 1, 300, 300, 256),
    OTHER("matmul of rows", matmul_rows, 8, 1, 300, 256, 300),
    OTHER("matmul of columns", matmul_columns, 8, 1, 300, 300, 256),
    /* LightGlue: a pair of images with 512 points, four heads of 64 */
    OTHER("layer_norm", layer_norm, 2, 1, 512, 512, 0),
    OTHER("layer_norm forward and backward", layer_norm_train, 2, 1, 512, 512, 0),
    OTHER("gelu", gelu, 2, 1, 512, 512, 0),
    OTHER("rotate", rotate, 2, 1, 512, 256, 0),
    OTHER("attention", attention, 2, 1, 512, 256, 0),
    OTHER("attention", attention, 1, 1, 2048, 256, 0),
    OTHER("attention forward and backward", attention_train, 2, 1, 512, 256, 0),
    OTHER("log_softmax_rows", log_softmax_rows, 1, 1, 512, 512, 0),
    OTHER("log_assignment", log_assignment, 1, 1, 512, 512, 0),
    OTHER("log_assignment forward and backward", log_assignment_train, 1, 1, 512, 512, 0),
    OTHER("kl_divergence", kl_divergence, 8, 15, 20, 65, 0),
};

static void shape_text(const bench *b, char *text, size_t size)
{
    int used = snprintf(text, size, "%dx%dx%dx%d", b->x.n, b->x.h, b->x.w, b->x.c);
    if (b->co) used += snprintf(text + used, size - (size_t)used, " to %d", b->co);
    if (b->kernel) snprintf(text + used, size - (size_t)used, ", kernel %d, stride %d", b->kernel, b->stride);
}

/* Fills every input of the graph, and adds the bytes of inputs and output to *bytes. */
static cairn_status fill_inputs(cairn_program *program, const cairn_graph *g, double *bytes)
{
    cairn_status st = CAIRN_OK;
    float *values = NULL;
    for (cairn_tid t = 0; t < cairn_graph_tensor_count(g); t++) {
        const cairn_tensor *tensor = cairn_graph_tensor(g, t);
        int64_t count = cairn_shape_count(tensor->shape);
        if (tensor->kind == CAIRN_TENSOR_INPUT || tensor->is_output) *bytes += 4.0 * (double)count;
        if (tensor->kind != CAIRN_TENSOR_INPUT) continue;
        free(values);
        values = malloc((size_t)count * sizeof *values);
        if (!values) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %lld values", (long long)count);
        cairn_rng rng = cairn_rng_stream(1, 0, 0, (uint32_t)t, 0);
        for (int64_t i = 0; i < count; i++) values[i] = (float)cairn_rng_between(&rng, -1, 1);
        CAIRN_TRY(cairn_program_write(program, t, values));
    }
done:
    free(values);
    return st;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct result {
    const double *seconds; /* sorted */
    int runs;
    double median, operations, bytes;
    double cpu, cpu_min; /* processor time of a run in seconds, mean and least: on a busy machine the least says most */
} result;

static cairn_status write_row(FILE *out, const bench *b, const char *shape, const result *r)
{
    fprintf(out, "%-24s %-44s %10.3f %10.3f %10.3f %9.2f %8.2f\n", b->op, shape, 1e3 * r->median, 1e3 * r->cpu,
            1e3 * r->cpu_min, 1e-9 * r->operations / r->median, 1e-9 * r->bytes / r->median);
    if (fflush(out) || ferror(out)) return cairn_error_set(CAIRN_E_IO, "cannot write the benchmark's results");
    return CAIRN_OK;
}

static cairn_status write_line(FILE *out, const bench *b, const char *shape, const cairn_gpu_info *info,
                               const result *r)
{
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "op", b->op);
    cJSON_AddStringToObject(line, "shape", shape);
    cJSON_AddStringToObject(line, "kernel_class", cairn_kernel_class_name(info->kernel_class));
    cJSON_AddStringToObject(line, "device", info->name);
    cJSON_AddStringToObject(line, "driver", info->driver);
    cJSON_AddNumberToObject(line, "runs", r->runs);
    cJSON_AddNumberToObject(line, "ms_median", 1e3 * r->median);
    cJSON_AddNumberToObject(line, "ms_min", 1e3 * r->seconds[0]);
    cJSON_AddNumberToObject(line, "ms_max", 1e3 * r->seconds[r->runs - 1]);
    cJSON_AddNumberToObject(line, "cpu_ms", 1e3 * r->cpu);
    cJSON_AddNumberToObject(line, "cpu_ms_min", 1e3 * r->cpu_min);
    cJSON_AddNumberToObject(line, "gflops", 1e-9 * r->operations / r->median);
    cJSON_AddNumberToObject(line, "gbps", 1e-9 * r->bytes / r->median);
    char *text = line ? cJSON_PrintUnformatted(line) : NULL;
    cJSON_Delete(line);
    if (!text) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a line of JSON");
    int written = fprintf(out, "%s\n", text);
    cJSON_free(text);
    if (written < 0 || fflush(out)) return cairn_error_set(CAIRN_E_IO, "cannot write the benchmark's results");
    return CAIRN_OK;
}

static cairn_status run_bench(cairn_gpu *gpu, FILE *out, const bench *b, const char *shape, int runs, bool table)
{
    enum { WARM_UPS = 2 };
    cairn_status st = CAIRN_OK;
    cairn_graph *g = NULL;
    cairn_store *store = NULL;
    cairn_program *program = NULL;
    double bytes = 0, cpu = 0, cpu_min = 0, *seconds = calloc((size_t)runs, sizeof *seconds);
    if (!seconds) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d times", runs);
    CAIRN_TRY(cairn_graph_create(&g));
    cairn_tid y = b->build(g, b);
    if (y != CAIRN_NONE) cairn_graph_output(g, y, "y");
    CAIRN_TRY(cairn_graph_status(g));
    CAIRN_TRY(cairn_store_create(&store, gpu));
    CAIRN_TRY(cairn_program_create(&program, gpu, g, store, NULL));
    CAIRN_TRY(fill_inputs(program, g, &bytes));
    for (int i = -WARM_UPS; i < runs; i++) { /* the first run compiles */
        double start = cairn_seconds(), cpu_start = cairn_cpu_seconds();
        CAIRN_TRY(cairn_program_run(program));
        if (i < 0) continue;
        seconds[i] = cairn_seconds() - start;
        double used = cairn_cpu_seconds() - cpu_start;
        cpu += used / runs;
        if (i == 0 || used < cpu_min) cpu_min = used;
    }
    qsort(seconds, (size_t)runs, sizeof *seconds, by_value);
    const result r = {.seconds = seconds,
                      .runs = runs,
                      .median = runs % 2 ? seconds[runs / 2] : 0.5 * (seconds[runs / 2 - 1] + seconds[runs / 2]),
                      .cpu = cpu,
                      .cpu_min = cpu_min,
                      .operations = cairn_program_get_stats(program)->operations,
                      .bytes = bytes};
    CAIRN_TRY(table ? write_row(out, b, shape, &r) : write_line(out, b, shape, cairn_gpu_get_info(gpu), &r));
done:
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
    free(seconds);
    return st;
}

cairn_status cairn_benchmark_ops(cairn_gpu *gpu, FILE *out, const char *filter, int runs, bool table)
{
    cairn_status st = CAIRN_OK;
    int matched = 0;
    if (table)
        fprintf(out, "%-24s %-44s %10s %10s %10s %9s %8s\n", "op", "shape", "ms", "cpu ms", "cpu min", "GFLOP/s",
                "GB/s");
    const int networks = sizeof benches / sizeof *benches;
    for (int i = 0; i < networks + cairn_bench_other_count; i++) {
        const bench *b = i < networks ? &benches[i] : &cairn_bench_other_ops[i - networks];
        char shape[96], name[160];
        shape_text(b, shape, sizeof shape);
        snprintf(name, sizeof name, "%s %s", b->op, shape);
        if (filter && !strstr(name, filter)) continue;
        CAIRN_TRY(run_bench(gpu, out, b, shape, runs < 1 ? 5 : runs, table));
        matched++;
    }
    if (!matched) st = cairn_error_set(CAIRN_E_NOTFOUND, "no op benchmark matches '%s'", filter ? filter : "");
done:
    return st;
}
