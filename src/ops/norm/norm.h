#ifndef CAIRN_OPS_NORM_H
#define CAIRN_OPS_NORM_H
/* Normalisation with batch, sample or stored statistics. Shaders in shaders/norm.
 *
 * The activation is fused after the normalisation: conv -> BN -> ReLU is batch_norm with CAIRN_ACTIVATION_RELU, conv ->
 * ReLU -> BN is cairn_op_relu and then batch_norm with CAIRN_ACTIVATION_NONE. Variances are biased (divided by m). */
#include "graph/graph.h"

typedef enum cairn_activation { /* numbers known to shaders/include/activation.glsl */
                                CAIRN_ACTIVATION_NONE,
                                CAIRN_ACTIVATION_RELU,
                                CAIRN_ACTIVATION_HSWISH,
                                CAIRN_ACTIVATION_COUNT
} cairn_activation;

/* mean and *variance of each channel of x [N,H,W,C], over H and W of each sample ([N,1,1,C]) or over N, H and W
 * ([1,1,1,C]). Returns the mean. */
cairn_tid cairn_op_moments(cairn_graph *g, cairn_tid x, bool per_sample, cairn_tid *variance);

/* activation((x - mean) / sqrt(variance + eps) * gamma + beta). mean, variance [1 or N,1,1,C]; gamma, beta [1,1,1,C] or
 * CAIRN_NONE; eps > 0. All five have gradients. */
cairn_tid cairn_op_normalize(cairn_graph *g, cairn_tid x, cairn_tid mean, cairn_tid variance, cairn_tid gamma,
                             cairn_tid beta, float eps, cairn_activation activation);

/* For ops that take a normalisation into their kernels: eps, where the node is a cairn_op_normalize without gamma, beta
 * and activation whose statistics are [1,1,1,C]; else 0. */
float cairn_norm_plain(const cairn_node *node, const cairn_graph *g, cairn_tid *mean, cairn_tid *variance);

/* Normalises x by its own statistics over N, H, W and gives those too ([1,1,1,C], for the running averages; no gradient
 * may flow into them: use moments and normalize for that). gamma, beta [1,1,1,C] or CAIRN_NONE.
 * source  Ioffe and Szegedy, ICML 2015; the gradient passes through mean and variance */
cairn_tid cairn_op_batch_norm_train(cairn_graph *g, cairn_tid x, cairn_tid gamma, cairn_tid beta, float eps,
                                    cairn_activation activation, cairn_tid *mean, cairn_tid *variance);
/* The same with stored statistics, which are constants for the gradient unless it is asked for. */
cairn_tid cairn_op_batch_norm_infer(cairn_graph *g, cairn_tid x, cairn_tid gamma, cairn_tid beta,
                                    cairn_tid running_mean, cairn_tid running_variance, float eps,
                                    cairn_activation activation);
/* Normalises each sample and channel over H and W; no parameters. *variance (or NULL): [N,1,1,C], without gradient. */
cairn_tid cairn_op_instance_norm(cairn_graph *g, cairn_tid x, float eps, cairn_tid *variance);

/* In place: running = (1 - weight) * running + weight * scale * value; running is a stored tensor of value's shape.
 * scale is m / (m - 1) for the unbiased variance of m elements, else 1. */
void cairn_op_update_average(cairn_graph *g, cairn_tid running, cairn_tid value, float weight, float scale);
#endif
