#ifndef CAIRN_GRAPH_FUSE_FUSE_H
#define CAIRN_GRAPH_FUSE_FUSE_H
/* Fusion: several nodes of a program's graph become one, which computes the same with fewer kernels and less traffic.
 * It works on the program's own copy of the graph. Tensors and nodes keep their numbers: a node that was taken into
 * another stays in its place as a node without outputs, which nothing uses and which is pruned. */
#include "graph/internal.h"

/* Not for programs that keep every value. */
cairn_status cairn_fuse__run(cairn_graph *g);

/* ---- between the files of this folder ---- */

/* Who reads each tensor, among the nodes that are used. */
typedef struct cairn_readers {
    int *first; /* [tensors + 1] into nodes */
    int *nodes; /* in ascending order; a node that reads a tensor twice stands there twice */
    bool *used; /* [nodes of the graph] */
} cairn_readers;
cairn_status cairn_readers__create(cairn_readers *r, const cairn_graph *g);
void cairn_readers__free(cairn_readers *r);
static inline int cairn_readers__count(const cairn_readers *r, cairn_tid t) { return r->first[t + 1] - r->first[t]; }
/* Takes a node out of the graph: its outputs have been given to another node, or nobody reads them any more. */
void cairn_fuse__retire(cairn_graph *g, int node);
/* Whether a node between the two, exclusive, overwrites a stored tensor that `node` reads: it cannot move past. */
bool cairn_fuse__overwritten(const cairn_graph *g, const cairn_node *node, int from, int to);

/* absorb.c: pointwise nodes into the op before them, by cairn_op's `absorb`. */
cairn_status cairn_fuse__absorb(cairn_graph *g);

/* balanced.c: sums over pixels that are zero by construction (cairn_op's balanced, adds_pixels) are not computed. */
void cairn_fuse__balanced(cairn_graph *g);

/* moments.c: marks the tensors whose statistics are needed, so that those who compute them leave parts of them. */
cairn_status cairn_fuse__moments(cairn_graph *g);

/* A connected set of pointwise nodes as one kernel. */
enum { CAIRN_CHAIN_NODES = 24, CAIRN_CHAIN_INPUTS = 8, CAIRN_CHAIN_OUTPUTS = 4, CAIRN_CHAIN_PARAMETERS = 24 };
typedef struct cairn_chain {
    cairn_node nodes[CAIRN_CHAIN_NODES]; /* in the graph's order */
    int node_count;
    cairn_tid inputs[CAIRN_CHAIN_INPUTS], outputs[CAIRN_CHAIN_OUTPUTS];
    int input_count, output_count;
    cairn_shape shape; /* of the outputs; inner values may be smaller, and are computed again for every element */
} cairn_chain;
/* chain.c: finds them. */
cairn_status cairn_fuse__chains(cairn_graph *g);
/* chain_op.c: the node that stands for one; `chain` is the graph's. */
void cairn_chain__node(cairn_node *node, const cairn_chain *chain);
/* chain_text.c: its kernel. Bindings: inputs, then outputs. Specialization constants and push words 0..2 as
 * ops/rows.h; push 3: channels, 4: size of the middle dimension, then the parameters. Appends to parameters the values
 * of the push words from 5 on. The caller frees *text. */
typedef struct cairn_chain_layout {
    int64_t size[3]; /* N, H, W with neighbours merged that every tensor has whole, or none: outer, middle, rows */
    int64_t columns; /* vec4s */
} cairn_chain_layout;
cairn_status cairn_chain__text(char **text, const cairn_graph *g, const cairn_chain *chain, cairn_chain_layout *layout,
                               float *parameters, int *parameter_count);
#endif
