// tile.glsl for class matrix: a workgroup's subgroups stand SUBGROUPS_M by SUBGROUPS_N over the tile, each with a grid
// of matrices. Factors go through shared memory as fp16, 16 bytes at a time, rows apart by 16 bytes more, which spreads
// the banks; sums come back through it, for the matrices' layout in registers is the driver's own.
//
// SPLIT: each factor, scaled by a power of two for the largest of its tensor, becomes hi + lo, two halves, and the
// product hi*hi + hi*lo + lo*hi: about 21 bits, three times the multiplications. Without it factors are rounded to fp16
// as they are: for tensors in fp16, or where that is precise enough.
//
// The ranges of the operands, for SPLIT: one vec4 each, the largest component is the largest magnitude (matrix/range).
layout(local_size_x_id = 3) in; // THREADS
layout(constant_id = 4) const int TILE_M = 64;
layout(constant_id = 5) const int TILE_N = 64;
layout(constant_id = 6) const int SLICE = 32;
layout(constant_id = 7) const int SUBGROUPS_M = 2;
layout(constant_id = 8) const int SUBGROUPS_N = 2;
layout(constant_id = 9) const int SUBGROUP = 32;
layout(constant_id = 10) const bool SPLIT = false;
layout(constant_id = 11) const int AREA = 608; // uvec4s of shared memory, by the host
shared uvec4 area[AREA];
#include "tile/matrix_unit.glsl"

const int THREADS = SUBGROUPS_M * SUBGROUPS_N * SUBGROUP;
const int PARTS = 2; // vec4s of an element
const int A_WIDTH = (A_ALONG_K ? SLICE : TILE_M) / 8, B_WIDTH = (B_ALONG_K ? SLICE : TILE_N) / 8;
const int A_COUNT = A_ALONG_K ? TILE_M : SLICE, B_COUNT = B_ALONG_K ? TILE_N : SLICE; // rows of elements
const int A_STRIDE = A_WIDTH + 1, B_STRIDE = B_WIDTH + 1;
const int A_LO = A_COUNT * A_STRIDE, B_HI = A_LO * (SPLIT ? 2 : 1), B_LO = B_HI + B_COUNT * B_STRIDE;
const int A_LOADS = (A_WIDTH * A_COUNT + THREADS - 1) / THREADS, B_LOADS = (B_WIDTH * B_COUNT + THREADS - 1) / THREADS;
const int SUB_M = TILE_M / SUBGROUPS_M, SUB_N = TILE_N / SUBGROUPS_N; // one subgroup's part
const int GRID_M = SUB_M / C_ROWS, GRID_N = SUB_N / C_COLUMNS;
const int STAGE_STRIDE = SUB_N / 4 + 1;
vec4 next_a[A_LOADS][PARTS], next_b[B_LOADS][PARTS];
float scale_a, scale_b;
MATRIX_C total[GRID_M * GRID_N];

int tile_thread() { return int(gl_LocalInvocationID.x); }
int a_vector(int part) { return tile_thread() % A_WIDTH * PARTS + part; }
int b_vector(int part) { return tile_thread() % B_WIDTH * PARTS + part; }
int a_outer(int i) { return tile_thread() / A_WIDTH + i * (THREADS / A_WIDTH); }
int b_outer(int i) { return tile_thread() / B_WIDTH + i * (THREADS / B_WIDTH); }

vec4 fetch_a(int i, int part);
vec4 fetch_b(int i, int part);
void advance();
void finish(int row, int column, vec4 v);
vec4 range_a();
vec4 range_b();

// The power of two that brings the largest magnitude into [2^14, 2^15).
float scale_for(vec4 range)
{
    float most = max(max(range.x, range.y), max(range.z, range.w));
    int exponent = int(floatBitsToUint(most) >> 23 & 0xffu);
    return uintBitsToFloat(uint(clamp(14 + 127 - exponent, -100, 100) + 127) << 23);
}

void tile_fetch()
{
    [[unroll]] for (int i = 0; i < A_LOADS; ++i)
        [[unroll]] for (int p = 0; p < PARTS; ++p) next_a[i][p] = fetch_a(i, p);
    [[unroll]] for (int i = 0; i < B_LOADS; ++i)
        [[unroll]] for (int p = 0; p < PARTS; ++p) next_b[i][p] = fetch_b(i, p);
}

uvec4 pack8(vec4 v, vec4 w)
{
    return uvec4(packHalf2x16(v.xy), packHalf2x16(v.zw), packHalf2x16(w.xy), packHalf2x16(w.zw));
}

void put(int at, int lo, vec4 v, vec4 w, float scale)
{
    if (!SPLIT) {
        area[at] = pack8(v, w);
        return;
    }
    v *= scale, w *= scale;
    uvec4 hi = pack8(v, w);
    area[at] = hi;
    area[at + lo] = pack8(v - vec4(unpackHalf2x16(hi.x), unpackHalf2x16(hi.y)),
                          w - vec4(unpackHalf2x16(hi.z), unpackHalf2x16(hi.w)));
}

