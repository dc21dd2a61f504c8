#ifndef CAIRN_REFERENCE_GEOMETRY_H
#define CAIRN_REFERENCE_GEOMETRY_H
/* References of src/ops/image/geometry.c; the signature is cairn_op.reference. */
#include "graph/graph.h"

typedef struct cairn_geometry_attributes {
    int32_t in_h, in_w; /* warp_valid; correspondence: cells of a column and of a row */
    int32_t radius;     /* erode, suppress; correspondence: pixels of a cell */
    float limit;        /* suppress: threshold; correspondence: distance */
} cairn_geometry_attributes;

void cairn_reference_warp(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs);
void cairn_reference_warp_grad(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                               double *const *outputs);
void cairn_reference_warp_valid(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                double *const *outputs);
void cairn_reference_erode(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs);
void cairn_reference_suppress(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                              double *const *outputs);
void cairn_reference_correspondence(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                    double *const *outputs);
#endif
