#ifndef CAIRN_TESTS_SUPPORT_RANDOM_GRAPH_H
#define CAIRN_TESTS_SUPPORT_RANDOM_GRAPH_H
/* Random small networks with their gradients, for tests of what the compiler does to a graph: convolutions, depthwise
 * convolutions, normalisations, chains of pointwise ops with broadcasting, pooling, resizing, fan-out, values read in
 * several places, running averages updated in place. The same number gives the same graph and the same values. */
#include "graph/program.h"

enum { RANDOM_GRAPH_MOST = 64 };

typedef struct random_graph {
    cairn_graph *g;
    cairn_tid inputs[RANDOM_GRAPH_MOST], stored[RANDOM_GRAPH_MOST], outputs[RANDOM_GRAPH_MOST];
    int input_count, stored_count, output_count; /* outputs: some values, the loss, the gradients of stored tensors */
    float *values[2][RANDOM_GRAPH_MOST];         /* [0] of the inputs, [1] of the stored tensors */
} random_graph;

/* error  fails the running test */
void random_graph_create(random_graph *r, uint32_t number, int steps);
void random_graph_destroy(random_graph *r);

/* Runs the graph on the device: once (`results` and `updated` get a malloc'ed array for each output and each stored
 * tensor). stats may be NULL. */
typedef struct random_graph_results {
    float *outputs[RANDOM_GRAPH_MOST], *stored[RANDOM_GRAPH_MOST];
} random_graph_results;
void random_graph_run(const random_graph *r, cairn_gpu *gpu, const cairn_program_options *options,
                      random_graph_results *results, cairn_program_stats *stats);
/* The same by the double-precision reference (rounded to float at the end). */
void random_graph_reference(const random_graph *r, random_graph_results *results);
void random_graph_results_free(random_graph_results *results);
/* Fails the test unless every element differs by at most `tolerance` times the array's largest magnitude; 0: the same
 * bits. */
void random_graph_compare(const random_graph *r, const random_graph_results *got, const random_graph_results *expected,
                          double tolerance);
#endif
