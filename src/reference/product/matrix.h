#ifndef CAIRN_REFERENCE_MATRIX_H
#define CAIRN_REFERENCE_MATRIX_H
/* Reference of src/ops/product/matrix.c; the signature is cairn_op.reference. */
#include "ops/product/epilogue.h"

typedef struct cairn_matmul_attributes {
    int32_t transpose_a, transpose_b;
    cairn_epilogue epilogue;
} cairn_matmul_attributes;
enum { CAIRN_MATMUL_BIAS = 2, CAIRN_MATMUL_RESIDUAL = 3 }; /* inputs, absent at first: by fusion */

void cairn_reference_matmul(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                            double *const *outputs);
#endif
