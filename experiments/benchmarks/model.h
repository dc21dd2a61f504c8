#ifndef CAIRN_BENCHMARKS_MODEL_H
#define CAIRN_BENCHMARKS_MODEL_H
/* Times whole networks: inference, and training steps (forward, backward, Adam). */
#include "experiments/benchmarks/networks.h"

typedef struct cairn_benchmark_model_options {
    const char *model; /* one of CAIRN_BENCHMARK_MODELS */
    int precision;     /* CAIRN_PRECISION_FP32 or _MIXED of graph/program.h */
    int recompute;     /* cairn_recompute of graph/program.h */
    bool train;        /* else inference */
    int height, width, batch, runs, warmup;
    double multiplier; /* width multiplier of the network; 1 as published */
    bool table;         /* a few lines for people instead of JSON */
    FILE *profile;      /* afterwards the tables of graph/profile.h go here; NULL: none */
    FILE *profile_json; /* the same as JSON; NULL: none */
} cairn_benchmark_model_options;

/* Prints one JSON line: engine, model, mode, height, width, batch, device, driver, kernels, tuning, threads (cores that
 * are online), amp ("mixed": tensors stored in fp16, arithmetic in fp32; else "off"), channels_last and compile (always
 * true: NHWC, compiled once), multiplier, parameters, runs, ms_median, ms_min, ms_max, ms_first (the first step, which
 * compiles pipelines), cpu_ms (time of this process in a step, on all cores together: on a CPU device what the work
 * costs, however busy the machine is), images_per_s, gmac (of the network as it is defined, forward only: networks.h),
 * gflop and gflops (what the program does, estimated), peak_memory_mb (what the plan and the stored tensors take on the
 * device), digest (hash of parameters, moments, statistics and outputs after the last step: the
 * same for the same device, options and tuning), submissions, dispatches, barriers, recomputed (tensors made again for
 * the backward pass), planned_mb (the plan's arena). */
cairn_status cairn_benchmark_model(cairn_gpu *gpu, FILE *out, const cairn_benchmark_model_options *options);
/* Builds the program and drops it: measures what the device's tuning mode asks for. */
cairn_status cairn_benchmark_model_compile(cairn_gpu *gpu, const cairn_benchmark_model_options *options);
#endif
