#include "experiments/benchmarks/model.h"

#include "base/progress.h"
#include "base/rng.h"
#include "graph/program.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "student/network.h"
#include "teacher/losses.h"
#include "train/trainer.h"

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
    return cairn_op_add(b->g, loss, cairn_descriptor_loss(b->g, net.descriptor, net.descriptor, match, valid, 1).loss);
}

static cairn_tid student_loss(bench *b, cairn_network_graph net)
{
    cairn_tid target = add_input(b, "target", cairn_graph_shape(b->g, net.heatmap), 1);
    return cairn_op_reduce_mean(b->g, cairn_op_huber(b->g, net.heatmap, target, 1.0f), ALL);
}

static cairn_status build(bench *b, const cairn_benchmark_model_options *o)
{
    cairn_status st = CAIRN_OK;
    cairn_network_spec spec = {.superpoint = {.width = o->multiplier}, .sp_fpn = CAIRN_SP_FPN_OPTIONS_INIT};
    spec.kind = !strcmp(o->model, "sp-fpn") ? CAIRN_NETWORK_SP_FPN : CAIRN_NETWORK_SUPERPOINT;
    spec.sp_fpn.width = o->multiplier;
    if (!strcmp(o->model, "superpoint")) spec.superpoint.descriptor = cairn_superpoint_channels(256, o->multiplier);
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

static void print_line(const bench *b, FILE *out, const cairn_benchmark_model_options *o, double *ms, double first)
{
    const cairn_gpu_info *info = cairn_gpu_get_info(b->gpu);
    const cairn_program_stats *stats = cairn_program_get_stats(b->program);
    qsort(ms, (size_t)o->runs, sizeof *ms, by_value);
    double median = ms[o->runs / 2];
    fprintf(out,
            "{\"engine\":\"cairn\",\"model\":\"%s\",\"mode\":\"%s\",\"height\":%d,\"width\":%d,\"batch\":%d,"
            "\"device\":\"%s\",\"driver\":\"%s\",\"kernels\":\"%s\",\"threads\":%ld,\"amp\":\"off\","
            "\"channels_last\":true,\"compile\":true,\"multiplier\":%g,\"parameters\":%lld,\"runs\":%d,\"ms_median\":%.3f,\"ms_min\":%.3f,\"ms_max\":%.3f,\"ms_first\":%.1f,"
            "\"images_per_s\":%.3f,\"gflop\":%.3f,\"gflops\":%.2f,\"peak_memory_mb\":%.0f,"
            "\"dispatches\":%d,\"barriers\":%d,\"planned_mb\":%.2f}\n",
            o->model, o->train ? "train" : "infer", o->height, o->width, o->batch, info->name, info->driver,
            info->kernel_class == CAIRN_CLASS_TEXEL ? "texel" : "simt", sysconf(_SC_NPROCESSORS_ONLN), o->multiplier,
            (long long)cairn_model_parameter_count(&b->model), o->runs, median, ms[0], ms[o->runs - 1], first,
            o->batch / median * 1e3, stats->operations / 1e9, stats->operations / median / 1e6,
            (double)(stats->planned_bytes + stats->stored_bytes) / 1e6, stats->dispatches, stats->barriers,
            (double)stats->planned_bytes / 1e6);
    fflush(out);
}

typedef struct share {
    const char *op, *kernel;
    double ns, operations;
    int calls;
} share;

static int by_time(const void *a, const void *b)
{
    double x = ((const share *)a)->ns, y = ((const share *)b)->ns;
    return x > y ? -1 : x < y;
}

/* One row for each op and kernel. An op's operations belong to all of its kernels together, so that their rate is that
 * of the op and stands once, in the row of its longest kernel. */
static void print_shares(FILE *out, const share *shares, int n, double total)
{
    fprintf(out, "%-26s %-34s %6s %10s %6s %9s\n", "op", "kernel", "calls", "ms", "share", "GFLOP/s");
    for (int k = 0; k < n; k++) {
        double ns = 0, operations = 0;
        bool first = true;
        for (int i = 0; i < n; i++) {
            if (strcmp(shares[i].op, shares[k].op)) continue;
            first &= i >= k;
            ns += shares[i].ns;
            operations += shares[i].operations;
        }
        fprintf(out, "%-26s %-34s %6d %10.3f %5.1f%% ", shares[k].op, shares[k].kernel, shares[k].calls,
                shares[k].ns / 1e6, 100 * shares[k].ns / total);
        if (first) fprintf(out, "%9.2f", operations / ns);
        fputc('\n', out);
    }
}

static cairn_status profile(bench *b, FILE *out)
{
    enum { MOST = 128 };
    cairn_status st = CAIRN_OK;
    const cairn_program_timing *timings;
    int count, n = 0;
    share shares[MOST];
    double total = 0, ms;
    cairn_program_destroy(&b->program);
    CAIRN_TRY(cairn_program_create(&b->program, b->gpu, b->g, b->store, &(cairn_program_options){.profile = true}));
    CAIRN_TRY(fill_inputs(b));
    for (int i = 0; i < 2; i++) CAIRN_TRY(step(b, b->scalars > 0, i, &ms));
    CAIRN_TRY(cairn_program_timings(b->program, &timings, &count));
    for (int i = 0; i < count; i++) {
        int k = 0;
        while (k < n && (strcmp(shares[k].op, timings[i].op) || strcmp(shares[k].kernel, timings[i].kernel))) k++;
        if (k == MOST) continue;
        if (k == n) shares[n++] = (share){.op = timings[i].op, .kernel = timings[i].kernel};
        shares[k].ns += timings[i].ns;
        shares[k].operations += timings[i].operations;
        shares[k].calls++;
        total += timings[i].ns;
    }
    qsort(shares, (size_t)n, sizeof *shares, by_time);
    print_shares(out, shares, n, total);
done:
    return st;
}

cairn_status cairn_benchmark_model(cairn_gpu *gpu, FILE *out, const cairn_benchmark_model_options *o)
{
    cairn_status st = CAIRN_OK;
    bench b = {.gpu = gpu, .settings = cairn_train_defaults};
    double first, *ms = calloc((size_t)o->runs, sizeof *ms);
    if (!ms) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d runs", o->runs);
    CAIRN_TRY(build(&b, o));
    CAIRN_TRY(cairn_program_create(&b.program, gpu, b.g, b.store, NULL));
    CAIRN_TRY(fill_inputs(&b));
    CAIRN_TRY(step(&b, o->train, 0, &first));
    for (int i = 0; i < o->warmup; i++) CAIRN_TRY(step(&b, o->train, i + 1, &ms[0]));
    for (int i = 0; i < o->runs; i++) CAIRN_TRY(step(&b, o->train, i + 1 + o->warmup, &ms[i]));
    print_line(&b, out, o, ms, first);
    if (o->profile) CAIRN_TRY(profile(&b, o->report));
done:
    free(ms);
    cairn_program_destroy(&b.program);
    cairn_store_destroy(&b.store);
    cairn_model_uninit(&b.model);
    cairn_graph_destroy(&b.g);
    return st;
}
