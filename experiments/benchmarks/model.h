#ifndef CAIRN_BENCHMARKS_MODEL_H
#define CAIRN_BENCHMARKS_MODEL_H
/* Times whole networks: inference, and training steps (forward, backward, Adam). */
#include "gpu/gpu.h"

typedef struct cairn_benchmark_model_options {
    const char *model; /* superpoint, magicpoint, sp-fpn */
    bool train;        /* else inference */
    int height, width, batch, runs, warmup;
    double multiplier; /* width multiplier of the network; 1 as published */
    bool profile;      /* afterwards, a table of time by op on `report` */
    FILE *report;
} cairn_benchmark_model_options;

/* Prints one JSON line: engine, model, mode, height, width, batch, device, driver, kernels, threads (cores that are
 * online), amp, channels_last and compile (always true: NHWC, compiled once), multiplier, parameters, runs, ms_median,
 * ms_min, ms_max, ms_first, images_per_s, gflop, gflops, peak_memory_mb. ms_first is the first step, which compiles pipelines; the memory is what the plan and the stored
 * tensors take on the device. */
cairn_status cairn_benchmark_model(cairn_gpu *gpu, FILE *out, const cairn_benchmark_model_options *options);
#endif
