#ifndef CAIRN_GPU_CEILINGS_H
#define CAIRN_GPU_CEILINGS_H
/* What the device can reach at most through this driver, by two small kernels: figures to hold others against, not the
 * maker's. A kernel may pass the copy ceiling if its data stays in a cache. */
#include "gpu/gpu.h"

typedef struct cairn_ceilings {
    double copy_gbps;      /* bytes read and written by a plain copy of copy_mib, 1e9 a second */
    double copy_mib;
    double fp32_gflops;    /* multiply-adds (two operations each) on registers */
} cairn_ceilings;

/* Takes about a second on a CPU. The best of several runs each.
 * error  CAIRN_E_NOMEM if the device cannot hold two small buffers */
cairn_status cairn_ceilings_measure(cairn_ceilings *out, cairn_gpu *gpu);
#endif
