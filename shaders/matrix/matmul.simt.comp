#version 450
// matmul.simt.comp: batched matrix product by tiles in shared memory and registers.
// computes  y[n,0,m,p] = bias[p] + sum over k of A[m,k] * B[k,p], A = a or its transpose, B = b or its transpose
// bindings  0 a [N,1,M,K] or, transposed, [N,1,K,M] read | 1 b [N,1,K,P] or [N,1,P,K] read | 2 y [N,1,M,P] write
//           | 3 bias [1,1,1,P] read (anything if !has_bias) | 4 epilogue.glsl
// push      m, p, k, a_groups, b_groups, y_groups (ceil of the last dimension / 4), has_bias
// spec      0 TRANSPOSE_A | 1 TRANSPOSE_B | 3.. the tile (src/ops/product/tile.h)
// dispatch  groups (tiles of p, tiles of m, N)      host src/ops/product/matrix.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "tile/matmul.glsl"
