#version 450
// convolve.texel.comp: a Winograd convolution (winograd.glsl) with transformed weights, for CPU drivers.
// computes  y = epilogue(bias + A^T [sum over input channels of weight * B^T x B] A), tile by tile
// bindings  0 x [N,H,W,CI] read | 1 weight [N*N][blocks*in_groups*4*GROUPS+8] read (weight.texel.comp) | 2 bias
//           [1,1,1,CO] read (anything if !has_bias) | 3 y [N,OH,OW,CO] write | 4 and 5 work, the same memory read and
//           written, for each worker planes [N*COLUMN/2][in_groups*T+8][2], then sums [N*N][GROUPS/2*T+4][2] | 6
//           epilogue.glsl | 7 moments.glsl: a chunk is 4 tiles
// push      sizes as named; pad = rows and columns of zeros before the image; tiles_y, tiles_x of one image, tiles =
//           of all images; slabs = ceil(tiles / T); workers; zero = 0
// spec      0 M output pixels of a tile along each axis: 1, 2 or 4, 1 ROWS times 8 tiles are a slab, 2 GROUPS output
//           groups of a product: 4 or 8, 5 FACTOR by which x is enlarged first (nearest neighbour), 2 or more: M is 1
//           then, and a tile is a pixel of x; no moments
// dispatch  threads (8 * workers), lanes over tiles
// A worker takes one slab of T tiles after the other, so that its planes and sums stay in its core's cache: 126 ms
// where one dispatch for each of the three steps, by chunks, took 171 (8x120x160x64 to 64, two cores). It fetches
// what it stored itself before: lavapipe runs a workgroup of one vector in order, and its stores and fetches go to
// plain memory; the driver's self-test would see it fail.
// Weights are fetched four at a time, one in each lane of a quad, and given to all lanes by quad broadcasts, which are
// one instruction each where a fetch is a call. Each output channel takes its four terms before the next, so that the
// four broadcasts live in registers. The 8 elements between planes keep the planes of one tile out of each other's
// place in the cache (3 times as fast as a distance of 2^17 bytes).
// Planes are numbered column by column, so that a lane has two neighbours to store at a time, which costs less than
// storing each: 31.3 ms of processor time instead of 34 (8x60x80x64 to 64). A slab's output groups go block by block,
// products and transformation, so that all sums of a block fit beside the planes: 34.7 ms instead of 35.8, and 33.3
// with 8 groups instead of 4, which fetch less.   host src/ops/conv/winograd.c
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_quad : require
#include "tensor.glsl"
#include "epilogue.glsl"
#include "moments.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const int M = 4;
layout(constant_id = 1) const int ROWS = 4;
layout(constant_id = 2) const int GROUPS = 4;
layout(constant_id = 5) const int FACTOR = 1;
const int N = M + 2;
const int COLUMN = N + (N & 1); // places of a column of planes, N of them used
const int T = 8 * ROWS;
INPUT(0, x);
INPUT(1, weight);
INPUT(2, bias);
OUTPUT(3, y);
INPUT(4, read);
OUTPUT_PAIRS(5, write);
EPILOGUE(6);
MOMENTS_OUTPUT(7);
layout(push_constant) uniform Push {
    int h, w, in_groups, pad, oh, ow, out_groups, blocks, tiles_y, tiles_x, tiles, slabs, workers, has_bias, zero;
};
#include "winograd.glsl"

void transform_input(int tile, int at)
{
    int row = tile / tiles_x;
    int n = row / tiles_y;
    int ix = (tile - row * tiles_x) * M - pad;
    int iy = (row - n * tiles_y) * M - pad;
    int line[N], column[N];
    [[unroll]] for (int i = 0; i < N; ++i) {
        line[i] = tile < tiles && iy + i >= 0 && iy + i < h ? (n * h + iy + i) * w * in_groups : -1;
        column[i] = ix + i >= 0 && ix + i < w ? (ix + i) * in_groups : -1;
    }
    int group_count = in_groups, step = group_count * T + 8;
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
            [[unroll]] for (int i = 0; i < N; i += 2)
                STORE_PAIR(write, at + (j * COLUMN + i) / 2 * step, t[i], t[i + 1]);
        }
        at += T;
    }
}

// v. Without it the compiler keeps the sums, which are stored as pairs of 64 bits, in registers twice as wide as they
// need through the whole loop, and each costs twice the time to save: 37.4 ms instead of 35.8.
vec4 apart(vec4 v)
{
    return uintBitsToFloat(floatBitsToUint(v) ^ uvec4(zero));
}

void multiply(int at, int at_weight, int to)
{
    int count = in_groups;
    vec4 sum[ROWS][GROUPS];
    [[unroll]] for (int r = 0; r < ROWS; ++r)
        [[unroll]] for (int q = 0; q < GROUPS; ++q) sum[r][q] = vec4(0.0);
    for (int g = 0; g < count; ++g) {
        vec4 v[ROWS], k[GROUPS];
        [[unroll]] for (int r = 0; r < ROWS; ++r) v[r] = LOAD(read, at + 16 * r);
        [[unroll]] for (int q = 0; q < GROUPS; ++q) k[q] = LOAD(weight, at_weight + 4 * q);
        at += 16 * ROWS;
        at_weight += 4 * GROUPS;
        [[unroll]] for (int q = 0; q < GROUPS; ++q)
            [[unroll]] for (int e = 0; e < 4; ++e) {
                float s[4];
                [[unroll]] for (int c = 0; c < 4; ++c)
                    s[c] = subgroupQuadBroadcast(k[(c * GROUPS + q) / 4][e], uint((c * GROUPS + q) % 4));
                [[unroll]] for (int r = 0; r < ROWS; ++r) {
                    float t = sum[r][q][e];
                    [[unroll]] for (int c = 0; c < 4; ++c) t += v[r][c] * s[c];
                    sum[r][q][e] = t;
                }
            }
    }
    [[unroll]] for (int r = 0; r < ROWS; ++r)
        [[unroll]] for (int q = 0; q < GROUPS; q += 2)
            STORE_PAIR(write, to + (q / 2 * ROWS + r) * 8, apart(sum[r][q]), apart(sum[r][q + 1]));
}

