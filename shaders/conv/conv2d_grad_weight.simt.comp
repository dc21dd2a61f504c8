#version 450
// conv2d_grad_weight.simt.comp: gradient of a convolution's weight as an implicit matrix product, for GPUs. Sums over
// one chunk of pixels; sum_parts adds the chunks in order.
// computes  part[chunk][ky*k+kx,ci,co] = sum over the chunk's pixels of x[n,oy*s+ky-p,ox*s+kx-p,ci] * dy[n,oy,ox,co]
// bindings  0 x [N,H,W,CI] read | 1 dy [N,OH,OW,CO] read | 2 part [chunks][K*K,1,CI,CO] write
// push      sizes as named; pixels = n*oh*ow, chunk = pixels of one chunk
// spec      0 KERNEL | 1 STRIDE | 3.. the tile (src/ops/product/tile.h)
// dispatch  groups (tiles of (tap, input channel), tiles of output channels, chunks)
//           host src/ops/conv/simt.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "tile/conv_weight.glsl"
