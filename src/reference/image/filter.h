#ifndef CAIRN_REFERENCE_FILTER_H
#define CAIRN_REFERENCE_FILTER_H
/* References of src/ops/filter; the signature is cairn_op.reference. */
#include "graph/graph.h"

typedef struct cairn_blur_attributes {
    int32_t radius;
    uint32_t border; /* cairn_filter_border */
} cairn_blur_attributes;

/* inputs: x, weights [1,1,radius+1,1] of the distances 0..radius */
void cairn_reference_blur(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs);
#endif
