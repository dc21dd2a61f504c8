#version 450
// depthwise2d_grad_weight.comp: gradient of a depthwise convolution's weight: sums over one chunk of tiles of 4 by
// TILE_W output pixels; conv/sum_parts adds the chunks in order.
// computes  part[chunk][ky*k+kx,c] = sum over the chunk's pixels of x[n,oy*s+ky-p,ox*s+kx-p,c] * dy[n,oy,ox,c]
// bindings  0 x [N,H,W,C] read | 1 dy [N,OH,OW,C] read | 2 part [chunks][K*K,1,1,C] write
// push      sizes as named; groups = ceil(C/4), columns = ceil(ow/TILE_W), row_blocks = ceil(oh/4), tiles = n *
//           row_blocks * columns, chunk = tiles of one chunk, chunks
// spec      0 KERNEL, 1 STRIDE, 3 TILE_W
// dispatch  a linear range of chunks * groups threads, group fastest   host src/ops/conv/depthwise.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

#ifdef CAIRN_TEXEL
layout(local_size_x = 8) in;
#else
layout(local_size_x = 64) in;
#endif
layout(constant_id = 0) const int KERNEL = 3;
layout(constant_id = 1) const int STRIDE = 1;
layout(constant_id = 3) const int TILE_W = 4;
const int TILE_H = 4;
const int READ_H = (TILE_H - 1) * STRIDE + KERNEL;
const int READ_W = (TILE_W - 1) * STRIDE + KERNEL;
INPUT(0, x);
INPUT(1, dy);
OUTPUT(2, part);
layout(push_constant) uniform Push { int h, w, oh, ow, groups, pad, columns, row_blocks, tiles, chunk, chunks; };

void main()
{
    int thread = int(linear_index());
    bool within = thread < chunks * groups;
    thread = within ? thread : 0;
    int group = thread % groups;
    int tile = thread / groups * chunk;
    int count = within ? min(chunk, tiles - tile) : 0;
    int column = tile % columns;
    int strip = tile / columns;
    int n = strip / row_blocks;
    int block = strip - n * row_blocks;

    vec4 sum[KERNEL * KERNEL];
    [[unroll]] for (int tap = 0; tap < KERNEL * KERNEL; ++tap) sum[tap] = vec4(0.0);
    for (int t = 0; t < count; ++t) {
        int oy = block * TILE_H, ox = column * TILE_W;
        vec4 d[TILE_H][TILE_W];
        [[unroll]] for (int r = 0; r < TILE_H; ++r)
            [[unroll]] for (int c = 0; c < TILE_W; ++c) {
                bool inside = oy + r < oh && ox + c < ow;
                int pixel = inside ? (n * oh + oy + r) * ow + ox + c : 0;
                vec4 value = LOAD(dy, pixel * groups + group);
                d[r][c] = inside ? value : vec4(0.0);
            }
        [[unroll]] for (int row = 0; row < READ_H; ++row) {
            int iy = oy * STRIDE + row - pad;
            bool inside_y = iy >= 0 && iy < h;
            int line = (n * h + iy) * w;
            vec4 v[READ_W];
            [[unroll]] for (int i = 0; i < READ_W; ++i) {
                int ix = ox * STRIDE + i - pad;
                bool inside = inside_y && ix >= 0 && ix < w;
                vec4 value = LOAD(x, (inside ? line + ix : 0) * groups + group);
                v[i] = inside ? value : vec4(0.0);
            }
            [[unroll]] for (int r = 0; r < TILE_H; ++r) {
                int ky = row - r * STRIDE;
                if (ky >= 0 && ky < KERNEL) {
                    [[unroll]] for (int kx = 0; kx < KERNEL; ++kx)
                        [[unroll]] for (int c = 0; c < TILE_W; ++c)
                            sum[ky * KERNEL + kx] += v[c * STRIDE + kx] * d[r][c];
                }
            }
        }
        column++;
        if (column == columns) {
            column = 0;
            block++;
            if (block == row_blocks) {
                block = 0;
                n++;
            }
        }
    }
    if (!within) return;
    int base = thread / groups * KERNEL * KERNEL;
    [[unroll]] for (int tap = 0; tap < KERNEL * KERNEL; ++tap) STORE(part, (base + tap) * groups + group, sum[tap]);
}
