#ifndef CAIRN_OPS_LIKELIHOOD_H
#define CAIRN_OPS_LIKELIHOOD_H
/* Log-probabilities and what is computed from them: log-softmax along either axis, LightGlue's assignment, divergences,
 * label smoothing. Shaders in shaders/likelihood. */
#include "graph/graph.h"

/* log of the sum of exp over the channels of each cell: [N,H,W,C] -> [N,H,W,1], or over the rows (H and W) for each
 * channel: -> [N,1,1,C]. Where nothing is kept: 0, without gradient.
 * mask  0/1, or CAIRN_NONE: over channels [N,1,1,C] (which channels count); over rows [N,H,W,1] or [N,1,1,H*W] (which
 *       rows count) */
cairn_tid cairn_op_log_sum_exp_channels(cairn_graph *g, cairn_tid x, cairn_tid mask);
cairn_tid cairn_op_log_sum_exp_rows(cairn_graph *g, cairn_tid x, cairn_tid mask);
/* x - log_sum_exp along the same axis; at places that the mask leaves out the value means nothing (but is finite). */
cairn_tid cairn_op_log_softmax_channels(cairn_graph *g, cairn_tid x, cairn_tid mask);
cairn_tid cairn_op_log_softmax_rows(cairn_graph *g, cairn_tid x, cairn_tid mask);

/* The channel of each cell that an index names: x [N,H,W,C], index [N,H,W,1] -> [N,H,W,1]; 0, without gradient, where
 * the index lies outside 0..C-1. Gradient to x only. With the log-assignment below and ground-truth matches as indices
 * (C-1: no match; -1: ignored) this is the log-likelihood that LightGlue's loss averages. */
cairn_tid cairn_op_pick(cairn_graph *g, cairn_tid x, cairn_tid index);

/* The number of each cell's largest channel: [N,H,W,C] -> [N,H,W,1]; ties: the lowest. No gradient. */
cairn_tid cairn_op_largest_channel(cairn_graph *g, cairn_tid x);

/* LightGlue's log-assignment (matching.md 2.4): scores s [B,1,N,M], matchability logits z0 [B,1,N,1], z1 [B,1,M,1]
 * -> P [B,1,N+1,M+1]: P_ij = log_softmax_j(s)_ij + log_softmax_i(s)_ij + log sigmoid(z0_i) + log sigmoid(z1_j);
 * P_i,M = log sigmoid(-z0_i); P_N,j = log sigmoid(-z1_j); P_N,M = 0. Gradients to s, z0 and z1.
 * mask0 [B,1,1,N], mask1 [B,1,1,M]: points, 0/1, or CAIRN_NONE. What is left out takes no part in the softmaxes, and
 * its row or column holds CAIRN_ASSIGNMENT_MASKED (without gradient). */
cairn_tid cairn_op_log_assignment(cairn_graph *g, cairn_tid s, cairn_tid z0, cairn_tid z1, cairn_tid mask0,
                                  cairn_tid mask1);
#define CAIRN_ASSIGNMENT_MASKED (-1e4f)

/* Cross-entropy of a class with label smoothing: of the distribution with 1 - smoothing at the label plus smoothing / C
 * everywhere. As cairn_op_softmax_cross_entropy (ops/loss.h) otherwise; PyTorch's label_smoothing. smoothing in [0,1).
 * -> [N,H,W,1]. */
cairn_tid cairn_op_smoothed_cross_entropy(cairn_graph *g, cairn_tid logits, cairn_tid labels, float smoothing);

/* Distillation: sum over channels of q (log q - log p), p = softmax(logits / temperature). teacher_logits: q =
 * softmax(teacher / temperature). Per cell -> [N,H,W,1], without the factor temperature^2. Gradient to the logits only.
 * source  Hinton et al. 2015 (student.md 6.1) */
cairn_tid cairn_op_kl_divergence(cairn_graph *g, cairn_tid logits, cairn_tid teacher_logits, float temperature);
/* The same for each image as one distribution over its pixels (student.md 5.4): logits, target [N,H,W,1]; target >= 0
 * is divided by its sum. valid [N,H,W,1] 0/1 or CAIRN_NONE: other pixels belong to neither distribution. -> [N,1,1,1],
 * 0 for an image whose target is zero. Gradient to the logits only (built of other ops). */
cairn_tid cairn_op_kl_divergence_image(cairn_graph *g, cairn_tid logits, cairn_tid target, cairn_tid valid);

/* ---- built of other ops ---- */
/* |target - sigmoid(z)|^2 * bce(z, target), targets in [0,1] (quality focal loss, student.md 4.2; Li et al. 2020).
 * Gradient to the logits only. */
cairn_tid cairn_op_quality_focal(cairn_graph *g, cairn_tid logits, cairn_tid targets);
/* sum of weight * x / max(sum of weight, least) along the dimensions of the mask of CAIRN_AXIS_*; weight has the shape
 * of x or broadcasts to it (then the sum is of the broadcast one). No gradient to the weight. */
cairn_tid cairn_op_weighted_mean(cairn_graph *g, cairn_tid x, cairn_tid weight, int axes, float least);
#endif