void tile_put()
{
    int a = tile_thread() % A_WIDTH, b = tile_thread() % B_WIDTH;
    [[unroll]] for (int i = 0; i < A_LOADS; ++i)
        if (a_outer(i) < A_COUNT) put(a_outer(i) * A_STRIDE + a, A_LO, next_a[i][0], next_a[i][1], scale_a);
    [[unroll]] for (int i = 0; i < B_LOADS; ++i)
        if (b_outer(i) < B_COUNT)
            put(B_HI + b_outer(i) * B_STRIDE + b, B_LO - B_HI, next_b[i][0], next_b[i][1], scale_b);
}

int a_place(int i, int k) // of the matrix that starts at row i, column k of the slice
{
    return A_ALONG_K ? i * A_STRIDE + k / 8 : k * A_STRIDE + i / 8;
}
int b_place(int k, int j)
{
    return B_HI + (B_ALONG_K ? j * B_STRIDE + k / 8 : k * B_STRIDE + j / 8);
}

void tile_multiply()
{
    int m = subgroup_number() / SUBGROUPS_N * SUB_M, n = subgroup_number() % SUBGROUPS_N * SUB_N;
    MATRIX_UNROLL for (int k = 0; k < SLICE; k += A_COLUMNS) {
        MATRIX_A a[GRID_M], a_lo[GRID_M];
        MATRIX_B b, b_lo;
        MATRIX_UNROLL for (int i = 0; i < GRID_M; ++i) {
            MATRIX_LOAD(a[i], a_place(m + i * C_ROWS, k), A_STRIDE, !A_ALONG_K);
            if (SPLIT) MATRIX_LOAD(a_lo[i], A_LO + a_place(m + i * C_ROWS, k), A_STRIDE, !A_ALONG_K);
        }
        MATRIX_UNROLL for (int j = 0; j < GRID_N; ++j) {
            MATRIX_LOAD(b, b_place(k, n + j * C_COLUMNS), B_STRIDE, B_ALONG_K);
            if (SPLIT) MATRIX_LOAD(b_lo, B_LO - B_HI + b_place(k, n + j * C_COLUMNS), B_STRIDE, B_ALONG_K);
            MATRIX_UNROLL for (int i = 0; i < GRID_M; ++i) {
                if (SPLIT) {
                    MATRIX_MULTIPLY(total[i * GRID_N + j], a[i], b_lo);
                    MATRIX_MULTIPLY(total[i * GRID_N + j], a_lo[i], b);
                }
                MATRIX_MULTIPLY(total[i * GRID_N + j], a[i], b);
            }
        }
    }
}

void tile_run(int slices)
{
    MATRIX_UNROLL for (int i = 0; i < GRID_M * GRID_N; ++i) MATRIX_ZERO(total[i]);
    scale_a = SPLIT ? scale_for(range_a()) : 1.0;
    scale_b = SPLIT ? scale_for(range_b()) : 1.0;
    if (slices == 0) return;
    tile_fetch();
    [[dont_unroll]] for (int s = 0; s < slices; ++s) {
        barrier();
        tile_put();
        barrier();
        if (s + 1 < slices) {
            advance();
            tile_fetch();
        }
        tile_multiply();
    }
}

// Row i of the subgroup's matrices to its own part of the area, for staged() to read; one behind the other.
int sub_first_m() { return subgroup_number() / SUBGROUPS_N * SUB_M; }
int sub_first_n() { return subgroup_number() % SUBGROUPS_N * SUB_N; }
void tile_stage(int i)
{
    int stage = subgroup_number() * C_ROWS * STAGE_STRIDE;
    barrier();
    MATRIX_UNROLL for (int j = 0; j < GRID_N; ++j)
        MATRIX_STORE(total[i * GRID_N + j], stage + j * C_COLUMNS / 4, STAGE_STRIDE);
    barrier();
}
vec4 staged(int row, int vector)
{
    vec4 v = uintBitsToFloat(area[(subgroup_number() * C_ROWS + row) * STAGE_STRIDE + vector]);
    return SPLIT ? v * (1.0 / scale_a) * (1.0 / scale_b) : v; // one after the other: both may be far from 1
}

void tile_finish()
{
    MATRIX_UNROLL for (int i = 0; i < GRID_M; ++i) {
        tile_stage(i);
        for (int e = subgroup_lane(); e < C_ROWS * (SUB_N / 4); e += SUBGROUP) {
            int row = e / (SUB_N / 4), vector = e % (SUB_N / 4);
            finish(sub_first_m() + i * C_ROWS + row, sub_first_n() + vector * 4, staged(row, vector));
        }
    }
}
