#ifndef CAIRN_OPS_STACK_H
#define CAIRN_OPS_STACK_H
/* Two maps of one pyramid as one. Shader shaders/resize/stack.comp. */
#include "graph/graph.h"

/* fine [N,H,W,A] - fine_mean, and behind its channels coarse [N,H/f,W/f,B] - coarse_mean, enlarged by nearest
 * neighbour: [N,H,W,A+B]. A: a multiple of 4; f: a whole number; the means [1,1,1,A] and [1,1,1,B]. Has no gradient.
 * error  CAIRN_E_SHAPE for other shapes */
cairn_tid cairn_op_stack_centred(cairn_graph *g, cairn_tid fine, cairn_tid fine_mean, cairn_tid coarse,
                                 cairn_tid coarse_mean);
#endif
