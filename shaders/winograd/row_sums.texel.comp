#version 450
// row_sums.texel.comp: the sums of a Winograd weight gradient over all tiles, for CPU drivers; for many tiles and few
// channels what rows.texel.comp and row_product.texel.comp do for the rest.
// computes  sums[worker][p][c][o] = sum over the worker's tiles of (B^T x B)[tile][p][c] * (A dy A^T)[tile][p][o]
// bindings  0 x [N,H,W,CI] read | 1 dy [N,OH,OW,CO] read | 2 and 3 work, the same memory read and written, for each
//           worker planes of x [N*N][in_groups*TILES+8], then of dy [N*N][out_groups*TILES+8] | 4 and 5 sums, the
//           same memory read and written, [workers][N*N][in_groups*4*out_groups+8]
// push      sizes as named; pad = rows and columns of zeros before x; tiles_y, tiles_x of one image, tiles = of all
//           images; slabs = ceil(tiles / TILES); workers
// spec      0 M output pixels of a tile along each axis: 2 or 4, 1 GROUPS output groups of a lane: 1 or 2
// dispatch  threads (8 * workers)
// A worker takes one slab of TILES tiles after the other, as in convolve.texel.comp, whose remark on fetching what was
// stored holds here too. Lanes lie along channel groups, then tiles, in the transforms, and along output groups in the
// products: each lane of a quad fetches one of four input groups and all get it by quad broadcasts; eight tiles at a
// time, so that each sum takes eight terms. 98 ms where chunks took 115 (8x120x160x64 to 64, two cores).
//           host src/ops/conv/winograd_weight.c
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_quad : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const int M = 4;
layout(constant_id = 1) const int GROUPS = 2;
const int N = M + 2;
const int TILES = 64; // of a slab
const int RUN = 8;    // tiles taken at a time
INPUT(0, x);
INPUT(1, dy);
INPUT(2, read);
OUTPUT(3, write);
INPUT(4, before);
OUTPUT(5, sums);
layout(push_constant) uniform Push {
    int h, w, in_groups, pad, oh, ow, out_groups, tiles_y, tiles_x, tiles, slabs, workers;
};
#include "winograd.glsl"

ivec3 corner(int tile)
{
    int row = tile / tiles_x;
    int n = row / tiles_y;
    return ivec3((tile - row * tiles_x) * M, (row - n * tiles_y) * M, n);
}

void transform_input(int slab, int place, int base)
{
    int local = place / in_groups;
    int g = place - local * in_groups, tile = slab * TILES + local;
    ivec3 c = corner(tile);
    int ix = c.x - pad, iy = c.y - pad;
    vec4 d[6][6];
    [[unroll]] for (int i = 0; i < N; ++i)
        [[unroll]] for (int j = 0; j < N; ++j) {
            bool inside = tile < tiles && iy + i >= 0 && iy + i < h && ix + j >= 0 && ix + j < w;
            vec4 value = LOAD(x, inside ? ((c.z * h + iy + i) * w + ix + j) * in_groups + g : 0);
            d[i][j] = inside ? value : vec4(0.0);
        }
    [[unroll]] for (int i = 0; i < N; ++i) winograd_input(d[i]);
    int step = TILES * in_groups + 8;
    [[unroll]] for (int j = 0; j < N; ++j) {
        vec4 t[6];
        [[unroll]] for (int i = 0; i < N; ++i) t[i] = d[i][j];
        winograd_input(t);
        [[unroll]] for (int i = 0; i < N; ++i) STORE(write, base + place + (i * N + j) * step, t[i]);
    }
}

