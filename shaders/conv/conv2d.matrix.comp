#version 450
// conv2d.matrix.comp: conv2d.simt.comp on cooperative matrices; computes, push and the first constants as there.
// bindings  0..3 as there | 4, 5 ranges of x and weight, one vec4 each, read (anything unless SPLIT) | 6 epilogue.glsl
//           | 7 moments.glsl: a chunk is what a subgroup makes of a tile
// spec      0..2 as there | 3.. the tile (src/ops/product/tile.h)
// needs     cooperative matrices (NV, or KHR after rewriting), fp16, Vulkan memory model; or CAIRN_MATRIX_EMULATED
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "tile/conv.glsl"
