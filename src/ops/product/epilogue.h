#ifndef CAIRN_OPS_EPILOGUE_H
#define CAIRN_OPS_EPILOGUE_H
/* What a kernel does with its result before storing it (shaders/include/epilogue.glsl): y = last(first(v) + residual).
 * An op whose kernels do this keeps a cairn_epilogue in its attributes and a place among its inputs for the residual;
 * fusion (graph/fuse) then takes activations and additions that follow the op into it. */
#include "graph/lower.h"

typedef struct cairn_epilogue {
    uint8_t first, last;     /* function + 1 of epilogue.glsl; 0: none */
    uint8_t has_residual;    /* of the shape of the result */
} cairn_epilogue;

/* For an op's `absorb`: whether `next`, which reads the node's output 0, fits behind what is there; if so it is taken
 * in, the residual as input `residual_input`. */
bool cairn_epilogue_absorb(cairn_epilogue *e, cairn_node *node, int residual_input, const cairn_graph *g,
                           const cairn_node *next);
/* Sets the specialization constants (21..23) of a finished call, and binds the residual, or `other` where there is
 * none, behind its other slots: EPILOGUE(slot_count). */
void cairn_epilogue_call(cairn_kernel_call *call, const cairn_epilogue *e, cairn_slot residual, cairn_slot other);
/* For an op's reference: y[count] in place. */
void cairn_epilogue_reference(const cairn_epilogue *e, double *y, const double *residual, int64_t count);
#endif