void transform_output(int slab, int place, int base)
{
    int local = place / out_groups;
    int g = place - local * out_groups, tile = slab * TILES + local;
    ivec3 c = corner(tile);
    vec4 d[6][6];
    [[unroll]] for (int i = 0; i < M; ++i) {
        [[unroll]] for (int j = 0; j < M; ++j) {
            bool inside = tile < tiles && c.y + i < oh && c.x + j < ow;
            vec4 value = LOAD(dy, inside ? ((c.z * oh + c.y + i) * ow + c.x + j) * out_groups + g : 0);
            d[i][j] = inside ? value : vec4(0.0);
        }
        winograd_output_turned(d[i]);
    }
    int step = TILES * out_groups + 8;
    [[unroll]] for (int j = 0; j < N; ++j) {
        vec4 t[6];
        [[unroll]] for (int i = 0; i < M; ++i) t[i] = d[i][j];
        winograd_output_turned(t);
        [[unroll]] for (int i = 0; i < N; ++i) STORE(write, base + place + (i * N + j) * step, t[i]);
    }
}

void multiply(int at_x, int at_dy[GROUPS], int first_in, int first_group, int to, bool more)
{
    int inputs = in_groups, outputs = out_groups;
    vec4 sum[16][GROUPS];
    [[unroll]] for (int c = 0; c < 16; ++c)
        [[unroll]] for (int q = 0; q < GROUPS; ++q) sum[c][q] = vec4(0.0);
    for (int tile = 0; tile < TILES; tile += RUN) {
        vec4 v[RUN], d[GROUPS][RUN];
        [[unroll]] for (int t = 0; t < RUN; ++t) v[t] = LOAD(read, at_x + (tile + t) * inputs);
        [[unroll]] for (int q = 0; q < GROUPS; ++q)
            [[unroll]] for (int t = 0; t < RUN; ++t) d[q][t] = LOAD(read, at_dy[q] + (tile + t) * outputs);
        [[unroll]] for (int c = 0; c < 16; ++c) {
            float k[RUN];
            [[unroll]] for (int t = 0; t < RUN; ++t) k[t] = subgroupQuadBroadcast(v[t][c % 4], uint(c / 4));
            [[unroll]] for (int q = 0; q < GROUPS; ++q)
                [[unroll]] for (int e = 0; e < 4; ++e) {
                    float total = sum[c][q][e];
                    [[unroll]] for (int t = 0; t < RUN; ++t) total += k[t] * d[q][t][e];
                    sum[c][q][e] = total;
                }
        }
    }
    [[unroll]] for (int q = 0; q < GROUPS; ++q) {
        int group = first_group + 8 * q;
        if (group < outputs) {
            [[unroll]] for (int c = 0; c < 16; ++c)
                if (first_in + c / 4 < inputs) {
                    int i = to + (first_in * 4 + c) * outputs + group;
                    vec4 earlier = more ? LOAD(before, i) : vec4(0.0);
                    STORE(sums, i, earlier + sum[c][q]);
                }
        }
    }
}

void main()
{
    int lane = int(gl_LocalInvocationID.x), worker = int(gl_WorkGroupID.x);
    int x_step = in_groups * TILES + 8, dy_step = out_groups * TILES + 8, sum_step = in_groups * 4 * out_groups + 8;
    int x_planes = worker * N * N * (x_step + dy_step), dy_planes = x_planes + N * N * x_step;
    int first = worker * slabs / workers, end = (worker + 1) * slabs / workers;
    for (int slab = first; slab < end; ++slab) {
        for (int i = 0; i < TILES * in_groups; i += 8) transform_input(slab, i + lane, x_planes);
        for (int i = 0; i < TILES * out_groups; i += 8) transform_output(slab, i + lane, dy_planes);
        for (int p = 0; p < N * N; ++p)
            for (int group = 0; group < out_groups; group += 8 * GROUPS) {
                int at_dy[GROUPS];
                [[unroll]] for (int q = 0; q < GROUPS; ++q)
                    at_dy[q] = dy_planes + p * dy_step + min(group + 8 * q + lane, out_groups - 1);
                for (int in_group = 0; in_group < in_groups; in_group += 4)
                    multiply(x_planes + p * x_step + min(in_group + (lane & 3), in_groups - 1), at_dy, in_group,
                             group + lane, (worker * N * N + p) * sum_step, slab > first);
            }
    }
}
