#ifndef CAIRN_BENCHMARKS_OP_CASE_H
#define CAIRN_BENCHMARKS_OP_CASE_H
/* One op at one shape, to be timed by ops.c. */
#include "graph/graph.h"

typedef struct cairn_bench_op {
    const char *op;
    /* Puts the op into the graph and returns its output (CAIRN_NONE for ops that update stored tensors). Inputs are
     * filled with numbers between -1 and 1. */
    cairn_tid (*build)(cairn_graph *g, const struct cairn_bench_op *b);
    cairn_shape x;
    int co, kernel, stride; /* to the convolutions; elsewhere co is what the builder says */
} cairn_bench_op;

/* Around networks: optimisers, sampling, keypoints, layouts, filters, quantisation. */
extern const cairn_bench_op cairn_bench_other_ops[];
extern const int cairn_bench_other_count;
#endif
