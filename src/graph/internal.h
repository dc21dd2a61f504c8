#ifndef CAIRN_GRAPH_INTERNAL_H
#define CAIRN_GRAPH_INTERNAL_H
/* Shared by the files of src/graph: the list of dispatches between lowering, planning and recording. */
#include "graph/lower.h"
#include "graph/program.h"

enum { CAIRN_SCRATCH_BASE = 1 << 28 }; /* slots from here on are scratch */

struct cairn_lowering {
    cairn_gpu *gpu;
    const cairn_graph *g;
    cairn_kernel_call *calls;
    int *call_node; /* [call_count] index of the node, -1 for constants */
    int call_count, call_room;
    int *interval_first, *interval_last; /* [call_count] calls between which there is no barrier (schedule.c) */
    int64_t *scratch_vectors; /* [scratch_count] */
    int scratch_count, scratch_room;
    bool *half; /* [tensors] stored in fp16 */
    cairn_partial_moments *moments; /* [tensors] left by their writers; no chunks: none */
    int node;   /* being lowered */
};

/* graph.c: a program changes a copy of its graph. The copy has the same tensors and nodes under the same numbers. */
cairn_status cairn_graph__copy(cairn_graph **out, const cairn_graph *g);
/* Zeroed memory that lives as long as the graph, for the attributes of nodes; NULL if there is none. */
void *cairn_graph__own(cairn_graph *g, size_t size);
/* Puts a node in the place of another; its outputs become this place's. */
void cairn_graph__replace(cairn_graph *g, int index, const cairn_node *node);
void cairn_graph__want_moments(cairn_graph *g, cairn_tid t);
cairn_tid cairn_graph__add_value(cairn_graph *g, cairn_shape shape, const char *name);
/* A value of the same shape that holds the same, computed a second time. */
cairn_tid cairn_graph__add_twin(cairn_graph *g, cairn_tid of);
/* Other nodes in the place of all; those of the forward pass stay the first ones, in number and place. */
cairn_status cairn_graph__set_nodes(cairn_graph *g, const cairn_node *nodes, int count);

/* recompute.c, on a program's own graph, after fusion: cheap values of the forward pass are computed again just before
 * the backward pass reads them, instead of being kept. *count: how many tensors. */
cairn_status cairn_recompute__run(cairn_graph *g, int *count);

/* lower.c: marks what the outputs and the updating nodes need. used [nodes], used_tensor [tensors] */
void cairn_lowering__find_used(const cairn_graph *g, bool *used, bool *used_tensor, bool keep_all);

/* graph.c */
typedef struct cairn_gradient_pair {
    cairn_tid of, gradient; /* `gradient`, or a part of the sum that is it, belongs to `of` */
} cairn_gradient_pair;
/* Nodes before the first differentiation; all of them without one. */
int cairn_graph__forward_nodes(const cairn_graph *g);
void cairn_graph__end_forward(cairn_graph *g);
void cairn_graph__note_gradient(cairn_graph *g, cairn_tid of, cairn_tid gradient);
int cairn_graph__gradients(const cairn_graph *g, const cairn_gradient_pair **pairs);

/* precision.c: fills l->half for the graph l->g. */
cairn_status cairn_lowering__assign_storage(cairn_lowering *l, cairn_precision precision);
/* Takes fp16 back from tensors that some kernel of the lowered graph can only read or write as fp32. */
cairn_status cairn_lowering__settle_storage(cairn_lowering *l);
/* Bit k: the tensor at binding k is fp16. */
uint32_t cairn_lowering__half_mask(const cairn_lowering *l, const cairn_kernel_call *call);

void cairn_lowering__free(cairn_lowering *l);
/* Prunes and lowers the whole graph. used [nodes]: receives which nodes survive. */
cairn_status cairn_lowering__build(cairn_lowering *l, cairn_gpu *gpu, const cairn_graph *g, bool *used,
                                   const cairn_program_options *options);

/* Reorders the calls so that independent ones stand together in intervals, and fills interval_first and interval_last.
 * The arena grows by at most 3 % or 1 MiB. keep_order: every call an interval of its own. */
cairn_status cairn_schedule__run(cairn_lowering *l, uint64_t alignment, bool keep_order);

/* Finds the calls whose results do not change between runs unless the store is written, and moves them to the front:
 * *count of them. stays [tensors + scratch]: receives whether a slot holds such a result. After cairn_schedule__run. */
cairn_status cairn_once__run(cairn_lowering *l, int *count, bool *stays);

/* record.c: from calls to commands. */
typedef struct cairn_recording {
    const cairn_lowering *l;
    const cairn_gpu_view *views; /* [calls * CAIRN_GPU_MAX_BINDINGS] of each call's slots */
    const double *operations;    /* [calls] estimated */
    int *parts;                  /* [calls] receives how many dispatches each has become */
    bool all_barriers;
} cairn_recording;
/* Records the calls first .. end - 1 and ends the commands: barriers where data flow asks for one, a new submission
 * where the device's segment_ms would be passed by estimate. A call that would pass it alone is cut into several
 * dispatches over boxes of its workgroups, down to single ones. Adds dispatches, barriers and submissions to the stats,
 * and sets longest_ms and that of a workgroup. */
cairn_status cairn_record__calls(const cairn_recording *r, cairn_gpu_commands *commands, int first, int end,
                                 cairn_program_stats *stats);

typedef struct cairn_block {
    uint64_t offset, bytes;
    int first, last; /* calls between which it is alive, inclusive */
} cairn_block;
/* Packs blocks into one range so that blocks alive together do not overlap: greedy by size, lowest offset that fits.
 * Returns the total bytes. */
uint64_t cairn_plan__pack(cairn_block *blocks, int count, uint64_t alignment, bool aliasing, uint64_t gap);
/* Says what the plan takes before it takes it, and refuses what the device cannot hold beside the stored tensors, or
 * what it has not left (cairn_gpu_free_bytes); also tensors that kernels cannot reach as a whole: larger than a storage
 * buffer's range where the device has no buffer addresses.
 * CAIRN_HEAP_MB: a smaller heap than the device's, for tests and for leaving room to others. */
cairn_status cairn_plan__check(const cairn_program_stats *stats, const cairn_lowering *l,
                               const cairn_program_options *options);

/* The slot is recorded in a program and stays where it is from now on. */
void cairn_store__bind(cairn_store *store, int index);

/* A number that grows with each change of a stored value, by the host or by a program. */
uint64_t cairn_store__version(const cairn_store *store);
void cairn_store__changed(cairn_store *store);

/* Dense NHWC floats to vec4 groups with zero padding, and back. */
void cairn_pad__pack(float *storage, const float *dense, cairn_shape s);
void cairn_pad__unpack(float *dense, const float *storage, cairn_shape s);
/* The same with fp16 storage. */
void cairn_pad__pack_half(uint16_t *storage, const float *dense, cairn_shape s);
void cairn_pad__unpack_half(float *dense, const uint16_t *storage, cairn_shape s);
#endif
