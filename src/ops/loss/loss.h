#ifndef CAIRN_OPS_LOSS_H
#define CAIRN_OPS_LOSS_H
/* Classification losses and normalisations over the channels of each cell. All shapes [N,H,W,C]; all results for one
 * cell depend on that cell only. Losses are returned for each cell, unreduced and unweighted. */
#include "graph/graph.h"

/* softmax over channels, stable. [N,H,W,C] -> [N,H,W,C]. */
cairn_tid cairn_op_softmax(cairn_graph *g, cairn_tid x);
/* -log softmax(logits)[label], stable. labels: [N,H,W,1], class index as a float; a cell whose label lies outside
 * 0..C-1 has loss 0 and no gradient. -> [N,H,W,1]. Gradient to the logits only. */
cairn_tid cairn_op_softmax_cross_entropy(cairn_graph *g, cairn_tid logits, cairn_tid labels);
/* - sum over channels of target * log softmax(logits / temperature). target: [N,H,W,C], >= 0, need not sum to 1.
 * Without the factor temperature^2 that distillation often adds. -> [N,H,W,1]. Gradient to the logits only. */
cairn_tid cairn_op_soft_cross_entropy(cairn_graph *g, cairn_tid logits, cairn_tid target, float temperature);
/* x / sqrt(sum over channels of x^2 + eps); eps >= 0, usually 1e-12. */
cairn_tid cairn_op_l2_normalize(cairn_graph *g, cairn_tid x, float eps);
#endif
