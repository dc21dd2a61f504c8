#ifndef CAIRN_OPS_SQUEEZE_EXCITE_H
#define CAIRN_OPS_SQUEEZE_EXCITE_H
/* Squeeze-and-excite: channels scaled by what a small network makes of their means. Shaders in shaders/gate. */
#include "graph/graph.h"

/* x [N,H,W,C] -> y = x * gate, gate = hard_sigmoid(max(0, mean * weight1 + bias1) * weight2 + bias2), mean [N,1,1,C] of
 * each sample's channels. weight1 [1,1,C,D], bias1 [1,1,1,D], weight2 [1,1,D,C], bias2 [1,1,1,C]: the layout of two 1x1
 * convolutions. All five have gradients. Two dispatches; three for the gradients.
 * error   CAIRN_E_SHAPE where the sizes do not fit
 * source  Hu, Shen and Sun, CVPR 2018; with the hard sigmoid of Howard et al. (MobileNetV3), ICCV 2019, section 5.3 */
cairn_tid cairn_op_squeeze_excite(cairn_graph *g, cairn_tid x, cairn_tid weight1, cairn_tid bias1, cairn_tid weight2,
                                  cairn_tid bias2);
#endif
