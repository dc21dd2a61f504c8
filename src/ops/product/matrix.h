#ifndef CAIRN_OPS_MATRIX_H
#define CAIRN_OPS_MATRIX_H
/* Products of matrices, stored as [N,1,rows,columns]. */
#include "graph/graph.h"

/* y = A B for each of the N batch elements: A is a [N,1,M,K], or the transpose of a [N,1,K,M]; B is b [N,1,K,P], or the
 * transpose of b [N,1,P,K]. -> [N,1,M,P]. Gradients to both. */
cairn_tid cairn_op_matmul(cairn_graph *g, cairn_tid a, cairn_tid b, bool transpose_a, bool transpose_b);
#endif
