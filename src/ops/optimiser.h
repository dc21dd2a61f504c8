#ifndef CAIRN_OPS_OPTIMISER_H
#define CAIRN_OPS_OPTIMISER_H
/* Optimiser steps: ops without outputs that update stored tensors in place. */
#include "graph/graph.h"

/* One step of Adam, PyTorch's formula:
 *   d = grad * scale;  m = beta1 m + (1 - beta1) d;  v = beta2 v + (1 - beta2) d^2
 *   param = param * decay_factor - lr / correction1 * m / (sqrt(v / correction2) + eps)
 * param, m, v  stored tensors of one shape, all updated
 * grad         a tensor of the same shape
 * scalars      [1,1,1,8], usually an input, so that a recorded step can be replayed with other rates: lr, 1 - beta1,
 *              1 - beta2, eps (> 0), correction1 = 1 - beta1^t, correction2 = 1 - beta2^t (t = 1 in the first step),
 *              decay_factor = 1 - lr * weight_decay (AdamW's decoupled decay; used only if `decay`), scale of the
 *              gradient. Not beta itself, because 1 - float(0.999) is off by 1e-5 of its value, float(0.001) is not. */
void cairn_op_adam(cairn_graph *g, cairn_tid param, cairn_tid grad, cairn_tid m, cairn_tid v, cairn_tid scalars,
                   bool decay);
#endif
