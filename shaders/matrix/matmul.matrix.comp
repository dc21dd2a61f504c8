#version 450
// matmul.matrix.comp: matmul.simt.comp on cooperative matrices.
// bindings  0..2 as there | 3, 4 ranges of a and b, one vec4 each, read (anything unless SPLIT) | 5 bias | 6 residual
// spec      0, 1 as there | 3.. the tile (src/ops/product/tile.h)
// needs     cooperative matrices (NV, or KHR after rewriting), fp16, Vulkan memory model; or CAIRN_MATRIX_EMULATED
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "tile/matmul.glsl"
