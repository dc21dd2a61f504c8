#version 450
// depthwise2d_grad_input.comp: gradient of a depthwise convolution's input, gathered.
// computes  dx[n,iy,ix,c] = sum over (ky,kx) of dy[n,(iy+p-ky)/s,(ix+p-kx)/s,c] * weight[ky*k+kx,c], where exact
// bindings  0 dy [N,OH,OW,C] read | 1 weight [K*K,1,1,C] read | 2 dx [N,H,W,C] write
// push      sizes as named; groups = ceil(C/4), columns = ceil(w/TILE_W) * groups, row_blocks = ceil(h/4)
// spec      0 KERNEL, 1 STRIDE (1 or 2), 2 PAD, 3 TILE_W (4 at stride 2)
// dispatch  threads (columns, n * row_blocks): one makes 4 by TILE_W pixels of one channel group, group fastest.
// A tile starts at a multiple of the stride, so which taps meet which pixel is known when the kernel is compiled.
//           host src/ops/conv/depthwise.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

#ifdef CAIRN_TEXEL
layout(local_size_x = 8) in;
#else
layout(local_size_x = 64) in;
#endif
layout(constant_id = 0) const int KERNEL = 3;
layout(constant_id = 1) const int STRIDE = 1;
layout(constant_id = 2) const int PAD = 1;
layout(constant_id = 3) const int TILE_W = 4;
const int TILE_H = 4;
const int SHIFT = STRIDE - 1; // log2 of the stride
const int LOW = (PAD - KERNEL + 1) >> SHIFT; // first output row that a tile meets, from its own
const int READ_H = ((TILE_H - 1 + PAD) >> SHIFT) - LOW + 1;
const int READ_W = ((TILE_W - 1 + PAD) >> SHIFT) - LOW + 1;
INPUT(0, dy);
INPUT(1, weight);
OUTPUT(2, dx);
layout(push_constant) uniform Push { int h, w, oh, ow, groups, columns, row_blocks; };

void main()
{
    int column = int(gl_GlobalInvocationID.x);
    bool within = column < columns;
    column = within ? column : 0;
    int group = column % groups;
    int ix = column / groups * TILE_W;
    int n = int(gl_WorkGroupID.y) / row_blocks;
    int iy = (int(gl_WorkGroupID.y) - n * row_blocks) * TILE_H;

    vec4 k[KERNEL * KERNEL];
    [[unroll]] for (int tap = 0; tap < KERNEL * KERNEL; ++tap) k[tap] = LOAD(weight, tap * groups + group);
    vec4 sum[TILE_H][TILE_W];
    [[unroll]] for (int r = 0; r < TILE_H; ++r)
        [[unroll]] for (int c = 0; c < TILE_W; ++c) sum[r][c] = vec4(0.0);

    [[unroll]] for (int row = 0; row < READ_H; ++row) {
        int oy = (iy >> SHIFT) + LOW + row;
        bool inside_y = oy >= 0 && oy < oh;
        int line = (n * oh + oy) * ow;
        vec4 v[READ_W];
        [[unroll]] for (int i = 0; i < READ_W; ++i) {
            int ox = (ix >> SHIFT) + LOW + i;
            bool inside = inside_y && ox >= 0 && ox < ow;
            vec4 value = LOAD(dy, (inside ? line + ox : 0) * groups + group);
            v[i] = inside ? value : vec4(0.0);
        }
        [[unroll]] for (int r = 0; r < TILE_H; ++r) {
            int ky = r + PAD - (LOW + row) * STRIDE;
            if (ky >= 0 && ky < KERNEL) {
                [[unroll]] for (int c = 0; c < TILE_W; ++c)
                    [[unroll]] for (int i = 0; i < READ_W; ++i) {
                        int kx = c + PAD - (LOW + i) * STRIDE;
                        if (kx >= 0 && kx < KERNEL) sum[r][c] += v[i] * k[ky * KERNEL + kx];
                    }
            }
        }
    }

    [[unroll]] for (int r = 0; r < TILE_H; ++r)
        [[unroll]] for (int c = 0; c < TILE_W; ++c)
            if (within && iy + r < h && ix + c < w)
                STORE(dx, ((n * h + iy + r) * w + ix + c) * groups + group, sum[r][c]);
}
