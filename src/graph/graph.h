#ifndef CAIRN_GRAPH_GRAPH_H
#define CAIRN_GRAPH_GRAPH_H
/* Graphs of static shape: typed tensors and the ops between them.
 *
 * A model function builds a graph by calling op builders (src/ops), `cairn_graph_differentiate` appends the gradient
 * ops, and `cairn_program_create` (graph/program.h) turns it into commands that are recorded once and replayed.
 *
 * Tensors are float, NHWC, with channels stored in groups of four: element (n,y,x,c) of a tensor with G = ceil(C/4)
 * groups is component c%4 of the vec4 number ((n*H + y)*W + x)*G + c/4. The padding channels hold zero and every op
 * keeps them zero. Scalars are [1,1,1,1], vectors over channels [1,1,1,C], matrices [N,1,rows,columns].
 *
 * Builders return a tensor id, or CAIRN_NONE after a mistake; a graph remembers its first mistake (shape text and op)
 * and every later builder call returns CAIRN_NONE, so that model code needs one check, by cairn_graph_status. */
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef int32_t cairn_tid;
enum { CAIRN_NONE = -1, CAIRN_MAX_INPUTS = 8, CAIRN_MAX_OUTPUTS = 4, CAIRN_ATTRIBUTE_BYTES = 128 };

typedef struct cairn_shape {
    int32_t n, h, w, c; /* all >= 1 */
} cairn_shape;
#define CAIRN_SCALAR ((cairn_shape){1, 1, 1, 1})
static inline int64_t cairn_shape_count(cairn_shape s) { return (int64_t)s.n * s.h * s.w * s.c; }
static inline int cairn_shape_groups(cairn_shape s) { return (s.c + 3) / 4; }
/* vec4 elements in storage */
static inline int64_t cairn_shape_vectors(cairn_shape s) { return (int64_t)s.n * s.h * s.w * cairn_shape_groups(s); }
static inline bool cairn_shape_equal(cairn_shape a, cairn_shape b)
{
    return a.n == b.n && a.h == b.h && a.w == b.w && a.c == b.c;
}

typedef struct cairn_graph cairn_graph;
typedef struct cairn_node cairn_node;
typedef struct cairn_lowering cairn_lowering; /* graph/lower.h */

/* The GLSL of one vec4 of a pointwise op's output 0: $0..$7 stand for the vec4 of the inputs at the same place, #0 and
 * #1 for the parameters; the functions are those of shaders/include/pointwise.glsl. */
typedef struct cairn_expression {
    char text[96];
    float parameters[2];
    int parameter_count;
    bool heavy; /* holds an exponential, a logarithm, a root or a division: not worth computing twice */
} cairn_expression;

/* One operator. Each lives as a constant in its op file; nodes point to it; there is no table to register it in. */
typedef struct cairn_op {
    const char *name; /* "conv2d" */
    /* Appends the ops that compute the gradients of the inputs, given those of the outputs (CAIRN_NONE where the loss
     * does not depend on an output). dinputs is all CAIRN_NONE on entry; leave it so for inputs without a gradient.
     * needs[i] says whether input i's gradient is wanted. NULL: no input has a gradient. */
    void (*gradient)(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                     cairn_tid *dinputs);
    /* Appends the dispatches of the node (graph/lower.h). */
    cairn_status (*lower)(cairn_lowering *l, const cairn_node *node);
    /* The op in plain C and double precision: dense NHWC arrays without padding channels. A reference may read but
     * never write inputs, except an op with `updates` != 0. */
    void (*reference)(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs);
    /* Estimated operations (a multiply-add is two); NULL: one for each output element. */
    double (*operations)(const cairn_node *node, const cairn_graph *g);
    /* Bit i set: the op overwrites its input i in place, which must be persistent (optimisers, running statistics).
     * Such a node is never pruned. */
    uint32_t updates;
    /* Ops that compute each element of their only output from the elements of the inputs at the same place, inputs
     * repeated along dimensions of size 1: as an expression, so that chains of them become one kernel
     * (src/graph/fuse). NULL: not such an op; false: not this node. */
    bool (*expression)(const cairn_node *node, cairn_expression *e);
    /* Takes the node `next`, pointwise or with no other input, which alone reads output 0, into this node, a copy:
     * attributes and inputs then say so (inputs of `next` may become the node's), and output 0 stands for that of
     * `next`. NULL, false: it cannot. */
    bool (*absorb)(cairn_node *node, const cairn_graph *g, const cairn_node *next);
    /* The other way round: takes the node `source`, whose only output this node, a copy, alone reads, into it: inputs
     * of `source` become the node's. NULL, false: it cannot. */
    bool (*absorb_source)(cairn_node *node, const cairn_graph *g, const cairn_node *source);
    /* Ops that are cheap beside a convolution: turns the node, a copy, into one that computes output 0 (and further
     * outputs that it keeps) a second time, by the same kernel and so with the same bits, from the node's inputs and
     * other outputs. For the backward pass (src/graph/compile/recompute.c); the copy's outputs are given new tensors
     * afterwards. cairn_node_again: the node does so as it is. NULL: too dear; false: not this node. */
    bool (*again)(cairn_node *node);
    /* Whether the node needs mean and variance over N, H and W of each channel of its input 0. Whoever computes that
     * tensor may then leave parts of them (graph/lower.h). NULL: no. */
    bool (*needs_moments)(const cairn_node *node, const cairn_graph *g);
    /* Whether each channel of output 0 adds up to zero over N, H and W whatever the inputs are, but for rounding.
     * NULL: no. */
    bool (*balanced)(const cairn_node *node);
    bool adds_pixels; /* the result is input 0 added up over N, H and W */
} cairn_op;

