#ifndef CAIRN_REFERENCE_EVALUATE_H
#define CAIRN_REFERENCE_EVALUATE_H
/* Runs a graph in double precision on the CPU by calling op->reference in node order: the oracle of the kernels' tests,
 * and of the gradients, whose central differences need more digits than float holds. */
#include "graph/graph.h"

typedef struct cairn_reference cairn_reference;

/* Allocates every tensor of the graph as it is now; constants are filled in, all else is zero. Append nothing to the
 * graph afterwards.
 * error  CAIRN_E_NOMEM; the graph's own mistake, if it has one
 * owner  the graph must outlive the reference */
cairn_status cairn_reference_create(cairn_reference **out, const cairn_graph *g);
void cairn_reference_destroy(cairn_reference **reference);
/* The dense NHWC array of a tensor (cairn_shape_count doubles), the reference's own: to write inputs and stored tensors
 * and to read anything after a run. */
double *cairn_reference_values(cairn_reference *reference, cairn_tid tensor);
/* Evaluates every node. Outputs hold NaN when their op starts, so that an element an op forgets shows.
 * error  CAIRN_E_UNSUPPORTED naming an op without a reference */
cairn_status cairn_reference_run(cairn_reference *reference);
/* The same for the first `nodes` nodes only. */
cairn_status cairn_reference_run_first(cairn_reference *reference, int nodes);
#endif
