#include "reference/optimiser/loss_scale.h"

#include "ops/optimiser/loss_scale.h"
#include "ops/optimiser/optimiser.h"

#include <math.h>

void cairn_reference_loss_scale(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                double *const *outputs)
{
    (void)node, (void)g;
    outputs[0][0] = exp2(inputs[0][0] + 16);
}

void cairn_reference_loss_scale_control(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                        double *const *outputs)
{
    (void)node, (void)g;
    double *y = outputs[0];
    y[CAIRN_CONTROL_MULTIPLIER] = exp2(-inputs[0][0] - 16);
    y[CAIRN_CONTROL_SKIP] = inputs[1][1] != 0;
    y[CAIRN_CONTROL_CLIP] = 1;
    y[CAIRN_CONTROL_NORM] = 0;
}

void cairn_reference_loss_scale_update(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                       double *const *outputs)
{
    (void)g, (void)outputs;
    const cairn_loss_scale_attributes *a = cairn_node_attributes(node);
    double *state = inputs[0];
    if (inputs[2][CAIRN_SCALAR_LAST] == 0) return;
    if (inputs[1][1] != 0) {
        state[0] = fmax(state[0] - 1, CAIRN_LOSS_SCALE_LEAST);
        state[1] = 0;
        state[2] = fmin(state[2] + 1, 1e6);
    } else if (++state[1] >= a->interval) {
        state[0] = fmin(state[0] + 1, CAIRN_LOSS_SCALE_MOST);
        state[1] = 0;
    }
}
