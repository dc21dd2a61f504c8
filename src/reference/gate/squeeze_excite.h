#ifndef CAIRN_REFERENCE_SQUEEZE_EXCITE_H
#define CAIRN_REFERENCE_SQUEEZE_EXCITE_H
#include "graph/graph.h"

void cairn_ref_squeeze_excite(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out);
void cairn_ref_squeeze_excite_grad(const cairn_node *node, const cairn_graph *g, double *const *in,
                                   double *const *out);
void cairn_ref_squeeze_excite_grad_weight(const cairn_node *node, const cairn_graph *g, double *const *in,
                                          double *const *out);
#endif
