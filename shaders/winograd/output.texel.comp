#version 450
// output.texel.comp: the output's side of a Winograd convolution, for CPU drivers.
// computes  y[n,oy,ox,co] = bias[co] + (A^T S A)[oy%M,ox%M] with S the planes of the tile's sums
// bindings  0 sums [tiles/T][N*N][sum_groups*T+8] read, T = 8 * ROWS (product.texel.comp) | 1 bias [1,1,1,CO] read
//           (anything if !has_bias) | 2 y [N,OH,OW,CO] write | 3 epilogue.glsl
// push      sizes as named; groups = of y, sum_groups = of the sums; tiles_y, tiles_x of one image; first = first
//           tile of the chunk, tiles = of all images
// spec      0 M output pixels of a tile along each axis: 2 or 4, 1 ROWS
// dispatch  threads (tiles of the chunk), lanes over tiles.   host src/ops/conv/winograd.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "epilogue.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const int M = 4;
layout(constant_id = 1) const int ROWS = 4;
const int N = M + 2;
INPUT(0, sums);
INPUT(1, bias);
OUTPUT(2, y);
EPILOGUE(3);
layout(push_constant) uniform Push { int oh, ow, groups, sum_groups, tiles_y, tiles_x, first, tiles, has_bias; };
#include "winograd.glsl"

void main()
{
    int group_count = groups;
    int place = int(gl_GlobalInvocationID.x), step = sum_groups * ROWS * 8 + 8;
    int at = place / (ROWS * 8) * N * N * step + place % (ROWS * 8);
    int tile = first + place;
    int row = tile / tiles_x;
    int n = row / tiles_y;
    int ox = (tile - row * tiles_x) * M;
    int oy = (row - n * tiles_y) * M;
    bool inside_y[M], inside_x[M];
    [[unroll]] for (int i = 0; i < M; ++i) {
        inside_y[i] = tile < tiles && oy + i < oh;
        inside_x[i] = ox + i < ow;
    }
    int corner = ((n * oh + oy) * ow + ox) * group_count, line = ow * group_count;
    bool biased = has_bias != 0;
    for (int g = 0; g < group_count; ++g) {
        vec4 part[4][6];
        [[unroll]] for (int j = 0; j < N; ++j) {
            vec4 s[6];
            [[unroll]] for (int i = 0; i < N; ++i) s[i] = LOAD(sums, at + (i * N + j) * step);
            vec4 o[4] = winograd_output(s);
            [[unroll]] for (int i = 0; i < M; ++i) part[i][j] = o[i];
        }
        vec4 b = biased ? LOAD(bias, g) : vec4(0.0);
        [[unroll]] for (int i = 0; i < M; ++i) {
            vec4 o[4] = winograd_output(part[i]);
            [[unroll]] for (int j = 0; j < M; ++j) {
                int to = corner + i * line + j * group_count + g;
                if (inside_y[i] && inside_x[j]) STORE(y, to, epilogue(o[j] + b, to));
            }
        }
        at += ROWS * 8;
    }
}
