#ifndef CAIRN_OPS_OPTIMISER_H
#define CAIRN_OPS_OPTIMISER_H
/* Optimiser steps: ops without outputs that update stored tensors in place, each with one dispatch for all parameters.
 *
 * They work on joins (cairn_graph_join): all parameters, all gradients, all moments one after the other, in the same
 * order. A table says where each parameter lies and what applies to it; what lies between parameters is not touched.
 *
 * scalars   [1,1,1,CAIRN_OPTIMISER_SCALARS], usually an input, so that a recorded step can be replayed with other
 *           rates: enum cairn_optimiser_scalar names its elements
 * control   [1,1,1,4], what the device itself found out about this step: enum cairn_optimiser_control. Without clipping
 *           and loss scaling a constant, cairn_optimiser_plain_control.
 * The gradient used is grad * scale * multiplier * clip. A step whose control says skip, or whose scalars say that more
 * passes follow (CAIRN_SCALAR_LAST = 0), changes nothing. */
#include "graph/graph.h"

enum cairn_optimiser_scalar {
    CAIRN_SCALAR_LR,          /* learning rate of this step */
    CAIRN_SCALAR_SHARE1,      /* Adam: 1 - beta1; SGD: the momentum */
    CAIRN_SCALAR_SHARE2,      /* Adam: 1 - beta2: 1 - float(0.999) is off by 1e-5 of its value, float(0.001) is not */
    CAIRN_SCALAR_EPS,         /* Adam, > 0 */
    CAIRN_SCALAR_CORRECTION1, /* Adam: 1 - beta1^t, t = 1 in the first step */
    CAIRN_SCALAR_CORRECTION2, /* Adam: 1 - beta2^t */
    CAIRN_SCALAR_DECAY,       /* weight decay, times the parameter's own factor */
    CAIRN_SCALAR_SCALE,       /* of the gradient: 1 / passes of a step */
    CAIRN_SCALAR_FIRST,       /* 1: the step's first pass (cairn_op_accumulate starts anew) */
    CAIRN_SCALAR_LAST,        /* 1: its last pass, the one that updates */
    CAIRN_SCALAR_SHARE_EMA,   /* weight of the new parameters in their average */
    CAIRN_OPTIMISER_SCALARS = 12
};
enum cairn_optimiser_control {
    CAIRN_CONTROL_MULTIPLIER, /* of the gradient: 1 / loss scale */
    CAIRN_CONTROL_SKIP,       /* not 0: the step is left out */
    CAIRN_CONTROL_CLIP,       /* of the gradient: most norm / norm, or 1 */
    CAIRN_CONTROL_NORM        /* of the gradient before clipping, where it was found; for logs only */
};

typedef struct cairn_optimiser_group { /* how one parameter is treated */
    float lr;    /* multiplies the learning rate */
    float decay; /* multiplies the weight decay: 0 for biases and normalisation */
    bool frozen; /* left as it is, its moments too */
} cairn_optimiser_group;

/* The table of a join: constant [1,1,rows,4], a row {first vec4, vec4s, lr, decay} for each CAIRN_OPTIMISER_CHUNK of a
 * member. groups[i] belongs to members[i], which cairn_graph_join has placed. A join of more than 2^23 vec4 (33 million
 * values, the 128 MiB that every Vulkan device can bind) is a mistake. */
enum { CAIRN_OPTIMISER_CHUNK = 256 };
cairn_tid cairn_optimiser_table(cairn_graph *g, const cairn_tid *members, const cairn_optimiser_group *groups,
                                int count);
cairn_tid cairn_optimiser_plain_control(cairn_graph *g); /* multiplier 1, no skip, clip 1 */

/* Adam, PyTorch's formula: d = the gradient as above (+ decay * param if not `decoupled`)
 *   m = beta1 m + (1 - beta1) d;  v = beta2 v + (1 - beta2) d^2
 *   param = param * (1 - lr decay, AdamW's, if `decoupled`) - lr / correction1 * m / (sqrt(v / correction2) + eps)
 * param, m, v  stored tensors of one shape [1,1,V,4], all updated;  grad  of the same shape */
void cairn_op_adam(cairn_graph *g, cairn_tid param, cairn_tid grad, cairn_tid m, cairn_tid v, cairn_tid table,
                   cairn_tid scalars, cairn_tid control, bool decoupled);
/* Stochastic gradient descent, PyTorch's formula without dampening: d = gradient + decay * param;
 *   buffer = momentum * buffer + d;  param -= lr * (nesterov ? d + momentum * buffer : buffer) */
void cairn_op_sgd(cairn_graph *g, cairn_tid param, cairn_tid grad, cairn_tid buffer, cairn_tid table, cairn_tid scalars,
                  cairn_tid control, bool nesterov);
/* sum = (first pass ? 0 : sum) + grad, for steps of several passes; sum is stored. */
void cairn_op_accumulate(cairn_graph *g, cairn_tid sum, cairn_tid grad, cairn_tid table, cairn_tid scalars);
/* Exponential moving average: average += share * (param - average) in a step that is not skipped; average is stored. */
void cairn_op_average_parameters(cairn_graph *g, cairn_tid average, cairn_tid param, cairn_tid table, cairn_tid scalars,
                                 cairn_tid control);

/* {sum of the squares of a join's members, 1 if it is not finite, 0, 0}, [1,1,1,4], in a fixed order: chunk by chunk,
 * then over the chunks. A frozen parameter's gradient is left out. */
cairn_tid cairn_op_gradient_statistics(cairn_graph *g, cairn_tid grad, cairn_tid table);
/* control with clip = min(1, most_norm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_, where norm is that of the
 * gradient after scale and multiplier, and skip set where it is not finite. most_norm > 0. */
cairn_tid cairn_op_clip(cairn_graph *g, cairn_tid statistics, cairn_tid scalars, cairn_tid control, float most_norm);
#endif