void transform_output(int tile, int at, int first)
{
    int group_count = out_groups;
    int step = GROUPS * T + 8, end = min(first + GROUPS, group_count);
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
    QuadMoments kept = QuadMoments(vec4(0.0), vec4(0.0), vec4(0.0));
    float count = 0.0;
    if (MOMENTS != 0u) {
        [[unroll]] for (int i = 0; i < M; ++i)
            [[unroll]] for (int j = 0; j < M; ++j) count += inside_y[i] && inside_x[j] ? 1.0 : 0.0;
        count = quad_sum(vec4(count)).x;
        if (first == 0 && (tile & 3) == 0 && tile < tiles) store_moments_count(tile >> 2, group_count, count);
    }
    for (int g = first; g < end; ++g) {
        vec4 part[4][6];
        [[unroll]] for (int j = 0; j < N; ++j) {
            vec4 s[6];
            [[unroll]] for (int i = 0; i < N; ++i) s[i] = LOAD(read, at + (j * N + i) * step);
            vec4 o[4] = winograd_output(s);
            [[unroll]] for (int i = 0; i < M; ++i) part[i][j] = o[i];
        }
        vec4 b = biased ? LOAD(bias, g) : vec4(0.0);
        vec4 shift, sum = vec4(0.0), square = vec4(0.0);
        [[unroll]] for (int i = 0; i < M; ++i) {
            vec4 o[4] = winograd_output(part[i]);
            [[unroll]] for (int j = 0; j < M; ++j) {
                int to = corner + i * line + j * group_count + g;
                vec4 value = o[j] + b;
                bool inside = inside_y[i] && inside_x[j];
                if (inside) {
                    value = epilogue(value, to);
                    STORE(y, to, value);
                }
                if (MOMENTS != 0u) {
                    if (i == 0 && j == 0) shift = quad_first(value);
                    vec4 d = inside ? value - shift : vec4(0.0);
                    sum += d;
                    square += d * d;
                }
            }
        }
        if (MOMENTS != 0u) {
            quad_keep(kept, g, shift, sum, square);
            int mine = (g & ~3) + (tile & 3);
            if (((g & 3) == 3 || g + 1 == group_count) && mine < group_count && (tile & ~3) < tiles)
                store_moments(tile >> 2, group_count, mine, count, kept.shift, kept.sum, kept.square);
        }
        at += (g & 1) == 0 ? 1 : 2 * T - 1;
    }
}

// Of FACTOR results along an axis, the first takes in the products of one side, the last those of the other.
vec4 of_block(vec4 s[3], int i)
{
    return i == 0 ? s[0] + s[1] : i == FACTOR - 1 ? s[0] + s[2] : s[0];
}

void transform_block(int tile, int at, int first)
{
    int group_count = out_groups;
    int step = GROUPS * T + 8, end = min(first + GROUPS, group_count);
    int row = tile / tiles_x;
    int corner = (row * ow + tile - row * tiles_x) * FACTOR * group_count, line = ow * group_count;
    bool biased = has_bias != 0;
    if (tile >= tiles) return;
    for (int g = first; g < end; ++g) {
        vec4 s[3][3];
        [[unroll]] for (int i = 0; i < 3; ++i)
            [[unroll]] for (int j = 0; j < 3; ++j) s[i][j] = LOAD(read, at + (j * 3 + i) * step);
        vec4 b = biased ? LOAD(bias, g) : vec4(0.0);
        [[unroll]] for (int i = 0; i < FACTOR; ++i) {
            vec4 part[3];
            [[unroll]] for (int j = 0; j < 3; ++j) part[j] = of_block(vec4[](s[0][j], s[1][j], s[2][j]), i);
            [[unroll]] for (int j = 0; j < FACTOR; ++j) {
                int to = corner + i * line + j * group_count + g;
                STORE(y, to, epilogue(of_block(part, j) + b, to));
            }
        }
        at += (g & 1) == 0 ? 1 : 2 * T - 1;
    }
}

void main()
{
    int lane = int(gl_LocalInvocationID.x), worker = int(gl_WorkGroupID.x);
    int in_step = in_groups * T + 8, out_step = GROUPS * T + 8; // vec4 of a plane
    int planes = worker * N * (COLUMN * in_step + N * out_step), sums = planes + N * COLUMN * in_step;
    int weight_block = in_groups * 4 * GROUPS, weight_step = blocks * weight_block + 8;
    int end = (worker + 1) * slabs / workers;
    for (int slab = worker * slabs / workers; slab < end; ++slab) {
        for (int r = 0; r < ROWS; ++r) transform_input(slab * T + 8 * r + lane, planes / 2 + 8 * r + lane);
        for (int b = 0; b < blocks; ++b) {
            for (int p = 0; p < N * N; ++p) {
                int place = p + p / N * (COLUMN - N);
                multiply(planes + (place >> 1) * 2 * in_step + (place & 1) + 2 * lane,
                         p * weight_step + b * weight_block + (lane & 3), (sums + p * out_step) / 2 + lane);
            }
            for (int r = 0; r < ROWS; ++r) {
                int tile = slab * T + 8 * r + lane, at = sums + 2 * (8 * r + lane);
                if (M == 1) transform_block(tile, at, b * GROUPS);
                else transform_output(tile, at, b * GROUPS);
            }
        }
    }
}
