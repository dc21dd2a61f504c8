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

/* Prints one JSON line: engine, model, mode, height, width, batch, device, driver, kernels, parameters, runs, ms_median,
 * ms_min, ms_max, images_per_s, gflop, gflops, planned_memory_mb. The first step (pipeline compilation) is timed apart as
 * ms_first. */
cairn_status cairn_benchmark_model(cairn_gpu *gpu, FILE *out, const cairn_benchmark_model_options *options);
#endif
