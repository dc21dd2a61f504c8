#ifndef CAIRN_REFERENCE_RESIZE_H
#define CAIRN_REFERENCE_RESIZE_H
#include "graph/graph.h"
#include "ops/image/resize.h"

typedef struct cairn_resize_attributes {
    cairn_resize mode;
    int32_t taps[2]; /* of the tables of rows and columns (ops/image/resize_table.h); no matter to the reference */
} cairn_resize_attributes;
enum { CAIRN_RESIZE_ADDEND = 3 }; /* input of resize; 0 is the map, 1 and 2 are tables */

void cairn_ref_resize(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_resize_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
#endif
