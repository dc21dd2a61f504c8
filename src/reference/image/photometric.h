#ifndef CAIRN_REFERENCE_PHOTOMETRIC_H
#define CAIRN_REFERENCE_PHOTOMETRIC_H
/* Reference of src/ops/image/photometric.c; the signature is cairn_op.reference. */
#include "graph/graph.h"

typedef struct cairn_photometric_attributes {
    int32_t channel; /* of the masks */
} cairn_photometric_attributes;

/* inputs: x, masks, rows */
void cairn_reference_photometric(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                 double *const *outputs);
#endif
