#ifndef CAIRN_GRAPH_PROGRAM_H
#define CAIRN_GRAPH_PROGRAM_H
/* A graph compiled for a device: planned memory and one recorded list of commands, replayed by each run. */
#include "graph/graph.h"
#include "graph/store.h"

typedef struct cairn_program cairn_program;

typedef enum cairn_precision {
    CAIRN_PRECISION_FP32,
    CAIRN_PRECISION_MIXED,   /* activations inside the network and their gradients in fp16, arithmetic in fp32 */
    CAIRN_PRECISION_ALL_HALF /* for tests: everything but stored tensors, statistics and scratch in fp16 */
} cairn_precision;

typedef enum cairn_recompute {
    CAIRN_RECOMPUTE_NONE,
    CAIRN_RECOMPUTE_CHEAP /* cheap values of the forward pass are not kept for the backward pass but made again: less
                             memory, more time, the same bits */
} cairn_recompute;

typedef struct cairn_program_options {
    bool profile;        /* time every dispatch */
    bool no_aliasing;    /* every tensor its own memory (bisects planner faults); also CAIRN_NO_ALIASING=1 */
    bool all_barriers;   /* a barrier after every dispatch (bisects hazards); also CAIRN_ALL_BARRIERS=1 */
    bool graph_order;    /* dispatches in the graph's order (bisects reordering); also CAIRN_GRAPH_ORDER=1 */
    bool no_fusion;      /* each node by its own kernels (bisects fusion); also CAIRN_NO_FUSION=1 */
    bool canaries;       /* guard words between tensors, NaN-filled arena before each run (tests) */
    bool keep_all;       /* every value readable, nothing aliased (tests, debugging) */
    cairn_recompute recompute; /* without effect where keep_all is set */
    cairn_precision precision; /* how tensors between kernels are stored; what the host reads is always float */
} cairn_program_options;

typedef struct cairn_program_stats {
    int nodes, dispatches, barriers, submissions;
    int once; /* further dispatches, made only in the first run and in those after the store was written */
    uint64_t planned_bytes, unplanned_bytes, stored_bytes;
    int half_tensors; /* stored in fp16 */
    int recomputed;   /* tensors that are computed again for the backward pass */
    double operations; /* estimated, of one run */
    double longest_ms; /* of a submission, estimated: at most the larger of cairn_gpu_info.segment_ms and group_ms */
    double group_ms;   /* of the longest single workgroup, estimated; it cannot be cut */
    const char *group_kernel; /* whose it is */
} cairn_program_stats;

typedef struct cairn_program_timing {
    const char *op, *kernel;
    cairn_shape in, out; /* of the op's first input and output; zeros where there is none */
    double ns, operations;
    double bytes; /* of all windows that the dispatch binds */
} cairn_program_timing;

/* The graph must stay alive as long as the program. Missing stored tensors are added to the store.
 * error  CAIRN_E_NOMEM with the planned bytes, before anything is allocated, if the device cannot hold them */
cairn_status cairn_program_create(cairn_program **out, cairn_gpu *gpu, cairn_graph *g, cairn_store *store,
                                  const cairn_program_options *options);
void cairn_program_destroy(cairn_program **program);
const cairn_program_stats *cairn_program_get_stats(const cairn_program *program);
/* Host values are dense NHWC floats (cairn_shape_count of them); the padding is added and removed here. */
cairn_status cairn_program_write(cairn_program *program, cairn_tid input, const float *values);
cairn_status cairn_program_read(cairn_program *program, cairn_tid output, float *values);
cairn_status cairn_program_run(cairn_program *program);   /* submits and waits */
cairn_status cairn_program_submit(cairn_program *program); /* submits only */
/* With options.canaries: whether guard words and padding channels are intact. */
cairn_status cairn_program_check(cairn_program *program);
/* With options.profile, after a run: one entry for each dispatch, or for those together that one was cut into. *out is
 * the program's. */
cairn_status cairn_program_timings(cairn_program *program, const cairn_program_timing **out, int *count);
/* `--explain`: ops, kernels, bytes planned and unplanned, operations, as text for people. */
cairn_status cairn_program_explain(const cairn_program *program, FILE *out);
#endif
