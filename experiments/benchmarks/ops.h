#ifndef CAIRN_EXPERIMENTS_BENCHMARKS_OPS_H
#define CAIRN_EXPERIMENTS_BENCHMARKS_OPS_H
/* Times of single ops as whole small programs: graph, lowering, memory plan, submission and wait. */
#include "gpu/gpu.h"

#include <stdio.h>

/* Runs every case whose "op shape" text contains `filter` (NULL: all) on random inputs: warm-up first, then `runs`
 * timed ones (5 if < 1), and writes one line of JSON for each: op, shape, kernel_class, device, driver, runs,
 * ms_median, ms_min, ms_max, cpu_ms (time of this process in a run, all cores together) and cpu_ms_min, and at the
 * median gflops (multiply-add = 2) and gbps (inputs and outputs once). table: aligned columns of the same instead.
 * error  CAIRN_E_NOTFOUND if no case matches; what building or running a program reports */
cairn_status cairn_benchmark_ops(cairn_gpu *gpu, FILE *out, const char *filter, int runs, bool table);
#endif
