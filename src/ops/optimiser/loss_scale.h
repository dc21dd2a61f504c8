#ifndef CAIRN_OPS_LOSS_SCALE_H
#define CAIRN_OPS_LOSS_SCALE_H
/* Dynamic loss scaling, all on the device: the loss is multiplied by a power of two so that gradients in fp16 neither
 * vanish nor overflow; a step with a gradient that is not finite is left out and halves the scale, and `interval` steps
 * without one double it.
 * source  Micikevicius et al., "Mixed precision training", ICLR 2018, section 3.2
 *
 * state  stored [1,1,1,4]: log2(scale) - 16 (whole, -16..8, so that the zeros of a new store mean 65536), steps since
 *        the last change, steps left out so far (counted up to 1e6), 0. */
#include "graph/graph.h"

enum { CAIRN_LOSS_SCALE_INTERVAL = 2000, CAIRN_LOSS_SCALE_LEAST = -16, CAIRN_LOSS_SCALE_MOST = 8 };
/* [1,1,1,1]: multiply the loss with it before differentiating. */
cairn_tid cairn_op_loss_scale(cairn_graph *g, cairn_tid state);
/* control of the optimiser (ops/optimiser.h) from cairn_op_gradient_statistics: 1 / scale, and skip where a gradient is
 * not finite. */
cairn_tid cairn_op_loss_scale_control(cairn_graph *g, cairn_tid state, cairn_tid statistics);
/* Changes the state after a step's last pass; append it behind all that read the state. interval >= 1 */
void cairn_op_loss_scale_update(cairn_graph *g, cairn_tid state, cairn_tid statistics, cairn_tid scalars, int interval);
#endif
