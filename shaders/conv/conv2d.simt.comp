#version 450
// conv2d.simt.comp: 2D convolution with optional bias as an implicit matrix product, for GPUs. Also the gradient of the
// input: at stride 1 on weights that conv2d_weight_flip has turned round, at stride 2 (PARITY) one of the four grids of
// pixels with the same parity, each of which meets every second tap only.
// computes  y[n,oy,ox,co] = bias[co] + sum over (ky,kx,ci) of x[n,oy*s+ky+first_y,ox*s+kx+first_x,ci] *
//           weight[tap,ci,co], tap = ky*taps_x+kx or, with PARITY, tap_first + ky*tap_step_y + kx*tap_step_x
// bindings  0 x [N,H,W,CI] read | 1 weight [K*K,1,CI,CO] read | 2 bias [1,1,1,CO] read (anything if !has_bias)
//           | 3 y [N,OH,OW,CO] write | 4 epilogue.glsl | 5 moments.glsl: a chunk is a tile of pixels; not with PARITY
// push      sizes as named; rows, columns = of the grid of output pixels, pixels = n*rows*columns; groups = vec4s over
//           channels; first_y, first_x = minus the padding, or the parity's shift; out_h, out_w, out_y, out_x: with
//           PARITY, pixel (oy,ox) stands at (2*oy+out_y, 2*ox+out_x) of out_h x out_w
// spec      0 STRIDE 1, 2 | 1 POINTWISE: 1x1, stride 1, no padding | 2 PARITY | 3.. the tile (src/ops/product/tile.h)
// dispatch  groups (tiles of pixels, tiles of output channels, further rows of tiles of pixels)
//           host src/ops/conv/simt.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "tile/conv.glsl"