struct cairn_node {
    const cairn_op *op;
    cairn_tid inputs[CAIRN_MAX_INPUTS];   /* CAIRN_NONE where an optional input is absent */
    cairn_tid outputs[CAIRN_MAX_OUTPUTS];
    int input_count, output_count;
    _Alignas(8) unsigned char attributes[CAIRN_ATTRIBUTE_BYTES]; /* the op's own struct */
};

typedef enum cairn_tensor_kind {
    CAIRN_TENSOR_VALUE,   /* produced by a node, lives in the arena */
    CAIRN_TENSOR_INPUT,   /* written by the host before each run (cairn_program_write) */
    CAIRN_TENSOR_STORED,  /* persistent: a slot of a cairn_store (graph/store.h) */
    CAIRN_TENSOR_CONSTANT /* the same value in every element, fixed at build time */
} cairn_tensor_kind;

typedef struct cairn_tensor {
    cairn_shape shape;
    cairn_tensor_kind kind;
    char name[96];      /* inputs and stored tensors: unique; values: "op#index" or the name given to them */
    float value;        /* constants */
    float *data;        /* constants of many values: dense NHWC, the graph's; else NULL */
    bool is_output;     /* kept readable after a run (cairn_program_read) */
    int32_t producer;   /* index of the node, or -1 */
    cairn_tid joined;   /* the tensor whose memory this one is a part of (cairn_graph_join), or CAIRN_NONE */
    int32_t joined_at;  /* first vec4 in it */
    bool is_join;       /* has such parts */
    cairn_tid twin;     /* the tensor that this one holds the same values as, computed again, or CAIRN_NONE */
    bool moments_wanted; /* by fusion: some reader needs them (cairn_op's needs_moments) */
} cairn_tensor;

cairn_status cairn_graph_create(cairn_graph **out);
void cairn_graph_destroy(cairn_graph **g);
cairn_status cairn_graph_status(const cairn_graph *g); /* OK, or the first mistake (its text set again) */

cairn_tid cairn_graph_input(cairn_graph *g, const char *name, cairn_shape shape);
/* A tensor that outlives runs: a parameter, a running statistic, an optimiser's moment. The same name twice gives the
 * same tensor; the shapes must agree. */
cairn_tid cairn_graph_stored(cairn_graph *g, const char *name, cairn_shape shape);
cairn_tid cairn_graph_constant(cairn_graph *g, cairn_shape shape, float value);
/* A constant of many values (cairn_shape_count floats, copied): tables. Written once, when a program is created. */
cairn_tid cairn_graph_constant_data(cairn_graph *g, cairn_shape shape, const float *values);
/* Lays tensors one after the other into the memory of one, so that one dispatch reaches all of them: optimisers. The
 * members stay tensors of their own. Returns [1,1,V,4], of the members' kind: all stored ones (a name for the whole is
 * needed; the store moves members that it holds elsewhere), or all values of nodes before this call (name NULL).
 * Member i begins at its joined_at, a multiple of CAIRN_JOIN_VECTORS; what lies between members is undefined.
 * A node that reads the whole must come after the nodes that write its members. */
enum { CAIRN_JOIN_VECTORS = 16 }; /* 256 bytes: the largest alignment that a Vulkan device may ask for */
cairn_tid cairn_graph_join(cairn_graph *g, const char *name, const cairn_tid *members, int count);
/* Marks a value as readable after each run, under a name. */
void cairn_graph_output(cairn_graph *g, cairn_tid tensor, const char *name);

const cairn_tensor *cairn_graph_tensor(const cairn_graph *g, cairn_tid t); /* borrowed until the next builder call */
cairn_shape cairn_graph_shape(const cairn_graph *g, cairn_tid t);          /* scalar shape for CAIRN_NONE */
cairn_tid cairn_graph_find(const cairn_graph *g, const char *name);        /* CAIRN_NONE if absent */
int cairn_graph_tensor_count(const cairn_graph *g);
int cairn_graph_node_count(const cairn_graph *g);
const cairn_node *cairn_graph_node(const cairn_graph *g, int index);

/* dinputs-style differentiation: appends the gradient ops of `loss` (any shape; its elements are summed) and returns
 * in grads[i] the gradient of wrt[i] (CAIRN_NONE where the loss does not depend on it). */
cairn_status cairn_graph_differentiate(cairn_graph *g, cairn_tid loss, const cairn_tid *wrt, int count,
                                       cairn_tid *grads);

/* ---- for op files ---- */
/* Appends a node. attributes: `size` bytes (<= CAIRN_ATTRIBUTE_BYTES) copied; NULL and 0 for none. outputs receive new
 * value tensors of the given shapes. Returns outputs[0] (or CAIRN_NONE, also if a required input is CAIRN_NONE:
 * pass the optional ones after the last required). */
cairn_tid cairn_graph_append(cairn_graph *g, const cairn_op *op, const cairn_tid *inputs, int input_count,
                             int required, const cairn_shape *output_shapes, int output_count, cairn_tid *outputs,
                             const void *attributes, int size);
/* Records a mistake of a builder call: CAIRN_E_SHAPE with the op's name and the text. Returns CAIRN_NONE. */
cairn_tid cairn_graph_mistake(cairn_graph *g, const char *op, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* cairn_op's `again` of ops whose nodes are run again as they are. */
bool cairn_node_again(cairn_node *node);
static inline const void *cairn_node_attributes(const cairn_node *n) { return n->attributes; }
#endif
