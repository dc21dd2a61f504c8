#ifndef CAIRN_GRAPH_STORE_H
#define CAIRN_GRAPH_STORE_H
/* Persistent tensors by name: parameters, running statistics, optimiser moments. Several programs (training,
 * evaluation, export) bind the same store. Host values are dense NHWC floats without padding channels. */
#include "graph/graph.h"
#include "gpu/gpu.h"

typedef struct cairn_store cairn_store;
cairn_status cairn_store_create(cairn_store **out, cairn_gpu *gpu);
void cairn_store_destroy(cairn_store **store);
/* Adds every stored tensor of the graph that the store does not hold yet, zero-filled, and moves members of joins
 * (cairn_graph_join) into the memory of the whole.
 * error  CAIRN_E_SHAPE for a name that is there with another shape; CAIRN_E_UNSUPPORTED when a tensor that a program
 *        has recorded would have to move */
cairn_status cairn_store_add_graph(cairn_store *store, const cairn_graph *g);
int cairn_store_count(const cairn_store *store);
const char *cairn_store_name(const cairn_store *store, int index);
cairn_shape cairn_store_shape(const cairn_store *store, int index);
int cairn_store_find(const cairn_store *store, const char *name); /* -1 if absent */
/* values: cairn_shape_count floats */
cairn_status cairn_store_write(cairn_store *store, int index, const float *values);
cairn_status cairn_store_read(cairn_store *store, int index, float *values);
cairn_gpu_view cairn_store_view(const cairn_store *store, int index);
#endif
