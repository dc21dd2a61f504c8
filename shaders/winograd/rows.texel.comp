#version 450
// rows.texel.comp: one side of a Winograd weight gradient, for CPU drivers.
// computes  rows[slab][p][tile][g] = plane p of B^T x B or, with OF_OUTPUT, of A dy A^T, for each tile of a chunk
//           and each channel group; zero past the image and past the last tile
// bindings  0 x [N,H,W,C] read | 1 rows [tiles/32][N*N][32*groups+8] write
// push      sizes as named; pad = rows and columns of zeros before the image; tiles_y, tiles_x of one image;
//           first = first tile of the chunk, tiles = of all images
// spec      0 M output pixels of a tile along each axis: 2 or 4, 1 OF_OUTPUT
// dispatch  threads (tiles of the chunk * groups), lanes over channel groups, then tiles: all loads and stores run on.
//           host src/ops/conv/winograd_weight.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const int M = 4;
layout(constant_id = 1) const bool OF_OUTPUT = false;
const int N = M + 2;
const int WINDOW = OF_OUTPUT ? M : N;
const int TILES = 32; // of a slab
INPUT(0, x);
OUTPUT(1, rows);
layout(push_constant) uniform Push { int h, w, groups, pad, tiles_y, tiles_x, first, tiles; };
#include "winograd.glsl"

void main()
{
    int place = int(gl_GlobalInvocationID.x), slab = TILES * groups;
    int slab_number = place / slab;
    int local = place / groups;
    int g = place - local * groups;
    int tile = first + local;
    int row = tile / tiles_x;
    int n = row / tiles_y;
    int ix = (tile - row * tiles_x) * M - pad;
    int iy = (row - n * tiles_y) * M - pad;
    vec4 d[6][6];
    [[unroll]] for (int i = 0; i < WINDOW; ++i)
        [[unroll]] for (int j = 0; j < WINDOW; ++j) {
            bool inside = tile < tiles && iy + i >= 0 && iy + i < h && ix + j >= 0 && ix + j < w;
            vec4 value = LOAD(x, inside ? ((n * h + iy + i) * w + ix + j) * groups + g : 0);
            d[i][j] = inside ? value : vec4(0.0);
        }
    [[unroll]] for (int i = 0; i < WINDOW; ++i) {
        if (OF_OUTPUT)
            winograd_output_turned(d[i]);
        else
            winograd_input(d[i]);
    }
    int at = slab_number * N * N * (slab + 8) + place - slab_number * slab;
    [[unroll]] for (int j = 0; j < N; ++j) {
        vec4 t[6];
        [[unroll]] for (int i = 0; i < WINDOW; ++i) t[i] = d[i][j];
        if (OF_OUTPUT)
            winograd_output_turned(t);
        else
            winograd_input(t);
        [[unroll]] for (int i = 0; i < N; ++i) STORE(rows, at + (i * N + j) * (slab + 8), t[i]);
    }
}
