#version 450
// conv2d_grad_input_strided.comp: gradient of a convolution's input at stride 2, gathered from the outputs that read
// it.
// computes  dx[n,iy,ix,ci] = sum over (ky,kx,co) of dy[n,(iy+p-ky)/s,(ix+p-kx)/s,co] * weight[ky*k+kx,ci,co], where
//           exact
// bindings  0 dy [N,OH,OW,CO] read | 1 flipped [K*K,1,CO,CI] read (from conv2d_weight_flip) | 2 dx [N,H,W,CI] write
// push      sizes as named; in_groups counts dx's channel groups, row_blocks = ceil(h/8)
// spec      0 KERNEL, 1 STRIDE (2), 2 PAD
// dispatch  threads (ceil(w/2), n * row_blocks, in_groups): one makes 8 rows of 2 pixels of one channel group.
// A tile starts at a multiple of the stride, so which taps meet which pixel is known when the kernel is compiled.
//           host src/ops/conv/lower.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

#ifdef CAIRN_TEXEL
layout(local_size_x = 8) in;
#else
layout(local_size_x = 32) in;
#endif
layout(constant_id = 0) const int KERNEL = 3;
layout(constant_id = 1) const int STRIDE = 2;
layout(constant_id = 2) const int PAD = 1;
const int ROWS = 8, COLUMNS = 2;
const int SHIFT = STRIDE - 1; // log2 of the stride
const int LOW = (PAD - KERNEL + 1) >> SHIFT; // first output row and column that a tile meets, from its own
const int READ_ROWS = ((ROWS - 1 + PAD) >> SHIFT) - LOW + 1;
const int READ_COLUMNS = ((COLUMNS - 1 + PAD) >> SHIFT) - LOW + 1;
INPUT(0, dy);
INPUT(1, flipped);
OUTPUT(2, dx);
layout(push_constant) uniform Push { int h, w, oh, ow, co, in_groups, out_groups, row_blocks; };

void main()
{
    int ix = int(gl_GlobalInvocationID.x) * COLUMNS;
    int n = int(gl_WorkGroupID.y) / row_blocks;
    int iy = (int(gl_WorkGroupID.y) - n * row_blocks) * ROWS;
    int group = int(gl_WorkGroupID.z);

    vec4 sum[ROWS][COLUMNS];
    [[unroll]] for (int r = 0; r < ROWS; ++r)
        [[unroll]] for (int c = 0; c < COLUMNS; ++c) sum[r][c] = vec4(0.0);

    for (int g = 0; g < out_groups; ++g) {
        vec4 v[READ_ROWS][READ_COLUMNS];
        [[unroll]] for (int r = 0; r < READ_ROWS; ++r)
            [[unroll]] for (int c = 0; c < READ_COLUMNS; ++c) {
                int oy = (iy >> SHIFT) + LOW + r, ox = (ix >> SHIFT) + LOW + c;
                bool inside = oy >= 0 && oy < oh && ox >= 0 && ox < ow;
                vec4 value = LOAD(dy, (inside ? (n * oh + oy) * ow + ox : 0) * out_groups + g);
                v[r][c] = inside ? value : vec4(0.0);
            }
        [[unroll]] for (int channel = 0; channel < 4; ++channel) {
            vec4 k[KERNEL * KERNEL]; // turned back
            [[unroll]] for (int tap = 0; tap < KERNEL * KERNEL; ++tap)
                k[tap] = LOAD(flipped, ((KERNEL * KERNEL - 1 - tap) * co + min(g * 4 + channel, co - 1)) *
                    in_groups + group);
            [[unroll]] for (int y = 0; y < ROWS; ++y)
                [[unroll]] for (int x = 0; x < COLUMNS; ++x)
                    [[unroll]] for (int r = 0; r < READ_ROWS; ++r)
                        [[unroll]] for (int c = 0; c < READ_COLUMNS; ++c) {
                            int ky = y + PAD - (LOW + r) * STRIDE, kx = x + PAD - (LOW + c) * STRIDE;
                            if (ky >= 0 && ky < KERNEL && kx >= 0 && kx < KERNEL)
                                sum[y][x] += v[r][c][channel] * k[ky * KERNEL + kx];
                        }
        }
    }

    [[unroll]] for (int r = 0; r < ROWS; ++r)
        [[unroll]] for (int c = 0; c < COLUMNS; ++c)
            if (iy + r < h && ix + c < w) STORE(dx, ((n * h + iy + r) * w + ix + c) * in_groups + group, sum[r][c]);
}
