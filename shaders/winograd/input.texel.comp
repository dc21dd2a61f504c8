#version 450
// input.texel.comp: the input's side of a Winograd convolution, for CPU drivers.
// computes  planes[tile/T][p][g][tile%T] = plane p of B^T x B for each tile of a chunk and each channel group; zero
//           past the image
// bindings  0 x [N,H,W,C] read | 1 planes [tiles/T][N*N][groups*T+8] write, T = 8 * ROWS
// push      sizes as named; pad = rows and columns of zeros before the image; tiles_y, tiles_x of one image;
//           first = first tile of the chunk, tiles = of all images
// spec      0 M output pixels of a tile along each axis: 2 or 4, 1 ROWS of 8 tiles that product.texel.comp takes
//           together
// dispatch  threads (tiles of the chunk), lanes over tiles
// What a workgroup of the product reads lies in one run, so that the processor fetches it ahead. The 8 elements between
// planes keep the planes of one tile out of each other's place in the cache (3 times as fast as a distance of 2^17
// bytes).   host src/ops/conv/winograd.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const int M = 4;
layout(constant_id = 1) const int ROWS = 4;
const int N = M + 2;
INPUT(0, x);
OUTPUT(1, planes);
layout(push_constant) uniform Push { int h, w, groups, pad, tiles_y, tiles_x, first, tiles; };
#include "winograd.glsl"

void main()
{
    int place = int(gl_GlobalInvocationID.x);
    int tile = first + place;
    int row = tile / tiles_x;
    int n = row / tiles_y;
    int ix = (tile - row * tiles_x) * M - pad;
    int iy = (row - n * tiles_y) * M - pad;
    int line[N], column[N];
    [[unroll]] for (int i = 0; i < N; ++i) {
        line[i] = tile < tiles && iy + i >= 0 && iy + i < h ? (n * h + iy + i) * w * groups : -1;
        column[i] = ix + i >= 0 && ix + i < w ? (ix + i) * groups : -1;
    }
    int group_count = groups, step = group_count * ROWS * 8 + 8;
    int at = place / (ROWS * 8) * N * N * step + place % (ROWS * 8);
    for (int g = 0; g < group_count; ++g) {
        vec4 d[6][6];
        [[unroll]] for (int i = 0; i < N; ++i)
            [[unroll]] for (int j = 0; j < N; ++j) {
                bool inside = line[i] >= 0 && column[j] >= 0;
                vec4 value = LOAD(x, inside ? line[i] + column[j] + g : 0);
                d[i][j] = inside ? value : vec4(0.0);
            }
        [[unroll]] for (int i = 0; i < N; ++i) winograd_input(d[i]);
        [[unroll]] for (int j = 0; j < N; ++j) {
            vec4 t[6];
            [[unroll]] for (int i = 0; i < N; ++i) t[i] = d[i][j];
            winograd_input(t);
            [[unroll]] for (int i = 0; i < N; ++i) STORE(planes, at + (i * N + j) * step, t[i]);
        }
        at += ROWS * 8;
    }
}
