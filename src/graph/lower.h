#ifndef CAIRN_GRAPH_LOWER_H
#define CAIRN_GRAPH_LOWER_H
/* From a node to dispatches: what an op's `lower` function calls. */
#include "graph/graph.h"
#include "gpu/gpu.h"

/* A device tensor inside a lowering: a tensor of the graph (>= 0), or scratch of this node (from
 * cairn_lower_scratch). The planner sees the order of dispatches and gives scratch its memory only for their span. */
typedef int32_t cairn_slot;

typedef struct cairn_kernel_call {
    const char *kernel;                          /* "family/file" (string constant) */
    uint32_t constants[CAIRN_GPU_MAX_CONSTANTS]; /* specialization constants 0.. */
    int constant_count;
    cairn_slot slots[CAIRN_GPU_MAX_BINDINGS]; /* binding i */
    int slot_count;
    uint32_t written; /* bit i: binding i is written; it may be read too */
    uint32_t push[CAIRN_GPU_MAX_PUSH];
    int push_count;
    uint32_t threads[3]; /* 0 means 1 */
    bool light; /* it moves or converts data only: the node's operations are those of its other calls */
} cairn_kernel_call;

cairn_kernel_class cairn_lower_class(const cairn_lowering *l);
const cairn_gpu_info *cairn_lower_info(const cairn_lowering *l);
cairn_shape cairn_lower_shape(const cairn_lowering *l, cairn_slot slot);
/* Whether the slot is stored in fp16. A kernel written with shaders/include/tensor.glsl need not ask; where some kernel
 * of the program cannot read or write it so, the tensor becomes fp32 after all. */
bool cairn_lower_half(const cairn_lowering *l, cairn_slot slot);
/* vec4 elements of a slot, scratch too. */
int64_t cairn_lower_vectors(const cairn_lowering *l, cairn_slot slot);
/* Temporary memory of `vectors` vec4, undefined content. */
cairn_slot cairn_lower_scratch(cairn_lowering *l, int64_t vectors);
/* Appends one dispatch. The call is copied. A slot may stand at two bindings (in-place: one read, one written). */
cairn_status cairn_lower_call(cairn_lowering *l, const cairn_kernel_call *call);
/* Parts of the mean and variance of a tensor's channels (over N, H and W), left by the kernel that computes the tensor,
 * so that nobody has to read it for them: [chunks][2 * groups + 1] vec4 of scratch. A chunk's first `groups` are means
 * of some elements, the next the sums of squared differences from those, and the last begins with how many elements of
 * a channel these are, which may be none. shaders/norm/merge.comp merges them in order. */
typedef struct cairn_partial_moments {
    cairn_slot slot;
    int64_t chunks;
} cairn_partial_moments;
/* Whether a reader of the tensor will ask for them: a writer that can leave them then does. */
bool cairn_lower_moments_wanted(const cairn_lowering *l, cairn_slot tensor);
/* For the writer: scratch for so many chunks, known to the readers from now on. */
cairn_slot cairn_lower_moments_leave(cairn_lowering *l, cairn_slot tensor, int64_t chunks);
/* For the reader: chunks is 0 if the writer left nothing. */
cairn_partial_moments cairn_lower_moments(const cairn_lowering *l, cairn_slot tensor);
/* Splits a linear count of threads over x and y, so that no dimension passes the device's 65,535 groups: shaders
 * include/tensor.glsl's linear_index() undoes it. */
void cairn_lower_linear(cairn_kernel_call *call, int64_t threads);

/* Several ways to compute the same: algorithms, tiles, chunk sizes. */
typedef struct cairn_choice {
    const char *name;           /* "family/what": a change of any shader of the family voids what was measured */
    const char *precision;      /* NULL: by the storage of the node's tensors */
    const uint32_t *key;        /* every number that the cost depends on: shapes, window, options; at most 14 */
    int key_count;
    const uint32_t *candidates; /* variants, numbered as the op likes; a dozen at most that could win for this key */
    int candidate_count;
    uint32_t fallback;          /* the candidate to use where nothing was measured: the shipped choice */
    /* Appends the variant's dispatches. It must do so from `problem` and `variant` alone, since it is called for
     * several variants on scratch memory while they are timed, and once more for good. CAIRN_E_UNSUPPORTED leaves a
     * variant out. Every variant must compute the op to the tolerance of its tests. */
    cairn_status (*emit)(cairn_lowering *l, const void *problem, uint32_t variant);
    const void *problem;
} cairn_choice;
/* Appends the dispatches of the best candidate: the one remembered for this device, else, where measuring is asked for,
 * the one that is fastest now, else the fallback (gpu/cache/tuning.h has modes and file). */
cairn_status cairn_lower_choose(cairn_lowering *l, const cairn_choice *choice);

static inline uint32_t cairn_float_bits(float f)
{
    union { float f; uint32_t u; } v = {.f = f};
    return v.u;
}
#endif
